//! Appends an exclamation mark.

use function_mesh_sdk::function;

#[function]
pub fn exclamation(input: &str) -> String {
    format!("{input}!")
}
