//! Runtimes, where code comes from, and what it needs beside it.

use super::Report;
use crate::crd::{
    function::FunctionSpec,
    rules::{self, Rule},
    runtime::{GenericRuntime, WasmRuntime},
    workload::WorkloadSpec,
};

const LANGUAGES: [&str; 4] = ["nodejs", "python", "executable", "wasm"];

pub(super) fn function(report: &mut Report, spec: &FunctionSpec) {
    let WorkloadSpec { wasm, java, python, golang, generic_runtime, .. } = &spec.workload;
    let runtimes = [
        ("wasm", wasm.is_some()),
        ("java", java.is_some()),
        ("python", python.is_some()),
        ("golang", golang.is_some()),
        ("genericRuntime", generic_runtime.is_some()),
    ];
    let set: Vec<_> = runtimes.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    report.expect(!set.is_empty(), &rules::RUNTIME_MISSING, "spec", "");
    report.expect(set.len() <= 1, &rules::RUNTIME_SEVERAL, "spec", set.join(", "));
    if let Some(python) = python {
        let class = spec.workload.class_name.as_deref();
        report.expect_text(class, &rules::PYTHON_CLASS, "spec.className");
        report.expect_text(Some(&python.py), &rules::PYTHON_FILE, "spec.python.py");
        let at = "spec.python.pyLocation";
        location(report, &rules::PYTHON_LOCATION, at, python.py_location.as_deref());
    }
    if let Some(go) = golang {
        report.expect_text(Some(&go.go), &rules::GO_FILE, "spec.golang.go");
        let at = "spec.golang.goLocation";
        location(report, &rules::GO_LOCATION, at, go.go_location.as_deref());
    }
    if let Some(runtime) = generic_runtime {
        generic(report, runtime);
    }
    if let Some(runtime) = wasm {
        component(report, runtime);
    }
    if let Some(store) = spec.workload.stateful_config.as_ref().and_then(|of| of.pulsar.as_ref()) {
        report.expect(golang.is_none(), &rules::STATE_IN_GO, "spec.statefulConfig", "");
        let at = "spec.statefulConfig.pulsar.serviceUrl";
        report.expect_text(Some(&store.service_url), &rules::STATE_SERVICE_URL, at);
    }
}

pub(super) fn connector(report: &mut Report, spec: &WorkloadSpec, runtime: &Rule) {
    report.expect(spec.java.is_some(), runtime, "spec.java", "");
    report.expect(spec.wasm.is_none(), &rules::CONNECTOR_IN_WASM, "spec.wasm", "");
}

pub(super) fn java(report: &mut Report, spec: &WorkloadSpec) {
    let Some(java) = &spec.java else { return };
    report.expect_text(spec.class_name.as_deref(), &rules::JAVA_CLASS, "spec.className");
    report.expect_text(Some(&java.jar), &rules::JAVA_JAR, "spec.java.jar");
    let at = "spec.java.jarLocation";
    location(report, &rules::JAVA_LOCATION, at, java.jar_location.as_deref());
}

fn generic(report: &mut Report, runtime: &GenericRuntime) {
    let GenericRuntime { function_file, function_file_location, language, .. } = runtime;
    let at = "spec.genericRuntime.functionFile";
    report.expect_text(Some(function_file), &rules::GENERIC_FILE, at);
    let known = LANGUAGES.contains(&language.as_str());
    report.expect(known, &rules::GENERIC_LANGUAGE, "spec.genericRuntime.language", language);
    let text = function_file_location.as_deref().unwrap_or_default();
    let holds = text.is_empty() || is_location(text) || is_image(text);
    let at = "spec.genericRuntime.functionFileLocation";
    report.expect(holds, &rules::GENERIC_LOCATION, at, text);
}

fn component(report: &mut Report, runtime: &WasmRuntime) {
    report.expect_text(Some(&runtime.module), &rules::WASM_MODULE, "spec.wasm.module");
    let text = runtime.module_location.as_deref().unwrap_or_default();
    let holds = text.is_empty() || is_component_location(text);
    report.expect(holds, &rules::WASM_LOCATION, "spec.wasm.moduleLocation", text);
    let text = runtime.digest.as_deref().unwrap_or_default();
    let holds = text.is_empty() || is_digest(text);
    report.expect(holds, &rules::WASM_DIGEST, "spec.wasm.digest", text);
}

fn location(report: &mut Report, rule: &Rule, field: &str, text: Option<&str>) {
    let text = text.unwrap_or_default();
    report.expect(text.is_empty() || is_location(text), rule, field, text);
}

/// http(s)://, or a package of Pulsar's package service, with or without a version.
pub(super) fn is_location(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => !rest.is_empty(),
        "function" | "source" | "sink" => {
            let (name, version) = rest.split_once('@').unwrap_or((rest, ""));
            is_package(name) && !version.contains('@')
        }
        _ => false,
    }
}

/// What the runner fetches components from.
pub(super) fn is_component_location(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    match scheme {
        "http" | "https" => !rest.is_empty(),
        "function" => rest.split_once('@').is_some_and(|(name, version)| {
            is_package(name) && !version.is_empty() && !version.contains(['/', '@'])
        }),
        _ => is_image(text),
    }
}

/// An image of a registry: the registry and the repository, at least.
fn is_image(text: &str) -> bool {
    let rest = text.strip_prefix("oci://").or_else(|| text.strip_prefix("oci+http://"));
    let parts = rest.and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(registry, repository)| !registry.is_empty() && !repository.is_empty())
}

fn is_package(name: &str) -> bool {
    name.split('/').count() == 3 && name.split('/').all(|part| !part.is_empty())
}

pub(super) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}
