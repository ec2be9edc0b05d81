//! Which world, and which version of it, a component implements: told from what it exports.

use std::fmt;

use wasmtime::component::types;

use crate::fault::Fault;

/// A world of `sdk/wit/world.wit` that this runner runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// One guest call for a batch: what the Rust SDK makes.
    Packed,
    /// One guest call for a message: any component toolchain.
    Plain,
}

const PACKAGE: &str = "function-mesh:function/";
/// The contract's version; patches of it are compatible both ways.
const VERSION: &str = "1.0";

impl World {
    fn interface(self) -> &'static str {
        match self {
            Self::Packed => "packed",
            Self::Plain => "plain",
        }
    }

    /// Finds the world among a component's exports.
    ///
    /// # Errors
    /// None of them is one this runner knows; says what there is and what is expected.
    pub(super) fn of(
        engine: &wasmtime::Engine,
        component: &types::Component,
    ) -> Result<Self, Fault> {
        let exports: Vec<&str> = component.exports(engine).map(|(name, _)| name).collect();
        // The packed world first: it is the cheaper one, should a component have both.
        for world in [Self::Packed, Self::Plain] {
            if exports.iter().any(|name| world.is_exported_as(name)) {
                return Ok(world);
            }
        }
        let other_version =
            exports.iter().find(|name| name.strip_prefix(PACKAGE).is_some()).map(|name| {
                format!(
                    "exports {name}, another version than the {VERSION} this runner runs: rebuild \
                     it against the SDK of this runner, or use a newer runner"
                )
            });
        let why = other_version.unwrap_or_else(|| {
            let found = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
            format!(
                "exports {found}, but a function exports {} or {}: is #[function] on it?",
                Self::Packed,
                Self::Plain
            )
        });
        Err(Fault::user(format!("the component {why}")).permanent())
    }

    fn is_exported_as(self, name: &str) -> bool {
        name.strip_prefix(PACKAGE)
            .and_then(|rest| rest.strip_prefix(self.interface()))
            .and_then(|rest| rest.strip_prefix('@'))
            .and_then(|version| version.strip_prefix(VERSION))
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|patch| patch.bytes().all(|digit| digit.is_ascii_digit()))
    }
}

/// The interface a component exports to implement the world.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKAGE}{}@{VERSION}.0", self.interface())
    }
}
