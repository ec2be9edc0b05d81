//! Objects as caches keep them: the JSON they came as, compressed.
//!
//! An object's Rust type has a place for every field it may have, most of them absent: a StatefulSet
//! takes tens of kilobytes that way, ten as JSON, and three compressed (LZ4: its names say the same
//! again and again, and unpacking takes microseconds). It also stays readable if a field is of
//! another type than it should be, as in objects older than their schema: such an object is in the
//! cache like any other, and its own matter.

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
};

use kube::{Resource, api::ObjectMeta};
use lz4_flex::block;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Value, json};

/// Where `kubectl apply` keeps the whole manifest once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object of type `K`.
pub struct Packed<K> {
    /// What queues and owners need: names and identities, no labels or annotations.
    identity: ObjectMeta,
    compressed: Box<[u8]>,
    /// Of labels and annotations.
    digest: u64,
    of: PhantomData<fn() -> K>,
}

/// An object is not what its kind is.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Unreadable {
    /// The field to blame: `spec.replicas`.
    pub field: String,
    pub why: String,
}

impl<K: DeserializeOwned> Packed<K> {
    /// The object itself.
    ///
    /// # Errors
    /// A field is of another type than `K` has it.
    pub fn unpack(&self) -> Result<K, Unreadable> {
        serde_json::from_slice(&self.json()).map_err(|_| self.trouble())
    }

    fn trouble(&self) -> Unreadable {
        let object: Value = serde_json::from_slice(&self.json()).unwrap_or_default();
        let why = K::deserialize(&object).err().map(|error| error.to_string()).unwrap_or_default();
        let mut field = Vec::new();
        blame::<K>(&object, &mut field);
        let field = if field.is_empty() { "the object".to_owned() } else { field.join(".") };
        Unreadable { field, why }
    }
}

/// Finds the one field without which an object can be read: errors of nested types do not name it.
fn blame<K: DeserializeOwned>(object: &Value, path: &mut Vec<String>) {
    let pointer: String = path.iter().map(|name| format!("/{name}")).collect();
    let Some(Value::Object(fields)) = object.pointer(&pointer) else { return };
    let reads = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut changed = object.clone();
        changed.pointer_mut(&pointer).and_then(Value::as_object_mut).map(change);
        K::deserialize(&changed).is_ok()
    };
    let culprit = fields.iter().find(|(name, value)| {
        // One that must be there may be empty instead.
        reads(&|fields| drop(fields.remove(*name)))
            || value.is_object() && reads(&|fields| drop(fields.insert((*name).clone(), json!({}))))
    });
    if let Some((name, _)) = culprit {
        path.push(name.clone());
        blame::<K>(object, path);
    }
}

impl<K> Packed<K> {
    fn json(&self) -> Vec<u8> {
        // What was compressed here is whole.
        block::decompress_size_prepended(&self.compressed).unwrap_or_default()
    }

    /// Its status alone, which may be of the right type where the rest is not.
    pub fn status<S: DeserializeOwned>(&self) -> Option<S> {
        #[derive(Deserialize)]
        struct Object<S> {
            status: Option<S>,
        }
        serde_json::from_slice::<Object<S>>(&self.json()).ok()?.status
    }

    /// An annotation's value.
    pub fn annotation(&self, name: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Object {
            metadata: ObjectMeta,
        }
        let object: Object = serde_json::from_slice(&self.json()).ok()?;
        object.metadata.annotations?.remove(name)
    }

    /// Changes when labels or annotations do: a predicate for streams.
    pub fn metadata_digest(&self) -> Option<u64> {
        Some(self.digest)
    }

    /// False if a name stands nowhere in it. Much cheaper than to unpack it and look.
    pub fn mentions(&self, name: &str) -> bool {
        let name = name.as_bytes();
        name.is_empty() || self.json().windows(name.len()).any(|part| part == name)
    }
}

impl<'de, K> Deserialize<'de> for Packed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut object = Value::deserialize(deserializer)?;
        let mut metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
        prune(&mut metadata);
        let known = ObjectMeta::deserialize(&metadata).map_err(D::Error::custom)?;
        let mut hasher = DefaultHasher::new();
        (&known.labels, &known.annotations).hash(&mut hasher);
        if let Some(object) = object.as_object_mut() {
            object.insert("metadata".to_owned(), metadata);
        }
        let json = serde_json::to_vec(&object).map_err(D::Error::custom)?;
        let compressed = block::compress_prepend_size(&json).into_boxed_slice();
        let identity = ObjectMeta { labels: None, annotations: None, ..known };
        Ok(Self { identity, compressed, digest: hasher.finish(), of: PhantomData })
    }
}

/// Field ownership is the API server's business, and most of an object's size.
fn prune(metadata: &mut Value) {
    let Some(fields) = metadata.as_object_mut() else { return };
    fields.remove("managedFields");
    if let Some(Value::Object(annotations)) = fields.get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
}

/// As it came.
impl<K> Serialize for Packed<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object: Value =
            serde_json::from_slice(&self.json()).map_err(serde::ser::Error::custom)?;
        object.serialize(serializer)
    }
}

impl<K> Clone for Packed<K> {
    fn clone(&self) -> Self {
        let Self { identity, compressed, digest, of } = self;
        let (identity, compressed) = (identity.clone(), compressed.clone());
        Self { identity, compressed, digest: *digest, of: *of }
    }
}

impl<K> fmt::Debug for Packed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed")
            .field("namespace", &self.identity.namespace)
            .field("name", &self.identity.name)
            .finish_non_exhaustive()
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Packed<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind(_: &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group(_: &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version(_: &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural(_: &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.identity
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.identity
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use kube::ResourceExt;

    use super::*;

    fn object() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {
                "name": "f-function", "namespace": "ns", "uid": "1", "generation": 2,
                "labels": {"a": "b"},
                "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
                "managedFields": [{"manager": "m"}],
            },
            "spec": {"replicas": 1, "selector": {}, "serviceName": "s", "template": {}},
            "status": {"replicas": 3},
        })
    }

    fn pack(object: &Value) -> Packed<StatefulSet> {
        serde_json::from_value(object.clone()).unwrap()
    }

    #[test]
    fn nothing_but_ownership_and_copies_is_left_out() {
        let mut expected = object();
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        expected["metadata"]["annotations"] = json!({"kept": "yes"});
        let packed = pack(&object());
        assert_eq!(serde_json::to_value(&packed).unwrap(), expected);
        let unpacked = packed.unpack().unwrap();
        assert_eq!(unpacked.annotations()["kept"], "yes");
        assert_eq!(unpacked.spec.unwrap().replicas, Some(1));
        assert_eq!(
            (packed.name_any(), packed.meta().generation),
            ("f-function".to_owned(), Some(2))
        );
    }

    /// It must not keep others from being seen.
    #[test]
    fn an_object_with_a_field_of_the_wrong_type_is_kept_all_the_same() {
        let mut wrong = object();
        wrong["spec"]["replicas"] = json!("many");
        let packed = pack(&wrong);
        let said = packed.unpack().unwrap_err().to_string();
        assert!(said.starts_with("spec.replicas: ") && said.contains("many"), "{said}");
        assert_eq!(packed.namespace().as_deref(), Some("ns"));
        assert_eq!(packed.status::<Value>(), Some(json!({"replicas": 3})));
    }

    #[test]
    fn the_field_of_the_wrong_type_is_named_wherever_it_is() {
        let blamed = |spec: Value| {
            let object = json!({
                "apiVersion": "compute.functionmesh.io/v1alpha1", "kind": "Function",
                "metadata": {"name": "f"}, "spec": spec,
            });
            let packed: Packed<crate::crd::Function> = serde_json::from_value(object).unwrap();
            packed.unpack().unwrap_err().field
        };
        assert_eq!(blamed(json!({"timeout": "long", "tenant": "t"})), "spec.timeout");
        assert_eq!(blamed(json!({"wasm": {"module": 5}})), "spec.wasm");
        assert_eq!(blamed(json!({"input": {"topics": "in"}})), "spec.input.topics");
    }

    #[test]
    fn only_labels_and_annotations_change_their_digest() {
        let digest = |change: &dyn Fn(&mut Value)| {
            let mut object = object();
            change(&mut object);
            pack(&object).metadata_digest()
        };
        let before = digest(&|_| {});
        assert_eq!(before, digest(&|object| object["status"]["replicas"] = json!(4)));
        assert_ne!(before, digest(&|object| object["metadata"]["labels"]["a"] = json!("c")));
        assert_ne!(before, digest(&|object| object["metadata"]["annotations"]["kept"] = json!("")));
    }

    #[test]
    fn a_name_that_stands_nowhere_is_told_without_unpacking() {
        let packed = pack(&object());
        assert!(packed.mentions("f-function") && !packed.mentions("pulsar"));
    }
}
