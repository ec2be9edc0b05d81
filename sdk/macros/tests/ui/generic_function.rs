use function_mesh_sdk::function;

#[function]
fn exclamation<T: ToString>(input: T) -> String {
    input.to_string()
}

fn main() {}
