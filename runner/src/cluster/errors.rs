//! What the stock client's errors mean: for the retry, and for the reader of the log.

use std::error::Error as _;

use pulsar::{
    error::{ConnectionError, ConsumerError, Error, ProducerError, ServiceDiscoveryError},
    proto::ServerError,
};

/// Whether an error passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A lost connection, a broker that restarts, a topic on its way to another broker.
    Passing,
    /// Somebody has to do something.
    Lasting,
    /// One entry cannot be read; others can.
    Unreadable,
}

pub(crate) fn kind(error: &Error) -> Kind {
    if let Error::Consumer(ConsumerError::Io(_)) | Error::Connection(ConnectionError::Decoding(_)) =
        error
    {
        return Kind::Unreadable;
    }
    if let Error::Authentication(_)
    | Error::Connection(ConnectionError::Authentication(_))
    | Error::Custom(_) = error
    {
        return Kind::Lasting;
    }
    match answer(error) {
        Some((
            ServerError::AuthenticationError
            | ServerError::AuthorizationError
            | ServerError::TopicNotFound
            | ServerError::SubscriptionNotFound
            | ServerError::TopicTerminatedError
            | ServerError::InvalidTopicName
            | ServerError::IncompatibleSchema
            | ServerError::NotAllowedError
            | ServerError::UnsupportedVersionError,
            _,
        )) => Kind::Lasting,
        _ => Kind::Passing,
    }
}

/// Whether the broker itself said so, rather than the connection to it failing.
pub(crate) fn is_answer(error: &Error) -> bool {
    answer(error).is_some()
}

/// The error in words, with what to do about it where that is known. One line.
pub(crate) fn explain(error: &Error) -> String {
    if let Some((kind, text)) = answer(error) {
        let (what, advice) = meaning(kind);
        let text = one_line(text);
        let mut line = what.to_owned();
        if !text.is_empty() {
            line = format!("{line} (the broker says: {text})");
        }
        if !advice.is_empty() {
            line = format!("{line}; {advice}");
        }
        return line;
    }
    match error {
        Error::Connection(error)
        | Error::Consumer(ConsumerError::Connection(error))
        | Error::Producer(ProducerError::Connection(error))
        | Error::ServiceDiscovery(ServiceDiscoveryError::Connection(error)) => connection(error),
        Error::Producer(ProducerError::Batch(error)) => explain(error),
        Error::Authentication(error) => {
            format!("authentication failed: {}; check the cluster's authentication", error)
        }
        Error::Custom(text) => one_line(text),
        other => {
            let mut line = one_line(&other.to_string());
            if let Some(source) = other.source() {
                line = format!("{line}: {}", one_line(&source.to_string()));
            }
            line
        }
    }
}

fn connection(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                "connection refused; is the broker running there?".to_owned()
            }
            std::io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            // All that the client tells of a handshake that failed.
            std::io::ErrorKind::Other if error.to_string().starts_with("fatal error") => {
                "the broker broke the handshake off; if that lasts, check the cluster's \
                 authentication, tls and serviceUrl"
                    .to_owned()
            }
            _ => one_line(&error.to_string()),
        },
        ConnectionError::NotFound => {
            "the host is not known; check the cluster's serviceUrl".to_owned()
        }
        ConnectionError::Disconnected | ConnectionError::Canceled | ConnectionError::Shutdown => {
            "the connection was lost".to_owned()
        }
        ConnectionError::Tls(error) => {
            format!("tls failed ({error}); check tls.trustCertFile and the host name")
        }
        ConnectionError::Authentication(error) => {
            format!("authentication failed: {error}; check the cluster's authentication")
        }
        other => one_line(&other.to_string()),
    }
}

/// What the broker answered, wherever the client wrapped it.
fn answer(error: &Error) -> Option<(ServerError, &str)> {
    let (kind, text) = match error {
        Error::Connection(ConnectionError::PulsarError(kind, text))
        | Error::Consumer(ConsumerError::Connection(ConnectionError::PulsarError(kind, text)))
        | Error::Producer(ProducerError::Connection(ConnectionError::PulsarError(kind, text)))
        | Error::ServiceDiscovery(
            ServiceDiscoveryError::Query(kind, text)
            | ServiceDiscoveryError::Connection(ConnectionError::PulsarError(kind, text)),
        ) => (kind, text),
        Error::Producer(ProducerError::Batch(error)) => return answer(error),
        _ => return None,
    };
    kind.map(|kind| (kind, text.as_deref().unwrap_or_default()))
}

fn meaning(kind: ServerError) -> (&'static str, &'static str) {
    match kind {
        ServerError::AuthenticationError => {
            ("the broker refused our credentials", "check the cluster's authentication")
        }
        ServerError::AuthorizationError => {
            ("not authorized", "grant our role consume and produce on the namespace")
        }
        ServerError::TopicNotFound => (
            "the topic does not exist",
            "create it, or let the broker do so (allowAutoTopicCreation)",
        ),
        ServerError::SubscriptionNotFound => (
            "the subscription does not exist",
            "create it, or let the broker do so (allowAutoSubscriptionCreation)",
        ),
        ServerError::TopicTerminatedError => ("the topic was terminated", "use another topic"),
        ServerError::InvalidTopicName => ("the topic's name is not valid", ""),
        ServerError::IncompatibleSchema => (
            "the schema does not fit the topic's",
            "give the schema that the topic has, or change the namespace's compatibility strategy",
        ),
        ServerError::NotAllowedError => ("the broker does not allow it", ""),
        ServerError::ConsumerBusy => (
            "the subscription is in use in another way",
            "stop its other consumers or choose another subscription name",
        ),
        ServerError::ProducerBusy => ("another producer has our name", ""),
        ServerError::ServiceNotReady => ("the broker is not ready to serve the topic", ""),
        ServerError::MetadataError => ("the broker cannot read its metadata", ""),
        ServerError::PersistenceError => ("the broker cannot store messages", ""),
        ServerError::ProducerBlockedQuotaExceededError
        | ServerError::ProducerBlockedQuotaExceededException => {
            ("the namespace's backlog quota is exceeded", "consume the backlog or raise the quota")
        }
        ServerError::TooManyRequests => ("the broker is overloaded", ""),
        ServerError::ProducerFenced => ("another producer took the topic for itself", ""),
        _ => ("the broker failed", ""),
    }
}

/// Brokers send stack traces: the first line says it, after the exception's name.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    line.rsplit_once("Exception: ").map_or(line, |(_, what)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn refused(kind: ServerError) -> Error {
        let error = ConnectionError::PulsarError(
            Some(kind),
            Some("x.y.AuthException: no\n\tat z.java".to_owned()),
        );
        Error::Producer(ProducerError::Batch(Arc::new(Error::Producer(ProducerError::Connection(
            error,
        )))))
    }

    #[test]
    fn an_answer_of_the_broker_is_found_inside_a_batch_error() {
        let error = refused(ServerError::AuthorizationError);
        assert_eq!(kind(&error), Kind::Lasting);
        assert_eq!(
            explain(&error),
            "not authorized (the broker says: no); \
             grant our role consume and produce on the namespace"
        );
    }

    #[test]
    fn a_lost_connection_passes() {
        for error in [
            Error::Connection(ConnectionError::Disconnected),
            refused(ServerError::ServiceNotReady),
            Error::Connection(ConnectionError::Io(std::io::ErrorKind::ConnectionRefused.into())),
        ] {
            assert_eq!(kind(&error), Kind::Passing, "{error}");
        }
    }

    #[test]
    fn an_entry_that_does_not_decompress_does_not_end_the_session() {
        let error = Error::Consumer(ConsumerError::Io(std::io::Error::other("bad lz4")));
        assert_eq!(kind(&error), Kind::Unreadable);
    }
}
