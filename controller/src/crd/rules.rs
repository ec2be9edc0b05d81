//! What a manifest must keep to, beyond types: checked by the API server on create and update,
//! with no webhook, and by the controller for members of a mesh and for objects older than a rule.
//!
//! Each rule is a row of a table: where it is checked, which field it blames, why, the condition in
//! CEL, and what was expected. The texts follow the word "expected" in both places. Rules look at
//! Functions, Sources and Sinks; those of a mesh's members would be too expensive for the API
//! server, so `reconcile::validate` alone applies them.
//!
//! Kubernetes 1.30 is the first to understand all of it: quantities, and `oldSelf` on creation.
//!
//! Not here, because CEL cannot say it: whether a topic pattern is a regular expression, quantities
//! of other resources than the four that pods commonly have, the name of a mesh's child, and
//! whether what a manifest names exists.

mod delivery;
mod logic;
mod pulsar;
mod scaling;
mod topics;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, ValidationRule,
};

use super::{Kind, schema::place};

pub(crate) use {delivery::*, logic::*, pulsar::*, scaling::*, topics::*};

/// A condition, and what is wrong without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In capitals, with underscores.
    pub name: &'static str,
    pub kinds: &'static [Kind],
    /// Place in the schema of what the condition calls `self`; empty for the object itself.
    pub at: &'static str,
    /// The field to blame, from there.
    pub field: &'static str,
    pub reason: Reason,
    /// The condition in CEL; empty if a keyword of the schema says it.
    pub holds: &'static str,
    /// What would be accepted, why, and what to do.
    pub expected: &'static str,
}

/// Of Kubernetes's four reasons; it shows no message with the fourth, a duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Invalid,
    Forbidden,
    Required,
}

/// Functions, Sources and Sinks.
const ALL_THREE: &[Kind] = &[Kind::Function, Kind::Source, Kind::Sink];
const FUNCTION: &[Kind] = &[Kind::Function];
const SOURCE: &[Kind] = &[Kind::Source];
const SINK: &[Kind] = &[Kind::Sink];
const CONNECTORS: &[Kind] = &[Kind::Source, Kind::Sink];
/// What consumes topics.
const CONSUMERS: &[Kind] = &[Kind::Function, Kind::Sink];
/// What produces to a topic.
const PRODUCERS: &[Kind] = &[Kind::Function, Kind::Source];
const MESH: &[Kind] = &[Kind::FunctionMesh];

/// A table of rules: each is a constant, and all together are `ALL`.
macro_rules! rules {
    ($($name:ident: $kinds:ident at $at:literal, $reason:ident $field:literal,
       holds $holds:expr, expected $expected:expr;)*) => {
        $(pub(crate) const $name: Rule = Rule {
            name: stringify!($name),
            kinds: $kinds,
            at: $at,
            field: $field,
            reason: Reason::$reason,
            holds: $holds,
            expected: $expected,
        };)*
        pub(super) const ALL: &[Rule] = &[$($name),*];
    };
}
use rules;

/// All rules, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [logic::ALL, scaling::ALL, delivery::ALL, topics::ALL, pulsar::ALL].into_iter().flatten()
}

/// Adds the rules of one kind to its schema.
pub(super) fn add(kind: Kind, schema: &mut JSONSchemaProps) {
    for rule in all().filter(|rule| rule.kinds.contains(&kind) && !rule.holds.is_empty()) {
        if let Some(place) = place::at(schema, rule.at) {
            place.x_kubernetes_validations.get_or_insert_default().push(rule.validation());
        }
    }
}

impl Rule {
    fn validation(&self) -> ValidationRule {
        let reason = match self.reason {
            Reason::Invalid => "FieldValueInvalid",
            Reason::Forbidden => "FieldValueForbidden",
            Reason::Required => "FieldValueRequired",
        };
        let mut holds = self.holds.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.at.is_empty() {
            // The API server lets an unchanged part of an object stay wrong, so that its status
            // can be written; but the object as a whole always changes. It is done by hand here.
            let before = holds.replace("self.", "oldSelf.value().");
            holds = format!("({holds}) || (oldSelf.hasValue() && !({before}))");
        }
        ValidationRule {
            optional_old_self: holds.contains("oldSelf").then_some(true),
            rule: holds,
            message: Some(format!("expected {}", self.expected)),
            field_path: (!self.field.is_empty()).then(|| self.field.to_owned()),
            reason: Some(reason.to_owned()),
            ..ValidationRule::default()
        }
    }
}

#[cfg(test)]
mod tests;
