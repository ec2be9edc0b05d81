use function_mesh_sdk::function;

#[function(start = prepare)]
fn exclamation(input: &str) -> String {
    format!("{input}!")
}

fn prepare() {}

fn main() {}
