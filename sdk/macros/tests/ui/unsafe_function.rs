use function_mesh_sdk::function;

#[function]
unsafe fn exclamation(input: &str) -> String {
    format!("{input}!")
}

fn main() {}
