//! The house rules that a program can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Lines of a production file, without its in-file tests.
const LONGEST: usize = 400;

const BANNED_NAMES: [&str; 8] =
    ["mod", "util", "utils", "common", "helper", "helpers", "misc", "shared"];

/// Crates that only these modules of the runner may know, so that transport, logic and wire stay
/// apart. A place is a path under `runner/src`, without its extension.
const PLACES: [(&str, &[&str]); 4] = [
    ("pulsar", &["source/pulsar", "sink/pulsar", "cluster", "schema", "telemetry/log_topic"]),
    ("wasmtime", &["invoke/wasm"]),
    ("tonic", &["control", "invoke/bridge"]),
    ("prometheus", &["metrics"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Every Rust file of the repository with its path from the root.
fn sources() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for folder in ["runner", "controller", "proto", "sdk", "examples", "tests"] {
        let dir = root().join(folder);
        if dir.exists() {
            collect(&dir, &mut found)?;
        }
    }
    assert!(found.len() > 30, "the repository's sources were not found: {}", root().display());
    Ok(found)
}

fn collect(dir: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let place = path.strip_prefix(root())?.to_string_lossy().into_owned();
            found.push((place, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// A file of tests alone: beside what it tests, or what a test runner starts.
fn is_test(place: &str) -> bool {
    place.ends_with("/tests.rs")
        || place.contains("/tests/")
        || place.starts_with("tests/scenarios")
}

/// What comes before the tests at the end of a file.
fn production(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let tests_follow = lines.peek().is_some_and(|next| next.starts_with("mod tests {"));
        (!(line == "#[cfg(test)]" && tests_follow)).then_some(line)
    })
}

fn broken(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

#[test]
fn production_files_are_short() -> Result<()> {
    let long: Vec<String> = sources()?
        .iter()
        .filter(|(place, _)| !is_test(place))
        .map(|(place, text)| (place, production(text).count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(place, lines)| format!("{place}: {lines} lines"))
        .collect();
    broken(&format!("a file has one purpose and at most {LONGEST} lines"), &long);
    Ok(())
}

#[test]
fn modules_have_telling_names() -> Result<()> {
    let banned: Vec<String> = sources()?
        .into_iter()
        .map(|(place, _)| place)
        .filter(|place| {
            let stem = Path::new(place).file_stem().unwrap_or_default().to_string_lossy();
            BANNED_NAMES.contains(&stem.as_ref()) || stem.contains("manager")
        })
        .collect();
    broken("a thing without a room is a missing noun; foo.rs beside foo/, never mod.rs", &banned);
    Ok(())
}

#[test]
fn modules_say_what_they_are() -> Result<()> {
    let silent: Vec<String> = sources()?
        .into_iter()
        .filter(|(place, text)| !is_test(place) && !text.starts_with("//!"))
        .map(|(place, _)| place)
        .collect();
    broken("a module begins with its role", &silent);
    Ok(())
}

#[test]
fn only_their_rooms_know_the_big_dependencies() -> Result<()> {
    let mut strangers = Vec::new();
    for (place, text) in sources()? {
        let Some(module) = place.strip_prefix("runner/src/") else { continue };
        for (dependency, rooms) in PLACES {
            let at_home = rooms.iter().any(|room| module.starts_with(room));
            if !at_home && !is_test(&place) && production(&text).any(|line| uses(line, dependency))
            {
                strangers.push(format!("{place} names {dependency}"));
            }
        }
    }
    broken("transport, logic and wire stay apart", &strangers);
    Ok(())
}

/// Whether a line of code names a crate: imports it, or begins a path with it. Of `pulsar` only
/// imports are looked for, since modules of ours have that name too.
fn uses(line: &str, dependency: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let import = format!("use {dependency}");
    if code.trim_start().trim_start_matches("pub ").starts_with(&import) {
        return true;
    }
    dependency != "pulsar"
        && code.match_indices(&format!("{dependency}::")).any(|(at, _)| {
            let before = code.get(..at).and_then(|before| before.chars().last());
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
        })
}

#[test]
fn library_roots_are_maps() -> Result<()> {
    let mut logic = Vec::new();
    for (place, text) in sources()?.iter().filter(|(place, _)| place.ends_with("/lib.rs")) {
        // A macro crate's entry points must be in its root; a function is one file.
        if place.starts_with("sdk/macros")
            || place.starts_with("examples/")
            || place.contains("fixtures")
        {
            continue;
        }
        let lines = production(text).map(str::trim_start);
        logic.extend(
            lines
                .filter(|line| {
                    ["fn ", "pub fn ", "impl ", "struct ", "pub struct ", "enum ", "pub enum "]
                        .iter()
                        .any(|start| line.starts_with(start))
                })
                .map(|line| format!("{place}: {line}")),
        );
    }
    broken("lib.rs is a map, without logic", &logic);
    Ok(())
}

#[test]
fn nothing_is_put_off() -> Result<()> {
    // In two parts, or this file would break its own rule.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore")];
    let mut put_off = Vec::new();
    for (place, text) in sources()? {
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
        put_off.extend(lines.map(|(number, line)| format!("{place}:{}: {line}", number + 1)));
    }
    broken("what is worth doing is done or is an issue", &put_off);
    Ok(())
}
