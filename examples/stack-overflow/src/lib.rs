//! Recurses without end on demand: shows that the runner's stack limit holds.

use std::hint::black_box;

use function_mesh_sdk::function;

/// The input `deep` recurses until the stack is full; any other passes unchanged.
#[function]
pub fn stack_overflow(input: &str) -> String {
    black_box(descend(black_box(0), black_box(input)));
    input.to_owned()
}

fn descend(depth: u64, input: &str) -> u64 {
    if black_box(input) != "deep" {
        return depth;
    }
    // The addition afterwards keeps the frame: no tail call.
    black_box(descend(black_box(depth + 1), input)) + 1
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::stack_overflow;

    #[test]
    fn what_is_not_deep_passes() {
        let mut runner = TestRunner::new(stack_overflow);
        runner.send("a deep thought");
        assert_eq!(runner.output_texts(), ["a deep thought"]);
    }
}
