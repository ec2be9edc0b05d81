//! Measures what passes through.

use function_mesh_sdk::{Context, function};

/// Records each line's length as the user metric `line_length`, in bytes.
#[function]
pub fn measure(line: &str, context: &Context) -> String {
    context.record_metric("line_length", line.len() as f64);
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::measure;

    #[test]
    fn records_the_length_of_each_line() {
        let mut runner = TestRunner::new(measure);
        runner.send("four");
        runner.send("");
        runner.send("fourteen bytes");
        assert_eq!(runner.metric("line_length"), [4.0, 0.0, 14.0]);
        assert_eq!(runner.output_texts(), ["four", "", "fourteen bytes"]);
    }
}
