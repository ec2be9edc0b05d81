//! Somebody deletes and edits what a function owns.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::ground::{Ground, PATIENCE};
use crate::{eventually::eventually_true, platform::Platform};

/// Each owned object, and an edit that must not last.
fn edits() -> [(&'static str, &'static str, Value); 4] {
    [
        ("Service", "f-function-headless", json!({ "spec": { "selector": { "app": "edited" } } })),
        ("ConfigMap", "f-function", json!({ "data": { "function.json": "{}" } })),
        (
            "StatefulSet",
            "f-function",
            json!({ "spec": { "template": { "spec": {
            "terminationGracePeriodSeconds": 1,
        } } } }),
        ),
        ("HorizontalPodAutoscaler", "f-function", json!({ "spec": { "maxReplicas": 9 } })),
    ]
}

/// All is restored within `limit`, and what others added stays.
pub fn restored(platform: &Platform, limit: Duration) -> Result<String> {
    let ground = Ground::new(platform, "restored")?;
    let controller = ground.controller(None, &[])?;
    // Its pods find no node: they are not what this is about.
    let fields = json!({
        "replicas": 1, "maxReplicas": 2, "pod": { "nodeSelector": { "no": "where" } },
    });
    ground.apply(&ground.function_of("f", &fields))?;
    ground.observed("f")?;
    for (kind, name, _) in edits() {
        eventually_true(PATIENCE, format!("{kind} {name}"), || {
            Ok(ground.find(kind, name)?.is_some())
        })?;
    }
    let (mut edited, mut deleted) = (Duration::ZERO, Duration::ZERO);
    for (kind, name, edit) in edits() {
        let took = restored_after_edit(&ground, kind, name, &edit);
        edited = edited.max(took.with_context(|| controller.log())?);
        let uid = |object: &Value| object.pointer("/metadata/uid").cloned();
        let before = uid(&ground.get(kind, name)?);
        let started = Instant::now();
        platform.kubernetes.delete(kind, &ground.namespace, name)?;
        eventually_true(PATIENCE, format!("{kind} {name} to be made again"), || {
            Ok(ground.find(kind, name)?.is_some_and(|object| uid(&object) != before))
        })?;
        deleted = deleted.max(started.elapsed());
    }
    ensure!(edited <= limit && deleted <= limit, "edited {edited:?}, deleted {deleted:?}");
    Ok(format!(
        "4 kinds edited and deleted: restored after at most {edited:.2?} and {deleted:.2?}; \
         foreign labels and annotations kept"
    ))
}

fn restored_after_edit(
    ground: &Ground<'_>,
    kind: &str,
    name: &str,
    edit: &Value,
) -> Result<Duration> {
    let before = ground.get(kind, name)?;
    let wanted = owned(&before);
    let mut whole = json!({ "metadata": {
        "labels": { "app": "edited", "team": "a" }, "annotations": { "somebody": "else" },
    } });
    if let (Some(whole), Some(edit)) = (whole.as_object_mut(), edit.as_object()) {
        whole.extend(edit.clone());
    }
    let edited = ground.patch(kind, name, &whole)?;
    ensure!(owned(&edited) != wanted, "the edit changed nothing: {edited}");
    let started = Instant::now();
    eventually_true(PATIENCE, format!("{kind} {name} to be as it was"), || {
        let now = ground.get(kind, name)?;
        Ok(owned(&now) == wanted)
    })?;
    let took = started.elapsed();
    let now = ground.get(kind, name)?;
    let kept = now.pointer("/metadata/labels/team") == Some(&json!("a"))
        && now.pointer("/metadata/annotations/somebody") == Some(&json!("else"));
    ensure!(kept, "what somebody added to {kind} {name} is gone: {now}");
    Ok(took)
}

fn owned(object: &Value) -> Value {
    json!([object.get("spec"), object.get("data"), object.pointer("/metadata/labels/app")])
}
