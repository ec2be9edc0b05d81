use function_mesh_sdk::{Context, function};

#[function]
fn exclamation(input: &str, _: &mut Context) -> String {
    format!("{input}!")
}

fn main() {}
