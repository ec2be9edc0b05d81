//! What a guest logs and prints: gathered line by line, passed on when its guest call ends.
//!
//! Held back that long because a guest call that fails is made again for each of its records, which
//! would log everything twice. What is held is bounded, and what exceeds that is counted; the rate
//! and the harmlessness of lines are the guest log's business.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::Level;

use super::{
    Host,
    bindings::imports::log::{self, Level as GuestLevel},
};
use crate::telemetry::{GuestLine, GuestLog};

/// Longest printed line in bytes; the rest of it is cut off.
const LINE_BYTES: usize = 8 << 10;
/// What is held during one guest call: lines, and bytes of them.
const CALL_LINES: usize = 10_000;
const CALL_BYTES: usize = 4 << 20;
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
    /// Bytes of the lines.
    held: usize,
    suppressed: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The newest lines of standard error in this guest call.
    tail: Vec<String>,
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

    fn log(&self, level: Level, message: String) {
        self.gathered().push(level, message);
    }

    /// What the guest wrote to standard error in this guest call, unfinished line included.
    pub(in crate::invoke::wasm) fn errors(&self) -> Vec<String> {
        let gathered = self.gathered();
        let mut lines = gathered.tail.clone();
        if !gathered.stderr.is_empty() {
            lines.push(printable(&String::from_utf8_lossy(&gathered.stderr)));
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
        gathered.held = 0;
        for line in mem::take(&mut gathered.lines) {
            log.line(line.level, line.message);
        }
        let suppressed = mem::take(&mut gathered.suppressed);
        if suppressed > 0 {
            log.line(
                Level::WARN,
                format!(
                    "{suppressed} lines were dropped: one call may log {CALL_LINES} lines and \
                     {CALL_BYTES} bytes"
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
        gathered.held = 0;
        gathered.suppressed = 0;
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
        let line = mem::take(self.open_line(stream));
        let text = String::from_utf8_lossy(&line).into_owned();
        match stream {
            Stream::Stdout => self.push(Level::INFO, text),
            Stream::Stderr => {
                if self.tail.len() == TAIL_LINES {
                    self.tail.remove(0);
                }
                self.tail.push(printable(&text));
                self.push(Level::WARN, text);
            }
        }
    }

    fn push(&mut self, level: Level, message: String) {
        let held = self.held.saturating_add(message.len());
        if self.lines.len() < CALL_LINES && held <= CALL_BYTES {
            self.held = held;
            self.lines.push(GuestLine { level, message });
        } else {
            self.suppressed += 1;
        }
    }
}

/// Text for an error, without the control characters that steer terminals.
fn printable(text: &str) -> String {
    let escape = |character: char| character.is_control() && character != '\t';
    text.chars().map(|c| if escape(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
        self.lines.log(level, message);
        Ok(())
    }
}
