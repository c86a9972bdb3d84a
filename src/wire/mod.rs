//! The messages of gRPC: what both of its ends share.
//!
//! Invariant: nothing here knows of connections.

pub(crate) mod codec;
pub(crate) mod status;

/// The messages and the gRPC service of `proto/log/v1/log.proto`, generated.
#[allow(missing_docs, clippy::all, reason = "generated; the .proto file has the documentation")]
pub mod v1 {
    tonic::include_proto!("log.v1");

    /// The encoded `google.protobuf.FileDescriptorSet` of these messages, for reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
