//! Collects what a plan cannot honour.

use serde_json::{Map, Value};

use crate::{
    mistake::{Mistake, Mistakes},
    topic_name::{self, TopicPattern},
};

#[derive(Debug, Default)]
pub(super) struct Refusals(Mistakes);

impl Refusals {
    pub(super) fn add(
        &mut self,
        field: impl Into<String>,
        value: impl ToString,
        accepted: impl Into<String>,
    ) {
        self.0.add(Mistake::new(field, value.to_string(), accepted));
    }

    pub(super) fn unless_empty(&mut self, field: impl Into<String>, value: &str, accepted: &str) {
        if !value.is_empty() {
            self.add(field, value, accepted);
        }
    }

    /// The full name of a topic; `None` for an empty text and for what is no topic.
    pub(super) fn topic(&mut self, field: &str, text: &str) -> Option<String> {
        if text.is_empty() { None } else { self.required_topic(field, text) }
    }

    pub(super) fn required_topic(&mut self, field: &str, text: &str) -> Option<String> {
        let name = self.keep(topic_name::topic(field, text))?;
        Some(name.to_string())
    }

    pub(super) fn pattern(&mut self, field: &str, text: &str) -> Option<TopicPattern> {
        self.keep(topic_name::pattern(field, text))
    }

    fn keep<T>(&mut self, checked: Result<T, Mistake>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.0.add(mistake);
                None
            }
        }
    }

    /// A JSON object that travels as text; empty for an empty text.
    pub(super) fn object(&mut self, field: &str, text: &str) -> Map<String, Value> {
        if text.is_empty() {
            return Map::new();
        }
        serde_json::from_str(text).unwrap_or_else(|error| {
            // The text may hold a secret by mistake: say where, not what.
            let (line, column) = (error.line(), error.column());
            let accepted = format!("a JSON object as text: line {line}, column {column} is not");
            self.add(field, "..", accepted);
            Map::new()
        })
    }

    pub(super) fn into_mistakes(self) -> Mistakes {
        self.0
    }
}
