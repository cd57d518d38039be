//! The file formats of import and export: encodings, compression, CSV, JSON Lines and vCard.
//!
//! Knows nothing of the crate. Every reader is a stream with limits, so that memory stays flat whatever a file holds: a row
//! over a limit is reported and skipped, and what follows it is read.

pub mod compression;
pub mod csv;
pub mod decode;
pub mod json_lines;
pub mod vcard;

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use serde_json::Value as Json;

/// The most bytes of a row, line breaks in quoted cells included.
pub const MAX_ROW: usize = 1 << 20;
/// The most bytes of a cell or value.
pub const MAX_CELL: usize = 1 << 16;
/// The most columns of a row.
pub const MAX_COLUMNS: usize = 1_000;

/// A format of files with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, or values separated by semicolons or tabs, with a header row.
    Csv,
    /// One JSON object a line, or one array of objects.
    JsonLines,
    /// vCard 2.1, 3.0 or 4.0.
    Vcard,
}

impl Format {
    /// The format with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Self::Csv,
            "jsonl" | "ndjson" | "json" => Self::JsonLines,
            "vcard" | "vcf" => Self::Vcard,
            _ => return None,
        })
    }

    /// The format of a file, by the extension of its name in front of that of its compression.
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
        Self::of_name(name.rsplit_once('.')?.1)
    }
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The line at which it begins, from 1.
    pub line: u64,
    /// The values with the names of their columns; no name stands twice.
    pub values: Vec<(Arc<str>, Json)>,
    /// The row in the form in which it was read.
    pub original: Original,
}

/// A row in the form in which it was read, so that it can be written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// The cells of a CSV row.
    Cells(Vec<String>),
    /// A line of JSON Lines, an element of an array, or a vCard without its embedded pictures.
    Text(String),
}

/// Why a row was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line at which the row begins.
    pub line: u64,
    /// The name of the column, or the position in the line, if the reason is about one.
    pub column: String,
    /// The reason.
    pub reason: String,
    /// The row, unless it was too large to be kept.
    pub original: Option<Original>,
}

/// A row, or why it cannot be read.
pub type ReadRow = Result<Row, Reject>;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read, or its compression is broken.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// The file has no header row.
    #[error("the file is empty; a header row is required")]
    NoHeader,
    /// The header row exceeds a limit.
    #[error("the header row is unusable: {0}")]
    Header(String),
}

/// The rows of a file.
pub enum Rows<R> {
    /// Of CSV.
    Csv(Box<csv::CsvReader<R>>),
    /// Of JSON Lines.
    JsonLines(json_lines::JsonReader<R>),
    /// Of vCards.
    Vcard(vcard::VcardReader<R>),
}

impl<R: BufRead> Rows<R> {
    /// Begins to read text. The delimiter of CSV is detected unless it is given.
    pub fn open(format: Format, text: R, delimiter: Option<u8>) -> Result<Self, FileError> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(csv::CsvReader::open(text, delimiter)?)),
            Format::JsonLines => Self::JsonLines(json_lines::JsonReader::open(text)?),
            Format::Vcard => Self::Vcard(vcard::VcardReader::new(text)),
        })
    }

    /// The columns of the header row; only CSV has one.
    pub fn header(&self) -> Option<&[Arc<str>]> {
        match self {
            Self::Csv(rows) => Some(rows.header()),
            Self::JsonLines(_) | Self::Vcard(_) => None,
        }
    }

    /// What separates the cells of CSV.
    pub fn delimiter(&self) -> Option<u8> {
        match self {
            Self::Csv(rows) => Some(rows.delimiter()),
            Self::JsonLines(_) | Self::Vcard(_) => None,
        }
    }

    /// Reads the next row. `None` is the end of the file.
    pub fn next_row(&mut self) -> io::Result<Option<ReadRow>> {
        match self {
            Self::Csv(rows) => rows.next_row(),
            Self::JsonLines(rows) => rows.next_row(),
            Self::Vcard(rows) => rows.next_row(),
        }
    }
}

/// What the decoder puts in place of bytes that are no text.
const DAMAGED: char = '\u{FFFD}';
/// The reason for rejecting them.
const DAMAGED_TEXT: &str = "The value has bytes that are no text in the encoding of the file. Convert the file to UTF-8, \
     or name its encoding.";

/// How many bytes are kept of a line over the limit.
const BEGINNING: usize = 64;

/// A line of the input without its end.
enum Line {
    /// Within the limit.
    Whole(String),
    /// Over the limit: its beginning. The rest was skipped.
    TooLong(String),
}

/// Reads a line of at most `limit` bytes; the rest of a longer one is skipped.
fn read_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<Line>> {
    let (mut line, mut too_long, mut is_empty) = (Vec::new(), false, true);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        is_empty = false;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        too_long |= line.len() + part.len() > limit;
        line.extend_from_slice(&part[..part.len().min(limit - line.len())]);
        let consumed = part.len() + usize::from(end.is_some());
        input.consume(consumed);
        if end.is_some() {
            break;
        }
    }
    if is_empty {
        return Ok(None);
    }
    if too_long {
        line.truncate(BEGINNING);
        return Ok(Some(Line::TooLong(String::from_utf8_lossy(&line).into_owned())));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(Line::Whole(String::from_utf8_lossy(&line).into_owned())))
}
