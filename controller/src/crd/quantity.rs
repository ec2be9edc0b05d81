//! Kubernetes quantities in manifests: text (`100m`) or plain numbers (`1`).
//!
//! The bindings' `Quantity` reads text only, while the original's schema, like Kubernetes itself,
//! takes numbers too. A type cannot tell where quantities stand, so names do.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// Names of maps from resource to quantity.
const MAPS: [&str; 6] =
    ["limits", "requests", "capacity", "minAllowed", "maxAllowed", "allocatedResources"];
/// Names of single quantities. `value` is one only in a metric's target.
const SINGLE: [&str; 4] = ["sizeLimit", "divisor", "averageValue", "tolerance"];

/// Is the object of this name a map of quantities?
pub(crate) fn is_map(name: &str) -> bool {
    MAPS.contains(&name)
}

/// Is the field `name` of the object `parent` a quantity?
pub(crate) fn is_single(parent: &str, name: &str) -> bool {
    SINGLE.contains(&name) || (parent == "target" && name == "value")
}

/// Reads a Kubernetes type, with numbers where it wants quantities.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let mut value = Value::deserialize(deserializer)?;
    spell_out(&mut value, "");
    serde_json::from_value(value).map_err(serde::de::Error::custom)
}

/// Reads a map of quantities.
pub(crate) fn lenient_map<'de, D>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, Quantity>>, D::Error>
where
    D: Deserializer<'de>,
{
    let mut value = Value::deserialize(deserializer)?;
    spell_out_map(&mut value);
    serde_json::from_value(value).map_err(serde::de::Error::custom)
}

/// Makes text of every number that is a quantity.
fn spell_out(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if is_map(key) {
                    spell_out_map(field);
                } else if is_single(name, key) {
                    spell_out_one(field);
                } else {
                    spell_out(field, key);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spell_out(item, name)),
        _ => {}
    }
}

fn spell_out_map(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(spell_out_one);
    }
}

fn spell_out_one(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = Value::String(number.to_string());
    }
}

/// A quantity's amount in thousandths: `100m` is 100, `1Ki` is 1,024,000. Saturates.
///
/// # Errors
/// `None` if it is not a quantity.
pub fn thousandths(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.trim();
    let end = text
        .char_indices()
        .find(|(at, c)| {
            !(c.is_ascii_digit() || *c == '.' || (*at == 0 && (*c == '+' || *c == '-')))
        })
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = text.split_at(end);
    let exponent = match suffix.strip_prefix(['e', 'E']) {
        Some(digits) if !digits.is_empty() => Some(digits.parse::<i32>().ok()?),
        _ => None,
    };
    let factor: i128 = match suffix {
        _ if exponent.is_some() => 1000,
        "n" | "u" => return thousandths(&Quantity(number.to_owned())).map(|_| 0),
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "P" => 1_000_000_000_000_000_000,
        "E" => 1_000_000_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        "Pi" => 1000 << 50,
        "Ei" => 1000 << 60,
        _ => return None,
    };
    let (digits, decimals) = match number.split_once('.') {
        Some((whole, fraction)) => (format!("{whole}{fraction}"), fraction.len()),
        None => (number.to_owned(), 0),
    };
    let mantissa: i128 = digits.parse().ok()?;
    let power = exponent.unwrap_or(0).checked_sub(i32::try_from(decimals).ok()?)?;
    let scale = 10i128.checked_pow(power.unsigned_abs())?;
    let amount = mantissa.saturating_mul(factor);
    Some(if power < 0 { amount / scale } else { amount.saturating_mul(scale) })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Container, ResourceRequirements};
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Manifest {
        #[serde(deserialize_with = "lenient")]
        resources: Option<ResourceRequirements>,
    }

    #[test]
    fn a_number_is_a_quantity_too() {
        let manifest =
            json!({"resources": {"requests": {"cpu": 1, "memory": "1G"}, "limits": {"cpu": 1.5}}});
        let read: Manifest = serde_json::from_value(manifest).unwrap();
        let resources = read.resources.unwrap();
        assert_eq!(resources.requests.unwrap()["cpu"], Quantity("1".to_owned()));
        assert_eq!(resources.limits.unwrap()["cpu"], Quantity("1.5".to_owned()));
    }

    #[test]
    fn a_number_deep_in_a_container_is_a_quantity_too() {
        let mut value = json!([{"name": "a", "resources": {"limits": {"memory": 5}}, "ports": [{"containerPort": 80}]}]);
        spell_out(&mut value, "");
        let containers: Vec<Container> = serde_json::from_value(value).unwrap();
        let limits = containers[0].resources.clone().unwrap().limits.unwrap();
        assert_eq!(limits["memory"], Quantity("5".to_owned()));
    }

    #[test]
    fn amounts_follow_their_suffix() {
        for (text, expected) in [
            ("100m", Some(100)),
            ("1", Some(1000)),
            ("0.1", Some(100)),
            ("1.1G", Some(1_100_000_000_000)),
            ("1Ki", Some(1_024_000)),
            ("128Mi", Some(134_217_728_000)),
            ("1e3", Some(1_000_000)),
            ("2E", Some(2_000_000_000_000_000_000_000)),
            ("-1", Some(-1000)),
            ("5u", Some(0)),
            ("", None),
            ("x", None),
            ("1Q", None),
            ("1.2.3", None),
        ] {
            assert_eq!(thousandths(&Quantity(text.to_owned())), expected, "{text}");
        }
    }
}
