//! What a type refused of a tree, and the mistake that makes.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use super::{
    node::Node,
    path::{Path, Step},
    wording,
};
use crate::mistake::Mistake;

#[derive(Debug)]
pub(super) struct Refused {
    /// From the inside out while it travels up.
    steps: Vec<Step>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    Missing {
        name: &'static str,
    },
    /// What would be accepted at the place itself.
    Value {
        accepted: String,
    },
}

impl Refused {
    pub(super) fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(super) fn content(accepted: &str) -> Self {
        Self::value(accepted.to_owned())
    }

    /// Serde asked for a value before its key, which derived code never does.
    pub(super) fn out_of_turn() -> Self {
        Self::value("a value that has a key".to_owned())
    }

    fn value(accepted: String) -> Self {
        Self { steps: Vec::new(), why: Why::Value { accepted } }
    }

    fn place(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }

    /// The field this is about.
    pub(super) fn field(&self) -> Path {
        match &self.why {
            Why::Unknown { name, .. } => self.place().with(Step::Key(name.clone())),
            Why::Missing { name } => self.place().with(Step::Key((*name).to_owned())),
            Why::Value { .. } => self.place(),
        }
    }

    /// What must go so that the rest can be read.
    pub(super) fn place_to_take_out(&self) -> Path {
        match &self.why {
            Why::Missing { .. } => self.place(),
            Why::Unknown { .. } | Why::Value { .. } => self.field(),
        }
    }

    pub(super) fn mistake(&self, tree: &Node) -> Mistake {
        let field = self.field();
        let position = match &self.why {
            // The name is the mistake, not the value.
            Why::Unknown { name, .. } => {
                let parent = tree.get(&self.place());
                parent.and_then(|parent| parent.entry(name)).map(|entry| entry.key_position)
            }
            Why::Missing { .. } | Why::Value { .. } => tree.nearest(&field),
        };
        let (value, accepted) = match &self.why {
            // An unknown field may hold what must not be shown.
            Why::Unknown { name, known } => ("..".to_owned(), wording::known_field(name, known)),
            Why::Missing { .. } => (String::new(), "a value: the field is required".to_owned()),
            Why::Value { accepted } => {
                (tree.get(&field).map(wording::value).unwrap_or_default(), accepted.clone())
            }
        };
        Mistake { position, ..Mistake::new(field.to_string(), value, accepted) }
    }
}

impl Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self::value(wording::custom(&message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::value(wording::expected(Some(unexpected), &expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::value(wording::expected(None, &expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::value(wording::expected(None, &expected.to_string()))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::value(wording::known_name(variant, known))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self { steps: Vec::new(), why: Why::Unknown { name: field.to_owned(), known } }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { steps: Vec::new(), why: Why::Missing { name: field } }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::value(format!("{field} once, under one of its names"))
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field();
        match &self.why {
            Why::Unknown { .. } => write!(f, "{field} is unknown"),
            Why::Missing { .. } => write!(f, "{field} is missing"),
            Why::Value { accepted } => write!(f, "{field}: expected {accepted}"),
        }
    }
}

impl std::error::Error for Refused {}
