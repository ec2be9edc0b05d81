//! Reads YAML, or JSON, which is part of it, into types, and finds every mistake at once.
//!
//! Serde stops at the first mistake. So the text becomes a tree that knows where each value
//! stands; types are read from the tree, and what they refuse is noted, taken out, and the rest
//! read again.

use serde::de::DeserializeOwned;

use crate::mistake::{Mistake, Mistakes, Position};

mod deserialize;
mod node;
mod path;
mod refused;
mod wording;

pub(crate) use path::Path;

/// A document whose syntax is right.
#[derive(Clone, Debug)]
pub struct Document(node::Node);

impl Document {
    /// # Errors
    /// The first mistake of syntax, with line and column.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        // As in Pulsar: a function may be called y, n, on or off.
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map(Self).map_err(|error| {
            let place = error.location();
            let position = place.map(|p| Position { line: p.line(), column: p.column() });
            // A text that is no YAML may hold anything, so it is not shown.
            let accepted = format!("YAML or JSON: {}", wording::without_place(&error));
            Mistake { position, ..Mistake::new("", "", accepted) }.into()
        })
    }

    /// # Errors
    /// Every field that is unknown, missing or of the wrong type, with line and column.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        let mut tree = self.0.clone();
        let mut mistakes = Mistakes::default();
        let mut taken_out = Vec::new();
        loop {
            let refused = match T::deserialize(&tree) {
                Ok(value) => return mistakes.or(value),
                Err(refused) => refused,
            };
            let field = refused.field();
            // A field is not missing for having been taken out.
            if !taken_out.contains(&field) {
                mistakes.add(refused.mistake(&tree));
            }
            let place = refused.place_to_take_out();
            if !tree.take_out(&place) {
                return Err(mistakes);
            }
            taken_out.push(place);
        }
    }

    /// Where a field stands, or what it would stand in.
    pub fn position(&self, field: &str) -> Option<Position> {
        self.0.nearest(&Path::parse(field))
    }

    /// The mistakes, with the places of those that have none yet.
    pub fn locate(&self, mistakes: impl IntoIterator<Item = Mistake>) -> Mistakes {
        let located = |mistake: Mistake| {
            let position = mistake.position.or_else(|| self.position(&mistake.field));
            Mistake { position, ..mistake }
        };
        mistakes.into_iter().map(located).collect()
    }
}

#[cfg(test)]
mod tests;
