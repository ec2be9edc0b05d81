use function_mesh_sdk::function;

#[function(init = prepare)]
fn exclamation(input: &str) -> String {
    format!("{input}!")
}

fn prepare() -> Result<(), String> {
    Ok(())
}

fn main() {}
