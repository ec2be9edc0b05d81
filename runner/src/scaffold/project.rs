//! A new function's project: a few files from templates.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{ScaffoldError, TARGET, name::function_name, sdk::Sdk};

/// The project's files, with the templates they are made of. `{{name}}`, `{{function}}`, `{{file}}`,
/// `{{sdk}}` and `{{target}}` are filled in.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", include_str!("template/gitignore.in")),
];

/// What to create.
#[derive(Clone, Debug)]
pub struct NewArgs {
    /// The function's name, and that of its folder.
    pub name: String,
    /// Where the folder is to be.
    pub directory: PathBuf,
    /// The SDK's folder; without it, that of the sources this runner was built from, or else the
    /// registry's release.
    pub sdk_path: Option<PathBuf>,
}

/// What was created. Displays what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    pub directory: PathBuf,
    /// The component that the project builds, under its folder.
    pub component: PathBuf,
}

impl fmt::Display for NewProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directory, component } = self;
        writeln!(f, "created {}; next:", directory.display())?;
        writeln!(f, "  cd {}", directory.display())?;
        writeln!(f, "  cargo test")?;
        writeln!(f, "  function-runner build")?;
        write!(f, "  echo hello | function-runner localrun --wasm {}", component.display())
    }
}

/// Writes a project that builds and whose test passes.
///
/// # Errors
/// The name cannot be one, something of that name is there, the SDK is not where it should be, or a
/// file cannot be written.
pub fn create(args: &NewArgs) -> Result<NewProject, ScaffoldError> {
    let function = function_name(&args.name)?;
    let sdk = Sdk::find(args.sdk_path.as_deref())?.dependency();
    let component_file = format!("{}.wasm", args.name.replace('-', "_"));
    let directory = args.directory.join(&args.name);
    fs::create_dir(&directory).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => ScaffoldError::Exists(directory.clone()),
        _ => ScaffoldError::Write { path: directory.clone(), cause },
    })?;
    for (file, template) in FILES {
        let text = template
            .replace("{{name}}", &args.name)
            .replace("{{function}}", &function)
            .replace("{{file}}", &component_file)
            .replace("{{target}}", TARGET)
            .replace("{{sdk}}", &sdk);
        write(&directory.join(file), &text)?;
    }
    let component = Path::new("target").join(TARGET).join("release").join(component_file);
    Ok(NewProject { directory, component })
}

fn write(path: &Path, text: &str) -> Result<(), ScaffoldError> {
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|cause| ScaffoldError::Write { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(name: &str, directory: &Path) -> NewArgs {
        NewArgs { name: name.to_owned(), directory: directory.to_owned(), sdk_path: None }
    }

    #[test]
    fn a_project_has_everything_filled_in() {
        let dir = tempfile::tempdir().unwrap();
        let project = create(&args("my-orders", dir.path())).unwrap();
        assert_eq!(project.directory, dir.path().join("my-orders"));
        assert_eq!(project.component, Path::new("target/wasm32-wasip2/release/my_orders.wasm"));
        for (file, _) in FILES {
            let text = fs::read_to_string(project.directory.join(file)).unwrap();
            assert!(!text.contains("{{"), "{file}:\n{text}");
        }
        let code = fs::read_to_string(project.directory.join("src/lib.rs")).unwrap();
        assert!(code.contains("pub fn my_orders("), "{code}");
        let manifest = fs::read_to_string(project.directory.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("name = \"my-orders\""), "{manifest}");
    }

    #[test]
    fn what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("orders")).unwrap();
        let refused = create(&args("orders", dir.path())).unwrap_err().to_string();
        let path = dir.path().join("orders");
        let expected =
            format!("{} exists already: choose another name, or remove it", path.display());
        assert_eq!(refused, expected);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let refused = create(&args("orders", &dir.path().join("absent"))).unwrap_err().to_string();
        assert!(refused.starts_with("cannot write "), "{refused}");
        assert!(refused.contains("absent/orders: "), "{refused}");
    }
}
