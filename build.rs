//! Generates the messages and the gRPC service from `proto/`, in Rust alone: no protoc is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "program")]
    generate()?;
    Ok(())
}

#[cfg(feature = "program")]
fn generate() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(["log/v1/log.proto"], ["proto"])?;
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    // What reflection tells clients.
    let descriptors_path = std::path::Path::new(&out).join("descriptors.bin");
    std::fs::write(descriptors_path, prost::Message::encode_to_vec(&descriptors))?;
    let codec = "crate::wire::codec::BoundedCodec";
    tonic_prost_build::configure().bytes(".").codec_path(codec).compile_fds(descriptors)?;
    Ok(())
}
