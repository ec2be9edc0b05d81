//! `localrun` without a broker, `check`, `new` and `build`: the runner on a laptop.

use std::{collections::BTreeMap, fs, process::Output};

use anyhow::{Context as _, Result};
use function_mesh_tests::{guests, runner::Runner};
use serde_json::{Value, json};
use tokio::time::Instant;

fn in_memory(component: &str) -> Result<Runner> {
    Ok(Runner::new(["localrun"])?
        .flag("--wasm", guests::component(component)?)
        .flag("--inputs", "in")
        .flag("--output", "out"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn each_line_is_a_message_and_each_output_a_line() -> Result<()> {
    let output = in_memory("exclamation")?.run("hello\nworld\n\nlast without an end")?;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout)?, "hello!\nworld!\n!\nlast without an end!\n");
    Ok(())
}

#[test]
fn a_component_and_lines_are_enough() -> Result<()> {
    let component = guests::component("exclamation")?;
    let output = Runner::new(["localrun"])?.flag("--wasm", component).run("hello\n")?;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout)?, "hello!\n");
    Ok(())
}

#[test]
fn no_input_is_no_output_and_a_good_end() -> Result<()> {
    let output = in_memory("exclamation")?.run("")?;
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
    Ok(())
}

#[test]
fn many_lines_stay_in_order() -> Result<()> {
    let lines: Vec<String> = (0..50_000).map(|id| format!("line {id}")).collect();
    let output = in_memory("exclamation")?.run(&lines.join("\n"))?;
    let got = String::from_utf8(output.stdout)?;
    assert!(got.lines().eq(lines.iter().map(|line| format!("{line}!")).collect::<Vec<_>>()));
    Ok(())
}

#[test]
fn jsonl_carries_key_properties_and_topic() -> Result<()> {
    let input =
        json!({ "key": "k", "properties": { "a": "b" }, "eventTime": 7, "value": "record" });
    let output = in_memory("probe")?
        .flag("--input-format", "jsonl")
        .flag("--output-format", "jsonl")
        .run(&format!("{input}\n"))?;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let message: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(message["topic"], "persistent://public/default/out");
    assert_eq!(message["key"], "k");
    assert_eq!(message["properties"]["a"], "b");
    let seen: Value = serde_json::from_str(message["value"].as_str().context("no value")?)?;
    assert_eq!((&seen["key"], &seen["eventTime"]), (&json!("k"), &json!(7)));
    Ok(())
}

#[test]
fn a_line_that_is_no_json_is_named_and_left_out() -> Result<()> {
    let output = in_memory("exclamation")?
        .flag("--input-format", "jsonl")
        .run("{\"value\": \"good\"}\nbad\n{\"value\": \"better\"}\n")?;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(String::from_utf8(output.stdout.clone())?, "good!\nbetter!\n");
    assert!(said(&output).contains('2'), "the line's number is missing: {}", said(&output));
    Ok(())
}

#[test]
fn a_failed_line_reaches_the_dead_letters_and_the_rest_goes_on() -> Result<()> {
    let output = in_memory("probe")?
        .flag("--output-format", "jsonl")
        .flag("--max-message-retries", "0")
        .flag("--dead-letter-topic", "letters")
        .run("echo one\nfail two\necho three\n")?;
    let mut by_topic: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout.clone())?.lines() {
        let message: Value = serde_json::from_str(line)?;
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        by_topic.entry(text("topic")).or_default().push(text("value"));
    }
    let topic = |name: &str| format!("persistent://public/default/{name}");
    assert_eq!(
        by_topic.get(&topic("out")).cloned(),
        Some(vec!["one".to_owned(), "three".to_owned()])
    );
    assert_eq!(by_topic.get(&topic("letters")).cloned(), Some(vec!["fail two".to_owned()]));
    Ok(())
}

#[test]
fn state_on_disk_is_there_in_the_next_run() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for expected in ["1\n", "2\n"] {
        let output = in_memory("probe")?.flag("--state-dir", dir.path()).run("incr visits\n")?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", said(&output));
    }
    Ok(())
}

#[test]
fn a_mistyped_option_is_a_usage_error() -> Result<()> {
    let output = in_memory("exclamation")?.flag("--ouptut", "x").run("")?;
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--output"), "no suggestion: {}", said(&output));
    Ok(())
}

#[test]
fn check_lists_every_mistake_with_its_field_and_value() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("function.yaml");
    fs::write(
        &file,
        "name: f\ninputs: [in]\noutput: in\nparallelism: -2\nprocessingGuarantees: EFFECTIVELY_ONCE\n",
    )?;
    let output = Runner::new(["check"])?.flag("--function-config-file", &file).run("")?;
    let said = said(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for mistake in ["output", "parallelism", "-2", "EFFECTIVELY_ONCE"] {
        assert!(said.contains(mistake), "no {mistake:?} in: {said}");
    }
    Ok(())
}

#[test]
fn check_says_what_would_run() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("function.yaml");
    fs::write(&file, "name: f\ninputs: [orders]\noutput: checked\nwasm: f.wasm\n")?;
    let output = Runner::new(["check"])?.flag("--function-config-file", &file).run("")?;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let page = String::from_utf8(output.stdout)?;
    for fact in ["public/default/f", "orders", "checked"] {
        assert!(page.contains(fact), "no {fact:?} in: {page}");
    }
    Ok(())
}

#[test]
fn a_new_function_builds_runs_and_is_described() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let new = Runner::new(["new", "greeter"])?.current_dir(dir.path()).run("")?;
    assert_eq!(new.status.code(), Some(0), "{}", said(&new));
    let project = dir.path().join("greeter");
    let build = Runner::new(["build"])?.current_dir(&project).run("")?;
    let page = String::from_utf8(build.stdout.clone())?;
    assert_eq!(build.status.code(), Some(0), "{}", said(&build));
    for fact in ["greeter.wasm", "sha256:", "bytes", "function-mesh:function/"] {
        assert!(page.contains(fact), "no {fact:?} in: {page}");
    }
    let component = page
        .lines()
        .find_map(|line| line.split_whitespace().find(|word| word.ends_with("greeter.wasm")))
        .context("no path")?;
    let run = Runner::new(["localrun"])?
        .flag("--wasm", project.join(component))
        .flag("--inputs", "in")
        .flag("--output", "out")
        .run("you\n")?;
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert!(!run.stdout.is_empty());

    let tests = std::process::Command::new("cargo").arg("test").current_dir(&project).output()?;
    assert!(tests.status.success(), "{}", String::from_utf8_lossy(&tests.stderr));
    Ok(())
}

/// Measured, not asserted: a shared machine's clock proves nothing. The benchmark reports it.
#[test]
fn the_second_run_takes_the_compiled_code_from_the_cache() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let mut times = Vec::new();
    for _ in 0..2 {
        let started = Instant::now();
        let run = in_memory("exclamation")?.flag("--cache-dir", cache.path()).run("x\n")?;
        assert_eq!(run.stdout, b"x!\n");
        times.push(started.elapsed());
    }
    println!("first run {:.0?}, second {:.0?}", times[0], times[1]);
    let kept = fs::read_dir(cache.path())?.count();
    assert!(kept > 0, "nothing was kept in the cache");
    Ok(())
}
