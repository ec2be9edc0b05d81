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

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::word_count;

    #[test]
    fn counts_on_from_what_the_state_holds() {
        let mut runner = TestRunner::new(word_count).counter("be", 40);
        runner.send("to be or not to be");
        runner.send("  ");
        assert_eq!(runner.output_texts(), ["to:1 be:41 or:1 not:1 to:2 be:42"]);
        assert_eq!(runner.counter_of("be"), Some(42));
    }
}
