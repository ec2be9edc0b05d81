//! Credentials, read from their files when a broker asks for them.

use std::path::PathBuf;

use async_trait::async_trait;
use function_mesh_proto::instance::AuthenticationConfig;
use pulsar::{
    authentication::{
        Authentication,
        oauth2::{OAuth2Authentication, OAuth2Params},
    },
    error::AuthenticationError,
};
use url::Url;

/// # Errors
/// The key file's path is not absolute, so that it makes no URL.
pub(super) fn provider(
    config: &AuthenticationConfig,
) -> Result<Box<dyn Authentication>, pulsar::Error> {
    Ok(match config {
        AuthenticationConfig::Token { file } => {
            Box::new(FileCredentials { method: "token", file: file.clone() })
        }
        AuthenticationConfig::Basic { file } => {
            Box::new(FileCredentials { method: "basic", file: file.clone() })
        }
        AuthenticationConfig::OAuth2 { issuer_url, audience, scope, key_file } => {
            let credentials_url = Url::from_file_path(key_file).map_err(|()| {
                pulsar::Error::Custom(format!(
                    "authentication.keyFile: {} is not an absolute path",
                    key_file.display()
                ))
            })?;
            OAuth2Authentication::client_credentials(OAuth2Params {
                issuer_url: issuer_url.clone(),
                credentials_url: credentials_url.into(),
                audience: audience.clone(),
                scope: scope.clone(),
            })
        }
    })
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
        let credentials = content.trim();
        if credentials.is_empty() {
            let why = format!("{method} file {} is empty", file.display());
            return Err(AuthenticationError::Custom(why));
        }
        Ok(credentials.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rotated_token_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = AuthenticationConfig::Token { file: file.path().to_owned() };
        let mut provider = provider(&config).unwrap();
        std::fs::write(file.path(), "old\n").unwrap();
        assert_eq!(provider.auth_data().await.unwrap(), b"old");
        std::fs::write(file.path(), "new\n").unwrap();
        assert_eq!(provider.auth_data().await.unwrap(), b"new");
    }

    #[tokio::test]
    async fn a_missing_token_is_named() {
        let config = AuthenticationConfig::Token { file: "/nowhere/token".into() };
        let error = provider(&config).unwrap().auth_data().await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/token"), "{error}");
    }
}
