//! Where the values of granted secrets come from. Environment variables are among the places,
//! which is why this is here.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::{Component, Path, PathBuf},
};

use function_mesh_proto::{instance::SecretsConfig, plan::FunctionPlan};
use serde_json::Value;

use crate::{fault::Fault, secrets::SecretsProvider};

/// The secrets a function was granted, and no others.
pub struct Granted {
    secrets: BTreeMap<String, Value>,
    place: SecretsConfig,
    environment: fn(&str) -> Option<OsString>,
}

impl Granted {
    pub fn new(
        plan: &FunctionPlan,
        place: &SecretsConfig,
        environment: fn(&str) -> Option<OsString>,
    ) -> Self {
        Self { secrets: plan.secrets.clone(), place: place.clone(), environment }
    }
}

/// Names only.
impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl SecretsProvider for Granted {
    fn secret(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(reference) = self.secrets.get(name) else { return Ok(None) };
        let unreadable = |why: String| Fault::user(format!("secret `{name}`: {why}"));
        match &self.place {
            SecretsConfig::ClearText => Ok(Some(match reference {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })),
            SecretsConfig::Environment => match (self.environment)(name).map(OsString::into_string)
            {
                Some(Ok(value)) => Ok(Some(value)),
                Some(Err(_secret)) => {
                    Err(unreadable("the environment variable of this name is not UTF-8".to_owned()))
                }
                None => Err(unreadable("there is no environment variable of this name".to_owned())),
            },
            SecretsConfig::Files { dir } => {
                let path = file(dir, name).ok_or_else(|| {
                    unreadable("a secret that is a file needs a plain file name".to_owned())
                })?;
                let value = std::fs::read_to_string(&path).map_err(|error| {
                    let why = match error.kind() {
                        io::ErrorKind::InvalidData => "not UTF-8".to_owned(),
                        _ => error.to_string(),
                    };
                    unreadable(format!("{}: {why}", path.display()))
                })?;
                // Written with an editor or echo, it ends with a newline that is not meant.
                let value = value.strip_suffix('\n').unwrap_or(&value);
                Ok(Some(value.to_owned()))
            }
        }
    }
}

/// The file of a secret, unless its name leads elsewhere.
fn file(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Some(dir.join(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(place: SecretsConfig) -> Granted {
        let names = ["password", "missing", "../password", "password/."];
        let secrets = names.map(|name| (name.to_owned(), Value::from("reference"))).into();
        let environment = |name: &str| (name == "password").then(|| OsString::from("hunter2"));
        Granted { secrets, place, environment }
    }

    fn said(outcome: Result<Option<String>, Fault>) -> Result<Option<String>, String> {
        outcome.map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_secret_that_was_not_granted_is_not_looked_for() {
        let granted = granted(SecretsConfig::Environment);
        assert_eq!(said(granted.secret("PATH")), Ok(None));
    }

    #[test]
    fn the_environment_has_it_under_its_own_name() {
        let granted = granted(SecretsConfig::Environment);
        assert_eq!(said(granted.secret("password")), Ok(Some("hunter2".to_owned())));
        assert_eq!(
            said(granted.secret("missing")),
            Err("secret `missing`: there is no environment variable of this name".to_owned())
        );
    }

    #[test]
    fn a_file_is_read_when_it_is_asked_for_and_never_outside_of_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let granted = granted(SecretsConfig::Files { dir: dir.path().join("inner") });
        std::fs::create_dir(dir.path().join("inner")).unwrap();
        std::fs::write(dir.path().join("password"), "outside").unwrap();
        assert!(granted.secret("password").is_err());
        std::fs::write(dir.path().join("inner/password"), "first\n").unwrap();
        assert_eq!(said(granted.secret("password")), Ok(Some("first".to_owned())));
        std::fs::write(dir.path().join("inner/password"), "rotated").unwrap();
        assert_eq!(said(granted.secret("password")), Ok(Some("rotated".to_owned())));
        for name in ["../password", "password/."] {
            assert!(granted.secret(name).is_err(), "{name}");
        }
    }

    #[test]
    fn clear_text_is_the_configuration_itself() {
        let granted = granted(SecretsConfig::ClearText);
        assert_eq!(said(granted.secret("password")), Ok(Some("reference".to_owned())));
    }

    #[test]
    fn debug_output_has_no_values() {
        let text = format!("{:?}", granted(SecretsConfig::ClearText));
        assert!(!text.contains("reference"), "{text}");
    }
}
