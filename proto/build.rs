//! Compiles the two proto files, without a protoc: messages, gRPC of `InstanceControl`, and
//! proto3 JSON.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run through cargo")?;
    // Both files are of package `proto`, whose code goes to one file: a directory for each.
    compile("proto/Function.proto", &Path::new(&out).join("function"))?;
    compile("proto/InstanceCommunication.proto", &Path::new(&out).join("instance_communication"))
}

fn compile(file: &str, out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={file}");
    fs::create_dir_all(out)?;
    let descriptors = protox::compile([file], ["proto"])?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors.encode_to_vec())?
        .out_dir(out)
        .btree_map(["."])
        .build(&[".proto"])?;
    tonic_prost_build::configure().btree_map(".").out_dir(out).compile_fds(descriptors)?;
    Ok(())
}
