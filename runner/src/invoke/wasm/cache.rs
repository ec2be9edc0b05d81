//! Compiled code on disk, so that a start need not compile.
//!
//! An entry's name says which component it was made from (SHA-256 of the wasm), by which engine (its
//! compatibility hash), and what the file must contain (SHA-256 of the compiled code). An entry whose
//! content is not what its name says is removed and made again: nothing here ever fails a start.
//!
//! Compiled code is native code: running a forged entry would be running anything. Therefore entries
//! are read only from a directory that belongs to this user and that nobody else can write to.

use std::{
    fs,
    hash::{Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tracing::{debug, warn};
use wasmtime::{Engine, component::Component};

const EXTENSION: &str = "cwasm";

/// A directory of compiled components.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    engine: Engine,
    /// The engine's part of an entry's name.
    compatibility: String,
}

impl Cache {
    pub(super) fn new(dir: PathBuf, engine: &Engine) -> Self {
        let mut hasher = DigestHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = hex(&hasher.0.finalize()).chars().take(16).collect();
        Self { dir: dir.join("compiled"), engine: engine.clone(), compatibility }
    }

    /// The compiled form of a component, if there is a sound one.
    pub(super) fn get(&self, wasm: &[u8]) -> Option<Component> {
        let prefix = self.prefix(wasm);
        let entries = match self.entries(&prefix) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(dir = %self.dir.display(), %error, "compiled code cannot be read");
                return None;
            }
        };
        entries.iter().find_map(|path| match self.read(path, &prefix) {
            Ok(component) => Some(component),
            Err(why) => {
                warn!(path = %path.display(), why, "compiled code is unusable; compiling again");
                // If it cannot be removed, the next start meets it again and compiles again.
                _ = fs::remove_file(path);
                None
            }
        })
    }

    /// Keeps the compiled form of a component. What goes wrong is logged: the next start compiles.
    pub(super) fn put(&self, wasm: &[u8], component: &Component) {
        match self.write(&self.prefix(wasm), component) {
            Ok(path) => debug!(path = %path.display(), "compiled code kept"),
            Err(error) => {
                warn!(dir = %self.dir.display(), %error, "compiled code cannot be kept");
            }
        }
    }

    fn prefix(&self, wasm: &[u8]) -> String {
        format!("{}-{}-", hex(&Sha256::digest(wasm)), self.compatibility)
    }

    fn entries(&self, prefix: &str) -> io::Result<Vec<PathBuf>> {
        self.check_owner()?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                paths.push(entry.path());
            }
        }
        Ok(paths)
    }

    fn read(&self, path: &Path, prefix: &str) -> Result<Component, String> {
        let mut content = Sha256::new();
        fs::File::open(path)
            .and_then(|mut file| io::copy(&mut file, &mut content))
            .map_err(|error| error.to_string())?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name != Some(entry_name(prefix, &content.finalize())) {
            return Err("its content is not what its name says".to_owned());
        }
        #[expect(unsafe_code, reason = "the one place where compiled code enters the process")]
        // SAFETY: the file is what `Component::serialize` of a compatible engine gave to `write`:
        // its digest was checked against its name just now, and only this user can write to the
        // directory (`check_owner`). Entries are renamed into place and never written to again.
        let component = unsafe { Component::deserialize_file(&self.engine, path) };
        component.map_err(|error| format!("{error:#}"))
    }

    fn write(&self, prefix: &str, component: &Component) -> io::Result<PathBuf> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        self.check_owner()?;
        let code = component.serialize().map_err(io::Error::other)?;
        let path = self.dir.join(entry_name(prefix, &Sha256::digest(&code)));
        // Made with mode 0600 under another name, then renamed: readers see all of it or nothing.
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(&code)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    fn check_owner(&self) -> io::Result<()> {
        let dir = fs::metadata(&self.dir)?;
        // A file made now belongs to whom this process runs as.
        let process = tempfile::tempfile_in(&self.dir)?.metadata()?.uid();
        if dir.uid() != process {
            return Err(io::Error::other(format!(
                "it belongs to user {}, this process runs as {process}",
                dir.uid()
            )));
        }
        if dir.permissions().mode() & 0o022 != 0 {
            return Err(io::Error::other("other users may write to it; remove that permission"));
        }
        Ok(())
    }
}

fn entry_name(prefix: &str, content: &[u8]) -> String {
    format!("{prefix}{}.{EXTENSION}", hex(content))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Feeds what a type hashes to a digest that is the same in every process.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the digest is taken from the field.
    fn finish(&self) -> u64 {
        0
    }
}
