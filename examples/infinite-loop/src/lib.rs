//! Never ends on demand: shows that the runner's time limit holds.

use std::hint::black_box;

use function_mesh_sdk::function;

/// The input `loop` is never answered; any other passes unchanged.
#[function]
pub fn infinite_loop(input: &str) -> String {
    let mut turns = 0_u64;
    while black_box(input) == "loop" {
        turns = black_box(turns.wrapping_add(1));
    }
    input.to_owned()
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::infinite_loop;

    #[test]
    fn what_does_not_loop_passes() {
        let mut runner = TestRunner::new(infinite_loop);
        runner.send("no loop here");
        assert_eq!(runner.output_texts(), ["no loop here"]);
    }
}
