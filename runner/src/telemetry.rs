//! Structured logs: the runner's own on standard error, and the function's lines among them.
//!
//! Payloads are never logged. Standard output is not touched: it belongs to `localrun`'s messages.
//! Traces are deliberately absent.

use function_mesh_proto::{
    instance::{LogFormat, Logging},
    plan::FunctionId,
};
use tracing::{Span, Subscriber, error_span};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::fault::Fault;

mod guest_log;
mod json;
mod log_topic;
mod stderr;

pub use guest_log::{GuestLine, GuestLog};
pub use log_topic::LogTopic;
pub use stderr::Flush;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Target of the spans that name an instance; always enabled, whatever the directives, so that
/// every line of an instance says whose it is.
const INSTANCE: &str = "instance";

/// Starts logging to standard error, records of the `log` crate included. What it returns writes
/// out what is still queued when it is dropped: keep it until the end of `main`.
///
/// `colour`: standard error is a terminal and its user wants colours (`NO_COLOR` is not set).
///
/// # Errors
/// The level is not one, or something else logs already.
pub fn init(logging: &Logging, colour: bool) -> Result<Flush, Fault> {
    let (queue, flush) = stderr::start()?;
    subscriber(logging, colour, queue)?
        .try_init()
        .map_err(|_already| Fault::system("logging was started twice"))?;
    Ok(flush)
}

/// The span that names an instance in every line logged inside it.
pub fn instance_span(function: &FunctionId, instance: u32) -> Span {
    error_span!(
        target: INSTANCE,
        "instance",
        tenant = function.tenant,
        namespace = function.namespace,
        name = function.name,
        instance
    )
}

/// The client warns of every attempt to connect; source and sink say the same once, with the topic
/// it concerns.
const CALM: &str = "pulsar=error";

fn subscriber<W>(
    logging: &Logging,
    colour: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + 'static, Fault>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match logging.format {
        LogFormat::Text => lines.with_ansi(colour).boxed(),
        LogFormat::Json => {
            lines.with_ansi(false).fmt_fields(JsonFields::new()).event_format(json::Json).boxed()
        }
    };
    Ok(Registry::default().with(filter(&logging.level)?).with(lines))
}

/// Whether the directives are about the client, or ask for everything.
fn speaks_of_pulsar(directives: &str) -> bool {
    directives.split(',').map(|directive| directive.trim().to_ascii_lowercase()).any(|directive| {
        directive.starts_with("pulsar") || ["debug", "trace"].contains(&directive.as_str())
    })
}

/// # Errors
/// A directive that is neither a level nor `target=level`. The filter's own parser takes a
/// mistyped level for a target.
fn filter(directives: &str) -> Result<EnvFilter, Fault> {
    for directive in directives.split(',').map(str::trim).filter(|d| !d.is_empty()) {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(Fault::system(format!(
                "logging.level: \"{directive}\" is neither a level ({}) nor a target with one, \
                 as in function=debug",
                LEVELS.join(", ")
            ))
            .permanent());
        }
    }
    let calm = if speaks_of_pulsar(directives) { "" } else { CALM };
    EnvFilter::builder().parse(format!("{calm},{directives},{INSTANCE}=error")).map_err(|wrong| {
        Fault::system(format!("logging.level: \"{directives}\": {wrong}")).permanent()
    })
}

#[cfg(test)]
mod tests;
