//! vCard 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350), as far as contacts need it.
//!
//! A card becomes a row with a column for each value. Several values of a kind get a number: `email`, `email2`. Embedded
//! pictures, sounds and keys are skipped without being kept in memory.

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{
    DAMAGED, DAMAGED_TEXT, Line, MAX_CELL, MAX_ROW, Original, ReadRow, Reject, Row, decode, read_line,
};

/// The properties whose embedded values are skipped.
const BINARY: [&str; 4] = ["PHOTO", "LOGO", "SOUND", "KEY"];
/// What a rejected card has in addition. An import ignores it.
const REJECT_PROPERTY: &str = "X-REJECT-";

/// Reads the cards of a file.
pub struct VcardReader<R> {
    input: R,
    /// The line that was read ahead, to see whether it continues the one before.
    ahead: Option<Line>,
    /// The number of the line that is read next.
    line: u64,
}

/// A property with its parameters.
struct Property {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

/// A card that is being read.
#[derive(Default)]
struct Card {
    values: Vec<(String, String)>,
    text: String,
    fault: Option<(String, String)>,
}

impl<R: BufRead> VcardReader<R> {
    /// Begins to read.
    pub fn new(input: R) -> Self {
        Self { input, ahead: None, line: 1 }
    }

    /// Reads the next card.
    pub fn next_row(&mut self) -> io::Result<Option<ReadRow>> {
        loop {
            let line = self.line;
            match self.logical_line()? {
                None => return Ok(None),
                Some(Ok(text)) if is_line(&text, "BEGIN:VCARD") => return self.card(line).map(Some),
                Some(Ok(text)) if text.trim().is_empty() => {}
                Some(Ok(text)) => {
                    let reason = "Expected BEGIN:VCARD.".to_owned();
                    let original = Some(Original::Text(text));
                    return Ok(Some(Err(Reject { line, column: String::new(), reason, original })));
                }
                Some(Err(())) => {
                    let reason = "Expected BEGIN:VCARD.".to_owned();
                    return Ok(Some(Err(Reject { line, column: String::new(), reason, original: None })));
                }
            }
        }
    }

    /// Reads the rest of a card that begins at a line.
    fn card(&mut self, line: u64) -> io::Result<ReadRow> {
        let (mut card, mut depth) = (Card::default(), 0_usize);
        card.text.push_str("BEGIN:VCARD\r\n");
        let is_closed = loop {
            let Some(text) = self.logical_line()? else { break false };
            let Ok(text) = text else {
                card.fault.get_or_insert_with(|| {
                    (String::new(), format!("A value has more than {MAX_CELL} bytes."))
                });
                continue;
            };
            if is_line(&text, "BEGIN:VCARD") {
                depth += 1;
            } else if is_line(&text, "END:VCARD") {
                if depth == 0 {
                    break true;
                }
                depth -= 1;
            } else if depth == 0 {
                card.read(&text);
            }
        };
        card.text.push_str("END:VCARD");
        if !is_closed {
            card.fault.get_or_insert_with(|| (String::new(), "END:VCARD is missing.".to_owned()));
        }
        Ok(card.into_row(line))
    }

    /// Reads a line with those that continue it. An embedded picture comes as its name alone; `Err` is a line over the
    /// limit.
    fn logical_line(&mut self) -> io::Result<Option<Result<String, ()>>> {
        let Some(first) = self.take_line()? else { return Ok(None) };
        let (mut text, mut is_too_long) = match first {
            Line::Whole(text) => (text, false),
            Line::TooLong(start) => (start, true),
        };
        let is_binary = is_binary(&text);
        if is_binary {
            text.clear();
        }
        let is_quoted_printable = !is_binary && is_quoted_printable(&text);
        loop {
            let is_soft_break = is_quoted_printable && text.ends_with('=');
            let next = self.peek_line()?;
            let continuation = match next {
                Some(Line::Whole(next) | Line::TooLong(next)) if is_soft_break => Some(next.clone()),
                Some(Line::Whole(next) | Line::TooLong(next)) => {
                    next.strip_prefix([' ', '\t']).map(str::to_owned)
                }
                None => None,
            };
            let Some(continuation) = continuation else { break };
            is_too_long |= !is_binary && matches!(next, Some(Line::TooLong(_)));
            self.take_line()?;
            if is_soft_break {
                text.pop();
            }
            is_too_long |= text.len() + continuation.len() > MAX_CELL;
            if !is_binary && !is_too_long {
                text.push_str(&continuation);
            }
        }
        is_too_long |= text.len() > MAX_CELL;
        Ok(Some(if is_too_long && !is_binary { Err(()) } else { Ok(text) }))
    }

    fn peek_line(&mut self) -> io::Result<Option<&Line>> {
        if self.ahead.is_none() {
            self.ahead = read_line(&mut self.input, MAX_CELL)?;
        }
        Ok(self.ahead.as_ref())
    }

    fn take_line(&mut self) -> io::Result<Option<Line>> {
        let line = match self.ahead.take() {
            Some(line) => Some(line),
            None => read_line(&mut self.input, MAX_CELL)?,
        };
        self.line += u64::from(line.is_some());
        Ok(line)
    }
}

fn is_line(text: &str, expected: &str) -> bool {
    text.trim().eq_ignore_ascii_case(expected)
}

/// The name of a line's property, without the group in front.
fn property_name(text: &str) -> &str {
    let end = text.find([':', ';']).unwrap_or(0);
    let name = &text[..end];
    name.rsplit_once('.').map_or(name, |(_, name)| name).trim()
}

fn is_binary(text: &str) -> bool {
    let name = property_name(text);
    let is_uri = text.split_once(':').is_some_and(|(_, value)| {
        let value = value.trim_start().to_ascii_lowercase();
        value.starts_with("http://") || value.starts_with("https://")
    });
    BINARY.iter().any(|binary| name.eq_ignore_ascii_case(binary)) && !is_uri
}

fn is_quoted_printable(text: &str) -> bool {
    text.split(':').next().is_some_and(|head| head.to_ascii_uppercase().contains("QUOTED-PRINTABLE"))
}

impl Property {
    /// Reads a property. Lines of no known form are nobody's.
    fn read(text: &str) -> Option<Self> {
        let (head, value) = split_head(text)?;
        let mut parts = split(head, true);
        let name = property_name(text).to_ascii_uppercase();
        parts.remove(0);
        let parameters = parts.into_iter().map(|part| match part.split_once('=') {
            Some((name, value)) => {
                (name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned())
            }
            // vCard 2.1 writes types without a name.
            None => ("TYPE".to_owned(), part.trim().to_owned()),
        });
        let mut property = Self { name, parameters: parameters.collect(), value: value.to_owned() };
        if is_quoted_printable(head) {
            property.value = property.quoted_printable(value);
        }
        Some(property)
    }

    fn quoted_printable(&self, value: &str) -> String {
        let bytes = unquote(value);
        let charset = self.parameters.iter().find(|(name, _)| name == "CHARSET");
        let charset = charset.and_then(|(_, charset)| decode::encoding(charset));
        charset.unwrap_or(encoding_rs::UTF_8).decode_without_bom_handling(&bytes).0.into_owned()
    }

    /// Whether a type is among the parameters.
    fn is_type(&self, wanted: &str) -> bool {
        let types = self.parameters.iter().filter(|(name, _)| name == "TYPE");
        types.flat_map(|(_, types)| types.split(',')).any(|it| it.trim().eq_ignore_ascii_case(wanted))
    }

    /// Whether the value is the preferred one of its kind.
    fn is_preferred(&self) -> bool {
        self.is_type("pref") || self.parameters.iter().any(|(name, value)| name == "PREF" && value == "1")
    }
}

/// A line up to the colon that ends its parameters, and its value.
fn split_head(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let colon = text.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b':' && !is_quoted
    })?;
    Some((&text[..colon], &text[colon + 1..]))
}

/// The parts of a text between semicolons that no backslash, or quotation mark where it has them, protects; backslashes stay.
fn split(text: &str, has_quotes: bool) -> Vec<&str> {
    let (mut parts, mut start, mut is_escaped, mut is_quoted) = (Vec::new(), 0, false, false);
    for (position, letter) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if letter == '\\' {
            is_escaped = true;
        } else if letter == '"' && has_quotes {
            is_quoted = !is_quoted;
        } else if letter == ';' && !is_quoted {
            parts.push(&text[start..position]);
            start = position + letter.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A value without its backslashes.
fn unescape(text: &str) -> String {
    let (mut value, mut letters) = (String::with_capacity(text.len()), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => value.extend(
                letters.next().map(|letter| if letter.eq_ignore_ascii_case(&'n') { '\n' } else { letter }),
            ),
            letter => value.push(letter),
        }
    }
    value.trim().to_owned()
}

/// The bytes of quoted-printable text.
fn unquote(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(|_| first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

impl Card {
    fn read(&mut self, text: &str) {
        // A picture of vCard 2.1 may go on in lines that are no properties.
        let Some(property) = Property::read(text) else { return };
        if property_name(text).to_ascii_uppercase().starts_with(REJECT_PROPERTY) {
            return;
        }
        if self.text.len() + text.len() > MAX_ROW {
            self.fault
                .get_or_insert_with(|| (String::new(), format!("The card has more than {MAX_ROW} bytes.")));
            return;
        }
        self.text.push_str(text);
        self.text.push_str("\r\n");
        if property.value.contains(DAMAGED) {
            self.fault.get_or_insert_with(|| (property.name.clone(), DAMAGED_TEXT.to_owned()));
        }
        self.put(&property);
    }

    fn put(&mut self, property: &Property) {
        let value = property.value.as_str();
        match property.name.as_str() {
            "UID" => self.add("remoteId", value, false),
            "FN" => self.add("name", value, false),
            "N" => {
                let columns = ["familyName", "givenName", "additionalName", "title"];
                columns
                    .into_iter()
                    .zip(split(value, false))
                    .for_each(|(column, part)| self.add(column, part, false));
            }
            "NICKNAME" => self.add("nickname", value, false),
            "EMAIL" => self.add("email", value.trim_start_matches("mailto:"), property.is_preferred()),
            "TEL" => {
                let column = if property.is_type("cell") { "mobile" } else { "phone" };
                if !property.is_type("fax") {
                    self.add(column, value.trim_start_matches("tel:"), property.is_preferred());
                }
            }
            "ORG" => {
                let columns = ["organization", "department"];
                columns
                    .into_iter()
                    .zip(split(value, false))
                    .for_each(|(column, part)| self.add(column, part, false));
            }
            "TITLE" => self.add("jobTitle", value, false),
            "ADR" => self.address(value),
            "PHOTO" => self.add("avatarUrl", value, false),
            "NOTE" => self.add("note", value, false),
            _ => {}
        }
    }

    /// The first address; a row has the columns of one.
    fn address(&mut self, value: &str) {
        let columns = ["", "secondaryAddress", "street", "city", "state", "zipcode", "country"];
        if self.values.iter().any(|(column, _)| columns.contains(&column.as_str())) {
            return;
        }
        for (column, part) in columns.into_iter().zip(split(value, false)).skip(1) {
            self.add(column, part, false);
        }
    }

    /// Adds a value; the preferred one comes first.
    fn add(&mut self, column: &str, value: &str, is_preferred: bool) {
        let value = unescape(value);
        if value.is_empty() {
            return;
        }
        let first = self.values.iter().position(|(other, _)| other == column);
        match first.filter(|_| is_preferred) {
            Some(first) => self.values.insert(first, (column.to_owned(), value)),
            None => self.values.push((column.to_owned(), value)),
        }
    }

    fn into_row(self, line: u64) -> ReadRow {
        let original = Original::Text(self.text);
        if let Some((column, reason)) = self.fault {
            return Err(Reject { line, column, reason, original: Some(original) });
        }
        let mut values: Vec<(Arc<str>, Json)> = Vec::with_capacity(self.values.len());
        for (position, (column, value)) in self.values.iter().enumerate() {
            let number = 1 + self.values[..position].iter().filter(|(other, _)| other == column).count();
            let column = if number == 1 { column.clone() } else { format!("{column}{number}") };
            values.push((column.into(), Json::String(value.clone())));
        }
        Ok(Row { line, values, original })
    }
}

/// A rejected card with its reason, so that it can be mended and sent again.
pub fn with_reason(text: &str, reject: &Reject) -> String {
    let reason = [reject.line.to_string(), reject.column.clone(), reject.reason.clone()];
    let names = ["LINE", "COLUMN", "REASON"];
    let properties = names.into_iter().zip(reason);
    let properties: String =
        properties.map(|(name, value)| format!("{REJECT_PROPERTY}{name}:{}\r\n", escape(&value))).collect();
    text.replacen("BEGIN:VCARD\r\n", &format!("BEGIN:VCARD\r\n{properties}"), 1)
}

/// A value with backslashes in front of what would end it.
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\r' => {}
            '\n' => escaped.push_str("\\n"),
            ',' | ';' | '\\' => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A property as it stands in a file: folded to lines of at most 75 bytes.
pub fn property(name: &str, value: &str) -> String {
    let line = format!("{name}:{value}");
    let (mut folded, mut length) = (String::with_capacity(line.len() + 8), 0);
    for letter in line.chars() {
        if length + letter.len_utf8() > 75 {
            folded.push_str("\r\n ");
            length = 1;
        }
        folded.push(letter);
        length += letter.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}
