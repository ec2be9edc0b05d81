//! Delivery promises, retries, order and windows.

use super::{Report, topics};
use crate::crd::{
    consumption::Consumption,
    function::{FunctionSpec, WindowConfig},
    rules,
    sink::SinkSpec,
    workload::{ProcessingGuarantee, WorkloadSpec},
};

pub(super) fn function(report: &mut Report, spec: &FunctionSpec) {
    retries(report, &spec.consumption, &spec.workload);
    let by_key = spec.consumption.retain_key_ordering == Some(true);
    let field = "spec.retainKeyOrdering";
    let possible = !by_key || !effectively_once(&spec.workload);
    report.expect(possible, &rules::KEY_ORDER_EFFECTIVELY_ONCE, field, by_key);
    let one = !by_key || spec.consumption.retain_ordering != Some(true);
    report.expect(one, &rules::TWO_ORDERS, field, by_key);
    if let Some(windows) = &spec.window_config {
        window(report, windows);
    }
}

pub(super) fn sink(report: &mut Report, spec: &SinkSpec) {
    retries(report, &spec.consumption, &spec.workload);
}

/// What becomes of a message that was not acknowledged.
fn retries(report: &mut Report, spec: &Consumption, workload: &WorkloadSpec) {
    let once = effectively_once(workload);
    let timeout = spec.timeout.unwrap_or(0);
    let field = "spec.timeout";
    report.expect(timeout == 0 || !once, &rules::TIMEOUT_EFFECTIVELY_ONCE, field, timeout);
    report.at_least(0, spec.timeout, &rules::TIMEOUT_NEGATIVE, field);
    let retries = spec.max_message_retry.unwrap_or(0);
    let field = "spec.maxMessageRetry";
    report.expect(retries <= 0 || !once, &rules::RETRY_EFFECTIVELY_ONCE, field, retries);
    let dead_letter = spec.dead_letter_topic.as_deref();
    let given_up = dead_letter.is_some_and(|topic| !topic.is_empty());
    let written = spec.max_message_retry.map(|retries| retries.to_string()).unwrap_or_default();
    let possible = !given_up || retries > 0;
    report.expect(possible, &rules::DEAD_LETTER_WITHOUT_RETRY, field, written);
    topics::optional(report, &rules::DEAD_LETTER_TOPIC, "spec.deadLetterTopic", dead_letter);
}

fn effectively_once(spec: &WorkloadSpec) -> bool {
    spec.processing_guarantee == Some(ProcessingGuarantee::EffectivelyOnce)
}

fn window(report: &mut Report, windows: &WindowConfig) {
    let at = |field: &str| format!("spec.windowConfig.{field}");
    let (count, duration) = (windows.window_length_count, windows.window_length_duration_ms);
    let some = count.is_some() || duration.is_some();
    report.expect(some, &rules::WINDOW_WITHOUT_LENGTH, "spec.windowConfig", "");
    let one = count.is_none() || duration.is_none();
    report.expect(one, &rules::WINDOW_WITH_TWO_LENGTHS, "spec.windowConfig", "");
    report.at_least(1, count, &rules::WINDOW_COUNT, &at("windowLengthCount"));
    report.at_least(1, duration, &rules::WINDOW_DURATION, &at("windowLengthDurationMs"));
    let sliding = windows.sliding_interval_count;
    report.at_least(1, sliding, &rules::SLIDING_COUNT, &at("slidingIntervalCount"));
    let sliding = windows.sliding_interval_duration_ms;
    report.at_least(1, sliding, &rules::SLIDING_DURATION, &at("slidingIntervalDurationMs"));
    if windows.timestamp_extractor_class_name.is_some() {
        report.at_least(1, windows.max_lag_ms, &rules::WINDOW_LAG, &at("maxLagMs"));
        let interval = windows.watermark_emit_interval_ms;
        report.at_least(1, interval, &rules::WINDOW_WATERMARK, &at("watermarkEmitIntervalMs"));
    }
    let late = windows.late_data_topic.as_deref();
    topics::optional(report, &rules::LATE_DATA_TOPIC, &at("lateDataTopic"), late);
}
