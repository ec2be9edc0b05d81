//! The `function-runner` program: from arguments to an exit code.

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use function_mesh_runner::{
    cli::{self, Cli, Command, Exit, Failure},
    launch,
};

#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::parse_from_args(std::env::args_os()) {
        Ok(cli) => cli,
        Err(help_or_mistake) => {
            // A closed terminal cannot be told.
            _ = help_or_mistake.print();
            let usage = help_or_mistake.use_stderr();
            return if usage { Exit::Usage } else { Exit::Done }.into();
        }
    };
    // The panic has printed itself by then.
    let ended = catch_unwind(AssertUnwindSafe(|| obey(cli.command)));
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            _ = write!(io::stderr(), "{failure}");
            failure.exit.into()
        }
        Err(_panic) => Exit::Internal.into(),
    }
}

fn obey(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Localrun(options) => {
            launch::localrun(options.prepare(&cli::environment)?, cli::environment)
        }
        Command::Run(options) => {
            launch::pod(options.prepare(cli::hostname().as_deref())?, cli::environment)
        }
        Command::Check(options) => print(options.run()?.as_bytes()),
        Command::Completions { shell } => print(&Cli::completions(shell)),
        Command::Version { output } => print(cli::version(output).as_bytes()),
    }
}

fn print(text: &[u8]) -> Result<Exit, Failure> {
    match io::stdout().write_all(text).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(Exit::Done),
    }
}
