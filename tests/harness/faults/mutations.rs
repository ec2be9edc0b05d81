//! Random changes of a Function's spec, each of them valid, and the same for the same seed.

use serde_json::{Map, Value, json};

/// What may be drawn (xorshift).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).unwrap_or_default()
    }
}

/// Fields that go together, each with what it can be. `null` is its absence. A field is a place
/// below `spec`, its parts separated by dots.
fn choices() -> Vec<(&'static [&'static str], Vec<Value>)> {
    let env = |name: &str| json!([{ "name": name, "value": "1" }]);
    vec![
        // An autoscaler's own number of replicas depends on what was before; it is always given.
        (
            &["replicas", "minReplicas", "maxReplicas"],
            vec![
                json!([0, null, null]),
                json!([2, null, null]),
                json!([null, null, null]),
                json!([1, null, 4]),
                json!([2, 2, 4]),
                json!([2, 1, 3]),
            ],
        ),
        (
            &["pod.builtinAutoscaler"],
            vec![
                json!([null]),
                json!([["AverageUtilizationCPUPercent80"]]),
                json!([["AverageUtilizationCPUPercent50", "AverageUtilizationMemoryPercent20"]]),
            ],
        ),
        (
            &["pod.autoScalingBehavior"],
            vec![
                json!([null]),
                json!([{ "scaleDown": { "stabilizationWindowSeconds": 60 } }]),
                json!([{ "scaleUp": { "policies": [
                { "type": "Pods", "value": 1, "periodSeconds": 15 },
            ] } }]),
            ],
        ),
        (
            &["pod.vpa"],
            vec![
                json!([null]),
                json!([{ "updatePolicy": { "updateMode": "Off" } }]),
                json!([{ "updatePolicy": { "updateMode": "Auto" }, "resourcePolicy": {
                "containerPolicies": [{ "containerName": "*", "mode": "Auto" }],
            } }]),
                json!([{}]),
            ],
        ),
        (
            &["pod.labels"],
            vec![json!([null]), json!([{ "a": "x" }]), json!([{ "a": "y", "b": "x" }])],
        ),
        (&["pod.annotations"], vec![json!([null]), json!([{ "a": "x" }]), json!([{ "b": "y" }])]),
        (&["pod.nodeSelector"], vec![json!([null]), json!([{ "disk": "ssd" }])]),
        (&["pod.env"], vec![json!([null]), json!([env("A")]), json!([env("B")])]),
        (
            &["pod.tolerations"],
            vec![json!([null]), json!([[{ "key": "k", "operator": "Exists" }]])],
        ),
        (&["pod.terminationGracePeriodSeconds"], vec![json!([null]), json!([40]), json!([90])]),
        (&["pod.disableDefaultAffinity"], vec![json!([null]), json!([true])]),
        (&["pod.imagePullSecrets"], vec![json!([null]), json!([[{ "name": "registry" }]])]),
        (&["pod.serviceAccountName"], vec![json!([null]), json!(["other"])]),
        (&["pod.liveness"], vec![json!([null]), json!([{ "periodSeconds": 20 }])]),
        (
            &["pod.volumes", "volumeMounts"],
            vec![
                json!([null, null]),
                json!([[{ "name": "v", "emptyDir": {} }], [{ "name": "v", "mountPath": "/data" }]]),
            ],
        ),
        (
            &["resources"],
            vec![
                json!([null]),
                json!([{ "requests": { "cpu": "50m", "memory": "64Mi" } }]),
                json!([{ "requests": { "cpu": "0.1" }, "limits": { "cpu": "1", "memory": "1Gi" } }]),
            ],
        ),
        (&["image"], vec![json!([null]), json!(["localhost/a:1"]), json!(["localhost/b:1"])]),
        (&["imagePullPolicy"], vec![json!([null]), json!(["Always"])]),
        (&["input.topics"], vec![json!([["in"]]), json!([["in", "more"]]), json!([["other"]])]),
        (&["output.topic"], vec![json!(["out"]), json!([null]), json!(["elsewhere"])]),
        (&["output.producerConf"], vec![json!([null]), json!([{ "compressionType": "ZSTD" }])]),
        (&["logTopic"], vec![json!([null]), json!(["log"])]),
        (
            &["funcConfig"],
            vec![json!([null]), json!([{ "k": "v" }]), json!([{ "k": { "deep": [1] } }])],
        ),
        (
            &["maxMessageRetry", "deadLetterTopic"],
            vec![json!([null, null]), json!([3, null]), json!([5, "dead"])],
        ),
        (&["timeout"], vec![json!([null]), json!([20000])]),
        (&["subscriptionName"], vec![json!([null]), json!(["mine"])]),
        (&["subscriptionPosition"], vec![json!([null]), json!(["latest"])]),
        (&["forwardSourceMessageProperty"], vec![json!([null]), json!([false])]),
        (&["retainKeyOrdering"], vec![json!([null]), json!([true])]),
        (&["processingGuarantee"], vec![json!([null]), json!(["atmost_once"])]),
        (&["tenant"], vec![json!([null]), json!(["other"])]),
        (&["clusterName"], vec![json!([null]), json!(["east"])]),
        (&["showPreciseParallelism"], vec![json!([null]), json!([true])]),
        (
            &["secretsMap"],
            vec![
                json!([null]),
                json!([{ "password": { "path": "credentials", "key": "password" } }]),
            ],
        ),
        (
            &["persistentVolumeClaimRetentionPolicy"],
            vec![
                json!([null]),
                json!([{ "whenDeleted": "Delete" }]),
                json!([{ "whenScaled": "Delete", "whenDeleted": "Retain" }]),
            ],
        ),
    ]
}

/// Changes one group of fields, and says which and to what.
pub fn mutate(spec: &mut Value, random: &mut Random) -> String {
    let choices = choices();
    let Some((fields, values)) = choices.get(random.below(choices.len())) else {
        return String::new();
    };
    let value = values.get(random.below(values.len())).cloned().unwrap_or_default();
    for (i, field) in fields.iter().enumerate() {
        set(spec, field, value.get(i).cloned().unwrap_or_default());
    }
    format!("{} = {value}", fields.join(", "))
}

/// Sets a field, or removes it together with what is empty without it.
fn set(spec: &mut Value, field: &str, value: Value) {
    let Some(fields) = spec.as_object_mut() else { return };
    let (name, rest) =
        field.split_once('.').map_or((field, None), |(name, rest)| (name, Some(rest)));
    match rest {
        Some(rest) => {
            let inner = fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
            set(inner, rest, value);
            if inner.as_object().is_some_and(Map::is_empty) {
                fields.remove(name);
            }
        }
        None if value.is_null() => drop(fields.remove(name)),
        None => drop(fields.insert(name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_walk() {
        let walk = |seed: u64| {
            let (mut spec, mut random) = (json!({}), Random::new(seed));
            (0..50).map(|_| mutate(&mut spec, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(walk(7), walk(7));
        assert_ne!(walk(7), walk(8));
    }

    #[test]
    fn a_field_is_set_and_removed_with_its_empty_parents() {
        let mut spec = json!({ "a": 1 });
        set(&mut spec, "b.c", json!(2));
        assert_eq!(spec, json!({ "a": 1, "b": { "c": 2 } }));
        set(&mut spec, "b.c", Value::Null);
        assert_eq!(spec, json!({ "a": 1 }));
    }
}
