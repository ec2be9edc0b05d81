use function_mesh_sdk::{Context, function};

#[function(init = prepare, retries = 3)]
fn exclamation(input: &str) -> String {
    format!("{input}!")
}

fn prepare(_: &Context) -> Result<(), String> {
    Ok(())
}

fn main() {}
