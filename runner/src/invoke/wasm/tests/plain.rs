//! The plain world: one guest call for one message.

use super::*;

/// Gives its message back; gives none for "n", fails for "f", traps for "!".
pub(super) const COMPONENT: &str = r#"
(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get 3)))
      (local.get $at))
    (func (export "process") (param $at i32) (param $length i32) (result i32)
      (local $op i32)
      (local.set $op (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $op) (i32.const 33)) (then unreachable))
      ;; result at 0; option at 4, list at 8 and 12; or the error's text at 4 and 8
      (i32.store8 (i32.const 0) (i32.eq (local.get $op) (i32.const 102)))
      (if (i32.eq (local.get $op) (i32.const 102))
        (then
          (i32.store (i32.const 4) (local.get $at))
          (i32.store (i32.const 8) (local.get $length)))
        (else
          (i32.store8 (i32.const 4) (i32.ne (local.get $op) (i32.const 110)))
          (i32.store (i32.const 8) (local.get $at))
          (i32.store (i32.const 12) (local.get $length))))
      (i32.const 0))
    (func (export "after") (param i32) (global.set $next (i32.const 1024))))
  (core instance $i (instantiate $m))
  (func $process
    (param "payload" (list u8)) (result (result (option (list u8)) (error string)))
    (canon lift (core func $i "process")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
      (post-return (core func $i "after"))))
  (instance $plain (export "process" (func $process)))
  (export "function-mesh:function/plain@1.0.0" (instance $plain)))
"#;

#[tokio::test]
async fn each_message_is_a_call_of_its_own() {
    let function = Function::start(COMPONENT, Setting::default()).await.unwrap();
    let outcomes = function.batch(&["e1", "n", "f3", "!", "e5"]).await;
    assert_eq!(shown(&outcomes), ["e1", "-", "error: f3", "error: trapped (unreachable)", "e5"]);
    assert_eq!(function.traps(), 1, "nothing had to run twice");
}
