//! Windows: how Pulsar passes their configuration on, and what it must satisfy.

use serde_json::{Value, json};

use super::{FunctionConfig, WindowConfig};
use crate::{
    function::ProcessingGuarantees,
    mistake::{Mistake, Mistakes},
    topic_name,
};

/// The class that runs windows in Pulsar, in place of the user's.
pub(crate) const EXECUTOR: &str = "org.apache.pulsar.functions.windowing.WindowFunctionExecutor";

/// Where in the user's configuration the window's travels.
pub(crate) const USER_CONFIG_KEY: &str = "__WINDOWCONFIGS__";

const DEFAULT_WATERMARK_EMIT_INTERVAL_MS: i64 = 1000;

/// The window's configuration with what follows from the function's and from the defaults.
pub(super) fn inferred(window: &WindowConfig, config: &FunctionConfig) -> Value {
    let mut window = window.clone();
    window.actual_window_function_class_name =
        window.actual_window_function_class_name.or(config.class_name.clone());
    window.processing_guarantees =
        window.processing_guarantees.or(Some(config.processing_guarantees.unwrap_or_default()));
    if window.sliding_interval_count.is_none() && window.sliding_interval_duration_ms.is_none() {
        // Without an interval, windows follow one another without overlap.
        window.sliding_interval_count = window.window_length_count;
        window.sliding_interval_duration_ms = window.window_length_duration_ms;
    }
    if window.timestamp_extractor_class_name.is_some() {
        window.max_lag_ms.get_or_insert(0);
        window.watermark_emit_interval_ms.get_or_insert(DEFAULT_WATERMARK_EMIT_INTERVAL_MS);
    }
    json!(window)
}

pub(super) fn check(window: &WindowConfig, config: &FunctionConfig, mistakes: &mut Mistakes) {
    let WindowConfig {
        window_length_count,
        window_length_duration_ms,
        sliding_interval_count,
        sliding_interval_duration_ms,
        late_data_topic,
        max_lag_ms,
        watermark_emit_interval_ms,
        timestamp_extractor_class_name,
        // Taken from className where it is missing.
        actual_window_function_class_name: _,
        processing_guarantees,
    } = window;
    if window_length_count.is_some() == window_length_duration_ms.is_some() {
        let both = if window_length_count.is_some() { "both" } else { "" };
        mistakes.add(Mistake::new(
            "windowConfig.windowLengthCount",
            both,
            "exactly one of windowLengthCount and windowLengthDurationMs",
        ));
    }
    for (field, value, least) in [
        ("windowLengthCount", window_length_count.map(i64::from), 1),
        ("windowLengthDurationMs", *window_length_duration_ms, 1),
        ("slidingIntervalCount", sliding_interval_count.map(i64::from), 1),
        ("slidingIntervalDurationMs", *sliding_interval_duration_ms, 1),
        ("maxLagMs", *max_lag_ms, 0),
        ("watermarkEmitIntervalMs", *watermark_emit_interval_ms, 1),
    ] {
        if let Some(value) = value.filter(|value| *value < least) {
            let field = format!("windowConfig.{field}");
            mistakes.add(Mistake::new(field, value.to_string(), format!("{least} or more")));
        }
    }
    if let Some(topic) = late_data_topic {
        let field = "windowConfig.lateDataTopic";
        mistakes.extend(topic_name::topic(field, topic).err());
        if timestamp_extractor_class_name.is_none() {
            let accepted = "no topic without timestampExtractorClassName: nothing is late";
            mistakes.add(Mistake::new(field, topic, accepted));
        }
    }
    let guarantees = [
        ("windowConfig.processingGuarantees", *processing_guarantees),
        ("processingGuarantees", config.processing_guarantees),
    ];
    for (field, guarantee) in guarantees {
        use ProcessingGuarantees::{EffectivelyOnce, Manual};
        if let Some(guarantee @ (EffectivelyOnce | Manual)) = guarantee {
            let accepted = "ATLEAST_ONCE or ATMOST_ONCE with windowConfig";
            mistakes.add(Mistake::new(field, guarantee.as_str_name(), accepted));
        }
    }
    if config.auto_ack == Some(true) {
        let accepted = "false or nothing with windowConfig: a window acknowledges what it held";
        mistakes.add(Mistake::new("autoAck", "true", accepted));
    }
}
