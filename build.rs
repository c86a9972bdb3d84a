//! Generates the messages and the gRPC service from `proto/`, in Rust alone: no protoc is needed.

use std::path::PathBuf;
use std::{env, error, fs};

const PROTO: &str = "log/v1/log.proto";

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile([PROTO], ["proto"])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // What reflection tells clients.
    fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    let codec = "crate::wire::codec::BoundedCodec";
    tonic_prost_build::configure().bytes(".").codec_path(codec).compile_fds(descriptors)?;
    Ok(())
}
