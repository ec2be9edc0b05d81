use prost::Message;
use serde_json::json;

use super::{function_status::ExceptionInformation, instance_control_server::SERVICE_NAME, *};
use crate::wire_bytes::{bytes, double, entry, number};

fn exception(text: &str, at: i64) -> Vec<ExceptionInformation> {
    vec![ExceptionInformation { exception_string: text.into(), ms_since_epoch: at }]
}

#[test]
fn the_service_is_pulsars() {
    assert_eq!(SERVICE_NAME, "proto.InstanceControl");
}

#[test]
fn the_status_has_pulsars_numbers() {
    let status = FunctionStatus {
        running: true,
        failure_exception: "f".into(),
        num_restarts: 1,
        num_received: 2,
        num_successfully_processed: 3,
        num_user_exceptions: 4,
        latest_user_exceptions: exception("u", 10),
        num_system_exceptions: 5,
        latest_system_exceptions: exception("s", 11),
        num_source_exceptions: 6,
        latest_source_exceptions: exception("o", 12),
        num_sink_exceptions: 7,
        latest_sink_exceptions: exception("i", 13),
        average_latency: 1.5,
        last_invocation_time: 8,
        instance_id: "0".into(),
        worker_id: "w".into(),
    };
    let exception = |field, text: &str, at| bytes(field, [bytes(1, text), number(2, at)].concat());
    let wire = [
        number(1, 1),
        bytes(2, "f"),
        number(3, 1),
        number(5, 3),
        number(6, 4),
        exception(7, "u", 10),
        number(8, 5),
        exception(9, "s", 11),
        double(12, 1.5),
        number(13, 8),
        bytes(14, "0"),
        bytes(16, "w"),
        number(17, 2),
        number(18, 6),
        exception(19, "o", 12),
        number(20, 7),
        exception(21, "i", 13),
    ]
    .concat();
    assert_eq!(FunctionStatus::decode(wire.as_slice()).unwrap(), status);
}

#[test]
fn the_metrics_have_pulsars_numbers_and_names() {
    let metrics = MetricsData {
        received_total: 1,
        received_total_1min: 2,
        processed_successfully_total: 3,
        processed_successfully_total_1min: 4,
        system_exceptions_total: 5,
        system_exceptions_total_1min: 6,
        user_exceptions_total: 7,
        user_exceptions_total_1min: 8,
        avg_process_latency: 1.5,
        avg_process_latency_1min: 2.5,
        last_invocation: 9,
        user_metrics: [("user_metric_x_sum".to_owned(), 3.5)].into(),
    };
    let wire = [
        number(2, 1),
        number(4, 3),
        number(5, 5),
        number(6, 7),
        double(7, 1.5),
        number(8, 9),
        entry(9, "user_metric_x_sum", double(2, 3.5)),
        number(10, 2),
        number(12, 4),
        number(13, 6),
        number(14, 8),
        double(15, 2.5),
    ]
    .concat();
    assert_eq!(MetricsData::decode(wire.as_slice()).unwrap(), metrics);
    // protobuf makes an underscore and a digit into the digit.
    let expected = json!({
        "receivedTotal": "1",
        "receivedTotal1min": "2",
        "processedSuccessfullyTotal": "3",
        "processedSuccessfullyTotal1min": "4",
        "systemExceptionsTotal": "5",
        "systemExceptionsTotal1min": "6",
        "userExceptionsTotal": "7",
        "userExceptionsTotal1min": "8",
        "avgProcessLatency": 1.5,
        "avgProcessLatency1min": 2.5,
        "lastInvocation": "9",
        "userMetrics": {"user_metric_x_sum": 3.5}
    });
    assert_eq!(serde_json::to_value(&metrics).unwrap(), expected);
}

#[test]
fn a_health_check_says_so() {
    assert_eq!(HealthCheckResult { success: true }.encode_to_vec(), number(1, 1));
}
