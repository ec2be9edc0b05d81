//! How mistakes of form are said: what a person writes, not what a type is called.

use serde::de::Unexpected;

use super::node::{Node, Value};

/// A list of names longer than this is no help.
const LISTED: usize = 12;

/// A value as it was written; what is not on one line, by its kind.
pub(super) fn value(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Signed(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(_) => "[..]".to_owned(),
        Value::Object(_) => "{..}".to_owned(),
    }
}

/// What a type says it expects, in a document's terms.
pub(super) fn expected(unexpected: Option<Unexpected<'_>>, expected: &str) -> String {
    let scalar = matches!(
        unexpected,
        Some(
            Unexpected::Bool(_)
                | Unexpected::Unsigned(_)
                | Unexpected::Signed(_)
                | Unexpected::Float(_)
        )
    );
    // Generated code says this word as well.
    let expected = expected.strip_prefix("expected ").unwrap_or(expected);
    let known = match expected {
        "a string" | "a borrowed string" if scalar => "a text: put it in quotes",
        "a string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "f32" | "f64" => "a number",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "u16" => "a whole number from 0 to 65535",
        "u8" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") || other.contains("tagged enum") => "an object",
        other => other,
    };
    match known.strip_prefix("one of: [").and_then(|names| names.strip_suffix(']')) {
        // The names of an enum, as generated code quotes them.
        Some(names) => format!("one of {}", names.replace('"', "")),
        None => known.to_owned(),
    }
}

/// What the proto3 JSON of numbers says, which takes them as numbers and as texts.
const NOT_A_NUMBER: [&str; 3] = ["untagged enum", "invalid digit", "invalid float"];

/// What a type says in words of its own.
pub(super) fn custom(message: &str) -> String {
    if NOT_A_NUMBER.iter().any(|part| message.contains(part)) {
        return "a number".to_owned();
    }
    match message.split_once(", expected ") {
        Some((_, accepted)) => expected(None, accepted),
        None => format!("a value that is right: {message}"),
    }
}

pub(super) fn known_field(name: &str, known: &[&str]) -> String {
    // Generated code knows each name in two spellings; Pulsar writes the one without underscores.
    let known: Vec<&str> = known.iter().copied().filter(|known| !known.contains('_')).collect();
    match nearest(name, &known) {
        Some(near) => format!("a known field: did you mean {near}?"),
        None if known.is_empty() => "nothing: no field is known here".to_owned(),
        None if known.len() <= LISTED => format!("a known field: {}", known.join(", ")),
        None => "a known field".to_owned(),
    }
}

pub(super) fn known_name(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) if known.len() > LISTED => format!("a known name: did you mean {near}?"),
        _ => format!("one of {}", known.join(", ")),
    }
}

/// The parser's message without the place, which is told apart.
pub(super) fn without_place(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

/// The known name that a person who wrote `name` most likely meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = name.replace(['_', '-'], "").to_lowercase();
    let distance = |known: &str| edits(&written, &known.to_lowercase());
    let near = known.iter().map(|known| (distance(known), *known)).min()?;
    (near.0 <= (name.chars().count() / 3).max(1)).then_some(near.1)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // Distances from the first i characters of `one` to the first j of `other`: of the last two i.
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (i, a) in one.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let of = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut least = (of(&next, j) + 1).min(of(&row, j + 1) + 1);
            least = least.min(of(&row, j) + usize::from(a != *b));
            let swapped = j > 0 && previous == Some(*b) && other.get(j - 1) == Some(&a);
            if swapped {
                least = least.min(of(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = row;
        row = next;
        previous = Some(a);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (one, other, count) in [
            ("", "", 0),
            ("input", "input", 0),
            ("input", "", 5),
            ("", "input", 5),
            ("input", "inputs", 1),
            ("inptu", "input", 1),
            ("output", "input", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(one, other), count, "{one} {other}");
        }
    }

    #[test]
    fn a_name_nobody_could_mean_is_answered_with_the_list() {
        let known = ["jar", "py", "go"];
        assert_eq!(known_field("wasm", &known), "a known field: jar, py, go");
        assert_eq!(known_field("gp", &known), "a known field: did you mean go?");
        assert_eq!(
            known_field("log_topic", &["logTopic"]),
            "a known field: did you mean logTopic?"
        );
    }
}
