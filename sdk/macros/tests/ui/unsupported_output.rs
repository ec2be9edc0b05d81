use function_mesh_sdk::function;

#[function]
fn length(input: &str) -> usize {
    input.len()
}

fn main() {}
