//! Which of the function's inputs a line belongs to.

use std::sync::Arc;

use function_mesh_proto::plan::TopicSelector;
use regex::Regex;

use super::{InputFormat, message::Bad};

/// The inputs do not say which topic a line belongs to.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error(
        "the only input is the pattern `{pattern}`: a line then has to name its topic; use \
         --input-format jsonl with a \"topic\" in each line, or name an input topic"
    )]
    NoTopic { pattern: String },
    #[error("topic pattern `{pattern}`: {cause}")]
    Pattern {
        pattern: String,
        #[source]
        cause: regex::Error,
    },
    #[error("the function has no input topic; name one with --inputs")]
    NoInput,
}

#[derive(Debug)]
pub(super) struct Inputs {
    /// Where a line goes that names no topic.
    first: Option<Arc<str>>,
    names: Vec<Arc<str>>,
    patterns: Vec<Regex>,
}

impl Inputs {
    pub(super) fn new(inputs: &[TopicSelector], format: InputFormat) -> Result<Self, InputError> {
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for input in inputs {
            match input {
                TopicSelector::Name(name) => names.push(Arc::from(name.as_str())),
                TopicSelector::Pattern { regex, .. } => {
                    let whole = Regex::new(&format!("^(?:{regex})$"));
                    patterns.push(
                        whole.map_err(|cause| InputError::Pattern {
                            pattern: regex.clone(),
                            cause,
                        })?,
                    );
                }
            }
        }
        let first = names.first().cloned();
        if first.is_none() && format == InputFormat::Line {
            return Err(match inputs.first() {
                Some(TopicSelector::Pattern { regex, .. }) => {
                    InputError::NoTopic { pattern: regex.clone() }
                }
                _ => InputError::NoInput,
            });
        }
        Ok(Self { first, names, patterns })
    }

    /// The full name of the topic a line names, or of the first input.
    pub(super) fn resolve(&self, topic: Option<&str>) -> Result<Arc<str>, Bad> {
        let Some(topic) = topic else {
            return self.first.clone().ok_or(Bad::NoTopic);
        };
        let full = full_name(topic);
        if let Some(name) = self.names.iter().find(|name| name.as_ref() == full) {
            return Ok(name.clone());
        }
        // A pattern may be written without the scheme, as the broker matches it.
        let bare = full.split_once("://").map_or(full.as_str(), |(_, bare)| bare);
        if self.patterns.iter().any(|pattern| pattern.is_match(&full) || pattern.is_match(bare)) {
            return Ok(full.into());
        }
        let accepted = self.names.iter().map(|name| format!("`{name}`"));
        let patterns = self.patterns.iter().map(|pattern| format!("/{pattern}/"));
        Err(Bad::OtherTopic {
            topic: topic.to_owned(),
            inputs: accepted.chain(patterns).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Pulsar's rule for short names: `topic` and `tenant/namespace/topic`.
fn full_name(topic: &str) -> String {
    match (topic.contains("://"), topic.split('/').count()) {
        (true, _) => topic.to_owned(),
        (false, 1) => format!("persistent://public/default/{topic}"),
        (false, _) => format!("persistent://{topic}"),
    }
}
