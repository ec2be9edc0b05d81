//! What is a function and what is not, and the cache of compiled code.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::*;
use crate::invoke::wasm::{World, describe};

fn refusal(wasm: &[u8]) -> String {
    describe(wasm).unwrap_err().to_string()
}

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

#[test]
fn a_component_is_described_by_its_world_and_imports() {
    let description = describe(&component(BEHAVIOURS)).unwrap();
    assert_eq!(description.world, World::Packed);
    assert_eq!(
        description.imports,
        [
            "function-mesh:function/log@1.0.0",
            "function-mesh:function/metrics@1.0.0",
            "function-mesh:function/publisher@1.0.0",
            "function-mesh:function/records@1.0.0",
            "function-mesh:function/state@1.0.0",
            "wasi:cli/exit@0.2.0",
            "wasi:cli/stderr@0.2.0",
            "wasi:clocks/monotonic-clock@0.2.0",
            "wasi:io/error@0.2.0",
            "wasi:io/poll@0.2.0",
            "wasi:io/streams@0.2.0",
            "wasi:random/random@0.2.0",
        ]
    );
}

#[test]
fn a_file_that_is_no_component_is_refused_with_what_it_is() {
    assert_eq!(
        refusal(b"garbage"),
        "the file is not WebAssembly: it begins with 67 61 72 62, a component with 00 61 73 6d"
    );
    assert_eq!(refusal(b""), "the file is empty");
    assert_eq!(
        refusal(&component("(module)")),
        "the file is a core WebAssembly module, not a component: build it with --target \
         wasm32-wasip2"
    );
    assert_eq!(
        refusal(b"\x7fELF\x02"),
        "the file is native code: precompiled functions are not accepted, give the .wasm"
    );
    assert!(refusal(b"(component)").contains("WebAssembly text"));
}

#[test]
fn a_damaged_component_is_refused_with_the_place() {
    let mut wasm = component(BEHAVIOURS);
    wasm.truncate(wasm.len() / 2);
    let why = refusal(&wasm);
    assert!(why.starts_with("the component is not valid WebAssembly: "), "{why}");
    assert!(why.contains("out of bounds"), "{why}");
}

#[test]
fn precompiled_code_is_never_accepted() {
    let engine = wasmtime::Engine::default();
    let code = engine.precompile_component(&component(BEHAVIOURS)).unwrap();
    assert!(refusal(&code).contains("precompiled functions are not accepted"));
}

#[test]
fn a_component_without_a_world_is_refused_with_what_it_exports() {
    assert_eq!(
        refusal(&component("(component)")),
        "the component exports nothing, but a function exports \
         function-mesh:function/packed@1.0.0 or function-mesh:function/plain@1.0.0: is \
         #[function] on it?"
    );
    let other = component(
        "(component (instance $i) (export \"wasi:http/incoming-handler@0.2.0\" (instance $i)))",
    );
    assert!(refusal(&other).starts_with("the component exports wasi:http/incoming-handler@0.2.0"));
}

#[test]
fn a_world_of_another_version_is_told_apart() {
    let newer = component(
        "(component (instance $i) (export \"function-mesh:function/packed@2.0.0\" (instance $i)))",
    );
    assert_eq!(
        refusal(&newer),
        "the component exports function-mesh:function/packed@2.0.0, another version than the 1.0 \
         this runner runs: rebuild it against the SDK of this runner, or use a newer runner"
    );
}

#[test]
fn a_world_without_its_functions_is_refused() {
    let hollow = component(
        "(component (instance $i) (export \"function-mesh:function/plain@1.0.0\" (instance $i)))",
    );
    let why = refusal(&hollow);
    assert!(why.starts_with("the component does not fit this runner: "), "{why}");
    assert!(why.contains("process"), "{why}");
}

#[test]
fn an_import_that_is_not_offered_is_named() {
    let wat = plain::COMPONENT.replacen(
        "(component",
        "(component (import \"wasi:sockets/tcp@0.2.0\" (instance))",
        1,
    );
    let why = refusal(&component(&wat));
    assert!(
        why.starts_with("the component imports wasi:sockets/tcp@0.2.0, which this runner does not"),
        "{why}"
    );
}

#[tokio::test]
async fn a_function_whose_start_fails_does_not_start() {
    // `start` writes the answer's discriminant: 1 is an error, whose text is empty memory here.
    let wat = BEHAVIOURS.replacen(
        "(i32.store8 (i32.const 0) (i32.const 0))",
        "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 64)) \
         (i32.store (i32.const 8) (i32.const 5))",
        1,
    );
    let fault = Function::start(&wat, Setting::default()).await.err().unwrap();
    assert_eq!(fault.to_string(), "the function does not start: count");
}

#[tokio::test]
async fn a_function_whose_start_loops_is_ended() {
    let wat = BEHAVIOURS.replacen(
        "(i32.store8 (i32.const 0) (i32.const 0))",
        "(loop $for-ever (br $for-ever))",
        1,
    );
    let fault = Function::start(&wat, Setting::default()).await.err().unwrap();
    assert_eq!(
        fault.to_string(),
        "the function does not start: ran longer than 300 ms (limits.messageMillis)"
    );
}

/// Loads through a cache directory.
async fn load(dir: &Path) -> Result<super::super::CompiledComponent, Fault> {
    let engine = Engine::new(&Limits::default(), Some(dir.to_owned())).unwrap();
    engine.load(component(BEHAVIOURS).into()).await
}

fn entries(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(dir.join("compiled")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn compiled_code_is_kept_privately_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).await.unwrap();
    let [entry] = &entries(dir.path())[..] else { panic!("one entry") };
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("compiled")), 0o700);
    assert_eq!(mode(entry), 0o600);
    let written = fs::metadata(entry).unwrap().modified().unwrap();
    load(dir.path()).await.unwrap();
    assert_eq!(entries(dir.path()), std::slice::from_ref(entry));
    assert_eq!(fs::metadata(entry).unwrap().modified().unwrap(), written);
}

#[tokio::test]
async fn a_damaged_entry_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).await.unwrap();
    let [entry] = &entries(dir.path())[..] else { panic!("one entry") };
    let sound = fs::read(entry).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for damaged in [flipped, sound[..sound.len() / 2].to_vec(), Vec::new()] {
        fs::write(entry, damaged).unwrap();
        load(dir.path()).await.unwrap();
        assert_eq!(fs::read(entry).unwrap(), sound, "it is whole again");
    }
}

#[tokio::test]
async fn a_cache_that_others_may_write_to_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path()).await.unwrap();
    let [entry] = &entries(dir.path())[..] else { panic!("one entry") };
    let compiled = dir.path().join("compiled");
    fs::remove_file(entry).unwrap();
    fs::set_permissions(&compiled, fs::Permissions::from_mode(0o777)).unwrap();
    load(dir.path()).await.unwrap();
    assert!(entries(dir.path()).is_empty(), "nothing was kept there");
}

#[tokio::test]
async fn a_cache_that_cannot_be_made_does_not_fail_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    load(&file).await.unwrap();
}
