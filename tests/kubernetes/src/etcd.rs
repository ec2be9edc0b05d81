//! What only etcd itself can be asked for, through its gateway for JSON.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{command, programs::Place};

/// Forgets all revisions before the present one, as the API server does every five minutes: whoever
/// watches from an older one is told that it has expired.
///
/// # Errors
/// etcd does not answer.
pub fn compact(place: &Place) -> Result<()> {
    // Any key will do: every answer tells the revision.
    let range = call(place, "kv/range", &json!({ "key": "Lw==", "limit": "1" }))?;
    let revision = range.pointer("/header/revision").and_then(Value::as_str);
    let revision = revision.context("etcd tells no revision")?;
    call(place, "kv/compaction", &json!({ "revision": revision, "physical": true })).map(drop)
}

fn call(place: &Place, method: &str, body: &Value) -> Result<Value> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "10", "--noproxy", "*"]);
    curl.args(["--data", &body.to_string()]).arg(format!("{}/v3/{method}", place.etcd()));
    let answer = command::output(&mut curl)?;
    serde_json::from_str(&answer).with_context(|| answer.clone())
}
