//! Flags of the Go operator that mean nothing here: accepted where their value asks for what is so
//! anyway, refused with the reason where it does not. None is ignored.

use clap::{Args, builder::BoolishValueParser};

/// See the module.
#[derive(Args, Clone, Debug)]
pub(super) struct Unsupported {
    /// Refused if true: there is no profiler
    #[arg(
        long, env = "ENABLE_PPROF", value_name = "BOOL", num_args = 0..=1,
        default_value = "false", default_missing_value = "true", hide = true,
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    enable_pprof: bool,
    /// Refused: there is no profiler
    #[arg(long, env = "PPROF_ADDR", value_name = "ADDRESS", hide = true)]
    pprof_addr: Option<String>,
    /// Refused: there is no webhook that needs certificates
    #[arg(long, env = "CERT_DIR", value_name = "DIRECTORY", hide = true)]
    cert_dir: Option<String>,
    /// Refused if true: runners fetch packages themselves
    #[arg(
        long, env = "ENABLE_INIT_CONTAINERS", value_name = "BOOL", num_args = 0..=1,
        default_value = "false", default_missing_value = "true", hide = true,
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    enable_init_containers: bool,
    /// Refused if true: the CRDs validate by themselves
    #[arg(
        long, env = "ENABLE_WEBHOOKS", value_name = "BOOL", num_args = 0..=1,
        default_value = "false", default_missing_value = "true", hide = true,
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    enable_webhooks: bool,
    /// Refused if false: pods never run as root
    #[arg(
        long, env = "RUN_AS_NON_ROOT", value_name = "BOOL", num_args = 0..=1,
        default_value = "true", default_missing_value = "true", hide = true,
        value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set
    )]
    run_as_non_root: bool,
}

impl Unsupported {
    /// # Errors
    /// The first that asks for what there is not, with the reason and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
        let refused: [(bool, &str); 6] = [
            (
                self.enable_pprof,
                "--enable-pprof (ENABLE_PPROF): there is no Go profiler in this program; leave it \
                 out, figures are on the metrics port",
            ),
            (
                self.enable_pprof && given(&self.pprof_addr),
                "--pprof-addr (PPROF_ADDR): there is no Go profiler in this program; leave it out",
            ),
            (
                given(&self.cert_dir),
                "--cert-dir (CERT_DIR): there is no webhook that needs a certificate; leave it \
                 out. The metrics port's is --metrics-cert-dir",
            ),
            (
                self.enable_init_containers,
                "--enable-init-containers (ENABLE_INIT_CONTAINERS): runners fetch packages \
                 themselves; leave it out",
            ),
            (
                self.enable_webhooks,
                "ENABLE_WEBHOOKS: there is no webhook, the CRDs validate and set defaults by \
                 themselves; leave it out, or set it to false",
            ),
            (
                !self.run_as_non_root,
                "RUN_AS_NON_ROOT: pods never run as root unless their own manifest says so in \
                 spec.pod.securityContext; leave it out, or set it to true",
            ),
        ];
        match refused.into_iter().find(|(refused, _)| *refused) {
            Some((_, why)) => Err(why.to_owned()),
            None => Ok(()),
        }
    }
}
