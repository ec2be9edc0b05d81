//! The way to a value in a document: `inputSpecs["persistent://t/ns/in"].schemaType`, `inputs[0]`.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    pub(crate) fn with(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// Reads what `Display` writes. A text of another form becomes one key.
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let bracket = rest.strip_prefix('[');
            let quoted = bracket.and_then(|rest| rest.strip_prefix('"')?.split_once("\"]"));
            let index = bracket.and_then(|rest| rest.split_once(']'));
            let index = index.and_then(|(index, rest)| Some((index.parse().ok()?, rest)));
            rest = if let Some((key, rest)) = quoted {
                steps.push(Step::Key(key.to_owned()));
                rest
            } else if let Some((index, rest)) = index {
                steps.push(Step::Index(index));
                rest
            } else {
                // A bracket that opens nothing belongs to the key.
                let from = usize::from(bracket.is_some());
                let end = rest.char_indices().skip(from).find(|(_, c)| matches!(c, '.' | '['));
                let (key, rest) = rest.split_at(end.map_or(rest.len(), |(end, _)| end));
                steps.push(Step::Key(key.to_owned()));
                rest
            };
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if !is_plain(key) => write!(f, "[\"{key}\"]")?,
                Step::Key(key) if i == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_was_written() {
        for text in [
            "inputs[0]",
            "inputSpecs[\"persistent://t/ns/in\"].schemaType",
            "inputSpecs[\"a[0].b\"].cryptoConfig.encryptionKeys[12]",
            "clusters.eu-west.tls",
            "[3].name",
            "",
        ] {
            assert_eq!(Path::parse(text).to_string(), text);
        }
    }

    #[test]
    fn a_text_that_is_no_path_leads_nowhere_but_is_read() {
        for text in ["[", "[[", "a[", "a..b", "[\"", "[\"]", "[x]", ".", "]"] {
            assert!(!Path::parse(text).0.is_empty(), "{text}");
        }
    }
}
