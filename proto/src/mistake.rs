//! What is wrong with a document: every mistake at once, each with where, what and what would do.

use std::{error::Error, fmt};

/// One field with a value that cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Path of the field: `inputSpecs["persistent://t/ns/in"].schemaType`, `inputs[0]`.
    pub field: String,
    /// As it was written; empty if nothing was.
    pub value: String,
    /// What would be accepted, and why this is not, to follow the word "expected".
    pub accepted: String,
    /// Where it stands in the document, if that is known.
    pub position: Option<Position>,
}

/// Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl Mistake {
    pub fn new(
        field: impl Into<String>,
        value: impl Into<String>,
        accepted: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), value: value.into(), accepted: accepted.into(), position: None }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, accepted, position } = self;
        if !field.is_empty() {
            write!(f, "field \"{}\" = \"{}\"", OnOneLine(field), OnOneLine(value))?;
        } else {
            write!(f, "document")?;
        }
        if let Some(Position { line, column }) = position {
            write!(f, " (line {line}, column {column})")?;
        }
        write!(f, ": expected {accepted}")
    }
}

/// Longest text that is shown whole, in characters.
const SHOWN: usize = 200;

/// A text of any origin, fit for a line of a terminal or a log.
struct OnOneLine<'a>(&'a str);

impl fmt::Display for OnOneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars().take(SHOWN) {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        if self.0.chars().nth(SHOWN).is_some() { f.write_str("..") } else { Ok(()) }
    }
}

/// All mistakes of a document, in order of their fields; never empty as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub fn add(&mut self, mistake: Mistake) {
        let place = self.0.partition_point(|other| *other <= mistake);
        self.0.insert(place, mistake);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// These mistakes, made in a document that is the text of a field of another one.
    pub(crate) fn inside_text_of(self, field: &str) -> Self {
        let outside = |mistake: Mistake| Mistake {
            field: match mistake.field.as_str() {
                "" => field.to_owned(),
                inner => format!("{field}.{inner}"),
            },
            position: None,
            ..mistake
        };
        self.into_iter().map(outside).collect()
    }

    /// `Err` of these mistakes if there are any, else the value.
    ///
    /// # Errors
    /// These mistakes.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}

impl Extend<Mistake> for Mistakes {
    fn extend<I: IntoIterator<Item = Mistake>>(&mut self, mistakes: I) {
        for mistake in mistakes {
            self.add(mistake);
        }
    }
}

impl FromIterator<Mistake> for Mistakes {
    fn from_iter<I: IntoIterator<Item = Mistake>>(mistakes: I) -> Self {
        let mut all = Self::default();
        all.extend(mistakes);
        all
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Mistakes {
    type Item = Mistake;
    type IntoIter = std::vec::IntoIter<Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_names_field_value_and_what_is_accepted() {
        let mistake = Mistake::new("inputs[0]", "x y", "a topic name");
        assert_eq!(mistake.to_string(), r#"field "inputs[0]" = "x y": expected a topic name"#);
        let position = Some(Position { line: 3, column: 7 });
        let mistake = Mistake { position, ..mistake };
        let expected = r#"field "inputs[0]" = "x y" (line 3, column 7): expected a topic name"#;
        assert_eq!(mistake.to_string(), expected);
    }

    #[test]
    fn mistakes_stand_in_order_one_to_a_line() {
        let mistakes: Mistakes =
            ["b", "a", "c"].map(|field| Mistake::new(field, "", "more")).into_iter().collect();
        let expected = "\
field \"a\" = \"\": expected more
field \"b\" = \"\": expected more
field \"c\" = \"\": expected more";
        assert_eq!(mistakes.to_string(), expected);
    }

    #[test]
    fn a_value_cannot_break_the_line_or_flood_it() {
        let mistake = Mistake::new("a\nb", "\u{1b}[31m\r\n", "less").to_string();
        assert_eq!(mistake, r#"field "a\nb" = "\u{1b}[31m\r\n": expected less"#);
        let mistake = Mistake::new("a", "x".repeat(1_000_000), "less").to_string();
        assert!(mistake.len() < 300, "{}", mistake.len());
    }

    #[test]
    fn without_mistakes_there_is_the_value() {
        assert_eq!(Mistakes::default().or(5), Ok(5));
        let mistakes = Mistakes::from(Mistake::new("a", "", "more"));
        assert_eq!(mistakes.clone().or(5), Err(mistakes));
    }
}
