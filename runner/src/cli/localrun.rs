//! `localrun`: options to configuration.

use std::{fmt, ops::Range, path::PathBuf};

use clap::{Args, ValueEnum};
use function_mesh_proto::{
    function_config::FunctionConfig,
    mistake::{Mistake, Mistakes},
};

use super::{
    auth::Secrets,
    cluster_flags::ClusterFlags,
    exit::Failure,
    function_flags::{FunctionFlags, option_for},
    instance_flags::{Environment, InstanceFlags},
};
use crate::{config::RunnerConfig, sink::lines::OutputFormat, source::lines::InputFormat};

/// Runs a function here.
#[derive(Args, Clone, Debug)]
pub struct LocalRun {
    /// Pulsar's FunctionConfig as YAML or JSON; options on the command line win over it
    #[arg(long, alias = "functionConfigFile", value_name = "FILE", help_heading = "Function")]
    function_config_file: Option<PathBuf>,
    #[command(flatten)]
    function: FunctionFlags,
    #[command(flatten)]
    lines: LineFlags,
    #[command(flatten)]
    clusters: ClusterFlags,
    #[command(flatten)]
    instance: InstanceFlags,
}

const LINES: &str = "Lines (topics in memory)";

#[derive(Args, Clone, Debug)]
struct LineFlags {
    /// How a line of standard input becomes a message (default line)
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = LINES, long_help = INPUT_HELP)]
    input_format: Option<LineFormat>,
    /// How a message becomes a line of standard output (default line)
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = LINES, long_help = OUTPUT_HELP)]
    output_format: Option<LineFormat>,
}

const INPUT_HELP: &str = "\
How a line of standard input becomes a message of the first input topic (default line)
  line   the line is the payload
  jsonl  a JSON object per line: value (or payload), key, properties, topic, eventTime.
         A value that is a string is the payload; other JSON is passed on as text.
         With valueBase64 (keyBase64) set to true, the value (key) is binary in base64.
A bad line is reported by number and left out; the exit code is then 1";

const OUTPUT_HELP: &str = "\
How a message becomes a line of standard output (default line)
  line   the payload as it is, and a newline; newlines inside a payload are written too
  jsonl  a JSON object per line: topic, key, properties, eventTime, value.
         A value that is not UTF-8 is in base64, with valueBase64 set to true.
Messages to every topic are written: the output, others the function publishes to, dead
letters; jsonl says which. They do not come back as input, even on a topic that is one";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LineFormat {
    Line,
    Jsonl,
}

/// What `localrun` runs.
#[derive(Debug)]
pub struct Prepared {
    pub config: RunnerConfig,
    /// Ids of the instances; all of them run in this process.
    pub instances: Range<u32>,
    /// Remove the subscription at the end. Only where that was asked for in so many words: what is
    /// published between two runs is otherwise lost to the second.
    pub unsubscribe: bool,
    /// The formats of lines, if topics are in memory.
    pub lines: Option<(InputFormat, OutputFormat)>,
    /// Secrets from the command line, in files that vanish with this.
    pub secrets: KeptSecrets,
}

/// Keeps the files of secrets given as arguments; dropping it removes them.
#[derive(Debug, Default)]
pub struct KeptSecrets(#[expect(dead_code, reason = "held for its files")] Secrets);

impl LocalRun {
    /// # Errors
    /// Every mistake of the options and of the files they name.
    pub fn prepare(self, environment: Environment<'_>) -> Result<Prepared, Failure> {
        let mut mistakes = Mistakes::default();
        let mut secrets = Secrets::default();
        let Self { function_config_file, function, lines, clusters, instance } = self;

        let mut config = FunctionConfig::default();
        if let Some(path) = &function_config_file {
            config = read_function_config(path)?;
        }
        function.apply(&mut config);
        let unsubscribe = config.cleanup_subscription == Some(true);
        let first = instance.first_instance();
        let package = instance.package(config.wasm.as_deref(), &mut mistakes);
        let clusters = clusters.resolve(&mut secrets, &mut mistakes);
        let in_memory = clusters.clusters.is_empty();
        if in_memory {
            name_topics(&mut config);
        }
        let lines = lines.resolve(in_memory, &mut mistakes);
        let mut instance = instance.resolve(clusters, environment, &mut mistakes);
        instance.package = package;

        let nothing_to_run = config.wasm.is_none();
        if nothing_to_run {
            refuse_other_languages(&config, &mut mistakes);
            // The component's file would name the function; what is missing is said once.
            config.name.get_or_insert_with(|| "function".to_owned());
        }
        let checked = RunnerConfig::from_function_config(&config, instance);
        match &checked {
            // Said in the words of this command above.
            Err(more) if nothing_to_run => {
                let said = [
                    "wasm",
                    "package.url",
                    "jar",
                    "py",
                    "go",
                    "runtime",
                    "className",
                    "functionType",
                ];
                let other = |mistake: &&Mistake| !said.contains(&mistake.field.as_str());
                mistakes.extend(more.iter().filter(other).cloned());
            }
            Err(more) => mistakes.extend(more.iter().cloned()),
            Ok(config) if in_memory && config.plan.parallelism > 1 => {
                let accepted = "1: topics in memory have one consumer; with more, name a broker by \
                                --broker-service-url";
                let parallelism = config.plan.parallelism.to_string();
                mistakes.add(Mistake::new("parallelism", parallelism, accepted));
            }
            Ok(_) => {}
        }
        match checked {
            Ok(config) if mistakes.is_empty() => {
                let instances = first..first.saturating_add(config.plan.parallelism);
                let secrets = KeptSecrets(secrets);
                Ok(Prepared { config, instances, unsubscribe, lines, secrets })
            }
            _ => Err(refuse(mistakes)),
        }
    }
}

/// Lines come and go without a topic's name: where no input is named, they need none.
fn name_topics(config: &mut FunctionConfig) {
    let FunctionConfig {
        inputs,
        topics_pattern,
        input_specs,
        custom_serde_inputs,
        custom_schema_inputs,
        output,
        ..
    } = config;
    let named = !inputs.is_empty()
        || topics_pattern.is_some()
        || !input_specs.is_empty()
        || !custom_serde_inputs.is_empty()
        || !custom_schema_inputs.is_empty();
    if !named {
        inputs.push("in".to_owned());
        output.get_or_insert_with(|| "out".to_owned());
    }
}

/// There is no component: says why what is there instead does not do.
fn refuse_other_languages(config: &FunctionConfig, mistakes: &mut Mistakes) {
    let bridge = "nothing as yet, and --wasm with a component instead: functions in Java, Python \
                  and Go come with the bridge to those languages";
    let given = [
        ("jar", &config.jar, bridge),
        ("py", &config.py, bridge),
        ("go", &config.go, bridge),
        (
            "functionType",
            &config.function_type,
            "nothing: there are no built-in components; use --wasm",
        ),
    ];
    let mut any = false;
    for (field, value, accepted) in given {
        if let Some(value) = value {
            any = true;
            mistakes.add(Mistake::new(field, value.as_str(), accepted));
        }
    }
    if !any {
        let accepted = "the component to run: a path, file://, http(s)://, function:// or oci://";
        mistakes.add(Mistake::new("wasm", "", accepted));
    }
}

fn refuse(mistakes: Mistakes) -> Failure {
    Failure::mistakes(mistakes, option_for)
        .help("`function-runner localrun --help` describes every option")
}

/// Reads a FunctionConfig, with the file's name before each mistake.
pub(super) fn read_function_config(path: &std::path::Path) -> Result<FunctionConfig, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let accepted = format!("a file that can be read: {error}");
        let mistake = Mistake::new("--function-config-file", shown.to_string(), accepted);
        Failure::mistakes(mistake.into(), |_| None)
    })?;
    FunctionConfig::from_yaml(&text).map_err(|mistakes| {
        let named = mistakes
            .into_iter()
            .map(|mistake| Mistake { field: in_file(&shown, &mistake.field), ..mistake });
        Failure::mistakes(named.collect(), |_| None)
    })
}

fn in_file(path: &impl fmt::Display, field: &str) -> String {
    if field.is_empty() { path.to_string() } else { format!("{path}: {field}") }
}

impl LineFlags {
    fn resolve(
        self,
        in_memory: bool,
        mistakes: &mut Mistakes,
    ) -> Option<(InputFormat, OutputFormat)> {
        if !in_memory {
            let given = [
                ("--input-format", self.input_format.is_some()),
                ("--output-format", self.output_format.is_some()),
            ];
            for (option, _) in given.into_iter().filter(|(_, given)| *given) {
                let accepted = "no broker with it: lines are read and written only in memory";
                mistakes.add(Mistake::new(option, "", accepted));
            }
            return None;
        }
        let input = match self.input_format {
            None | Some(LineFormat::Line) => InputFormat::Line,
            Some(LineFormat::Jsonl) => InputFormat::Jsonl,
        };
        let output = match self.output_format {
            None | Some(LineFormat::Line) => OutputFormat::Line,
            Some(LineFormat::Jsonl) => OutputFormat::Jsonl,
        };
        Some((input, output))
    }
}

#[cfg(test)]
mod tests;
