//! What a guest logs and prints: gathered line by line, passed on when its guest call ends.
//!
//! Bounded three ways: a line's length, the lines one guest call may hold, and lines per second. What
//! exceeds them is counted and reported, so a flood costs neither memory nor the log topic.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::Level;

use super::{
    Host,
    bindings::imports::log::{self, Level as GuestLevel},
};
use crate::telemetry::{GuestLine, GuestLog};

/// Longest line in bytes; the rest of it is cut off.
const LINE_BYTES: usize = 8 << 10;
/// Lines kept during one guest call.
const CALL_LINES: usize = 1_000;
/// Lines per second, on average; as many may come at once.
const LINES_PER_SECOND: u32 = 1_000;
/// Lines of standard error kept to explain a trap.
const TAIL_LINES: usize = 16;

/// Where printed bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invoke::wasm) enum Stream {
    Stdout,
    Stderr,
}

/// The lines of one guest; its streams and its host share them.
#[derive(Clone, Debug, Default)]
pub(in crate::invoke::wasm) struct Lines(Arc<Mutex<Gathered>>);

#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<GuestLine>,
    suppressed: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The newest lines of standard error in this guest call.
    tail: Vec<String>,
    rate: Rate,
}

impl Lines {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // Nothing panics while holding it; if it did, lines are all that could be odd.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the guest printed; a line is complete at its newline.
    pub(super) fn print(&self, stream: Stream, bytes: &[u8]) {
        let mut gathered = self.gathered();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, complete) = match part {
                [text @ .., b'\n'] => (text, true),
                text => (text, false),
            };
            gathered.append(stream, text);
            if complete {
                gathered.end_line(stream);
            }
        }
    }

    fn log(&self, level: Level, message: &str) {
        self.gathered().push(level, clean(message.as_bytes()));
    }

    /// What the guest wrote to standard error in this guest call, unfinished line included.
    pub(in crate::invoke::wasm) fn errors(&self) -> Vec<String> {
        let gathered = self.gathered();
        let mut lines = gathered.tail.clone();
        if !gathered.stderr.is_empty() {
            lines.push(clean(&gathered.stderr));
        }
        lines
    }

    /// Passes everything on.
    pub(super) fn flush(&self, log: &GuestLog) {
        let mut gathered = self.gathered();
        gathered.tail.clear();
        if gathered.lines.is_empty() && gathered.suppressed == 0 {
            return;
        }
        for line in mem::take(&mut gathered.lines) {
            if gathered.rate.allows() {
                log.line(line.level, line.message);
            } else {
                gathered.suppressed += 1;
            }
        }
        if gathered.suppressed > 0 && gathered.rate.allows() {
            let suppressed = mem::take(&mut gathered.suppressed);
            log.line(
                Level::WARN,
                format!(
                    "{suppressed} lines of this function were suppressed: it may log \
                     {LINES_PER_SECOND} lines per second, {CALL_LINES} in one call"
                ),
            );
        }
    }

    /// Completes lines that lack their newline: the guest ended.
    pub(super) fn end(&self) {
        let mut gathered = self.gathered();
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !gathered.open_line(stream).is_empty() {
                gathered.end_line(stream);
            }
        }
    }

    /// Drops what was gathered: the guest call is made again.
    pub(super) fn forget(&self) {
        let mut gathered = self.gathered();
        gathered.lines.clear();
        gathered.tail.clear();
        gathered.stdout.clear();
        gathered.stderr.clear();
    }
}

impl Gathered {
    fn open_line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn append(&mut self, stream: Stream, text: &[u8]) {
        let line = self.open_line(stream);
        let room = LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    fn end_line(&mut self, stream: Stream) {
        let text = clean(&mem::take(self.open_line(stream)));
        match stream {
            Stream::Stdout => self.push(Level::INFO, text),
            Stream::Stderr => {
                if self.tail.len() == TAIL_LINES {
                    self.tail.remove(0);
                }
                self.tail.push(text.clone());
                self.push(Level::WARN, text);
            }
        }
    }

    fn push(&mut self, level: Level, message: String) {
        if self.lines.len() < CALL_LINES {
            self.lines.push(GuestLine { level, message });
        } else {
            self.suppressed += 1;
        }
    }
}

/// Text that is safe to show: valid UTF-8, without the control characters that steer terminals,
/// at most [`LINE_BYTES`] long.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if cleaned.len() >= LINE_BYTES {
            break;
        }
        if character.is_control() && !matches!(character, '\n' | '\t') {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

/// Lines that may be passed on now: refills with time, up to one second's worth.
#[derive(Debug)]
struct Rate {
    left: f64,
    since: Instant,
}

impl Default for Rate {
    fn default() -> Self {
        Self { left: f64::from(LINES_PER_SECOND), since: Instant::now() }
    }
}

impl Rate {
    fn allows(&mut self) -> bool {
        if self.left < 1.0 {
            let now = Instant::now();
            self.left += refill(now.saturating_duration_since(self.since));
            self.left = self.left.min(f64::from(LINES_PER_SECOND));
            self.since = now;
        }
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

fn refill(time: Duration) -> f64 {
    time.as_secs_f64() * f64::from(LINES_PER_SECOND)
}

impl log::Host for Host {
    fn log(&mut self, level: GuestLevel, message: String) -> wasmtime::Result<()> {
        self.spend(message.len())?;
        let level = match level {
            GuestLevel::Trace => Level::TRACE,
            GuestLevel::Debug => Level::DEBUG,
            GuestLevel::Info => Level::INFO,
            GuestLevel::Warn => Level::WARN,
            GuestLevel::Error => Level::ERROR,
        };
        self.lines.log(level, &message);
        Ok(())
    }
}
