//! Whether an object is already as it should be, so that a reconciliation that changes nothing
//! writes nothing.
//!
//! Everything that is wanted must be there; what others added may be there too. The API server
//! fills in defaults and rewrites quantities, neither of which is a difference.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;
use serde_json::Value;

use crate::crd::quantity;

/// Does `live` have all that `wanted` has?
///
/// # Errors
/// One of the two cannot be written as JSON.
pub fn satisfied(
    wanted: &impl Serialize,
    live: &impl Serialize,
) -> Result<bool, serde_json::Error> {
    let (mut wanted, live) = (serde_json::to_value(wanted)?, serde_json::to_value(live)?);
    // A list says of what kind its items are, and they do not.
    if let Some(fields) = wanted.as_object_mut() {
        fields.retain(|name, _| name != "apiVersion" && name != "kind");
    }
    Ok(has(&live, &wanted, "", ""))
}

/// `name` and `parent` say where the two values stand.
fn has(live: &Value, wanted: &Value, parent: &str, name: &str) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted.iter().all(|(key, wanted)| {
            let live = live.get(key).unwrap_or(&Value::Null);
            has(live, wanted, name, key)
        }),
        (Value::Array(wanted), Value::Array(live)) => items(live, wanted, name),
        // The API server drops what is empty.
        (wanted, Value::Null) => is_empty(wanted),
        (Value::String(wanted), Value::String(live)) if wanted != live => {
            let is_quantity = quantity::is_map(parent) || quantity::is_single(parent, name);
            is_quantity && same_amount(wanted, live)
        }
        (wanted, live) => wanted == live,
    }
}

fn items(live: &[Value], wanted: &[Value], name: &str) -> bool {
    let named = |item: &Value| item.get("name").cloned().filter(Value::is_string);
    let all_named = !wanted.is_empty() && wanted.iter().all(|item| named(item).is_some());
    if !all_named {
        let same_length = live.len() == wanted.len();
        return same_length
            && live.iter().zip(wanted).all(|(live, wanted)| has(live, wanted, name, name));
    }
    wanted.iter().all(|wanted| {
        let key = named(wanted);
        live.iter().any(|live| named(live) == key && has(live, wanted, name, name))
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn same_amount(a: &str, b: &str) -> bool {
    let amount = |text: &str| quantity::thousandths(&Quantity(text.to_owned()));
    matches!((amount(a), amount(b)), (Some(a), Some(b)) if a == b)
}

/// What turns `from` into `to`, as a JSON merge patch (RFC 7396); `None` if nothing does.
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => {
            let mut patch = serde_json::Map::new();
            for (key, value) in to {
                let old = from.get(key).unwrap_or(&Value::Null);
                if let Some(change) = merge_patch(old, value) {
                    patch.insert(key.clone(), change);
                }
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (from, to) if from == to => None,
        (_, to) => Some(to.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is(live: &Value, wanted: &Value) -> bool {
        satisfied(wanted, live).unwrap()
    }

    #[test]
    fn defaults_of_the_api_server_are_no_difference() {
        let wanted =
            json!({"spec": {"containers": [{"name": "a", "image": "i", "resources": {}}]}});
        let live = json!({"spec": {"dnsPolicy": "ClusterFirst", "containers": [
            {"name": "a", "image": "i", "imagePullPolicy": "IfNotPresent"}]}});
        assert!(is(&live, &wanted));
    }

    #[test]
    fn an_item_of_a_list_is_compared_without_its_kind() {
        let wanted = json!({"apiVersion": "v1", "kind": "Service", "spec": {"a": 1}});
        assert!(is(&json!({"spec": {"a": 1}}), &wanted));
        assert!(!is(&json!({"spec": {"a": 2}}), &wanted));
    }

    #[test]
    fn a_changed_or_missing_field_is_a_difference() {
        let wanted = json!({"a": {"b": 1, "c": "x"}});
        assert!(is(&wanted, &wanted));
        assert!(!is(&json!({"a": {"b": 2, "c": "x"}}), &wanted));
        assert!(!is(&json!({"a": {"c": "x"}}), &wanted));
    }

    #[test]
    fn a_quantity_may_be_written_in_another_way() {
        let wanted = json!({"resources": {"limits": {"cpu": "0.2", "memory": "1024Mi"}}});
        assert!(is(&json!({"resources": {"limits": {"cpu": "200m", "memory": "1Gi"}}}), &wanted));
        assert!(!is(&json!({"resources": {"limits": {"cpu": "300m", "memory": "1Gi"}}}), &wanted));
        // Only where quantities stand.
        assert!(!is(&json!({"labels": {"a": "1000m"}}), &json!({"labels": {"a": "1"}})));
    }

    #[test]
    fn what_a_user_adds_to_a_named_list_stays() {
        let wanted = json!({"env": [{"name": "a", "value": "1"}]});
        assert!(is(&json!({"env": [{"name": "b"}, {"name": "a", "value": "1"}]}), &wanted));
        assert!(!is(&json!({"env": [{"name": "b"}]}), &wanted));
        assert!(!is(&json!({"command": ["a", "b"]}), &json!({"command": ["a"]})));
    }

    #[test]
    fn a_merge_patch_has_only_what_changes() {
        let from = json!({"a": 1, "b": {"c": 2, "d": 3}});
        let to = json!({"a": 1, "b": {"c": 4, "d": 3}});
        assert_eq!(merge_patch(&from, &to), Some(json!({"b": {"c": 4}})));
        assert_eq!(merge_patch(&from, &from), None);
    }
}
