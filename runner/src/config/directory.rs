//! The two documents of a configuration directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use function_mesh_proto::{
    document::Document,
    function::FunctionDetails,
    instance::InstanceConfig,
    mistake::{Mistake, Mistakes},
    plan::FunctionPlan,
};
use serde::de::DeserializeOwned;

use super::RunnerConfig;

const FUNCTION: [&str; 2] = ["function.json", "function.yaml"];
const INSTANCE: [&str; 2] = ["instance.yaml", "instance.json"];

pub(super) fn load(dir: &Path) -> Result<RunnerConfig, Mistakes> {
    let function = Read::<FunctionDetails>::of(dir, FUNCTION);
    let instance = Read::<InstanceConfig>::of(dir, INSTANCE);
    // A description that means something in another language would be called wrong for a component.
    if let Ok(read) = &instance
        && let Some(mistake) = read.value.unsupported_runtime()
    {
        return Err(read.refuse([mistake]));
    }
    let function = function.and_then(|read| {
        let plan = FunctionPlan::from_details(&read.value).map_err(|why| read.refuse(why))?;
        Ok((plan, read.value))
    });
    let instance = instance.and_then(|read| {
        let mut mistakes = match &function {
            Ok((plan, _)) => read.value.check(plan),
            Err(_) => read.value.check_alone(),
        };
        if read.value.clusters.is_empty() {
            mistakes.push(Mistake::new("clusters", "", "at least one Pulsar cluster"));
        }
        if mistakes.is_empty() { Ok(read.value) } else { Err(read.refuse(mistakes)) }
    });
    match (function, instance) {
        (Ok((plan, details)), Ok(instance)) => Ok(RunnerConfig { plan, details, instance }),
        (function, instance) => {
            let mut mistakes = Mistakes::default();
            mistakes.extend(function.err().into_iter().flatten());
            mistakes.extend(instance.err().into_iter().flatten());
            Err(mistakes)
        }
    }
}

/// A file's content, with what is needed to say where it is wrong.
struct Read<T> {
    file: &'static str,
    document: Document,
    value: T,
}

impl<T: DeserializeOwned> Read<T> {
    fn of(dir: &Path, names: [&'static str; 2]) -> Result<Self, Mistakes> {
        let (file, path) = find(dir, names)?;
        let text = fs::read_to_string(&path).map_err(|why| {
            let accepted = format!("a file that can be read as text: {why}");
            Mistake::new(file, path.display().to_string(), accepted)
        })?;
        let document = Document::parse(&text).map_err(|mistakes| of_file(file, mistakes))?;
        let value = document.read().map_err(|mistakes| of_file(file, mistakes))?;
        Ok(Self { file, document, value })
    }

    fn refuse(&self, mistakes: impl IntoIterator<Item = Mistake>) -> Mistakes {
        of_file(self.file, self.document.locate(mistakes))
    }
}

fn find(dir: &Path, names: [&'static str; 2]) -> Result<(&'static str, PathBuf), Mistakes> {
    let paths = names.map(|name| (name, dir.join(name)));
    let [first, second] = paths;
    match (first.1.exists(), second.1.exists()) {
        (true, false) => Ok(first),
        (false, true) => Ok(second),
        (there, _) => {
            let value = if there { "both" } else { "" };
            let accepted = format!("{} or {} in {}", first.0, second.0, dir.display());
            Err(Mistake::new(first.0, value, accepted).into())
        }
    }
}

fn of_file(file: &str, mistakes: Mistakes) -> Mistakes {
    let in_file = |mistake: Mistake| {
        let field = match mistake.field.as_str() {
            "" => file.to_owned(),
            field => format!("{file}: {field}"),
        };
        Mistake { field, ..mistake }
    };
    mistakes.into_iter().map(in_file).collect()
}
