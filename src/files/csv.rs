//! CSV: RFC 4180 and what spreadsheets make of it. Reading with `csv-core`, because its limits keep memory flat: the crate
//! `csv` reads a record whole, whatever its size.

use std::{
    collections::HashSet,
    io::{self, BufRead, Write},
    sync::Arc,
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::Value as Json;

use super::{
    DAMAGED, DAMAGED_TEXT, FileError, MAX_CELL, MAX_COLUMNS, MAX_ROW, Original, ReadRow, Reject, Row,
};

/// What may separate cells, the likeliest first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// The columns that a rejects file has in front of the others. An import ignores them.
pub const REJECT_COLUMNS: [&str; 3] = ["reject_line", "reject_column", "reject_reason"];

/// Reads the rows of a CSV file.
pub struct CsvReader<R> {
    input: R,
    core: Reader,
    delimiter: u8,
    /// Blank lines that were skipped in front of rows, which the parser has not counted.
    skipped_lines: u64,
    header: Vec<Arc<str>>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// A record of the file.
enum Record {
    /// Its cells.
    Cells(Vec<String>),
    /// The limit that it exceeds.
    TooLarge(String),
}

impl<R: BufRead> CsvReader<R> {
    /// Reads the header row. The delimiter is detected unless it is given.
    pub fn open(mut input: R, delimiter: Option<u8>) -> Result<Self, FileError> {
        let (named, length) = separator_line(input.fill_buf()?);
        input.consume(length);
        let delimiter = match delimiter.or(named) {
            Some(delimiter) => delimiter,
            None => detect(input.fill_buf()?),
        };
        let mut reader = Self {
            input,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            skipped_lines: u64::from(length > 0),
            header: Vec::new(),
            cells: vec![0; MAX_ROW],
            ends: vec![0; MAX_COLUMNS],
        };
        let header = match reader.record()? {
            None => return Err(FileError::NoHeader),
            Some((_, Record::TooLarge(reason))) => return Err(FileError::Header(reason)),
            Some((_, Record::Cells(cells))) => cells,
        };
        reader.header = names(&header)?;
        Ok(reader)
    }

    /// The names of the columns.
    pub fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    /// What separates the cells.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads the next row.
    pub fn next_row(&mut self) -> io::Result<Option<ReadRow>> {
        let Some((line, record)) = self.record()? else { return Ok(None) };
        let cells = match record {
            Record::Cells(cells) => cells,
            Record::TooLarge(reason) => {
                return Ok(Some(Err(Reject { line, column: String::new(), reason, original: None })));
            }
        };
        if let Some((column, reason)) = self.fault(&cells) {
            return Ok(Some(Err(Reject { line, column, reason, original: Some(Original::Cells(cells)) })));
        }
        let values = self.header.iter().zip(&cells);
        let values = values.map(|(name, cell)| (Arc::clone(name), Json::String(cell.clone()))).collect();
        Ok(Some(Ok(Row { line, values, original: Original::Cells(cells) })))
    }

    /// What makes a row unusable: the column and the reason.
    fn fault(&self, cells: &[String]) -> Option<(String, String)> {
        let columns = self.header.len();
        let name = |position: usize| self.header.get(position).map_or_else(String::new, ToString::to_string);
        if let Some(cell) = cells.iter().skip(columns).find(|cell| !cell.trim().is_empty()) {
            let hint = if cell.len() < MAX_CELL { "Quote cells that contain the separator." } else { "" };
            let reason = format!("The row has {} cells, the header has {columns}. {hint}", cells.len());
            return Some((format!("column {}", columns + 1), reason));
        }
        if cells.len() < columns && cells.iter().any(|cell| cell.contains('\n')) {
            let reason =
                "The row has line breaks and too few cells. A quotation mark is probably not closed.";
            return Some((name(cells.len() - 1), reason.to_owned()));
        }
        cells.iter().enumerate().find_map(|(position, cell)| {
            if cell.len() > MAX_CELL {
                Some((name(position), format!("The cell has more than {MAX_CELL} bytes.")))
            } else if cell.contains(DAMAGED) {
                Some((name(position), DAMAGED_TEXT.to_owned()))
            } else {
                None
            }
        })
    }

    /// Reads a record and the line at which it begins.
    fn record(&mut self) -> io::Result<Option<(u64, Record)>> {
        self.skip_blank_lines()?;
        let line = self.core.line() + self.skipped_lines;
        let (mut length, mut count, mut fault) = (0, 0, None);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.cells[length..], &mut self.ends[count..]);
            self.input.consume(read);
            length += written;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    fault.get_or_insert_with(|| {
                        format!(
                            "The row has more than {MAX_ROW} bytes. A quotation mark is probably not closed."
                        )
                    });
                    length = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    fault.get_or_insert_with(|| format!("The row has more than {MAX_COLUMNS} columns."));
                    count = 0;
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let record = fault.map_or_else(|| Record::Cells(self.texts(count)), Record::TooLarge);
        Ok(Some((line, record)))
    }

    /// The cells of the record that was read.
    fn texts(&self, count: usize) -> Vec<String> {
        let mut start = 0;
        let cells = self.ends[..count].iter().map(|end| {
            let cell = &self.cells[start..*end];
            start = *end;
            String::from_utf8_lossy(cell).into_owned()
        });
        cells.collect()
    }

    /// Skips the line breaks in front of a record, so that the line at which it begins is known.
    fn skip_blank_lines(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.skipped_lines += input[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
            let is_over = blank < input.len() || input.is_empty();
            self.input.consume(blank);
            if is_over {
                return Ok(());
            }
        }
    }
}

/// The separator that the first line names (`sep=;`, for Excel), and the length of the line.
fn separator_line(start: &[u8]) -> (Option<u8>, usize) {
    match start {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, b'\r', b'\n', ..] => (Some(*separator), 7),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, b'\n', ..] => (Some(*separator), 6),
        _ => (None, 0),
    }
}

/// What stands most often in the first line, outside of quotation marks.
fn detect(start: &[u8]) -> u8 {
    let (mut counts, mut is_quoted) = ([0_usize; DELIMITERS.len()], false);
    for byte in start {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted && counts.iter().any(|count| *count > 0) => break,
            byte if !is_quoted => {
                if let Some(position) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
                    counts[position] += 1;
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    DELIMITERS
        .into_iter()
        .zip(counts)
        .find(|(_, count)| *count == most)
        .map_or(b',', |(delimiter, _)| delimiter)
}

/// The names of the columns. Blank ones are named by their position.
fn names(cells: &[String]) -> Result<Vec<Arc<str>>, FileError> {
    let mut known = HashSet::new();
    let mut names = Vec::with_capacity(cells.len());
    for (position, cell) in cells.iter().enumerate() {
        let name = match cell.trim() {
            "" => format!("column {}", position + 1),
            name if name.len() > MAX_CELL => {
                return Err(FileError::Header(format!("column {} has no usable name", position + 1)));
            }
            name => name.to_owned(),
        };
        if !known.insert(name.clone()) {
            return Err(FileError::Header(format!("the column {name:?} stands twice; rename one of them")));
        }
        names.push(name.into());
    }
    Ok(names)
}

/// Whether a spreadsheet would read a cell as a formula.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell that no spreadsheet reads as a formula: such a cell gets an apostrophe in front.
pub fn without_formula(cell: String) -> String {
    if is_formula(&cell) { format!("'{cell}") } else { cell }
}

/// A line of CSV without its end.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>, delimiter: u8) -> String {
    let delimiter = char::from(delimiter);
    let mut line = String::new();
    for (position, cell) in cells.into_iter().enumerate() {
        if position > 0 {
            line.push(delimiter);
        }
        if cell.contains([delimiter, '"', '\n', '\r']) || cell.trim().len() != cell.len() {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line
}

/// Writes a line of CSV.
pub fn write_line<'a>(
    out: &mut impl Write,
    cells: impl IntoIterator<Item = &'a str>,
    delimiter: u8,
) -> io::Result<()> {
    let mut line = line(cells, delimiter);
    line.push_str("\r\n");
    out.write_all(line.as_bytes())
}
