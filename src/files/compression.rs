//! Compressed files, with a limit on what they expand to.

use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use flate2::read::MultiGzDecoder;

/// A file of contacts expands to a few dozen times its size; a file that was made to do harm to thousands.
const MAX_RATIO: u64 = 200;
/// Small files may expand to this many bytes.
const FREE: u64 = 64 << 20;
/// The largest window of zstd, as a power of two: what a reader keeps in memory.
const MAX_WINDOW: u32 = 23;

/// The bytes of a file, decompressed where its name ends with `.gz` or `.zst`.
pub fn decompressed<R: Read + Send + 'static>(name: &str, file: R) -> io::Result<Box<dyn Read + Send>> {
    let read = Arc::new(AtomicU64::new(0));
    let counted = BufReader::new(Counted { inner: file, read: Arc::clone(&read) });
    Ok(if name.ends_with(".gz") {
        Box::new(Bounded { inner: MultiGzDecoder::new(counted), compressed: read, expanded: 0 })
    } else if name.ends_with(".zst") {
        let mut inner = zstd::stream::read::Decoder::with_buffer(counted)?;
        inner.window_log_max(MAX_WINDOW)?;
        Box::new(Bounded { inner, compressed: read, expanded: 0 })
    } else {
        Box::new(counted)
    })
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.read.fetch_add(length as u64, Relaxed);
        Ok(length)
    }
}

/// Fails when a file expands too much.
struct Bounded<R> {
    inner: R,
    compressed: Arc<AtomicU64>,
    expanded: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.expanded += length as u64;
        if self.expanded > FREE + self.compressed.load(Relaxed).saturating_mul(MAX_RATIO) {
            let message = "the file expands to more than 200 times its size; decompress it first";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(length)
    }
}
