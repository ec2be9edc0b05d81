//! Names, runtimes and where code comes from.

use super::{ALL_THREE, CONNECTORS, FUNCTION, Reason, Rule, SINK, SOURCE, rules};

/// http(s)://, or a package of Pulsar's package service, whose version may be left out.
macro_rules! location {
    ($field:literal) => {
        concat!(
            "!has(self.", $field, ") || self.", $field, " == '' || self.", $field,
            r".matches(r'(?i)^(https?://.+|(function|source|sink)://[^/@]+/[^/@]+/[^/@]+(@[^@]*)?)$')"
        )
    };
}

const LOCATION: &str = "http://, https://, or a package of Pulsar's package service such as \
    function://tenant/namespace/name@version: nothing else can be fetched. Upload the file with \
    `pulsar-admin packages upload`, or leave the location out if the image holds the file";

rules! {
    NAME_LENGTH: ALL_THREE at "", Invalid ".metadata.name",
        holds "size(self.metadata.name) <= 43",
        expected "a metadata.name of at most 43 characters: the names of pods and services are made from it";

    RUNTIME_MISSING: FUNCTION at "", Required ".spec",
        holds "has(self.spec.wasm) || has(self.spec.java) || has(self.spec.python) || has(self.spec.golang) || has(self.spec.genericRuntime)",
        expected "one of wasm, java, python, golang and genericRuntime: it says where the logic is";

    RUNTIME_SEVERAL: FUNCTION at "spec", Forbidden "",
        holds "[has(self.wasm), has(self.java), has(self.python), has(self.golang), has(self.genericRuntime)].filter(set, set).size() <= 1",
        expected "only one of wasm, java, python, golang and genericRuntime: a function has one logic. Remove the others";

    SINK_RUNTIME: SINK at "", Required ".spec.java",
        holds "has(self.spec.java)",
        expected "java, which says where the connector is: sinks are Java connectors";

    SOURCE_RUNTIME: SOURCE at "", Required ".spec.java",
        holds "has(self.spec.java)",
        expected "java, which says where the connector is: sources are Java connectors";

    CONNECTOR_IN_WASM: CONNECTORS at "spec", Forbidden ".wasm",
        holds "!has(self.wasm)",
        expected "no wasm: a connector is written in Java. Make it a Function if the logic is a component";

    JAVA_CLASS: ALL_THREE at "spec", Required ".className",
        holds "!has(self.java) || (has(self.className) && self.className != '')",
        expected "the name of the Java class: a JAR does not say which of its classes is meant";

    PYTHON_CLASS: FUNCTION at "spec", Required ".className",
        holds "!has(self.python) || (has(self.className) && self.className != '')",
        expected "the Python module and class, as in module.Class: a file does not say which is meant";

    JAVA_JAR: ALL_THREE at "spec.java", Required ".jar",
        holds "self.jar != ''",
        expected "the path of the JAR or NAR: in the image, or what the fetched file is to be called";

    PYTHON_FILE: FUNCTION at "spec.python", Required ".py",
        holds "self.py != ''",
        expected "the path of the .py, .zip or .whl file: in the image, or what the fetched file is to be called";

    GO_FILE: FUNCTION at "spec.golang", Required ".go",
        holds "self.go != ''",
        expected "the path of the executable: in the image, or what the fetched file is to be called";

    GENERIC_FILE: FUNCTION at "spec.genericRuntime", Required ".functionFile",
        holds "self.functionFile != ''",
        expected "the path of the function's file: in the image, or what the fetched file is to be called";

    GENERIC_LANGUAGE: FUNCTION at "spec.genericRuntime", Invalid ".language",
        holds "self.language in ['nodejs', 'python', 'executable', 'wasm']",
        expected "nodejs, python, executable or wasm: the generic runtime knows no other language";

    WASM_MODULE: FUNCTION at "spec.wasm", Required ".module",
        holds "self.module != ''",
        expected "the file name of the component: a path in the image, or what the fetched file is to be called";

    JAVA_LOCATION: ALL_THREE at "spec.java", Invalid ".jarLocation",
        holds location!("jarLocation"),
        expected LOCATION;

    PYTHON_LOCATION: FUNCTION at "spec.python", Invalid ".pyLocation",
        holds location!("pyLocation"),
        expected LOCATION;

    GO_LOCATION: FUNCTION at "spec.golang", Invalid ".goLocation",
        holds location!("goLocation"),
        expected LOCATION;

    GENERIC_LOCATION: FUNCTION at "spec.genericRuntime", Invalid ".functionFileLocation",
        holds concat!(location!("functionFileLocation"), " || self.functionFileLocation.matches(r'^oci(\\+http)?://.+/.+$')"),
        expected "http(s)://, function://tenant/namespace/name@version, or oci://registry/repository:tag: nothing else can be fetched. Leave it out if the image holds the file";

    WASM_LOCATION: FUNCTION at "spec.wasm", Invalid ".moduleLocation",
        holds r"!has(self.moduleLocation) || self.moduleLocation == ''
            || self.moduleLocation.matches(r'^(https?://.+|oci(\+http)?://.+/.+|function://[^/@]+/[^/@]+/[^/@]+@[^/@]+)$')",
        expected "http(s)://, oci://registry/repository:tag, or function://tenant/namespace/name@version: nothing else can be fetched. Leave it out if the image holds the module";

    WASM_DIGEST: FUNCTION at "spec.wasm", Invalid ".digest",
        holds "!has(self.digest) || self.digest == '' || self.digest.matches('^sha256:[0-9a-fA-F]{64}$')",
        expected "sha256: and 64 hexadecimal digits, as sha256sum prints them";

    SINK_CONFIG: SINK at "", Required ".spec.sinkConfig",
        holds "has(self.spec.sinkConfig)",
        expected "sinkConfig, the connector's configuration; {} if it needs none";

    SOURCE_CONFIG: SOURCE at "", Required ".spec.sourceConfig",
        holds "has(self.spec.sourceConfig)",
        expected "sourceConfig, the connector's configuration; {} if it needs none";

    STATE_IN_GO: FUNCTION at "spec", Forbidden ".statefulConfig",
        holds "!has(self.golang) || !has(self.statefulConfig) || !has(self.statefulConfig.pulsar)",
        expected "no statefulConfig.pulsar with golang: the runtime of Go has no state. Write the function for another runtime, or remove it";

    STATE_SERVICE_URL: FUNCTION at "spec.statefulConfig.pulsar", Required ".serviceUrl",
        holds "self.serviceUrl != ''",
        expected "the address of the state store, as in bk://host:4181";
}
