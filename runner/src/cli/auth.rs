//! Pulsar's client authentication options, by Java class name, as references to files.
//!
//! A secret given as an argument is accepted, as Pulsar does, and moved to a file in a directory
//! that only this user can enter; both vanish with the process. Errors never repeat it.

use std::{
    fs::{OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use function_mesh_proto::{instance::AuthenticationConfig, mistake::Mistake};
use serde::Deserialize;
use tempfile::TempDir;
use url::Url;

const PLUGIN: &str = "--client-auth-plugin";
const PARAMS: &str = "--client-auth-params";

/// Secrets that were given as arguments, for as long as the process runs.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    dir: Option<TempDir>,
}

impl Secrets {
    /// Puts a secret into a file that only this user can read.
    fn keep(&mut self, name: &str, secret: &[u8]) -> Result<PathBuf, Mistake> {
        self.write(name, secret).map_err(|error| {
            Mistake::new(
                PARAMS,
                "",
                format!("a place for the secret, but writing it failed: {error}"),
            )
        })
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> io::Result<PathBuf> {
        let dir = match self.dir.take() {
            Some(dir) => dir,
            None => tempfile::Builder::new()
                .prefix("function-runner-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?,
        };
        let path = dir.path().join(name);
        self.dir = Some(dir);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(&path)?.write_all(secret)?;
        Ok(path)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Basic {
    user_id: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OAuth2 {
    #[serde(rename = "type")]
    kind: Option<String>,
    issuer_url: String,
    private_key: String,
    audience: Option<String>,
    scope: Option<String>,
}

/// # Errors
/// The plugin is not known, or its parameters are not what it takes.
pub(super) fn authentication(
    plugin: &str,
    params: Option<&str>,
    secrets: &mut Secrets,
) -> Result<AuthenticationConfig, Mistake> {
    let class = plugin.rsplit('.').next().unwrap_or(plugin);
    let params = params.unwrap_or_default();
    match class {
        "AuthenticationToken" | "token" => {
            Ok(AuthenticationConfig::Token { file: token(params, secrets)? })
        }
        "AuthenticationBasic" | "basic" => {
            let Basic { user_id, password } = object(params, "{\"userId\": .., \"password\": ..}")?;
            let file = secrets.keep("basic", format!("{user_id}:{password}").as_bytes())?;
            Ok(AuthenticationConfig::Basic { file })
        }
        "AuthenticationOAuth2" | "oauth2" => oauth2(params, secrets),
        _ => Err(Mistake::new(
            PLUGIN,
            plugin,
            "AuthenticationToken, AuthenticationBasic or AuthenticationOAuth2, with or without \
             the package of Pulsar's Java client; others run Java code",
        )),
    }
}

/// `token:..`, `file:..`, or the token itself, as Pulsar's AuthenticationToken reads it.
fn token(params: &str, secrets: &mut Secrets) -> Result<PathBuf, Mistake> {
    if params.starts_with("file:") {
        return file(params);
    }
    #[derive(Deserialize)]
    struct Json {
        token: String,
    }
    let json: Option<Json> =
        params.starts_with('{').then(|| object(params, "{\"token\": ..}")).transpose()?;
    let token = match &json {
        Some(Json { token }) => token,
        None => params.strip_prefix("token:").unwrap_or(params),
    };
    if token.trim().is_empty() {
        return Err(Mistake::new(PARAMS, "", "token:<token> or file:///path/of/the/token"));
    }
    secrets.keep("token", token.trim().as_bytes())
}

fn oauth2(params: &str, secrets: &mut Secrets) -> Result<AuthenticationConfig, Mistake> {
    let form = "{\"issuerUrl\": .., \"privateKey\": \"file:///..\", \"audience\": ..}";
    let OAuth2 { kind, issuer_url, private_key, audience, scope } = object(params, form)?;
    if kind.as_deref().is_some_and(|kind| kind != "client_credentials") {
        return Err(Mistake::new(
            format!("{PARAMS} type"),
            kind.unwrap_or_default(),
            "client_credentials, the one OAuth 2.0 flow that needs no person",
        ));
    }
    let key_file = match private_key.strip_prefix("data:application/json;base64,") {
        None => file(&private_key)?,
        Some(encoded) => {
            let key = BASE64_STANDARD.decode(encoded).map_err(|_secret| {
                Mistake::new(format!("{PARAMS} privateKey"), "", "base64 after `data:`")
            })?;
            secrets.keep("oauth2.json", &key)?
        }
    };
    Ok(AuthenticationConfig::OAuth2 { issuer_url, audience, scope, key_file })
}

/// The path of a `file:` URL, in any of the forms Pulsar's users write.
fn file(url: &str) -> Result<PathBuf, Mistake> {
    let path = match Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "file" => parsed.to_file_path().ok(),
        _ => url
            .strip_prefix("file:")
            .or(Some(url))
            .filter(|path| !path.contains("://"))
            .map(PathBuf::from),
    };
    match path {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(Mistake::new(PARAMS, path_text(&path), "a file that exists")),
        None => Err(Mistake::new(PARAMS, "", "file:///path")),
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// Reads JSON parameters. The parser's own words could quote the secret, so they are not used.
fn object<T: for<'de> Deserialize<'de>>(params: &str, form: &str) -> Result<T, Mistake> {
    serde_json::from_str(params)
        .map_err(|_secret| Mistake::new(PARAMS, "", format!("a JSON object such as {form}")))
}
