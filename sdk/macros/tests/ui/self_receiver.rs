use function_mesh_sdk::function;

struct Exclamation;

impl Exclamation {
    #[function]
    fn exclamation(&self, input: &str) -> String {
        format!("{input}!")
    }
}

fn main() {}
