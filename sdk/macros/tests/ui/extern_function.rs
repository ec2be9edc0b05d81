use function_mesh_sdk::function;

#[function]
extern "C" fn length(input: Vec<u8>) -> String {
    input.len().to_string()
}

fn main() {}
