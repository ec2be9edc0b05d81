use function_mesh_sdk::function;

#[function]
fn length(input: &str) -> Option<usize> {
    Some(input.len())
}

fn main() {}
