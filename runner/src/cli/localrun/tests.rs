use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt, path::Path};

use clap::Parser;
use function_mesh_proto::instance::{
    AuthenticationConfig, InstanceConfig, Limits, LogFormat, SecretsConfig, StateConfig,
};

use super::*;
use crate::cli::{Cli, Command};

fn localrun(args: &[&str]) -> LocalRun {
    parsed(&[&words("--wasm f.wasm -i in -o out"), args].concat())
}

fn parsed(args: &[&str]) -> LocalRun {
    let cli = Cli::try_parse_from(["function-runner", "localrun"].iter().chain(args))
        .unwrap_or_else(|error| panic!("{error}"));
    match cli.command {
        Command::Localrun(options) => *options,
        other => panic!("{other:?}"),
    }
}

fn words(options: &str) -> Vec<&str> {
    options.split_whitespace().collect()
}

fn environment(name: &str) -> Option<OsString> {
    (name == "HOME").then(|| "/home/user".into())
}

fn prepared(args: &[&str]) -> Prepared {
    localrun(args).prepare(&environment).unwrap_or_else(|failure| panic!("{failure}"))
}

fn instance(args: &[&str]) -> InstanceConfig {
    prepared(args).config.instance
}

#[test]
fn without_options_topics_are_in_memory_and_nothing_is_served() {
    let Prepared { config, lines, .. } = prepared(&[]);
    assert_eq!(lines, Some((InputFormat::Line, OutputFormat::Line)));
    let instance = config.instance;
    assert!(instance.clusters.is_empty());
    assert_eq!((instance.ports.metrics, instance.ports.control), (None, None));
    assert_eq!(instance.limits, Limits::default());
    assert_eq!(instance.state, StateConfig::Memory);
    assert_eq!(instance.secrets, SecretsConfig::Environment);
    assert_eq!(instance.cluster_name, "local");
    assert_eq!(instance.cache_dir.as_deref(), Some(Path::new("/home/user/.cache/function-mesh")));
}

#[test]
fn lines_need_no_topics_to_be_named() {
    let topics = |options: &str| {
        let plan = parsed(&[&["--wasm", "f.wasm"], &*words(options)].concat())
            .prepare(&environment)
            .unwrap_or_else(|failure| panic!("{failure}"))
            .config
            .plan;
        let inputs: Vec<String> =
            plan.inputs.iter().map(|input| format!("{:?}", input.topic)).collect();
        (inputs.join(","), plan.output.map(|output| output.topic.to_string()))
    };
    let (inputs, output) = topics("");
    assert!(inputs.contains("persistent://public/default/in"), "{inputs}");
    assert_eq!(output.as_deref(), Some("persistent://public/default/out"));
    assert_eq!(topics("--output else").1.as_deref(), Some("persistent://public/default/else"));
    assert_eq!(topics("--inputs a").1, None);
}

#[test]
fn every_option_of_the_instance_sets_its_field() {
    let Prepared { config, instances, .. } = prepared(&words(
        "--state-dir /state --secrets-dir /secrets --cache-dir /cache \
         --metrics-port-start 9000 --instance-id-offset 3 --drain-seconds 20 --log-level \
         debug --log-format json --runtime THREAD",
    ));
    assert_eq!((instances, config.instance.instance_id), (3..4, None));
    let set = config.instance;
    assert_eq!(set.state, StateConfig::Disk { dir: "/state".into() });
    assert_eq!(set.secrets, SecretsConfig::Files { dir: "/secrets".into() });
    assert_eq!(set.cache_dir.as_deref(), Some(Path::new("/cache")));
    assert_eq!((set.ports.metrics, set.drain_seconds), (Some(9000), 20));
    assert_eq!((set.logging.level.as_str(), set.logging.format), ("debug", LogFormat::Json));
}

#[test]
fn every_limit_has_an_option() {
    let limits = instance(&words(
        "--memory-limit 32MiB --message-timeout-ms 1 --batch-timeout-ms 2 --table-limit 3 \
         --stack-limit 256KiB --host-call-limit 5MiB --call-messages 6 --call-size 7KiB \
         --in-flight-messages 800 --in-flight-size 9MiB",
    ))
    .limits;
    let expected = Limits {
        memory_bytes: 32 << 20,
        message_millis: 1,
        batch_millis: 2,
        table_elements: 3,
        stack_bytes: 256 << 10,
        host_call_bytes: 5 << 20,
        call_messages: 6,
        call_bytes: 7 << 10,
        in_flight_messages: 800,
        in_flight_bytes: 9 << 20,
    };
    assert_eq!(limits, expected);
}

#[test]
fn a_broker_is_the_default_cluster() {
    let Prepared { config, lines, .. } = prepared(&words(
        "--broker-service-url pulsar+ssl://b:6651 --web-service-url https://b:8443 \
         --use-tls --tls-allow-insecure --hostname-verification-enabled=false \
         --tls-trust-cert-path /ca.pem",
    ));
    assert_eq!(lines, None);
    let cluster = &config.instance.clusters["default"];
    assert_eq!(cluster.service_url, "pulsar+ssl://b:6651");
    assert_eq!(cluster.web_service_url.as_deref(), Some("https://b:8443"));
    assert!(cluster.tls.allow_insecure && !cluster.tls.hostname_verification);
    assert_eq!(cluster.tls.trust_cert_file.as_deref(), Some(Path::new("/ca.pem")));
    let plain = &instance(&["--broker-service-url", "pulsar://b:6650"]).clusters["default"];
    assert!(plain.tls.hostname_verification && !plain.tls.allow_insecure);
}

#[test]
fn the_old_names_of_the_broker_options_still_work() {
    let cluster = &instance(&words(
        "--brokerServiceUrl pulsar+ssl://b:6651 --webServiceUrl https://b:8443 --use_tls \
         --tls_allow_insecure --hostname_verification_enabled --tls_trust_cert_path \
         /ca.pem --clientAuthPlugin token --clientAuthParams token:t --instanceIdOffset 1",
    ))
    .clusters["default"];
    assert!(cluster.tls.allow_insecure && cluster.authentication.is_some());
}

#[test]
fn a_token_on_the_command_line_goes_to_a_file_that_vanishes() {
    for params in ["token:secret", "secret", r#"{"token": "secret"}"#] {
        let prepared = prepared(&[
            "--broker-service-url",
            "pulsar://b:6650",
            "--client-auth-plugin",
            "org.apache.pulsar.client.impl.auth.AuthenticationToken",
            "--client-auth-params",
            params,
        ]);
        let cluster = prepared.config.instance.clusters["default"].clone();
        let Some(AuthenticationConfig::Token { file }) = cluster.authentication else {
            panic!("{cluster:?}")
        };
        assert_eq!(fs::read_to_string(&file).unwrap(), "secret");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        drop(prepared);
        assert!(!file.parent().unwrap().exists());
    }
}

#[test]
fn secrets_in_files_stay_there() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "secret").unwrap();
    for params in [format!("file://{}", token.display()), format!("file:{}", token.display())] {
        let instance = instance(&[
            "--broker-service-url",
            "pulsar://b:6650",
            "--client-auth-plugin",
            "AuthenticationToken",
            "--client-auth-params",
            &params,
        ]);
        let expected = AuthenticationConfig::Token { file: token.clone() };
        assert_eq!(instance.clusters["default"].authentication, Some(expected));
    }
}

#[test]
fn basic_and_oauth2_take_pulsars_parameters() {
    let basic = prepared(&[
        "--broker-service-url",
        "pulsar://b:6650",
        "--client-auth-plugin",
        "org.apache.pulsar.client.impl.auth.AuthenticationBasic",
        "--client-auth-params",
        r#"{"userId": "me", "password": "pass:word"}"#,
    ]);
    match &basic.config.instance.clusters["default"].authentication {
        Some(AuthenticationConfig::Basic { file }) => {
            assert_eq!(fs::read_to_string(file).unwrap(), "me:pass:word");
        }
        other => panic!("{other:?}"),
    }
    let oauth2 = prepared(&[
        "--broker-service-url",
        "pulsar://b:6650",
        "--client-auth-plugin",
        "org.apache.pulsar.client.impl.auth.oauth2.AuthenticationOAuth2",
        "--client-auth-params",
        r#"{"issuerUrl": "https://i", "audience": "a", "privateKey": "data:application/json;base64,e30="}"#,
    ]);
    match &oauth2.config.instance.clusters["default"].authentication {
        Some(AuthenticationConfig::OAuth2 { issuer_url, audience, scope, key_file }) => {
            assert_eq!(
                (issuer_url.as_str(), audience.as_deref(), scope),
                ("https://i", Some("a"), &None)
            );
            assert_eq!(fs::read_to_string(key_file).unwrap(), "{}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_is_never_repeated() {
    for (plugin, params) in [
        ("AuthenticationBasic", r#"{"userId": "u", "password": hunter2}"#),
        ("AuthenticationBasic", "u:hunter2"),
        (
            "AuthenticationOAuth2",
            r#"{"privateKey": "data:application/json;base64,hunter2", "issuerUrl": "i"}"#,
        ),
        ("AuthenticationTls", "tlsKeyFile:hunter2"),
    ] {
        let options = localrun(&[
            "--broker-service-url",
            "pulsar://b:6650",
            "--client-auth-plugin",
            plugin,
            "--client-auth-params",
            params,
        ]);
        let failure = options.prepare(&environment).unwrap_err().to_string();
        assert!(!failure.contains("hunter2"), "{failure}");
    }
}

#[test]
fn a_file_names_further_clusters() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clusters.yaml");
    let text = "clusters:\n  east: {serviceUrl: 'pulsar://e:6650'}\n\
                inputClusters: {'persistent://public/default/in': east}\noutputCluster: east\n";
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let instance = instance(&["--clusters-file", path, "--broker-service-url", "pulsar://b:6650"]);
    assert_eq!(instance.clusters.keys().collect::<Vec<_>>(), ["default", "east"]);
    assert_eq!(instance.input_clusters["persistent://public/default/in"], "east");
    assert_eq!(instance.output_cluster.as_deref(), Some("east"));
}

mod refusals;
