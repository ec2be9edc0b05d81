//! The rules' regular expressions say what the functions here say.

use regex::Regex;

use super::*;
use crate::reconcile::validate::{logic, topics};

/// The expression of a rule, as the API server reads it: its \w knows ASCII only.
fn expression(rule: &Rule) -> Regex {
    let (_, rest) = rule.holds.split_once("matches(").unwrap();
    let rest = rest.trim_start_matches('r').trim_start_matches('\'');
    let (text, _) = rest.split_once("')").unwrap();
    Regex::new(&text.replace(r"[-=:.\w]", "[-=:._0-9A-Za-z]")).unwrap()
}

#[track_caller]
fn agree(rule: &Rule, decide: fn(&str) -> bool, taken: &[&str], refused: &[&str]) {
    let expression = expression(rule);
    for (texts, expected) in [(taken, true), (refused, false)] {
        for text in texts {
            assert_eq!(decide(text), expected, "{}: {text:?}", rule.name);
            assert_eq!(expression.is_match(text), expected, "{expression}: {text:?}");
        }
    }
}

const TOPICS: &[&str] = &[
    "a",
    "a b",
    "ü",
    "a:b",
    "orders-partition-3",
    "t/n/a",
    "persistent://t/n/a",
    "non-persistent://t.1/n=:_-/a b",
];

const NO_TOPICS: &[&str] = &[
    " ",
    " a",
    "a ",
    "\u{a0}a",
    "a\n",
    "a\u{7f}b",
    "/",
    "t/a",
    "t/n/",
    "/n/a",
    "t/n/a/b",
    "t n/n/a",
    "ü/n/a",
    "kafka://t/n/a",
    "persistent://a",
    "persistent://t/a",
    "persistent://t/n/",
    "persistent://t/cluster/n/a",
    "persistent:///n/a",
];

#[test]
fn topics_are_what_pulsar_takes() {
    for rule in [
        &rules::INPUT_TOPIC,
        &rules::OUTPUT_TOPIC,
        &rules::SERDE_TOPIC,
        &rules::SCHEMA_TOPIC,
        &rules::SOURCE_SPECS_TOPIC,
        &rules::LOG_TOPIC,
        &rules::DEAD_LETTER_TOPIC,
        &rules::LATE_DATA_TOPIC,
    ] {
        agree(rule, topics::is_topic, TOPICS, NO_TOPICS);
    }
}

#[test]
fn patterns_are_of_one_namespace() {
    let taken =
        ["a.*", "t/n/.*", "persistent://t/n/.*", "persistent://t/n/(a|b)/c", "persistent://t/n/ "];
    let refused = [
        " ",
        "t/.*",
        "t/n/",
        "t/n/a/.*",
        "non-persistent://t/n/.*",
        "persistent://t/n/",
        "persistent://t/.*",
        "kafka://t/n/.*",
    ];
    for rule in [&rules::INPUT_PATTERN, &rules::SOURCE_SPECS_PATTERN] {
        agree(rule, topics::is_pattern, &taken, &refused);
    }
}

#[test]
fn packages_come_from_the_web_or_from_pulsar() {
    let taken = [
        "http://a",
        "HTTPS://acme.org/f.jar?x=1",
        "function://t/n/f@1",
        "function://t/n/f",
        "Sink://t/n/f@",
        "source://t/n/f@1/2",
    ];
    let refused = [
        "f.jar",
        "public/default/f",
        "http://",
        "ftp://acme.org/f.jar",
        "function://t/f@1",
        "function://t/n/f/g@1",
        "function:///n/f@1",
        "function://t/n/f@1@2",
        "file:///f.jar",
    ];
    for rule in [&rules::JAVA_LOCATION, &rules::PYTHON_LOCATION, &rules::GO_LOCATION] {
        agree(rule, logic::is_location, &taken, &refused);
    }
}

#[test]
fn components_come_from_where_the_runner_fetches_them() {
    let taken = [
        "http://a",
        "https://acme.org/f.wasm",
        "oci://ghcr.io/acme/f:1",
        "oci+http://localhost:5000/f@sha256:0",
        "function://t/n/f@1",
    ];
    let refused = [
        "f.wasm",
        "file:///f.wasm",
        "https://",
        "s3://acme/f.wasm",
        "oci://f",
        "function://t/n/f",
        "function://t/n/f@",
        "function://t/n/f@1/2",
        "sink://t/n/f@1",
    ];
    agree(&rules::WASM_LOCATION, logic::is_component_location, &taken, &refused);
}

#[test]
fn digests_are_those_of_sha256sum() {
    let lower = format!("sha256:{}", "0a".repeat(32));
    let upper = format!("sha256:{}", "0A".repeat(32));
    let short = format!("sha256:{}", "0a".repeat(31));
    let other = format!("sha512:{}", "0a".repeat(32));
    let odd = format!("sha256:{}", "0g".repeat(32));
    let refused = ["sha256:", &short, &other, &odd];
    agree(&rules::WASM_DIGEST, logic::is_digest, &[&lower, &upper], &refused);
}
