//! Appends an exclamation mark.

use function_mesh_sdk::function;

#[function]
pub fn exclamation(input: &str) -> String {
    format!("{input}!")
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::exclamation;

    #[test]
    fn appends_an_exclamation_mark() {
        let mut runner = TestRunner::new(exclamation);
        runner.send("hello");
        runner.send("");
        assert_eq!(runner.output_texts(), ["hello!", "!"]);
    }

    #[test]
    fn refuses_what_is_not_text() {
        let mut runner = TestRunner::new(exclamation);
        runner.send([0xff, 0xfe]);
        assert!(runner.outputs().is_empty());
        assert!(runner.errors()[0].starts_with("the input is not text: "), "{:?}", runner.errors());
    }
}
