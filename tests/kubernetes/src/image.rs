//! Container images made of files of this machine: no registry, no base, no Dockerfile.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::command;

/// An image: some files, and the program among them that a container starts.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    entrypoint: Vec<String>,
    user: String,
    /// Path in the image, file or directory here.
    files: Vec<(PathBuf, PathBuf)>,
}

impl Image {
    /// `name` as pods name it, with a tag: `localhost/echo:1`.
    pub fn new<S: Into<String>>(
        name: impl Into<String>,
        entrypoint: impl IntoIterator<Item = S>,
    ) -> Self {
        let entrypoint = entrypoint.into_iter().map(Into::into).collect();
        Self { name: name.into(), entrypoint, user: "0:0".to_owned(), files: Vec::new() }
    }

    /// Puts a file or a directory of this machine at `target`. The shared libraries of a program
    /// come along.
    pub fn file(mut self, target: impl Into<PathBuf>, source: impl Into<PathBuf>) -> Self {
        self.files.push((target.into(), source.into()));
        self
    }

    /// Numbers of the user and the group that the container runs as, unless the pod says another;
    /// root if not given.
    pub fn user(mut self, user: u32, group: u32) -> Self {
        self.user = format!("{user}:{group}");
        self
    }

    /// Writes the image as an archive below `dir`, which containerd and Docker can load.
    ///
    /// # Errors
    /// A file is not there, a library of a program is missing, or the disk is full.
    pub fn archive(&self, dir: &Path) -> Result<PathBuf> {
        let file_name: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let work = dir.join(&file_name);
        let (root, content) = (work.join("root"), work.join("content"));
        for dir in [&root, &content] {
            fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        self.assemble(&root).with_context(|| format!("image {}", self.name))?;
        let layer = content.join("layer.tar");
        tar(&root, &layer)?;
        let layer_digest = digest(&layer)?;
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "Entrypoint": self.entrypoint,
                "User": self.user,
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        });
        fs::write(content.join("config.json"), config.to_string())?;
        let manifest = json!([{
            "Config": "config.json", "RepoTags": [self.name], "Layers": ["layer.tar"],
        }]);
        fs::write(content.join("manifest.json"), manifest.to_string())?;
        let archive = dir.join(format!("{file_name}.tar"));
        tar(&content, &archive)?;
        fs::remove_dir_all(&work)?;
        Ok(archive)
    }

    fn assemble(&self, root: &Path) -> Result<()> {
        fs::create_dir_all(root.join("tmp"))?;
        command::output(Command::new("chmod").arg("1777").arg(root.join("tmp")))?;
        for (target, source) in &self.files {
            copy(source, root, target)?;
            if source.is_file() {
                for library in libraries(source)? {
                    copy(&library, root, &library)?;
                }
            }
        }
        Ok(())
    }
}

/// Copies a file or directory, links followed, to `target` below `root`.
fn copy(source: &Path, root: &Path, target: &Path) -> Result<()> {
    ensure!(source.exists(), "{} does not exist", source.display());
    let target = root.join(target.strip_prefix("/").unwrap_or(target));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--dereference", "--preserve=mode", "--no-target-directory"]);
    command::output(copy.arg(source).arg(&target)).map(drop)
}

/// The shared libraries of a program, with its loader. None of what is static or no program.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let listing = Command::new("ldd").arg(program).output().context("ldd did not start")?;
    let listing = String::from_utf8_lossy(&listing.stdout);
    ensure!(
        !listing.contains("not found"),
        "{} needs libraries that are not here:\n{listing}",
        program.display()
    );
    Ok(listed_libraries(&listing))
}

/// Paths in what `ldd` prints: `name => /path (0x..)` and, for the loader, `/path (0x..)`.
fn listed_libraries(listing: &str) -> Vec<PathBuf> {
    let paths = listing.lines().filter_map(|line| {
        let (path, _) = line.trim().rsplit_once(" (0x")?;
        let path = path.rsplit(" => ").next().unwrap_or(path);
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    paths.collect()
}

/// Packs a directory's content, the same bytes for the same files.
fn tar(dir: &Path, archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg("--mtime=@0").arg("--file").arg(archive).arg("--directory").arg(dir).arg(".");
    command::output(&mut tar).map(drop)
}

fn digest(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hash)?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// This machine's, in the words of container images.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_what_ldd_prints() {
        let listing = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                       \tlibgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007f01)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f02)\n";
        let expected = ["/lib/x86_64-linux-gnu/libgcc_s.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(listed_libraries(listing), expected.map(PathBuf::from));
        assert_eq!(listed_libraries("\tnot a dynamic executable\n"), [] as [PathBuf; 0]);
    }

    #[test]
    fn an_archive_holds_the_program_with_its_loader() {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::new("localhost/shell:1", ["/bin/sh"]).file("/bin/sh", "/bin/sh");
        let archive = image.archive(dir.path()).unwrap();
        let list = |archive: &Path| {
            command::output(Command::new("tar").arg("--list").arg("--file").arg(archive)).unwrap()
        };
        assert_eq!(list(&archive), "./\n./config.json\n./layer.tar\n./manifest.json\n");
        let extract = ["--extract", "--file"];
        command::output(
            Command::new("tar").args(extract).arg(&archive).arg("--directory").arg(dir.path()),
        )
        .unwrap();
        let layer = list(&dir.path().join("layer.tar"));
        assert!(layer.contains("./bin/sh\n") && layer.contains("ld-linux"), "{layer}");
        let again = image.archive(&dir.path().join("again")).unwrap();
        assert_eq!(digest(&archive).unwrap(), digest(&again).unwrap(), "the same bytes again");
    }

    #[test]
    fn a_missing_file_is_named_with_its_image() {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::new("localhost/x:1", ["/x"]).file("/x", "/no/such/file");
        let error = format!("{:#}", image.archive(dir.path()).unwrap_err());
        assert_eq!(error, "image localhost/x:1: /no/such/file does not exist");
    }
}
