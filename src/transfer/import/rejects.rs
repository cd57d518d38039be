//! The rejected rows, in the form in which they were read and with the reason, so that they can be mended and sent again.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
};

use crate::files::{Format, Original, Reject, csv, json_lines, vcard};

/// The rejects file; nothing is written without one.
pub(super) struct Rejects {
    file: Option<BufWriter<File>>,
    format: Format,
    header: Vec<Arc<str>>,
    delimiter: u8,
}

impl Rejects {
    /// Opens the file. Keeps its first `kept` bytes, which an interrupted import has written.
    pub(super) fn open(
        path: Option<&Path>,
        format: Format,
        (header, delimiter): (Option<&[Arc<str>]>, Option<u8>),
        kept: u64,
    ) -> io::Result<Self> {
        let header = header.unwrap_or_default();
        // A mended file has the columns of the reasons already.
        let header: Vec<Arc<str>> =
            header.iter().filter(|name| !csv::REJECT_COLUMNS.contains(&&***name)).cloned().collect();
        let file = path.map(|path| open(path, kept)).transpose()?;
        let mut rejects = Self { file, format, header, delimiter: delimiter.unwrap_or(b',') };
        if kept == 0 && format == Format::Csv {
            rejects.write_header()?;
        }
        Ok(rejects)
    }

    fn write_header(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // Spreadsheets take a file without a byte order mark for one of an older encoding.
        file.write_all("\u{FEFF}".as_bytes())?;
        let names = csv::REJECT_COLUMNS.into_iter().chain(self.header.iter().map(|name| &**name));
        csv::write_line(file, names, self.delimiter)
    }

    /// Writes a rejected row.
    pub(super) fn write(&mut self, reject: &Reject, is_mended: bool) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        match (&reject.original, self.format) {
            (Some(Original::Text(text)), Format::JsonLines) => {
                writeln!(file, "{}", json_lines::with_reason(text, reject))
            }
            (Some(Original::Text(text)), Format::Vcard) => {
                write!(file, "{}\r\n", vcard::with_reason(text, reject))
            }
            (Some(Original::Cells(cells)), Format::Csv) => {
                let skipped = if is_mended { csv::REJECT_COLUMNS.len() } else { 0 };
                let line = reject.line.to_string();
                let reason = [line.as_str(), &reject.column, &reject.reason];
                let cells = cells.iter().skip(skipped).map(String::as_str);
                csv::write_line(file, reason.into_iter().chain(cells), self.delimiter)
            }
            // A row that was too large is only reported.
            _ => Ok(()),
        }
    }

    /// Makes sure that everything is in the file. Gives its length.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        let Some(file) = &mut self.file else { return Ok(0) };
        file.flush()?;
        file.get_ref().sync_data()?;
        file.stream_position()
    }
}

fn open(path: &Path, kept: u64) -> io::Result<BufWriter<File>> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() < kept {
        let message = "the rejects file is shorter than the interrupted import left it";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    file.set_len(kept)?;
    file.seek(SeekFrom::End(0))?;
    Ok(BufWriter::new(file))
}
