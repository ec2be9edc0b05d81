use function_mesh_sdk::{Context, function};

#[function]
fn exclamation(_: &Context, input: &str) -> String {
    format!("{input}!")
}

fn main() {}
