//! What a function can be given, and what is refused.

use std::fs;

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::{Stage, stop};

#[test]
fn the_function_knows_who_it_is() -> Result<()> {
    let stage = Stage::set("whoami")?;
    stage.send(&["whoami"])?;
    let running = stage
        .probe()?
        .flag("--tenant", "acme")
        .flag("--namespace", "billing")
        .flag("--subs-name", "public/default/probe")
        .start()?;
    let seen: Value = serde_json::from_str(&stage.outputs(&running, 1)?[0])?;
    let expected = json!({
        "tenant": "acme", "namespace": "billing", "name": "probe", "instance": 0, "instances": 1,
        "inputs": [stage.input], "output": stage.output,
    });
    assert_eq!(seen, expected);
    stop(running)
}

#[test]
fn user_config_keeps_its_types() -> Result<()> {
    let stage = Stage::set("config")?;
    stage.send(&["config text", "config number", "config list", "config none"])?;
    let config = json!({ "text": "t", "number": 1.5, "list": [1, { "two": null }] });
    let running = stage.probe()?.flag("--user-config", config.to_string()).start()?;
    assert_eq!(stage.outputs(&running, 4)?, ["\"t\"", "1.5", r#"[1,{"two":null}]"#, "null"]);
    stop(running)
}

#[test]
fn only_granted_secrets_can_be_read() -> Result<()> {
    let stage = Stage::set("secrets")?;
    stage.send(&["secret GRANTED", "secret PRIVATE"])?;
    let running = stage
        .probe()?
        .flag("--secrets", r#"{"GRANTED": {}}"#)
        .env("GRANTED", "open sesame")
        .env("PRIVATE", "not for functions")
        .start()?;
    assert_eq!(stage.outputs(&running, 2)?, ["\"open sesame\"", "null"]);
    let log = running.log();
    assert!(!log.contains("open sesame") && !log.contains("not for functions"), "{log}");
    stop(running)
}

#[test]
fn secrets_can_be_files() -> Result<()> {
    let stage = Stage::set("secret-files")?;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("token"), "from a file")?;
    stage.send(&["secret token"])?;
    let running = stage
        .probe()?
        .flag("--secrets", r#"{"token": {}}"#)
        .flag("--secrets-dir", dir.path())
        .start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["\"from a file\""]);
    stop(running)
}

#[test]
fn a_functions_configuration_file_is_pulsars() -> Result<()> {
    let stage = Stage::set("file")?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("function.yaml");
    let config = json!({
        "tenant": "public", "namespace": "default", "name": "probe",
        "inputs": [stage.input], "output": stage.output, "subscriptionPosition": "Earliest",
        "userConfig": { "from": "file" }, "producerConfig": { "compressionType": "NONE" },
        "inputSpecs": { &stage.input: { "receiverQueueSize": 10 } },
    });
    fs::write(&file, config.to_string())?;
    stage.send(&["config from"])?;
    let running = function_mesh_tests::runner::Runner::new(["localrun"])?
        .flag("--function-config-file", &file)
        .flag("--wasm", function_mesh_tests::guests::component("probe")?)
        .flag("--broker-service-url", stage.topics.cluster.ports.service_url())
        .start()?;
    assert_eq!(stage.outputs(&running, 1)?, ["\"file\""]);
    stop(running)
}

fn refused(flags: &[(&str, &str)], words: &[&str]) -> Result<()> {
    let stage = Stage::set("refused")?;
    let mut probe = stage.probe()?;
    for (name, value) in flags {
        probe = probe.flag(name, value);
    }
    let refusal = probe.run("")?;
    let said = String::from_utf8(refusal.stderr)?;
    assert_eq!(refusal.status.code(), Some(64), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
    Ok(())
}

#[test]
fn effectively_once_is_refused_with_the_reason() -> Result<()> {
    refused(&[("--processing-guarantees", "EFFECTIVELY_ONCE")], &["EFFECTIVELY_ONCE", "sequence"])
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() -> Result<()> {
    refused(&[("--jar", "f.jar")], &["--jar"])?;
    refused(&[("--window-length-count", "5")], &["window"])?;
    refused(&[("--dead-letter-topic", "letters")], &["dead"])?;
    refused(&[("--parallelism", "0")], &["parallelism", "0"])
}
