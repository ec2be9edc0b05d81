//! Lets only orders of a hundred and more pass.

use function_mesh_sdk::{Json, function};
use serde::{Deserialize, Serialize};

/// An order, as the input topic carries it in JSON.
#[derive(Debug, Deserialize, Serialize, PartialEq)]
pub struct Order {
    pub id: u64,
    pub item: String,
    pub amount: f64,
}

#[function]
pub fn large_orders(Json(order): Json<Order>) -> Option<Json<Order>> {
    (order.amount >= 100.0).then_some(Json(order))
}

#[cfg(test)]
mod tests {
    use function_mesh_sdk::testing::TestRunner;

    use super::large_orders;

    #[test]
    fn lets_large_orders_pass() {
        let mut runner = TestRunner::new(large_orders);
        runner.send(r#"{"id": 1, "item": "pencil", "amount": 0.5}"#);
        runner.send(r#"{"id": 2, "item": "desk", "amount": 450}"#);
        runner.send(r#"{"id": 3, "item": "lamp", "amount": 99.99}"#);
        assert_eq!(runner.output_texts(), [r#"{"id":2,"item":"desk","amount":450.0}"#]);
    }

    #[test]
    fn an_order_without_an_amount_fails() {
        let mut runner = TestRunner::new(large_orders);
        runner.send(r#"{"id": 1, "item": "pencil"}"#);
        assert_eq!(
            runner.errors(),
            ["the input is not the expected JSON: missing field `amount` at line 1 column 27"]
        );
    }
}
