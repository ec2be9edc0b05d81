//! A document's values, each with its place.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::path::{Path, Step};
use crate::mistake::Position;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) position: Position,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    /// With the places elements had before others were taken out.
    List(Vec<(usize, Node)>),
    Object(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_position: Position,
    pub(super) node: Node,
}

impl Node {
    fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.value, step) {
            (Value::List(list), Step::Index(index)) => {
                list.iter().find(|(at, _)| at == index).map(|(_, node)| node)
            }
            (Value::Object(_), Step::Key(key)) => self.entry(key).map(|entry| &entry.node),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Node> {
        match (&mut self.value, step) {
            (Value::List(list), Step::Index(index)) => {
                list.iter_mut().find(|(at, _)| at == index).map(|(_, node)| node)
            }
            (Value::Object(entries), Step::Key(key)) => {
                entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Object(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Node> {
        path.0.iter().try_fold(self, Self::child)
    }

    /// The position of the value, or of the innermost one around it but the document.
    pub(super) fn nearest(&self, path: &Path) -> Option<Position> {
        let mut found = None;
        let mut node = self;
        for step in &path.0 {
            let Some(child) = node.child(step) else { break };
            node = child;
            found = Some(node.position);
        }
        found
    }

    /// Whether there was anything to take out.
    pub(super) fn take_out(&mut self, path: &Path) -> bool {
        let Some((last, parents)) = path.0.split_last() else { return false };
        let Some(parent) = parents.iter().try_fold(self, Self::child_mut) else { return false };
        match (&mut parent.value, last) {
            (Value::List(list), Step::Index(index)) => {
                let before = list.len();
                list.retain(|(at, _)| at != index);
                list.len() < before
            }
            (Value::Object(entries), Step::Key(key)) => {
                let before = entries.len();
                entries.retain(|entry| entry.key != *key);
                entries.len() < before
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        let position = Position { line: referenced.line(), column: referenced.column() };
        Ok(Self { value, position })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push((nodes.len(), node));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Node { value, position }) = object.next_key()? {
            let key = match value {
                Value::Text(text) => text,
                Value::Bool(value) => value.to_string(),
                Value::Unsigned(value) => value.to_string(),
                Value::Signed(value) => value.to_string(),
                Value::Float(value) => value.to_string(),
                Value::Null | Value::List(_) | Value::Object(_) => {
                    return Err(A::Error::custom("a key is a text"));
                }
            };
            entries.push(Entry { key, key_position: position, node: object.next_value()? });
        }
        Ok(Value::Object(entries))
    }
}
