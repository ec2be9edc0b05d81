use function_mesh_sdk::function;

#[function]
fn exclamation(input: &mut [u8]) -> Vec<u8> {
    input.to_vec()
}

fn main() {}
