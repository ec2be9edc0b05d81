//! Eats memory on demand: shows that the runner's memory limit holds.

use std::hint::black_box;

use function_mesh_sdk::function;

const MEBIBYTE: usize = 1 << 20;

/// The input `bomb` takes memory, a mebibyte at a time, until there is none; any other passes
/// unchanged.
#[function]
pub fn memory_bomb(input: &str) -> String {
    let mut hoard = Vec::new();
    while black_box(input) == "bomb" {
        hoard.push(black_box(vec![1_u8; MEBIBYTE]));
    }
    input.to_owned()
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::memory_bomb;

    #[test]
    fn what_is_no_bomb_passes() {
        let mut runner = TestRunner::new(memory_bomb);
        runner.send("a bomb? no");
        assert_eq!(runner.output_texts(), ["a bomb? no"]);
    }
}
