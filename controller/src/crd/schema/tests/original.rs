//! What the Go operator's definitions accept, ours accept. They are no part of this project: the
//! test reads them where somebody put them, and says so if it finds none.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Map, Value};

use super::*;

/// The folder with `crd` and `samples` of the original, if there is one.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("FUNCTION_MESH_ORIGINAL") {
        Some(folder) => PathBuf::from(folder),
        None => root().parent()?.join("shared/data/function-mesh"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    println!("left out: no definitions of the original at {}", folder.display());
    None
}

/// Keywords that neither side may have, because this test would not understand them.
const UNKNOWN: [&str; 9] = [
    "allOf",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maximum",
    "minItems",
    "minLength",
    "multipleOf",
    "not",
    "oneOf",
];

/// Keywords that must be the same on both sides.
const SAME: [&str; 6] = [
    "format",
    "nullable",
    "type",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-map-type",
];

struct Comparison {
    kind: String,
    compared: usize,
    differences: BTreeSet<String>,
}

impl Comparison {
    fn note(&mut self, path: &str, what: &str) {
        self.differences.insert(format!("{}{path}: {what}", self.kind));
    }

    fn compare(&mut self, path: &str, theirs: &Value, ours: &Value) {
        self.compared += 1;
        for keyword in UNKNOWN {
            if !ours[keyword].is_null() || !theirs[keyword].is_null() {
                self.note(path, keyword);
            }
        }
        for keyword in SAME {
            // Granular is what a map is if nothing is said.
            let granular = theirs[keyword] == "granular" && ours[keyword].is_null();
            if !granular && ours[keyword] != theirs[keyword] {
                self.note(path, &format!("{keyword} {} ≠ {}", ours[keyword], theirs[keyword]));
            }
        }
        for keyword in ["pattern", "minimum"] {
            let (ours, theirs) = (&ours[keyword], &theirs[keyword]);
            let same_number = ours.is_number() && ours.as_f64() == theirs.as_f64();
            if !ours.is_null() && !same_number && ours != theirs {
                self.note(path, &format!("{keyword} {ours} ≠ {theirs}"));
            }
        }
        let texts = |of: &Value| -> BTreeSet<String> {
            of.as_array().into_iter().flatten().map(|text| text.to_string()).collect()
        };
        for more in texts(&ours["required"]).difference(&texts(&theirs["required"])) {
            self.note(path, &format!("requires {more}"));
        }
        if texts(&ours["enum"]) != texts(&theirs["enum"]) {
            self.note(path, &format!("enum {} ≠ {}", ours["enum"], theirs["enum"]));
        }
        let keeps = |of: &Value| of["x-kubernetes-preserve-unknown-fields"] == true;
        if keeps(theirs) && !keeps(ours) {
            self.note(path, "drops unknown fields");
        }
        // The default of a list in the original is atomic, and is not always written.
        let list_type = |of: &Value| of["x-kubernetes-list-type"].as_str().map(str::to_owned);
        let atomic = |kind: Option<String>| kind.filter(|kind| kind != "atomic");
        if atomic(list_type(ours)) != atomic(list_type(theirs)) {
            self.note(path, "list type");
        }
        if ours["x-kubernetes-list-map-keys"] != theirs["x-kubernetes-list-map-keys"] {
            self.note(path, "list keys");
        }
        // An empty name stands for none.
        if !theirs["default"].is_null() && theirs["default"] != "" {
            let (ours, theirs) = (&ours["default"], &theirs["default"]);
            if ours != theirs {
                self.note(path, &format!("default {ours} ≠ {theirs}"));
            }
        }
        self.limits(path, theirs, ours);
        self.descend(path, theirs, ours);
    }

    /// Limits are only what makes a rule affordable, far above what objects have.
    fn limits(&mut self, path: &str, theirs: &Value, ours: &Value) {
        for (keyword, least) in [("maxItems", 64), ("maxProperties", 100), ("maxLength", 43)] {
            let narrow = ours[keyword].as_i64().is_some_and(|limit| limit < least);
            if narrow || !theirs[keyword].is_null() {
                self.note(path, keyword);
            }
        }
    }

    fn descend(&mut self, path: &str, theirs: &Value, ours: &Value) {
        let empty = Map::new();
        let properties = |of: &Value| of["properties"].as_object().cloned();
        let mine = properties(ours);
        for (name, field) in &properties(theirs).unwrap_or_default() {
            if path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
                continue;
            }
            let path = format!("{path}.{name}");
            match mine.as_ref().unwrap_or(&empty).get(name) {
                Some(own) => self.compare(&path, field, own),
                None => self.note(&path, "missing"),
            }
        }
        for (keyword, sign) in [("items", "[]"), ("additionalProperties", "{}")] {
            match (&theirs[keyword], &ours[keyword]) {
                (Value::Null, Value::Null) => {}
                (theirs, ours) if theirs.is_object() && ours.is_object() => {
                    self.compare(&format!("{path}{sign}"), theirs, ours);
                }
                (theirs, ours) => self.note(path, &format!("{keyword} {ours} ≠ {theirs}")),
            }
        }
    }
}

#[test]
fn what_the_original_accepts_is_accepted() {
    let Some(folder) = folder() else { return };
    for definition in all() {
        let names = &definition.spec.names;
        let file = format!("crd/compute.functionmesh.io_{}.yaml", names.plural);
        let text = std::fs::read_to_string(folder.join(&file)).unwrap();
        let theirs: Value = serde_saphyr::from_str(&text).unwrap();
        let ours = serde_json::to_value(&definition).unwrap();
        for pointer in ["/metadata/name", "/spec/group", "/spec/scope", "/spec/names/kind"] {
            assert_eq!(ours.pointer(pointer), theirs.pointer(pointer), "{file}");
        }
        let version = |of: &Value| of["spec"]["versions"][0].clone();
        let (ours, theirs) = (version(&ours), version(&theirs));
        assert_eq!(ours["name"], theirs["name"], "{file}");
        if names.kind != "BackendConfig" {
            // There the original has a scale of replicas that do not exist.
            assert_eq!(ours["subresources"], theirs["subresources"], "{file}");
        }
        let mut comparison =
            Comparison { kind: names.kind.clone(), compared: 0, differences: BTreeSet::new() };
        let schema = |of: &Value| of["schema"]["openAPIV3Schema"].clone();
        comparison.compare("", &schema(&theirs), &schema(&ours));
        assert!(comparison.compared > 500, "{file}: {}", comparison.compared);
        let differences: Vec<_> = comparison.differences.into_iter().collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
