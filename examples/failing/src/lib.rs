//! Fails on demand, in the two ways a function can.

use function_mesh_sdk::function;

/// An input that contains `fail` is answered by an error, one that contains `panic` by a panic;
/// any other passes unchanged.
#[function]
pub fn failing(input: &str) -> Result<String, String> {
    assert!(!input.contains("panic"), "asked to panic by '{input}'");
    if input.contains("fail") {
        return Err(format!("asked to fail by '{input}'"));
    }
    Ok(input.to_owned())
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::failing;

    #[test]
    fn only_the_message_that_asks_for_it_fails() {
        let mut runner = TestRunner::new(failing);
        runner.send_batch(["one", "please fail", "two"]);
        assert_eq!(runner.output_texts(), ["one", "two"]);
        assert_eq!(runner.errors(), ["asked to fail by 'please fail'"]);
    }

    #[test]
    #[should_panic(expected = "asked to panic by 'panic'")]
    fn a_panic_fails_the_test() {
        TestRunner::new(failing).send("panic");
    }
}
