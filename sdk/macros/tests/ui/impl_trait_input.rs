use function_mesh_sdk::function;

#[function]
fn exclamation(input: impl ToString) -> String {
    input.to_string()
}

fn main() {}
