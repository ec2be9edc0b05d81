use function_mesh_sdk::function;

#[function]
async fn exclamation(input: String) -> String {
    format!("{input}!")
}

fn main() {}
