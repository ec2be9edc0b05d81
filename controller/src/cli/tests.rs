use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::*;
use crate::resync::Resync;

fn options(arguments: &[&str]) -> Result<crate::operator::Options, String> {
    let arguments = ["function-mesh-controller", "run"].iter().chain(arguments);
    let cli = Cli::try_parse_from(arguments).map_err(|why| why.to_string())?;
    let Command::Run(run) = cli.command else { panic!("not run") };
    run.filter().map_err(|why| format!("{why:#}"))?;
    run.options().map_err(|why| format!("{why:#}"))
}

#[test]
fn the_definition_of_commands_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_go_operators_flags_are_taken() {
    let options = options(&[
        "--metrics-addr=:9443",
        "--metrics-secure=false",
        "--leader-election-id=other",
        "--leader-election-namespace=ops",
        "--enable-leader-election=true",
        "--health-probe-addr=127.0.0.1:8001",
        "--watched-namespace=team",
        "--enable-pprof=false",
        "--enable-init-containers=false",
        "--global-backend-config=global",
        "--global-backend-config-namespace=ops",
        "--namespaced-backend-config=ours",
        "--add-default-affinity=false",
        "--pause-rollout",
    ])
    .unwrap();
    let election = options.election.unwrap();
    assert_eq!((election.lease.as_str(), election.namespace.as_deref()), ("other", Some("ops")));
    let metrics = options.metrics.unwrap();
    assert_eq!((metrics.address.to_string(), metrics.secure), (":9443".to_owned(), false));
    assert_eq!(options.probes.unwrap().to_string(), "127.0.0.1:8001");
    assert_eq!(options.settings.namespace.as_deref(), Some("team"));
    assert!(options.settings.pause_rollout && !options.settings.defaults.default_affinity);
}

#[test]
fn what_cannot_be_had_is_refused_with_the_reason() {
    for (flag, reason) in [
        ("--enable-pprof", "no Go profiler"),
        ("--cert-dir=/certs", "no webhook"),
        ("--enable-init-containers", "runners fetch packages themselves"),
        ("--enable-webhooks", "the CRDs validate"),
        ("--run-as-non-root=false", "pods never run as root"),
        ("--metrics-addr=8443", "no :port"),
        ("--log-level=inf", "inf"),
    ] {
        let refused = options(&[flag]).unwrap_err();
        assert!(refused.contains(reason), "{flag}: {refused}");
    }
}

#[test]
fn zero_turns_a_port_off() {
    let options = options(&["--metrics-addr=0", "--health-probe-addr=0"]).unwrap();
    assert!(options.metrics.is_none() && options.probes.is_none());
}

#[test]
fn a_resync_period_has_a_unit() {
    let of = |period: &str| -> Result<Resync, String> {
        Ok(options(&[&format!("--resync-period={period}")])?.settings.resync)
    };
    let every = |seconds| Resync::every(Duration::from_secs(seconds));
    assert_eq!(options(&[]).unwrap().settings.resync, every(3600));
    let given = (of("90s"), of("2m"), of("1h"));
    assert_eq!(given, (Ok(every(90)), Ok(every(120)), Ok(every(3600))));
    for wrong in ["0s", "5", "m", "-1m", "1d"] {
        assert!(of(wrong).unwrap_err().contains("90s, 5m, 1h"), "{wrong}");
    }
}
