use super::*;
use crate::{function_config::FunctionConfig, mistake::Mistakes};

/// The plan of a function with three inputs, an output and three instances.
fn plan(said: &str) -> FunctionPlan {
    let yaml = format!(
        "wasm: count.wasm\ninputs: [a, b]\ntopicsPattern: persistent://t/n/.*\nparallelism: 3\n{said}\n"
    );
    let config = FunctionConfig::from_yaml(&yaml).unwrap();
    config.to_plan().unwrap_or_else(|mistakes| panic!("{mistakes}")).1
}

fn instance(yaml: &str) -> InstanceConfig {
    InstanceConfig::from_yaml(yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const LEAST: &str = "clusters: {default: {serviceUrl: 'pulsar://localhost:6650'}}";

fn check(yaml: &str, plan: &FunctionPlan, expected: &[(&str, &str, &str)]) {
    let mistakes: Mistakes = instance(yaml).check(plan).into_iter().collect();
    let found: Vec<_> = mistakes
        .iter()
        .map(|m| (m.field.as_str(), m.value.as_str(), m.accepted.as_str()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{yaml}: {mistakes}");
    for ((field, value, accepted), (field_expected, value_expected, part)) in
        found.iter().zip(expected)
    {
        assert_eq!((field, value), (field_expected, value_expected), "{yaml}");
        assert!(accepted.contains(part), "{yaml}: {accepted}");
    }
}

fn refused(said: &str, expected: &[(&str, &str, &str)]) {
    check(&format!("{LEAST}\n{said}\n"), &plan("output: out"), expected);
}

#[test]
fn the_least_document_is_accepted() {
    refused("", &[]);
    let instance = instance(LEAST);
    assert_eq!(instance.limits, Limits::default());
    assert!(instance.clusters["default"].tls.hostname_verification);
    assert_eq!(instance.ports, Ports::default());
}

#[test]
fn a_whole_document_is_accepted() {
    let yaml = "
instanceId: 2
functionId: 6f2c
functionVersion: '3'
clusterName: eu
package: {url: 'function://shop/eu/count@v1', digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF', cluster: west}
clusters:
  default:
    serviceUrl: pulsar+ssl://broker-0:6651,broker-1:6651
    webServiceUrl: https://broker-0:8443/
    authentication: {type: oauth2, issuerUrl: 'https://auth.example.org', audience: pulsar, keyFile: /keys/key.json}
    tls: {trustCertFile: /tls/ca.pem, hostnameVerification: false}
  west:
    serviceUrl: pulsar://[::1]:6650
    webServiceUrl: http://localhost:8080
    authentication: {type: token, file: /token}
  east:
    serviceUrl: pulsar://east:6650
    authentication: {type: basic, file: /basic}
inputClusters: {'persistent://public/default/a': west, 'persistent://t/n/.*': east}
outputCluster: east
limits: {memoryBytes: 1048576, messageMillis: 10, batchMillis: 10, callMessages: 1}
logging: {level: 'info,function_mesh_runner=debug', format: json}
state: {type: disk, dir: /state}
secrets: {type: files, dir: /secrets}
ports: {metrics: 0, control: null}
cacheDir: /cache
drainSeconds: 20
";
    let plan = plan("output: out\nsecrets: {password: {}}");
    check(yaml, &plan, &[]);
    let instance = instance(yaml);
    let clusters: Vec<&str> =
        plan.inputs.iter().map(|input| instance.cluster_of_input(&input.topic)).collect();
    assert_eq!(clusters, ["west", "default", "east"]);
    assert_eq!(instance.cluster_of_output(), "east");
    assert_eq!(instance.cluster_of_package(), "west");
    assert_eq!(instance.package_url(&plan), Some("function://shop/eu/count@v1"));
    let json = serde_json::to_string(&instance).unwrap();
    assert_eq!(InstanceConfig::from_yaml(&json), Ok(instance));
}

#[test]
fn clusters_are_addresses() {
    let service = "pulsar://host:port";
    for url in [
        "localhost:6650",
        "http://localhost:6650",
        "pulsar://localhost",
        "pulsar://:6650",
        "pulsar://a:6650,b",
        "pulsar://a:0",
        "pulsar://a:70000",
        "pulsar://u@a:6650",
        "",
    ] {
        let yaml = format!("clusters: {{default: {{serviceUrl: '{url}'}}}}");
        check(&yaml, &plan(""), &[("clusters.default.serviceUrl", url, service)]);
    }
    let yaml = "clusters: {default: {serviceUrl: 'pulsar://a:6650', webServiceUrl: 'a:8080'}}";
    check(yaml, &plan(""), &[("clusters.default.webServiceUrl", "a:8080", "http://host:port")]);
}

#[test]
fn authentication_is_by_file() {
    let with = |authentication: &str, expected: &[(&str, &str, &str)]| {
        let yaml = format!(
            "clusters: {{default: {{serviceUrl: 'pulsar://a:6650', authentication: {authentication}}}}}"
        );
        check(&yaml, &plan(""), expected);
    };
    let field = "clusters.default.authentication";
    with("{type: token, file: ''}", &[(&format!("{field}.file"), "", "the path of the file")]);
    with("{type: basic, file: ''}", &[(&format!("{field}.file"), "", "the path of the file")]);
    with(
        "{type: oauth2, issuerUrl: auth, keyFile: ''}",
        &[
            (&format!("{field}.issuerUrl"), "auth", "URL of the issuer"),
            (&format!("{field}.keyFile"), "", "the path of the file"),
        ],
    );
}

#[test]
fn a_secret_written_where_a_file_is_named_is_not_shown() {
    let yaml = "clusters: {default: {serviceUrl: 'pulsar://a:6650', authentication: {type: token, token: eyJh}}}";
    let mistakes = InstanceConfig::from_yaml(yaml).unwrap_err().to_string();
    assert!(mistakes.contains("clusters.default.authentication"), "{mistakes}");
    assert!(!mistakes.contains("eyJh"), "{mistakes}");
}

#[test]
fn options_of_encryption_need_it() {
    let yaml = "clusters: {default: {serviceUrl: 'pulsar://a:6650', tls: {trustCertFile: ca, allowInsecure: true, hostnameVerification: false}}}";
    let accepted = "nothing unless a URL of the cluster";
    check(
        yaml,
        &plan(""),
        &[
            ("clusters.default.tls.allowInsecure", "true", accepted),
            ("clusters.default.tls.hostnameVerification", "false", accepted),
            ("clusters.default.tls.trustCertFile", "ca", accepted),
        ],
    );
}

#[test]
fn topics_are_on_clusters_that_exist() {
    refused(
        "inputClusters: {a: west}",
        &[("inputClusters[\"a\"]", "west", "one of clusters: default")],
    );
    refused("outputCluster: west", &[("outputCluster", "west", "one of clusters: default")]);
    refused("inputClusters: {c: default}", &[("inputClusters[\"c\"]", "default", "this is none")]);
    refused(
        "inputClusters: {a: default, 'public/default/a': default}",
        &[
            ("inputClusters[\"a\"]", "default", "each input once"),
            ("inputClusters[\"public/default/a\"]", "default", "each input once"),
        ],
    );
    check(
        &format!("{LEAST}\noutputCluster: default"),
        &plan(""),
        &[("outputCluster", "default", "no output")],
    );
}

#[test]
fn the_default_cluster_is_there_if_a_topic_needs_it() {
    let clusters = "clusters: {west: {serviceUrl: 'pulsar://a:6650'}}";
    let all = "inputClusters: {a: west, b: west, 'persistent://t/n/.*': west}";
    let missing = |yaml: &str, plan: &FunctionPlan, topic: &str| {
        check(yaml, plan, &[("clusters.default", "", topic)]);
    };
    missing(clusters, &plan(""), "the input persistent://public/default/a names no other");
    let most = format!("{clusters}\ninputClusters: {{a: west, b: west}}");
    missing(&most, &plan(""), "the inputs persistent://t/n/.*");
    let inputs = format!("{clusters}\n{all}");
    missing(&inputs, &plan("output: out"), "the output persistent://public/default/out");
    missing(&inputs, &plan("logTopic: log"), "the log topic persistent://public/default/log");
    check(&inputs, &plan(""), &[]);
    // In memory.
    check("{}", &plan("output: out"), &[]);
}

#[test]
fn an_instance_is_one_of_the_function() {
    refused("instanceId: 3", &[("instanceId", "3", "0 to 2: the function has 3 instances")]);
    check(
        &format!("{LEAST}\ninstanceId: 1"),
        &FunctionConfig::from_yaml("{wasm: c.wasm, inputs: [a]}").unwrap().to_plan().unwrap().1,
        &[("instanceId", "1", "0: the function has one instance")],
    );
}

#[test]
fn packages_have_a_known_form() {
    let accepted = "a path, file://, http(s)://, oci://";
    for url in [
        "",
        "ftp://a/b",
        "builtin://count",
        "function://shop/count@v1",
        "function://a/b/c",
        "oci://",
    ] {
        let said = format!("package: {{url: '{url}'}}");
        let mistakes: Mistakes =
            instance(&format!("{LEAST}\n{said}")).check(&plan("")).into_iter().collect();
        let first = mistakes.iter().find(|mistake| mistake.field == "package.url").unwrap();
        assert_eq!(first.value, url);
        assert!(first.accepted.contains(accepted), "{first}");
    }
    for digest in ["0123", "sha256:0123", "sha512:00", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        refused(
            &format!("package: {{url: a.wasm, digest: '{digest}'}}"),
            &[("package.digest", digest, "sha256: and 64 hexadecimal digits")],
        );
    }
    refused(
        "package: {url: a.wasm, cluster: default}",
        &[("package.cluster", "default", "nothing unless package.url is function://")],
    );
    refused(
        "package: {url: a.wasm, registryCredentials: /config.json}",
        &[("package.registryCredentials", "/config.json", "where package.url is oci://")],
    );
    let registry = "package: {url: 'oci+http://registry/f:1', registryCredentials: /config.json}";
    refused(registry, &[]);
    refused(
        "package: {url: 'function://a/b/c@1'}",
        &[("clusters.default.webServiceUrl", "", "where function://a/b/c@1 is fetched")],
    );
    let without = FunctionPlan { package: None, ..plan("") };
    check(LEAST, &without, &[("package.url", "", "or as packageUrl of the function")]);
}

#[test]
fn limits_are_above_zero_and_agree() {
    let zero = "limits: {memoryBytes: 0, messageMillis: 0, batchMillis: 0, tableElements: 0, stackBytes: 0, hostCallBytes: 0, callMessages: 0, callBytes: 0, inFlightMessages: 0, inFlightBytes: 0}";
    let fields = [
        "batchMillis",
        "callBytes",
        "callMessages",
        "hostCallBytes",
        "inFlightBytes",
        "inFlightMessages",
        "memoryBytes",
        "messageMillis",
        "stackBytes",
        "tableElements",
    ]
    .map(|field| format!("limits.{field}"));
    let expected: Vec<(&str, &str, &str)> =
        fields.iter().map(|field| (field.as_str(), "0", " or more")).collect();
    refused(zero, &expected);
    refused(
        "limits: {messageMillis: 20, batchMillis: 10, callMessages: 3, inFlightMessages: 2, callBytes: 5, inFlightBytes: 4}",
        &[
            ("limits.callBytes", "5", "at most 4, what may be under way (limits.inFlightBytes)"),
            ("limits.callMessages", "3", "at most 2, what may be under way"),
            ("limits.messageMillis", "20", "at most 10, the time of a whole call"),
        ],
    );
    check(
        &format!("{LEAST}\nlimits: {{memoryBytes: 4294967297}}"),
        &plan("resources: {ram: 8589934592}"),
        &[("limits.memoryBytes", "4294967297", "at most 4294967296")],
    );
    check(
        LEAST,
        &plan("resources: {ram: 1048576}"),
        &[("limits.memoryBytes", "67108864", "at most the function's resources.ram, 1048576")],
    );
}

#[test]
fn logging_has_a_known_level() {
    for level in ["verbose", "", "info,", "info,a=loud", "=debug"] {
        let directive = level.split(',').next_back().unwrap();
        refused(
            &format!("logging: {{level: '{level}'}}"),
            &[("logging.level", directive, "trace, debug")],
        );
    }
}

#[test]
fn secrets_in_files_have_names_of_files() {
    check(
        &format!("{LEAST}\nsecrets: {{type: files, dir: /secrets}}"),
        &plan("secrets: {../password: {}, ok: {}}"),
        &[("secrets.type", "files", "the secret \"../password\": it names no file")],
    );
}

#[test]
fn directories_and_ports_and_time_are_given() {
    refused(
        "state: {type: disk, dir: ''}\nsecrets: {type: files, dir: ''}\ncacheDir: ''\ndrainSeconds: 0\nports: {metrics: 9094, control: 9094}",
        &[
            ("cacheDir", "", "the path of a directory"),
            ("drainSeconds", "0", "1 or more seconds"),
            ("ports.control", "9094", "not the one of ports.metrics"),
            ("secrets.dir", "", "the path of a directory"),
            ("state.dir", "", "the path of a directory"),
        ],
    );
    refused("ports: {metrics: 0, control: 0}", &[]);
}

#[test]
fn a_field_that_a_choice_does_not_have_is_refused() {
    let yaml = "
state: {type: memory, dir: /state}
secrets: {type: clearText, dir: /secrets}
clusters: {default: {serviceUrl: 'pulsar://a:1', authentication: {type: token, file: a, user: b}}}
";
    let mistakes = InstanceConfig::from_yaml(yaml).unwrap_err();
    let found: Vec<&str> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
    assert_eq!(found, ["clusters.default.authentication.user", "secrets.dir", "state.dir"]);
    let yaml = "{state: {type: redis}, secrets: {}, logging: {format: xml}}";
    let mistakes = InstanceConfig::from_yaml(yaml).unwrap_err();
    let found: Vec<(&str, &str)> =
        mistakes.iter().map(|m| (m.field.as_str(), m.accepted.as_str())).collect();
    let expected = [
        ("logging.format", "one of text, json"),
        ("secrets.type", "a value: the field is required"),
        ("state.type", "one of memory, disk"),
    ];
    assert_eq!(found, expected);
}
