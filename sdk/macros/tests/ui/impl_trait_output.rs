use function_mesh_sdk::function;

#[function]
fn exclamation(input: String) -> impl ToString {
    input
}

fn main() {}
