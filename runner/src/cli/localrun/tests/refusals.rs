use expect_test::{Expect, expect};

use super::{environment, parsed, words};
use crate::cli::Exit;

fn refused(args: &[&str], why: Expect) {
    refused_alone(&[&words("--wasm f.wasm -i in -o out"), args].concat(), why);
}

fn refused_alone(args: &[&str], why: Expect) {
    let failure = parsed(args).prepare(&environment).unwrap_err();
    assert_eq!(failure.exit, Exit::BadConfiguration);
    why.assert_eq(&failure.to_string());
}

#[test]
fn what_cannot_be_honoured_is_refused_with_the_reason() {
    refused(
        &["--state-storage-service-url", "bk://b:4181"],
        expect![[r#"
        error: the configuration has a mistake
          --state-storage-service-url = "bk://b:4181": expected --state-dir: state is kept in memory or in a directory; Pulsar's BookKeeper state storage cannot be used yet
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &["--runtime", "PROCESS"],
        expect![[r#"
        error: the configuration has a mistake
          --runtime = "PROCESS": expected THREAD: each instance of a component runs on a thread of its own in this process, in a sandbox
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &["--secrets-provider-classname", "com.example.Vault"],
        expect![[r#"
        error: the configuration has a mistake
          --secrets-provider-classname = "com.example.Vault": expected EnvironmentBasedSecretsProvider or ClearTextSecretsProvider, or --secrets-dir instead; others are Java code
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &["--secrets-provider-config", r#"{"a": 1}"#],
        expect![[r#"
        error: the configuration has a mistake
          --secrets-provider-config: expected nothing: the providers that can be used here need no configuration
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &words("--web-service-url http://b:8080 --use-tls --tls-trust-cert-path /ca.pem"),
        expect![[r#"
            error: the configuration has 3 mistakes
              --tls-trust-cert-path: expected --broker-service-url with it; without a broker it says nothing
              --use-tls: expected --broker-service-url with it; without a broker it says nothing
              --web-service-url: expected --broker-service-url with it; without a broker it says nothing
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &words("--broker-service-url pulsar://b:6650 --use-tls --tls-trust-cert-path /ca.pem"),
        expect![[r#"
            error: the configuration has 3 mistakes
              --tls-trust-cert-path: expected a pulsar+ssl:// or https:// URL with it; this connection is not TLS
              --use-tls = "true": expected a pulsar+ssl:// URL in --broker-service-url, with the broker's TLS port
              clusters.default.tls.trustCertFile = "/ca.pem": expected nothing unless a URL of the cluster is pulsar+ssl:// or https://
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &words("--broker-service-url pulsar://b:6650 --input-format jsonl --output-format line"),
        expect![[r#"
            error: the configuration has 2 mistakes
              --input-format: expected no broker with it: lines are read and written only in memory
              --output-format: expected no broker with it: lines are read and written only in memory
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &[
            "--broker-service-url",
            "pulsar://b:6650",
            "--client-auth-plugin",
            "com.example.Kerberos",
        ],
        expect![[r#"
            error: the configuration has a mistake
              --client-auth-plugin = "com.example.Kerberos": expected AuthenticationToken, AuthenticationBasic or AuthenticationOAuth2, with or without the package of Pulsar's Java client; others run Java code
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &["--broker-service-url", "pulsar://b:6650", "--client-auth-params", "token:t"],
        expect![[r#"
            error: the configuration has a mistake
              --client-auth-params: expected --client-auth-plugin with it, to say what the parameters are for
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &["--clusters-file", "/nonexistent/clusters.yaml"],
        expect![[r#"
        error: the configuration has a mistake
          --clusters-file = "/nonexistent/clusters.yaml": expected a file that can be read: No such file or directory (os error 2)
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &["--function-config-file", "/nonexistent/function.yaml"],
        expect![[r#"
        error: the configuration has a mistake
          --function-config-file = "/nonexistent/function.yaml": expected a file that can be read: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn a_function_of_another_language_is_refused_with_the_reason() {
    refused_alone(
        &words("-i in"),
        expect![[r#"
            error: the configuration has a mistake
              wasm (--wasm): expected the component to run: a path, file://, http(s)://, function:// or oci://
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused_alone(
        &words("-i in --jar f.jar --classname C"),
        expect![[r#"
            error: the configuration has a mistake
              jar (--jar) = "f.jar": expected nothing as yet, and --wasm with a component instead: functions in Java, Python and Go come with the bridge to those languages
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused_alone(
        &words("-i in --py f.py"),
        expect![[r#"
            error: the configuration has a mistake
              py (--py) = "f.py": expected nothing as yet, and --wasm with a component instead: functions in Java, Python and Go come with the bridge to those languages
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused_alone(
        &words("-i in --go f"),
        expect![[r#"
            error: the configuration has a mistake
              go (--go) = "f": expected nothing as yet, and --wasm with a component instead: functions in Java, Python and Go come with the bridge to those languages
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused_alone(
        &words("-i in -t builtin"),
        expect![[r#"
            error: the configuration has a mistake
              functionType (--function-type) = "builtin": expected nothing: there are no built-in components; use --wasm
            help: `function-runner localrun --help` describes every option
        "#]],
    );
    refused(
        &words("--runtime-flags -Xmx1g --window-length-count 3"),
        expect![[r#"
        error: the configuration has 3 mistakes
          className (--classname) = "org.apache.pulsar.functions.windowing.WindowFunctionExecutor": expected nothing: a component has no classes
          runtimeFlags (--runtime-flags) = "-Xmx1g": expected nothing: a component starts no process to give flags to
          windowConfig (--window-length-count and its like) = "{..}": expected nothing: windows are not implemented for components as yet
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &words("--processing-guarantees EFFECTIVELY_ONCE"),
        expect![[r#"
        error: the configuration has a mistake
          processingGuarantees (--processing-guarantees) = "EFFECTIVELY_ONCE": expected ATLEAST_ONCE, ATMOST_ONCE or MANUAL until sequence ids are carried through: without them the broker cannot tell a repeated output from a new one
        help: `function-runner localrun --help` describes every option
    "#]],
    );
    refused(
        &words("--parallelism 2"),
        expect![[r#"
        error: the configuration has a mistake
          parallelism (--parallelism) = "2": expected 1: topics in memory have one consumer; with more, name a broker by --broker-service-url
        help: `function-runner localrun --help` describes every option
    "#]],
    );
}
