//! A function's log lines. They go to the runner's log and, if the function has one, its log topic.

use std::fmt::Display;

use crate::{context::Context, host::Host as _};

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The finest detail.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// What happens in normal running.
    Info,
    /// Something odd that was dealt with.
    Warn,
    /// Something failed.
    Error,
}

/// Logging. `context.info(format_args!("{n} words"))` formats without a macro.
impl Context {
    /// Writes a log line.
    pub fn log(&self, level: Level, message: impl Display) {
        self.host().log(level, &message.to_string());
    }

    /// Writes a log line of level trace.
    pub fn trace(&self, message: impl Display) {
        self.log(Level::Trace, message);
    }

    /// Writes a log line of level debug.
    pub fn debug(&self, message: impl Display) {
        self.log(Level::Debug, message);
    }

    /// Writes a log line of level info.
    pub fn info(&self, message: impl Display) {
        self.log(Level::Info, message);
    }

    /// Writes a log line of level warn.
    pub fn warn(&self, message: impl Display) {
        self.log(Level::Warn, message);
    }

    /// Writes a log line of level error.
    pub fn error(&self, message: impl Display) {
        self.log(Level::Error, message);
    }
}

macro_rules! level_macro {
    ($($name:ident),*) => {level_macro!{@ ($) $($name),*}};
    (@ ($dollar:tt) $($name:ident),*) => {$(
        #[doc = concat!("Writes a log line of level ", stringify!($name), ": `", stringify!($name), "!(context, \"{n} words\")`.")]
        #[macro_export]
        macro_rules! $name {
            ($dollar context:expr, $dollar($dollar message:tt)+) => {
                $dollar context.$name(::core::format_args!($dollar($dollar message)+))
            };
        }
    )*};
}

level_macro!(trace, debug, info, warn, error);
