use function_mesh_sdk::function;

struct Refused;

#[function]
fn refuse(_: &str) -> Result<String, Refused> {
    Err(Refused)
}

fn main() {}
