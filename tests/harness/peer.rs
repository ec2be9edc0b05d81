//! Pulsar's own Java client in a process of its own, driven by commands (`tests/peer/Peer.java`).

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use pulsar_standalone::{distribution::Distribution, standalone::Ports};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing that a test asks for takes longer.
const LIMIT: Duration = Duration::from_secs(600);

type Answer = Result<Value>;

/// The client's process. Commands may be given from several threads at once.
#[derive(Debug)]
pub struct Peer {
    process: Mutex<Child>,
    commands: Mutex<(ChildStdin, u64)>,
    waiting: Arc<Mutex<HashMap<u64, mpsc::Sender<Answer>>>>,
    log: TempDir,
}

impl Peer {
    /// Starts the client with the jars of the cached Pulsar distribution.
    ///
    /// # Errors
    /// No JDK, no distribution, or the client did not compile.
    pub fn start() -> Result<Self> {
        let distribution = Distribution::fetch()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/Peer.java");
        let log = tempfile::tempdir()?;
        let mut process = Command::new("java")
            .args(["-Xmx1g", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{}/lib/*", distribution.home.display()))
            .arg(&source)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log.path().join("peer.log"))?)
            .spawn()
            .context("java did not start")?;
        let commands = process.stdin.take().context("the client has no input")?;
        let mut answers =
            BufReader::new(process.stdout.take().context("the client has no output")?);
        let mut greeting = String::new();
        answers.read_line(&mut greeting)?;
        let peer = Self {
            process: Mutex::new(process),
            commands: Mutex::new((commands, 0)),
            waiting: Arc::default(),
            log,
        };
        if greeting.trim() != r#"{"ready":true}"# {
            // It ends by itself then, and its last words are in the log.
            lock(&peer.process).wait()?;
            bail!("{} did not start:\n{}", source.display(), peer.end_of_log());
        }
        let waiting = Arc::clone(&peer.waiting);
        // Ends with the client's output, which ends with the client.
        thread::spawn(move || distribute(answers, &waiting));
        Ok(peer)
    }

    /// Carries out one command at a broker and gives its answer.
    ///
    /// # Errors
    /// The client's own error, or that it ended.
    pub fn call(&self, ports: Ports, action: &str, mut arguments: Value) -> Result<Value> {
        let (sender, answer) = mpsc::channel();
        let fields = arguments.as_object_mut().context("arguments are an object")?;
        fields.insert("do".to_owned(), json!(action));
        fields.insert("service".to_owned(), json!(ports.service_url()));
        fields.insert("web".to_owned(), json!(ports.web_url()));
        {
            let mut commands = lock(&self.commands);
            let (input, next) = &mut *commands;
            *next += 1;
            fields.insert("id".to_owned(), json!(*next));
            lock(&self.waiting).insert(*next, sender);
            writeln!(input, "{arguments}").with_context(|| self.end_of_log())?;
            input.flush()?;
        }
        let answer = answer.recv_timeout(LIMIT).map_err(|_| {
            anyhow!("{action}: no answer from the Java client:\n{}", self.end_of_log())
        })?;
        answer.with_context(|| format!("{action} {arguments}"))
    }

    fn end_of_log(&self) -> String {
        let path: PathBuf = self.log.path().join("peer.log");
        let log = std::fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut process = lock(&self.process);
        // It may have ended by itself.
        _ = process.kill();
        _ = process.wait();
    }
}

/// Hands every answer to whoever gave the command.
fn distribute(answers: impl std::io::BufRead, waiting: &Mutex<HashMap<u64, mpsc::Sender<Answer>>>) {
    for line in answers.lines() {
        let Ok(line) = line else { break };
        let Ok(mut answer) = serde_json::from_str::<Value>(&line) else { continue };
        let id = answer.get("id").and_then(Value::as_u64).unwrap_or(0);
        let Some(sender) = lock(waiting).remove(&id) else { continue };
        let outcome = match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(anyhow!("{error}")),
            None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
        };
        // The caller gave up waiting.
        _ = sender.send(outcome);
    }
    // Whoever still waits learns of the end by its closed channel.
    lock(waiting).clear();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
