//! Text of any encoding as UTF-8.
//!
//! Without a given encoding it is detected: by a byte order mark, by the zero bytes of UTF-16, and else by the first byte
//! beyond ASCII, which begins a character of UTF-8 or is one of Windows-1252.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How many bytes are read at once.
const CHUNK: usize = 1 << 16;

/// The encoding with this name, for example `windows-1252` or `utf-16le`.
pub fn encoding(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.trim().as_bytes())
}

/// Reads text as UTF-8. Bytes that are no text become U+FFFD.
pub struct Utf8Reader<R> {
    input: R,
    state: State,
    /// Bytes that were read and not decoded.
    pending: Vec<u8>,
    is_at_end: bool,
    text: Vec<u8>,
    /// How much of the text was consumed.
    consumed: usize,
}

enum State {
    Start,
    /// Nothing beyond ASCII so far.
    Ascii,
    Decoding(Box<Decoder>),
}

impl State {
    fn decoding(encoding: &'static Encoding) -> Self {
        Self::Decoding(Box::new(encoding.new_decoder_with_bom_removal()))
    }
}

impl<R: Read> Utf8Reader<R> {
    /// Reads text of the given encoding, or of the one that is detected.
    pub fn new(input: R, encoding: Option<&'static Encoding>) -> Self {
        Self {
            input,
            state: encoding.map_or(State::Start, State::decoding),
            pending: Vec::with_capacity(CHUNK),
            is_at_end: false,
            text: Vec::new(),
            consumed: 0,
        }
    }

    /// Reads until there are as many pending bytes as are read at once.
    fn read_chunk(&mut self) -> io::Result<()> {
        let missing = CHUNK.saturating_sub(self.pending.len());
        if missing > 0 && !self.is_at_end {
            let read = self.input.by_ref().take(missing as u64).read_to_end(&mut self.pending)?;
            self.is_at_end = read < missing;
        }
        Ok(())
    }

    /// Decodes the next bytes. The text stays empty at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.consumed = 0;
        while self.text.is_empty() {
            self.read_chunk()?;
            if self.pending.is_empty() && self.is_at_end {
                return Ok(());
            }
            match &mut self.state {
                State::Start => self.state = detect(&self.pending).map_or(State::Ascii, State::decoding),
                State::Ascii => {
                    let ascii = self.pending.iter().position(|byte| !byte.is_ascii());
                    let ascii = ascii.unwrap_or(self.pending.len());
                    if ascii == 0 {
                        self.state = State::decoding(first_beyond_ascii(&self.pending));
                    } else {
                        self.text.extend(self.pending.drain(..ascii));
                    }
                }
                State::Decoding(decoder) => {
                    let needed = decoder.max_utf8_buffer_length(self.pending.len()).unwrap_or(CHUNK * 4);
                    let mut text = String::with_capacity(needed);
                    let (_, read, _) = decoder.decode_to_string(&self.pending, &mut text, self.is_at_end);
                    self.pending.drain(..read);
                    self.text = text.into_bytes();
                    if self.is_at_end && self.text.is_empty() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let length = text.len().min(out.len());
        out[..length].copy_from_slice(&text[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.text.len() {
            self.refill()?;
        }
        Ok(&self.text[self.consumed..])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed = (self.consumed + amount).min(self.text.len());
    }
}

/// The encoding that the beginning of a file shows.
fn detect(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    let sample = &bytes[..bytes.len().min(1024) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // Of texts in Latin letters every second byte is zero.
    let many = sample.len() / 5;
    match (even, odd) {
        (0, odd) if odd > many => Some(UTF_16LE),
        (even, 0) if even > many => Some(UTF_16BE),
        _ => None,
    }
}

/// The encoding of bytes that begin beyond ASCII.
fn first_beyond_ascii(bytes: &[u8]) -> &'static Encoding {
    match std::str::from_utf8(bytes) {
        Err(error) if error.valid_up_to() == 0 => WINDOWS_1252,
        Ok(_) | Err(_) => UTF_8,
    }
}
