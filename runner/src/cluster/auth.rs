//! Credentials, read from their files when a broker asks for them.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use function_mesh_proto::instance::AuthenticationConfig;
use pulsar::{authentication::Authentication, error::AuthenticationError};
use serde_json::{Map, Value};

use super::oauth2::OAuth2;

/// What a session's client asks for before it connects, with or without credentials: the one
/// place where its connections can be seen from outside.
pub(super) struct Door {
    credentials: Option<Box<dyn Authentication>>,
    watch: DoorWatch,
}

/// What was seen at the door.
#[derive(Clone, Debug, Default)]
pub(super) struct DoorWatch {
    pub(super) connections: Arc<AtomicU64>,
    /// Why the last credentials could not be had. The client itself only logs that.
    failure: Arc<Mutex<Option<AuthenticationError>>>,
}

impl Door {
    pub(super) fn new(config: Option<&AuthenticationConfig>, watch: DoorWatch) -> Box<Self> {
        Box::new(Self { credentials: config.map(credentials), watch })
    }
}

impl DoorWatch {
    pub(super) fn failure(&self) -> Option<AuthenticationError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Authentication for Door {
    fn auth_method_name(&self) -> String {
        // What Pulsar's own clients say when they have no credentials.
        self.credentials.as_ref().map_or_else(|| "none".to_owned(), |c| c.auth_method_name())
    }

    async fn initialize(&mut self) -> Result<(), AuthenticationError> {
        match &mut self.credentials {
            Some(credentials) => credentials.initialize().await,
            None => Ok(()),
        }
    }

    async fn auth_data(&mut self) -> Result<Vec<u8>, AuthenticationError> {
        self.watch.connections.fetch_add(1, Ordering::AcqRel);
        let Some(credentials) = &mut self.credentials else { return Ok(Vec::new()) };
        let data = credentials.auth_data().await;
        if let Err(error) = &data {
            let mut failure = self.watch.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = Some(error.clone());
        }
        data
    }
}

fn credentials(config: &AuthenticationConfig) -> Box<dyn Authentication> {
    match config {
        AuthenticationConfig::Token { file } => {
            Box::new(FileCredentials { method: "token", file: file.clone() })
        }
        AuthenticationConfig::Basic { file } => {
            Box::new(FileCredentials { method: "basic", file: file.clone() })
        }
        AuthenticationConfig::OAuth2 { issuer_url, audience, scope, key_file } => {
            let (issuer_url, audience) = (issuer_url.clone(), audience.clone());
            let (scope, key_file) = (scope.clone(), key_file.clone());
            Box::new(OAuth2 { issuer_url, audience, scope, key_file, token: None })
        }
    }
}

/// A token, or `user:password`, in a file. Read for every connection and for every challenge,
/// so that a rotated credential is used without a restart.
struct FileCredentials {
    method: &'static str,
    file: PathBuf,
}

#[async_trait]
impl Authentication for FileCredentials {
    fn auth_method_name(&self) -> String {
        self.method.to_owned()
    }

    async fn initialize(&mut self) -> Result<(), AuthenticationError> {
        Ok(())
    }

    async fn auth_data(&mut self) -> Result<Vec<u8>, AuthenticationError> {
        let Self { method, file } = self;
        let content = tokio::fs::read_to_string(&file).await.map_err(|error| {
            AuthenticationError::Custom(format!(
                "cannot read {method} file {}: {error}",
                file.display()
            ))
        })?;
        let credentials = plain(method, content.trim());
        if credentials.is_empty() {
            let why = format!("{method} file {} is empty", file.display());
            return Err(AuthenticationError::Custom(why));
        }
        Ok(credentials.into_bytes())
    }
}

/// The credentials themselves, of a file that may hold them as parameters of Pulsar's plugins:
/// `token:..`, or a JSON object with `token`, or with `userId` and `password`.
fn plain(method: &str, content: &str) -> String {
    let text = |object: &Map<String, Value>, key: &str| {
        object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    match serde_json::from_str(content) {
        Ok(Value::Object(parameters)) if method == "token" => text(&parameters, "token"),
        Ok(Value::Object(parameters)) => {
            format!("{}:{}", text(&parameters, "userId"), text(&parameters, "password"))
        }
        _ if method == "token" => content.strip_prefix("token:").unwrap_or(content).to_owned(),
        _ => content.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rotated_token_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = AuthenticationConfig::Token { file: file.path().to_owned() };
        let mut provider = credentials(&config);
        std::fs::write(file.path(), "old\n").unwrap();
        assert_eq!(provider.auth_data().await.unwrap(), b"old");
        std::fs::write(file.path(), "new\n").unwrap();
        assert_eq!(provider.auth_data().await.unwrap(), b"new");
    }

    #[test]
    fn parameters_of_pulsars_plugins_are_understood() {
        for (method, content, expected) in [
            ("token", "abc", "abc"),
            ("token", "token:abc", "abc"),
            ("token", r#"{"token": "abc"}"#, "abc"),
            ("basic", "user:word", "user:word"),
            ("basic", r#"{"userId": "user", "password": "word"}"#, "user:word"),
        ] {
            assert_eq!(plain(method, content), expected, "{method} {content}");
        }
    }

    #[tokio::test]
    async fn a_missing_token_is_named() {
        let config = AuthenticationConfig::Token { file: "/nowhere/token".into() };
        let watch = DoorWatch::default();
        let mut door = Door::new(Some(&config), watch.clone());
        assert!(door.auth_data().await.is_err());
        let failure = watch.failure().unwrap().to_string();
        assert!(failure.contains("/nowhere/token"), "{failure}");
    }

    #[tokio::test]
    async fn connections_are_counted_also_without_credentials() {
        let watch = DoorWatch::default();
        let mut door = Door::new(None, watch.clone());
        assert_eq!(door.auth_method_name(), "none");
        assert_eq!(door.auth_data().await.unwrap(), b"");
        assert_eq!(watch.connections.load(Ordering::Relaxed), 1);
    }
}
