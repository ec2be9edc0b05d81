use function_mesh_sdk::function;

#[function]
fn constant() -> String {
    "constant".to_owned()
}

fn main() {}
