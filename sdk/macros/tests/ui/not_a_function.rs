use function_mesh_sdk::function;

#[function]
struct Exclamation;

fn main() {}
