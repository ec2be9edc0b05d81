//! How state and secrets are read. Serde lets any field pass beside a tag whose variant has none;
//! variants with an empty list of fields refuse them.

use std::path::PathBuf;

use serde::Deserialize;

use super::{SecretsConfig, StateConfig};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
pub(super) enum State {
    Memory {},
    Disk { dir: PathBuf },
}

impl From<State> for StateConfig {
    fn from(state: State) -> Self {
        match state {
            State::Memory {} => Self::Memory,
            State::Disk { dir } => Self::Disk { dir },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
pub(super) enum Secrets {
    Environment {},
    Files { dir: PathBuf },
    ClearText {},
}

impl From<Secrets> for SecretsConfig {
    fn from(secrets: Secrets) -> Self {
        match secrets {
            Secrets::Environment {} => Self::Environment,
            Secrets::Files { dir } => Self::Files { dir },
            Secrets::ClearText {} => Self::ClearText,
        }
    }
}
