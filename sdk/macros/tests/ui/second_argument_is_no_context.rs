use function_mesh_sdk::function;

#[function]
fn exclamation(input: &str, mark: &str) -> String {
    format!("{input}{mark}")
}

fn main() {}
