use function_mesh_sdk::{Context, function};

#[function(init = prepare)]
fn exclamation(input: &str) -> String {
    format!("{input}!")
}

fn prepare(_: &Context) {}

fn main() {}
