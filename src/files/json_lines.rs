//! JSON Lines: one object a line; or one array of objects, as many products export.

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{DAMAGED, DAMAGED_TEXT, Line, MAX_COLUMNS, MAX_ROW, Original, ReadRow, Reject, Row, read_line};

/// The member of a rejected object that holds the reason. An import ignores it.
pub const REJECT_MEMBER: &str = "_reject";

/// Reads the objects of a file.
pub struct JsonReader<R> {
    input: R,
    is_array: bool,
    /// The line at which the reader is, from 1.
    line: u64,
}

impl<R: BufRead> JsonReader<R> {
    /// Begins to read: whether the file holds lines or an array is decided by its first character.
    pub fn open(input: R) -> io::Result<Self> {
        let mut reader = Self { input, is_array: false, line: 1 };
        if reader.skip_until(|byte| !byte.is_ascii_whitespace())? == Some(b'[') {
            reader.is_array = true;
            reader.input.consume(1);
        }
        Ok(reader)
    }

    /// Reads the next object.
    pub fn next_row(&mut self) -> io::Result<Option<ReadRow>> {
        if self.is_array { self.next_element() } else { self.next_line() }
    }

    fn next_line(&mut self) -> io::Result<Option<ReadRow>> {
        loop {
            let line = self.line;
            let Some(text) = read_line(&mut self.input, MAX_ROW)? else { return Ok(None) };
            self.line += 1;
            match text {
                Line::Whole(text) if text.trim().is_empty() => {}
                Line::Whole(text) => return Ok(Some(row(line, text))),
                Line::TooLong(_) => return Ok(Some(Err(too_large(line)))),
            }
        }
    }

    /// Reads the next element of the array: what stands up to its end outside of brackets and quotation marks.
    fn next_element(&mut self) -> io::Result<Option<ReadRow>> {
        let start = self.skip_until(|byte| !byte.is_ascii_whitespace() && *byte != b',')?;
        if matches!(start, None | Some(b']')) {
            return Ok(None);
        }
        let (line, mut text, mut too_long) = (self.line, Vec::new(), false);
        let mut scan = Scan::default();
        while !scan.is_over {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let length = buffer.iter().take_while(|byte| scan.take(**byte)).count();
            self.line += buffer[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
            too_long |= text.len() + length > MAX_ROW;
            if !too_long {
                text.extend_from_slice(&buffer[..length]);
            }
            self.input.consume(length);
        }
        if too_long {
            return Ok(Some(Err(too_large(line))));
        }
        Ok(Some(row(line, String::from_utf8_lossy(&text).trim_end().to_owned())))
    }

    /// Skips bytes up to one that meets the condition, and gives it.
    fn skip_until(&mut self, is_wanted: impl Fn(&u8) -> bool) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let wanted = buffer.iter().position(&is_wanted);
            let skipped = wanted.unwrap_or(buffer.len());
            self.line += buffer[..skipped].iter().filter(|byte| **byte == b'\n').count() as u64;
            let byte = wanted.map(|position| buffer[position]);
            self.input.consume(skipped);
            if byte.is_some() {
                return Ok(byte);
            }
        }
    }
}

/// Finds the end of an element.
#[derive(Default)]
struct Scan {
    depth: usize,
    is_quoted: bool,
    is_escaped: bool,
    is_over: bool,
}

impl Scan {
    /// Whether the byte belongs to the element.
    fn take(&mut self, byte: u8) -> bool {
        if self.is_quoted {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_quoted = false,
                _ => {}
            }
            return true;
        }
        match byte {
            b'"' => self.is_quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => self.depth -= 1,
            b',' | b']' if self.depth == 0 => self.is_over = true,
            _ => {}
        }
        !self.is_over
    }
}

fn too_large(line: u64) -> Reject {
    let reason = format!("The object has more than {MAX_ROW} bytes.");
    Reject { line, column: String::new(), reason, original: None }
}

fn row(line: u64, text: String) -> ReadRow {
    let reject = |column: String, reason: String, text: String| {
        Err(Reject { line, column, reason, original: Some(Original::Text(text)) })
    };
    if text.contains(DAMAGED) {
        return reject(String::new(), DAMAGED_TEXT.to_owned(), text);
    }
    match serde_json::from_str(&text) {
        Ok(Json::Object(object)) if object.len() > MAX_COLUMNS => {
            reject(String::new(), format!("The object has more than {MAX_COLUMNS} members."), text)
        }
        Ok(Json::Object(object)) => {
            let values = object.into_iter().filter(|(name, _)| name != REJECT_MEMBER);
            let values = values.map(|(name, value)| (Arc::from(name), value)).collect();
            Ok(Row { line, values, original: Original::Text(text) })
        }
        Ok(_) => reject(String::new(), "Each line must be a JSON object.".to_owned(), text),
        Err(error) => reject(format!("character {}", error.column()), format!("Invalid JSON: {error}"), text),
    }
}

/// A rejected line with its reason, so that it can be mended and sent again. A line that is no object stays as it was.
pub fn with_reason(text: &str, reject: &Reject) -> String {
    let Ok(Json::Object(mut object)) = serde_json::from_str(text) else { return text.replace('\n', " ") };
    let reason = serde_json::json!({ "line": reject.line, "column": reject.column, "reason": reject.reason });
    object.insert(REJECT_MEMBER.to_owned(), reason);
    Json::Object(object).to_string()
}
