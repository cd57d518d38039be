//! The log stream: a thread of its own writes the lines to the standard error stream.
//!
//! A request neither waits for the stream nor fails with it, whether the stream is closed, on a full disk or a pipe that
//! nobody reads. Lines that cannot be written are counted. A leaf: every layer may use it.

mod request;

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

pub use self::request::{FieldStyle, RequestFields, WithRequestFields, for_current_request};

/// The most bytes that wait to be written.
const MAX_WAITING: usize = 1024 * 1024;
/// How long the end of a command waits for lines to be written.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// The process has one standard error stream.
static STDERR: LazyLock<LogWriter> = LazyLock::new(|| LogWriter::new(io::stderr()));

/// The writer for lines of the log. Each call of `write` takes one line.
pub fn writer() -> LogWriter {
    STDERR.clone()
}

/// Number of lines since the start that could not be written.
pub fn dropped_lines() -> u64 {
    STDERR.0.dropped.load(Relaxed)
}

/// Writes a line to the standard error stream before the process ends, if that takes no more than a second.
pub fn print_last(line: &str) {
    STDERR.0.push(format!("{line}\n").as_bytes());
    STDERR.0.flush();
}

/// Waits for the lines to be written when it is dropped, for at most a second.
#[must_use]
#[derive(Debug)]
pub struct FlushOnDrop;

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        STDERR.0.flush();
    }
}

/// Takes lines without ever waiting or failing.
#[derive(Clone, Debug)]
pub struct LogWriter(Arc<Queue>);

impl LogWriter {
    fn new(stream: impl Write + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        let written = Arc::clone(&queue);
        // Where the system has no thread left, the lines that do not fit are counted as for any stream that takes nothing.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(move || written.write_to(stream));
        Self(queue)
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that wait to be written.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
}

impl Queue {
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > MAX_WAITING {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        state.waiting.extend_from_slice(line);
        self.changed.notify_all();
    }

    /// Waits until all lines are written or dropped.
    fn flush(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // Either way there is nothing more to do.
        let _ = self.changed.wait_timeout_while(self.lock(), FLUSH_TIME, is_busy);
    }

    fn write_to(&self, mut stream: impl Write) {
        let (mut lines, mut is_torn) = (Vec::new(), false);
        loop {
            self.take(&mut lines);
            if is_torn {
                lines.insert(0, b'\n');
            }
            let rest = write(&mut stream, &lines);
            let written = &lines[..lines.len() - rest.len()];
            is_torn = written.last().map_or(is_torn, |last| *last != b'\n');
            let dropped = rest.iter().filter(|byte| **byte == b'\n').count();
            self.dropped.fetch_add(dropped as u64, Relaxed);
        }
    }

    /// Waits for lines and takes all of them.
    fn take(&self, lines: &mut Vec<u8>) {
        lines.clear();
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        let waited = self.changed.wait_while(state, |state| state.waiting.is_empty());
        state = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        mem::swap(lines, &mut state.waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes as much as the stream takes; gives the rest.
fn write<'a>(stream: &mut impl Write, mut bytes: &'a [u8]) -> &'a [u8] {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => break,
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Instant};

    use super::*;

    /// Accepts a given number of bytes of each batch, then fails.
    struct Disk {
        room: mpsc::Receiver<usize>,
        left: usize,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.left == 0 {
                self.left = self.room.recv().unwrap_or_default();
            }
            if self.left == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = self.left.min(bytes.len());
            self.left -= count;
            self.written.lock().expect("a lock").extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn disk() -> (LogWriter, mpsc::Sender<usize>, Arc<Mutex<Vec<u8>>>) {
        let (sender, room) = mpsc::channel();
        let written = Arc::default();
        let disk = Disk { room, left: 0, written: Arc::clone(&written) };
        (LogWriter::new(disk), sender, written)
    }

    fn dropped(log: &LogWriter) -> u64 {
        log.0.dropped.load(Relaxed)
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted() {
        let (mut log, room, written) = disk();
        log.write_all(b"first\n").expect("taken");
        room.send(3).expect("a disk");
        room.send(0).expect("a disk");
        log.0.flush();
        assert_eq!(dropped(&log), 1);

        // The line that was torn ends before the next begins.
        room.send(100).expect("a disk");
        log.write_all(b"second\n").expect("taken");
        log.0.flush();
        assert_eq!(*written.lock().expect("a lock"), b"fir\nsecond\n");
        assert_eq!(dropped(&log), 1);
    }

    #[test]
    fn nobody_waits_for_a_stream_that_takes_nothing() {
        let (mut log, _room, _) = disk();
        let line = [b'\n'; 1024];
        let begin = Instant::now();
        for _ in 0..3 * MAX_WAITING / line.len() {
            log.write_all(&line).expect("taken");
        }
        assert!(begin.elapsed() < FLUSH_TIME, "{:?}", begin.elapsed());
        assert!(dropped(&log) >= 1024, "{}", dropped(&log));
        log.0.flush();
        assert!(begin.elapsed() < FLUSH_TIME * 3, "{:?}", begin.elapsed());
    }
}
