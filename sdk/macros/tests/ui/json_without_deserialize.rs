use function_mesh_sdk::{Json, function};

struct Order {
    amount: u32,
}

#[function]
fn amount(Json(order): Json<Order>) -> String {
    order.amount.to_string()
}

fn main() {}
