//! Window functions: the user's class runs inside Pulsar's executor, which reads this.

use serde_json::{Value, json};

use crate::crd::function::WindowConfig;

pub(super) const EXECUTOR: &str = "org.apache.pulsar.functions.windowing.WindowFunctionExecutor";
pub(super) const USER_CONFIG_KEY: &str = "__WINDOWCONFIGS__";

/// The executor's configuration, with the function's class as the one that gets the windows.
pub(super) fn config(window: &WindowConfig, class_name: &str) -> Value {
    let mut window = window.clone();
    class_name.clone_into(&mut window.actual_window_function_class_name);
    // The original's default: a window that tumbles.
    if window.window_length_duration_ms.is_some() && window.sliding_interval_duration_ms.is_none() {
        window.sliding_interval_duration_ms = window.window_length_duration_ms;
    }
    serde_json::to_value(&window).unwrap_or_else(|_| json!({}))
}
