use function_mesh_sdk::function;

#[function]
fn exclamation(input: &'static str) -> String {
    format!("{input}!")
}

fn main() {}
