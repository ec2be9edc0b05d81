//! `install`: this program's own file, copied to where another container finds it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::exit::{Exit, Failure};

/// The file's name in the directory, whatever this program was started as.
const NAME: &str = "function-runner";
/// Readable and executable by everybody: the function's container may run as any user.
const MODE: u32 = 0o555;

/// Copies this program into a directory.
#[derive(Args, Clone, Debug)]
pub struct Install {
    /// The directory, which must exist: a volume that the function's container mounts too
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Install {
    /// Says what was installed.
    ///
    /// # Errors
    /// The directory is not there or cannot be written.
    pub fn run(self) -> Result<String, Failure> {
        // The file that runs, even if its name has come to mean another since.
        let program = Path::new("/proc/self/exe");
        let target = copy(program, &self.directory)?;
        let size = fs::metadata(&target).map_or(0, |metadata| metadata.len());
        Ok(format!("installed {} ({size} bytes)\n", target.display()))
    }
}

/// Puts a program into a directory as a whole or not at all: who looks meanwhile finds the one
/// that was there before, or none.
fn copy(program: &Path, directory: &Path) -> Result<PathBuf, Failure> {
    if !directory.is_dir() {
        let what = format!("{}: no such directory", directory.display());
        return Err(Failure::new(Exit::BadConfiguration, what)
            .help("mount a volume there, such as an emptyDir, or create the directory"));
    }
    let target = directory.join(NAME);
    // In the same directory, since a rename does not cross volumes; hidden until it is whole, and
    // removed if it never is.
    let copied = tempfile::Builder::new()
        .prefix(".function-runner-")
        .tempfile_in(directory)
        .and_then(|mut unfinished| {
            io::copy(&mut File::open(program)?, &mut unfinished)?;
            unfinished.as_file().set_permissions(fs::Permissions::from_mode(MODE))?;
            unfinished.as_file().sync_all()?;
            Ok(unfinished.persist(&target)?)
        });
    match copied {
        Ok(_) => Ok(target),
        Err(error) => {
            let what = format!("{} cannot be installed", target.display());
            Err(Failure::io(&what, &error)
                .help("the volume must be writable for the init container's user, with room for the program"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, content: &str) {
        fs::write(path, content).unwrap();
    }

    #[test]
    fn the_program_is_copied_for_everybody_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("built-by-cargo-1a2b");
        file(&program, "code");
        let volume = dir.path().join("volume");
        fs::create_dir(&volume).unwrap();
        let target = copy(&program, &volume).unwrap();
        assert_eq!(target, volume.join("function-runner"));
        assert_eq!(fs::read_to_string(&target).unwrap(), "code");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o555);
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn a_restarted_init_container_replaces_the_program_under_who_runs_it() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        file(&old, "old");
        file(&new, "new");
        let target = copy(&old, dir.path()).unwrap();
        let running = File::open(&target).unwrap();
        assert_eq!(copy(&new, dir.path()).unwrap(), target);
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(io::read_to_string(running).unwrap(), "old");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let failure = copy(Path::new("/proc/self/exe"), Path::new("/no/volume")).unwrap_err();
        assert_eq!(failure.exit, Exit::BadConfiguration);
        assert_eq!(
            failure.to_string(),
            "error: /no/volume: no such directory\n\
             help: mount a volume there, such as an emptyDir, or create the directory\n"
        );
    }

    #[test]
    fn a_program_that_cannot_be_read_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let failure = copy(Path::new("/no/program"), dir.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.to_string().contains("function-runner cannot be installed: No such file"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
