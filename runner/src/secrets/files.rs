//! Secrets in files: a mounted Kubernetes Secret, one file per key.

use std::{collections::BTreeSet, fs, io::Read, path::PathBuf};

use super::SecretsProvider;
use crate::fault::Fault;

/// Largest value in bytes: what Kubernetes allows a whole Secret.
const MAX_BYTES: u64 = 1 << 20;

/// A file of the secret's name in a directory. One newline at its end is not part of the value.
#[derive(Debug)]
pub struct FileSecrets {
    granted: BTreeSet<String>,
    dir: PathBuf,
}

impl FileSecrets {
    pub fn new(granted: impl IntoIterator<Item = String>, dir: PathBuf) -> Self {
        Self { granted: granted.into_iter().collect(), dir }
    }
}

impl SecretsProvider for FileSecrets {
    fn secret(&self, name: &str) -> Result<Option<String>, Fault> {
        if !self.granted.contains(name) {
            return Ok(None);
        }
        if name.is_empty() || name == "." || name.contains('/') || name.contains("..") {
            return Err(Fault::system(format!(
                "secret {name:?}: a secret in a file must have the name of a file in {}, without \
                 \"/\" and \"..\"",
                self.dir.display()
            )));
        }
        let path = self.dir.join(name);
        let unread =
            |why: String| Fault::system(format!("secret {name}: {} {why}", path.display()));
        let mut bytes = Vec::new();
        // One byte more than allowed tells a longer file without reading all of it.
        fs::File::open(&path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| unread(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(unread(format!("is larger than {MAX_BYTES} bytes")));
        }
        let mut value =
            String::from_utf8(bytes).map_err(|_| unread("is not valid UTF-8".to_owned()))?;
        if value.ends_with('\n') {
            value.pop();
            if value.ends_with('\r') {
                value.pop();
            }
        }
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(granted: &[&str]) -> (tempfile::TempDir, FileSecrets) {
        let dir = tempfile::tempdir().unwrap();
        let secrets =
            FileSecrets::new(granted.iter().map(|s| (*s).to_owned()), dir.path().join("mounted"));
        fs::create_dir(dir.path().join("mounted")).unwrap();
        fs::write(dir.path().join("outside"), "not for functions").unwrap();
        (dir, secrets)
    }

    #[test]
    fn the_newline_at_the_end_is_not_part_of_the_value() {
        let (dir, secrets) = mounted(&["unix", "windows", "none", "two"]);
        for (name, content) in
            [("unix", "a b\n"), ("windows", "a b\r\n"), ("none", "a b"), ("two", "a b\n\n")]
        {
            fs::write(dir.path().join("mounted").join(name), content).unwrap();
        }
        assert_eq!(secrets.secret("unix").unwrap().as_deref(), Some("a b"));
        assert_eq!(secrets.secret("windows").unwrap().as_deref(), Some("a b"));
        assert_eq!(secrets.secret("none").unwrap().as_deref(), Some("a b"));
        assert_eq!(secrets.secret("two").unwrap().as_deref(), Some("a b\n"));
    }

    #[test]
    fn a_rotated_secret_is_seen_at_the_next_ask() {
        let (dir, secrets) = mounted(&["token"]);
        let file = dir.path().join("mounted/token");
        fs::write(&file, "old").unwrap();
        assert_eq!(secrets.secret("token").unwrap().as_deref(), Some("old"));
        fs::write(&file, "new").unwrap();
        assert_eq!(secrets.secret("token").unwrap().as_deref(), Some("new"));
    }

    #[test]
    fn only_granted_names_exist() {
        let (dir, secrets) = mounted(&[]);
        fs::write(dir.path().join("mounted/token"), "value").unwrap();
        assert_eq!(secrets.secret("token").unwrap(), None);
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_directory() {
        let names = ["../outside", "..", ".", "", "a/../../outside", "/etc/hostname"];
        let (_dir, secrets) = mounted(&names);
        for name in names {
            let error = secrets.secret(name).unwrap_err().to_string();
            assert!(error.contains("must have the name of a file"), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_granted_secret_without_a_readable_file_is_an_error_that_names_it() {
        let (dir, secrets) = mounted(&["absent", "large", "binary"]);
        let path = dir.path().join("mounted");
        fs::write(path.join("large"), vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        fs::write(path.join("binary"), [0xff]).unwrap();
        let absent = secrets.secret("absent").unwrap_err().to_string();
        assert!(absent.starts_with(&format!("secret absent: {}/absent cannot", path.display())));
        let large = secrets.secret("large").unwrap_err().to_string();
        assert!(large.ends_with("is larger than 1048576 bytes"), "{large}");
        let binary = secrets.secret("binary").unwrap_err().to_string();
        assert!(binary.ends_with("is not valid UTF-8"), "{binary}");
    }
}
