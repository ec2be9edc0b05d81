use function_mesh_sdk::function;

#[function]
fn increment(input: u32) -> String {
    (input + 1).to_string()
}

fn main() {}
