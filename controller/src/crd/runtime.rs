//! What the logic is written in, and how it logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Logic as a WebAssembly component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WasmRuntime {
    /// File name of the component: a path in the image, or the name given to what is fetched.
    pub module: String,
    /// Where the component is fetched from: http(s)://, oci://, or a package of Pulsar's package
    /// service (function://tenant/namespace/name@version). Without it, the image holds the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_location: Option<String>,
    /// Digest that the component must have: sha256: and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Logging of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<RuntimeLog>,
}

/// Logic in Java.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JavaRuntime {
    /// Path of the JAR or NAR.
    pub jar: String,
    /// Where it is fetched from: http(s):// or function://, source://, sink:// of the package
    /// service. Without it, the image holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar_location: Option<String>,
    /// Directory with further JARs for the class path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_dependencies_dir: Option<String>,
    /// Path of the Java instance. Default: where Pulsar's images have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_path: Option<String>,
    /// Main class of the Java instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Options for the JVM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_opts: Option<Vec<String>>,
    /// Logging of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<RuntimeLog>,
}

/// Logic in Python.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PythonRuntime {
    /// Path of the .py, .zip or .whl file.
    pub py: String,
    /// Where it is fetched from: http(s):// or function:// of the package service. Without it, the
    /// image holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub py_location: Option<String>,
    /// Logging of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<RuntimeLog>,
}

/// Logic in Go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoRuntime {
    /// Path of the executable.
    pub go: String,
    /// Where it is fetched from: http(s):// or function:// of the package service. Without it, the
    /// image holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go_location: Option<String>,
    /// Logging of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<RuntimeLog>,
}

/// Logic in another language, named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenericRuntime {
    /// Path of the file.
    pub function_file: String,
    /// Where it is fetched from: http(s)://, function:// of the package service, or oci://. Without
    /// it, the image holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_file_location: Option<String>,
    /// nodejs, python, executable or wasm.
    pub language: String,
    /// Logging of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<RuntimeLog>,
}

/// How the logic logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimeLog {
    /// Least severe level that is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// Lines of text, or of JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// Rotation of log files. Accepted: the runner logs to standard error, which Kubernetes rotates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_policy: Option<RotatePolicy>,
    /// A logging configuration of your own, in a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_config: Option<LogConfig>,
    /// Format of a generated log4j configuration.
    #[serde(rename = "javaLog4JConfigFileType", skip_serializing_if = "Option::is_none")]
    pub java_log4j_config_file_type: Option<Log4jFileType>,
}

/// A key of a ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogConfig {
    /// Name of the ConfigMap.
    pub name: String,
    /// Key in it.
    pub key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Off,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
    All,
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Log4jFileType {
    Yaml,
    Xml,
    Ini,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RotatePolicy {
    TimedPolicyWithDaily,
    TimedPolicyWithWeekly,
    TimedPolicyWithMonthly,
    SizedPolicyWith10MB,
    SizedPolicyWith50MB,
    SizedPolicyWith100MB,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogTopicAgent {
    Runtime,
    Sidecar,
}
