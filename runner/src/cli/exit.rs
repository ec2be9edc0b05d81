//! How the program ends, and what it says then.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use function_mesh_proto::mistake::{Mistake, Mistakes, Position};

/// The program's exit codes. `--help` prints the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done: the input ended, or a signal came and everything in flight was settled.
    Done = 0,
    /// It ran and failed: a connection that is not allowed, a component that does not start, lines
    /// that were left out.
    Failed = 1,
    /// The command line is not understood (clap's own code).
    Usage = 2,
    /// The command line or a file says something that cannot be honoured (`EX_USAGE`).
    BadConfiguration = 64,
    /// A defect of the runner itself (`EX_SOFTWARE`).
    Internal = 70,
    /// Ended before everything was settled, by a second signal or at the end of the grace period.
    Interrupted = 130,
}

/// What `--help` says of [`Exit`].
pub(super) const TABLE: &str = "\
Exit codes:
  0    done: the input ended, or a signal came and everything in flight was settled
  1    it ran and failed
  2    the command line is not understood
  64   the configuration cannot be honoured; every mistake is listed
  70   a defect of function-runner itself
  130  ended before everything was settled: a second signal, or the end of the grace period";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends without success: what failed, each reason on a line, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    what: String,
    why: Vec<String>,
    help: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: Vec::new(), help: None }
    }

    /// The system refused something.
    pub fn io(what: &str, error: &io::Error) -> Self {
        Self::new(Exit::Failed, format!("{what}: {error}"))
    }

    pub fn why(mut self, reason: impl fmt::Display) -> Self {
        self.why.extend(reason.to_string().lines().map(str::to_owned));
        self
    }

    pub fn help(mut self, advice: impl Into<String>) -> Self {
        self.help = Some(advice.into());
        self
    }

    /// Every mistake on a line. `option` names the flag that sets a field, where there is one.
    pub(super) fn mistakes(
        mistakes: Mistakes,
        option: impl Fn(&str) -> Option<&'static str>,
    ) -> Self {
        let what = match mistakes.len() {
            1 => "the configuration has a mistake".to_owned(),
            count => format!("the configuration has {count} mistakes"),
        };
        let mut failure = Self::new(Exit::BadConfiguration, what);
        failure.why = mistakes.iter().map(|mistake| line(mistake, &option)).collect();
        failure
    }
}

fn line(mistake: &Mistake, option: impl Fn(&str) -> Option<&'static str>) -> String {
    let Mistake { field, value, accepted, position } = mistake;
    let root = field.split(['.', '[']).next().unwrap_or_default();
    let option = option(root).map(|flag| format!(" ({flag})")).unwrap_or_default();
    let value = if value.is_empty() { String::new() } else { format!(" = \"{value}\"") };
    let position = position
        .map(|Position { line, column }| format!(" at line {line}, column {column}"))
        .unwrap_or_default();
    match format!("{field}{option}{value}{position}").trim_start() {
        "" => format!("expected {accepted}"),
        place => format!("{place}: expected {accepted}"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.what)?;
        for reason in &self.why {
            writeln!(f, "  {reason}")?;
        }
        match &self.help {
            Some(help) => writeln!(f, "help: {help}"),
            None => Ok(()),
        }
    }
}

/// Writes a command's answer to standard output. A reader that went away wanted no more.
///
/// # Errors
/// It cannot be written to.
pub fn print(text: &[u8]) -> Result<Exit, Failure> {
    let mut output = io::stdout();
    match output.write_all(text).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("cannot write to standard output", &error))
        }
        _ => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::BadConfiguration,
            Exit::Internal,
            Exit::Interrupted,
        ] {
            let code = format!("\n  {} ", exit as u8);
            assert!(TABLE.contains(&code), "{code:?} is not in the table");
        }
    }

    #[test]
    fn a_failure_says_what_why_and_what_to_do() {
        let mistakes = [
            Mistake::new("parallelism", "0", "at least 1"),
            Mistake::new("inputs", "", "at least one topic"),
        ];
        let failure = Failure::mistakes(mistakes.into_iter().collect(), |field| {
            (field == "parallelism").then_some("--parallelism")
        });
        assert_eq!(
            failure.help("see --help").to_string(),
            "error: the configuration has 2 mistakes\n  \
             inputs: expected at least one topic\n  \
             parallelism (--parallelism) = \"0\": expected at least 1\n\
             help: see --help\n"
        );
    }
}
