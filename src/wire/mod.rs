//! How records, offsets and times are written outside of the log: as protobuf messages, as JSON, and
//! as the words of people.
//!
//! Invariant: nothing here knows of connections, files or terminals; both ends of the wire and the
//! command line share it.

pub(crate) mod codec;
pub(crate) mod json_record;
pub(crate) mod offset_spec;
pub(crate) mod read_range;
pub(crate) mod status;
pub(crate) mod time;

/// The messages and the gRPC service of `proto/log/v1/log.proto`, generated.
#[allow(missing_docs, clippy::all, reason = "generated; the .proto file has the documentation")]
pub mod v1 {
    tonic::include_proto!("log.v1");

    /// The encoded `google.protobuf.FileDescriptorSet` of these messages, for reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
