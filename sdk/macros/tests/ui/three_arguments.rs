use function_mesh_sdk::{Context, function};

#[function]
fn exclamation(input: &str, _: &Context, times: usize) -> String {
    input.repeat(times)
}

fn main() {}
