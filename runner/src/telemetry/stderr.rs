//! Standard error behind a bounded queue, so that a reader that stops reading it stops no function.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

use crate::fault::Fault;

/// Bytes of lines that may wait, besides as many being written; more are dropped, and their
/// number is logged.
const MAX_QUEUED: usize = 4 << 20;

/// The end of the process waits no longer than this for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

const TOO_SLOW: &str = " log lines were dropped: standard error is too slow";

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    writing: bool,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Where the subscriber puts its lines.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

/// Writes out what is queued when dropped.
#[must_use = "dropped at once, it flushes nothing"]
pub struct Flush {
    shared: Arc<Shared>,
    writer: Option<thread::JoinHandle<()>>,
}

/// # Errors
/// The thread that writes cannot be started.
pub(super) fn start() -> Result<(Queue, Flush), Fault> {
    start_into(io::stderr())
}

fn start_into(output: impl Write + Send + 'static) -> Result<(Queue, Flush), Fault> {
    let shared = Arc::new(Shared::default());
    let writer = thread::Builder::new()
        .name("log".to_owned())
        .spawn({
            let shared = shared.clone();
            move || write(&shared, output)
        })
        .map_err(Fault::system)?;
    Ok((Queue(shared.clone()), Flush { shared, writer: Some(writer) }))
}

fn write(shared: &Shared, mut output: impl Write) {
    loop {
        let mut state = lock(&shared.state);
        while state.lines.is_empty() && !state.ended {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.lines.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut state.lines);
        let dropped = std::mem::take(&mut state.dropped);
        state.bytes = 0;
        state.writing = true;
        drop(state);

        // With standard error closed there is nobody left to tell.
        for line in lines {
            _ = output.write_all(&line);
        }
        if dropped > 0 {
            _ = writeln!(output, "{dropped}{TOO_SLOW}");
        }
        _ = output.flush();
        lock(&shared.state).writing = false;
        shared.changed.notify_all();
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.ended = true;
        self.shared.changed.notify_all();
        let waited = self.shared.changed.wait_timeout_while(state, FLUSH_TIMEOUT, |state| {
            state.writing || !state.lines.is_empty()
        });
        let finished = !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        // A writer that is stuck is left behind: the process ends anyway.
        if let Some(writer) = self.writer.take().filter(|_| finished) {
            _ = writer.join();
        }
    }
}

impl fmt::Debug for Flush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").finish_non_exhaustive()
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// Takes one event's line, which the subscriber writes in one piece.
pub(super) struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = lock(&self.0.state);
        if state.ended || state.bytes + line.len() > MAX_QUEUED {
            state.dropped += 1;
        } else {
            state.bytes += line.len();
            state.lines.push_back(line.to_vec());
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that writes only as far as it is let.
    struct Gate {
        open: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            _ = self.open.recv();
            _ = self.written.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_queued_is_written_before_the_end() {
        let (open, gate) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let (queue, flush) = start_into(Gate { open: gate, written }).unwrap();
        for i in 0..100 {
            queue.make_writer().write_all(format!("line {i}\n").as_bytes()).unwrap();
        }
        drop(open);
        drop(flush);
        let text: Vec<u8> = lines.try_iter().flatten().collect();
        let expected: String = (0..100).map(|i| format!("line {i}\n")).collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_stuck_reader_holds_nobody_up_and_is_told_what_it_missed() {
        let (open, gate) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let (queue, flush) = start_into(Gate { open: gate, written }).unwrap();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..15 {
            queue.make_writer().write_all(&line).unwrap();
        }
        drop(open);
        drop(flush);
        let text: Vec<u8> = lines.try_iter().flatten().collect();
        let passed = text.iter().filter(|byte| **byte == b'x').count() >> 20;
        // Four with the writer, and four in the queue.
        assert!((4..=8).contains(&passed), "{passed}");
        let told: usize = String::from_utf8(text)
            .unwrap()
            .trim_matches('x')
            .lines()
            .filter_map(|line| line.trim_matches('x').strip_suffix(TOO_SLOW))
            .map(|count| count.parse::<usize>().unwrap())
            .sum();
        assert_eq!(passed + told, 15);
    }
}
