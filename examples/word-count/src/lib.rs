//! Counts words in the function's state.

use function_mesh_sdk::{Context, Error, function};

/// Counts each word of a line; the output says how often each was seen so far: `to:2 be:2`.
#[function]
pub fn word_count(line: &str, context: &Context) -> Result<Option<String>, Error> {
    let mut counts = Vec::new();
    for word in line.split_whitespace() {
        let count = context.state().incr_counter(word, 1)?;
        counts.push(format!("{word}:{count}"));
    }
    Ok((!counts.is_empty()).then(|| counts.join(" ")))
}
