//! A registry's credentials from a docker `config.json`.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use super::failure::Failure;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// # Errors
/// The file cannot be read, or has the registry's credentials with a helper program, which is not
/// run.
pub(super) async fn credentials(file: &Path, registry: &str) -> Result<RegistryAuth, Failure> {
    let wrong = |why: String| Failure::lasting(format!("docker config {}: {why}", file.display()));
    let text = tokio::fs::read(file).await.map_err(|error| wrong(error.to_string()))?;
    // The parser's message would quote the file.
    let config: Config = serde_json::from_slice(&text).map_err(|error| {
        wrong(format!("not as expected in line {}, column {}", error.line(), error.column()))
    })?;
    let entry = config.auths.iter().find(|(name, _)| host(name) == host(registry));
    match entry.map(|(_, entry)| entry) {
        Some(Entry { auth: Some(auth), .. }) => {
            let (user, password) = STANDARD
                .decode(auth.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .and_then(|pair| {
                    pair.split_once(':').map(|(user, pass)| (user.to_owned(), pass.to_owned()))
                })
                .ok_or_else(|| {
                    wrong(format!("auths.\"{registry}\".auth: expected Base64 of user:password"))
                })?;
            Ok(RegistryAuth::Basic(user, password))
        }
        Some(Entry { username: Some(user), password: Some(password), .. }) => {
            Ok(RegistryAuth::Basic(user.clone(), password.clone()))
        }
        _ if config.cred_helpers.contains_key(registry)
            || (entry.is_some() && config.creds_store.is_some()) =>
        {
            Err(wrong(format!(
                "the credentials of {registry} are with a helper program, which is not run; give \
                 them under auths"
            )))
        }
        _ => Ok(RegistryAuth::Anonymous),
    }
}

/// `https://index.docker.io/v1/` and `docker.io` are the same registry.
fn host(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_scheme, rest)| rest);
    match name.split_once('/').map_or(name, |(host, _path)| host) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str, registry: &str) -> Result<RegistryAuth, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        credentials(file.path(), registry).await.map_err(|failure| failure.reason)
    }

    #[tokio::test]
    async fn credentials_are_found_by_host() {
        // From `printf me:pass:word | base64`.
        let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cGFzczp3b3Jk"},
            "ghcr.io": {"username": "you", "password": "p"}, "empty.io": {}}}"#;
        let basic = |user: &str, pass: &str| Ok(RegistryAuth::Basic(user.into(), pass.into()));
        assert_eq!(read(config, "docker.io").await, basic("me", "pass:word"));
        assert_eq!(read(config, "ghcr.io").await, basic("you", "p"));
        assert_eq!(read(config, "quay.io").await, Ok(RegistryAuth::Anonymous));
        assert_eq!(read(config, "empty.io").await, Ok(RegistryAuth::Anonymous));
    }

    #[tokio::test]
    async fn what_cannot_be_honoured_is_said() {
        let helper = r#"{"credHelpers": {"gcr.io": "gcloud"}}"#;
        assert!(read(helper, "gcr.io").await.unwrap_err().contains("helper program"));
        let store = r#"{"auths": {"a.io": {}}, "credsStore": "desktop"}"#;
        assert!(read(store, "a.io").await.unwrap_err().contains("helper program"));
        assert!(read("{\"auths\": secret", "a.io").await.unwrap_err().ends_with("column 11"));
    }
}
