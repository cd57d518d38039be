//! The formats of import: files as people have them, and files that were made to do harm.

use std::io::{Cursor, Read, Write};

use contact_gateway::files::{
    FileError, Format, MAX_CELL, MAX_COLUMNS, MAX_ROW, Original, ReadRow, Reject, Row, Rows,
    compression::decompressed,
    csv,
    decode::{Utf8Reader, encoding},
    json_lines, vcard,
};

/// The rows of a file whose encoding and delimiter are detected.
fn read(format: Format, bytes: impl Into<Vec<u8>>) -> Vec<ReadRow> {
    let mut rows =
        Rows::open(format, Utf8Reader::new(Cursor::new(bytes.into()), None), None).expect("a file");
    std::iter::from_fn(|| rows.next_row().expect("a readable file")).collect()
}

fn row(read: &ReadRow) -> &Row {
    read.as_ref().expect("a row")
}

fn reject(read: &ReadRow) -> &Reject {
    read.as_ref().expect_err("a reject")
}

fn value<'a>(read: &'a ReadRow, column: &str) -> &'a str {
    let found = row(read).values.iter().find(|(name, _)| &**name == column);
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn formats_are_told_by_the_name_of_the_file() {
    for (name, format) in [
        ("people.csv", Some(Format::Csv)),
        ("PEOPLE.TSV", Some(Format::Csv)),
        ("dump.jsonl.zst", Some(Format::JsonLines)),
        ("dump.ndjson.gz", Some(Format::JsonLines)),
        ("people.vcf", Some(Format::Vcard)),
        ("people", None),
        ("people.xlsx", None),
    ] {
        assert_eq!(Format::of_file(name), format, "{name}");
    }
}

#[test]
fn encodings_are_detected() {
    let text = "name;city\r\nJürgen Groß;Köln\r\n";
    let windows: Vec<u8> = encoding("windows-1252").expect("an encoding").encode(text).0.into_owned();
    for bytes in [
        text.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        [b"\xFF\xFE".to_vec(), utf16(text, false)].concat(),
        [b"\xFE\xFF".to_vec(), utf16(text, true)].concat(),
        utf16(text, false),
        utf16(text, true),
        windows,
    ] {
        let rows = read(Format::Csv, bytes.clone());
        assert_eq!(rows.len(), 1);
        assert_eq!((value(&rows[0], "name"), value(&rows[0], "city")), ("Jürgen Groß", "Köln"), "{bytes:?}");
    }
}

#[test]
fn the_first_letter_beyond_ascii_may_come_late() {
    let text = format!("name\n{}Zoë\n", "Ann\n".repeat(100_000));
    let windows = encoding("latin1").expect("an encoding").encode(&text).0.into_owned();
    for bytes in [text.clone().into_bytes(), windows] {
        let rows = read(Format::Csv, bytes);
        assert_eq!(rows.len(), 100_001);
        assert_eq!(value(&rows[100_000], "name"), "Zoë");
    }
}

#[test]
fn a_given_encoding_is_used_and_damage_is_rejected() {
    let polish = encoding("windows-1250").expect("an encoding");
    let bytes = polish.encode("name\nŁukasz\n").0.into_owned();
    let mut rows = Rows::open(Format::Csv, Utf8Reader::new(&bytes[..], Some(polish)), None).expect("a file");
    assert_eq!(value(&rows.next_row().expect("a file").expect("a row"), "name"), "Łukasz");

    let rows = read(Format::Csv, b"name,city\nZo\xC3\xAB,Bern\nJ\xFCrgen,Bonn\nAnn,Oslo\n".to_vec());
    assert_eq!(value(&rows[0], "name"), "Zoë");
    assert_eq!((reject(&rows[1]).line, reject(&rows[1]).column.as_str()), (3, "name"));
    assert_eq!(value(&rows[2], "name"), "Ann");
}

#[test]
fn delimiters_are_detected() {
    for (text, delimiter) in [
        ("a,b;c,d\n1,2,3\n", b','),
        ("a;b,c;d\n1;2;3\n", b';'),
        ("a\tb\tc\n1\t2\t3\n", b'\t'),
        ("\"a,b,c\";d\n1;2\n", b';'),
        ("sep=;\r\na;b\r\n1;2\r\n", b';'),
        ("only\n1\n", b','),
    ] {
        let rows = Rows::open(Format::Csv, text.as_bytes(), None).expect("a file");
        assert_eq!(rows.delimiter(), Some(delimiter), "{text:?}");
    }
    let rows = Rows::open(Format::Csv, &b"a|b\n1|2\n"[..], Some(b'|')).expect("a file");
    assert_eq!(rows.header().map(<[_]>::len), Some(2));
}

#[test]
fn cells_may_hold_line_breaks_quotes_and_separators() {
    let rows =
        read(Format::Csv, "name,note\r\n\"Ann \"\"A\"\" Lee\",\"one\r\ntwo, three\"\r\n\r\n\nBob,\r\n");
    assert_eq!(value(&rows[0], "name"), "Ann \"A\" Lee");
    assert_eq!(value(&rows[0], "note"), "one\r\ntwo, three");
    let lines: Vec<u64> = rows.iter().map(|read| row(read).line).collect();
    assert_eq!(lines, [2, 6]);
}

#[test]
fn ragged_rows_keep_what_is_clear() {
    let rows = read(Format::Csv, "name,city,zip\nAnn\nBob,Oslo,1,\nCid,Rome,2,extra\nDan,Bonn,3\n");
    assert_eq!(row(&rows[0]).values.len(), 1);
    assert_eq!(value(&rows[1], "zip"), "1");
    let rejected = reject(&rows[2]);
    assert_eq!((rejected.line, rejected.column.as_str()), (4, "column 4"));
    let cells = ["Cid", "Rome", "2", "extra"].map(str::to_owned).to_vec();
    assert_eq!(rejected.original, Some(Original::Cells(cells)));
    assert_eq!(value(&rows[3], "name"), "Dan");
}

#[test]
fn an_open_quotation_mark_is_reported() {
    let rows = read(Format::Csv, "name,city,zip\n\"Ann,Oslo,1\nBob,Rome,2\n");
    assert!(reject(&rows[0]).reason.contains("not closed"), "{rows:?}");
}

#[test]
fn a_header_is_required_and_clear() {
    assert!(matches!(Rows::open(Format::Csv, &b""[..], None), Err(FileError::NoHeader)));
    assert!(matches!(Rows::open(Format::Csv, &b"\n\n"[..], None), Err(FileError::NoHeader)));
    assert!(matches!(Rows::open(Format::Csv, &b"a,b,a\n"[..], None), Err(FileError::Header(_))));
    let rows = Rows::open(Format::Csv, &b" a ,,c\n"[..], None).expect("a file");
    let names: Vec<&str> = rows.header().expect("a header").iter().map(|name| &**name).collect();
    assert_eq!(names, ["a", "column 2", "c"]);
}

#[test]
fn limits_reject_one_row_and_go_on() {
    let (long, wide) = ("x".repeat(MAX_ROW + 1), ",".repeat(MAX_COLUMNS));
    let cell = "y".repeat(MAX_CELL + 1);
    let rows = read(Format::Csv, format!("a,b\n{long}\n1,2\n{wide}\n{cell},3\n4,5\n"));
    assert_eq!(rows.len(), 5);
    for (position, line) in [(0, 2), (2, 4), (3, 5)] {
        assert_eq!(reject(&rows[position]).line, line);
    }
    assert_eq!((value(&rows[1], "b"), value(&rows[4], "b")), ("2", "5"));
    assert!(matches!(Rows::open(Format::Csv, wide.as_bytes(), None), Err(FileError::Header(_))));

    let rows = read(Format::JsonLines, format!("{{\"a\":\"{long}\"}}\n{{\"a\":\"1\"}}\n"));
    assert_eq!((reject(&rows[0]).line, value(&rows[1], "a")), (1, "1"));
    let rows = read(Format::JsonLines, format!("[{{\"a\":\"{long}\"}},\n{{\"a\":\"1\"}}]"));
    assert_eq!((reject(&rows[0]).line, value(&rows[1], "a")), (1, "1"));
}

/// A line of any length, without being in memory.
struct Endless {
    head: &'static [u8],
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(out);
        }
        let length = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        out[..length].fill(b'z');
        self.left -= length as u64;
        Ok(length)
    }
}

#[test]
fn a_huge_line_is_one_reject() {
    for (format, head) in [
        (Format::Csv, &b"a,b\n"[..]),
        (Format::JsonLines, &b"{\"a\":1}\n"[..]),
        (Format::Vcard, &b"BEGIN:VCARD\nNOTE:"[..]),
    ] {
        let text = Utf8Reader::new(Endless { head, left: 64 << 20 }, None);
        let mut rows = Rows::open(format, text, None).expect("a file");
        let mut rejects = 0;
        while let Some(read) = rows.next_row().expect("a readable file") {
            rejects += usize::from(read.is_err());
        }
        assert_eq!(rejects, 1, "{format:?}");
    }
}

#[test]
fn compressed_files_are_read_and_bombs_are_refused() {
    let text = b"name\nAnn\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let zstd = zstd::encode_all(&text[..], 0).expect("memory");
    for (name, bytes) in [("a.csv.gz", gzip), ("a.csv.zst", zstd), ("a.csv", text.to_vec())] {
        let mut read = Vec::new();
        decompressed(name, Cursor::new(bytes)).expect("a file").read_to_end(&mut read).expect("a file");
        assert_eq!(read, text, "{name}");
    }
    let bomb = zstd::encode_all(std::io::repeat(b'a').take(256 << 20), 1).expect("memory");
    let mut bomb = decompressed("a.csv.zst", Cursor::new(bomb)).expect("a file");
    let error = std::io::copy(&mut bomb, &mut std::io::sink()).expect_err("a refusal");
    assert!(error.to_string().contains("200 times"), "{error}");
}

#[test]
fn json_lines_and_arrays_are_read() {
    let lines = "{\"name\":\"Ann\",\"tags\":[\"a\",\"b\"]}\n\n[1]\n{\"name\":}\n{\"name\":\"Bob\"}";
    let rows = read(Format::JsonLines, lines);
    assert_eq!(rows.len(), 4);
    assert_eq!((value(&rows[0], "name"), row(&rows[3]).line), ("Ann", 5));
    assert_eq!((reject(&rows[1]).line, reject(&rows[2]).line), (3, 4));
    assert!(reject(&rows[2]).column.starts_with("character "), "{rows:?}");

    let array = "\u{FEFF}[\n  {\"name\": \"A, ]\\\" nn\"},\n  3,\n  {\"name\": {\"x\": [1, 2]}}\n]\n";
    let rows = read(Format::JsonLines, array);
    assert_eq!(rows.len(), 3);
    assert_eq!((value(&rows[0], "name"), row(&rows[2]).line), ("A, ]\" nn", 4));
    assert_eq!(reject(&rows[1]).line, 3);
    assert_eq!(read(Format::JsonLines, "[]").len(), 0);
}

#[test]
fn cards_of_all_versions_are_read() {
    let old = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gro=C3=9F;J=C3=BC=\r\nrgen;;Dr.\r\n\
               TEL;CELL:+49 171 1\r\nTEL;WORK;PREF:+49 30 2\r\nTEL;FAX:+49 30 9\r\nPHOTO;ENCODING=BASE64;JPEG:AAAA\r\n BBBB\r\n\
               \r\nEND:VCARD\r\n";
    let middle = "begin:vcard\nVERSION:3.0\nFN:Ann Lee\nN:Lee;Ann;;;\nitem1.EMAIL;TYPE=INTERNET:second@example.com\n\
                  EMAIL;TYPE=INTERNET,PREF:first@example.com\nORG:Globex\\, Inc.;Sales\nTITLE:Head of \n  Sales\n\
                  ADR;TYPE=WORK:;Floor 2;1 High St;Springfield;IL;62701;USA\nNOTE:one\\ntwo\\; three\nEND:VCARD\n";
    let new = "BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:1\nFN:Bob\nEMAIL:a@example.com\nEMAIL;PREF=1:b@example.com\n\
               TEL;VALUE=uri;TYPE=\"voice,cell\":tel:+15551234\nPHOTO:https://example.com/bob.png\nEND:VCARD\n";
    let rows = read(Format::Vcard, [old, middle, new].concat());
    assert_eq!(rows.len(), 3);
    assert_eq!((value(&rows[0], "givenName"), value(&rows[0], "familyName")), ("Jürgen", "Groß"));
    assert_eq!((value(&rows[0], "mobile"), value(&rows[0], "phone")), ("+49 171 1", "+49 30 2"));
    assert_eq!((value(&rows[0], "title"), value(&rows[0], "avatarUrl")), ("Dr.", ""));
    let Original::Text(text) = &row(&rows[0]).original else { panic!("a text") };
    assert!(!text.contains("AAAA") && !text.contains("BBBB"), "{text}");
    assert_eq!(value(&rows[1], "email"), "first@example.com");
    assert_eq!(value(&rows[1], "email2"), "second@example.com");
    assert_eq!((value(&rows[1], "organization"), value(&rows[1], "department")), ("Globex, Inc.", "Sales"));
    assert_eq!((value(&rows[1], "jobTitle"), value(&rows[1], "note")), ("Head of  Sales", "one\ntwo; three"));
    assert_eq!((value(&rows[1], "street"), value(&rows[1], "country")), ("1 High St", "USA"));
    assert_eq!((value(&rows[2], "email"), value(&rows[2], "mobile")), ("b@example.com", "+15551234"));
    assert_eq!(value(&rows[2], "avatarUrl"), "https://example.com/bob.png");
    assert_eq!((row(&rows[1]).line, value(&rows[2], "remoteId")), (12, "urn:uuid:1"));
}

#[test]
fn a_large_picture_costs_nothing_and_a_broken_card_is_a_reject() {
    let picture = "A".repeat(4 << 20);
    let cards = format!(
        "BEGIN:VCARD\nPHOTO;ENCODING=b:{picture}\nFN:Ann\nEND:VCARD\nnonsense\nBEGIN:VCARD\nFN:{}\nEND:VCARD\n\
         BEGIN:VCARD\nFN:Bob\n",
        "x".repeat(MAX_CELL + 1)
    );
    let rows = read(Format::Vcard, cards);
    assert_eq!(rows.len(), 4);
    assert_eq!(value(&rows[0], "name"), "Ann");
    let lines: Vec<u64> = rows[1..].iter().map(|read| reject(read).line).collect();
    assert_eq!(lines, [5, 6, 9]);
}

#[test]
fn rejects_are_written_in_the_form_in_which_they_came() {
    let reject = |text: &str| Reject {
        line: 7,
        column: "email".to_owned(),
        reason: "Not an email address; send one.".to_owned(),
        original: Some(Original::Text(text.to_owned())),
    };
    let line = json_lines::with_reason("{\"email\":\"x\"}", &reject(""));
    let rows = read(Format::JsonLines, line.clone());
    assert!(line.contains("Not an email"), "{line}");
    assert_eq!(row(&rows[0]).values.len(), 1);

    let card = "BEGIN:VCARD\r\nEMAIL:x\r\nEND:VCARD";
    let with_reason = vcard::with_reason(card, &reject(card));
    assert!(with_reason.contains("X-REJECT-REASON:Not an email address\\; send one."), "{with_reason}");
    assert_eq!(row(&read(Format::Vcard, with_reason)[0]).values, row(&read(Format::Vcard, card)[0]).values);
}

#[test]
fn csv_is_written_as_it_is_read() {
    let cells = ["plain", "a,b", "say \"x\"", "two\r\nlines", " spaced ", ""];
    let mut out = Vec::new();
    csv::write_line(&mut out, ["a", "b", "c", "d", "e", "f"], b',').expect("memory");
    csv::write_line(&mut out, cells, b',').expect("memory");
    let rows = read(Format::Csv, out);
    assert_eq!(row(&rows[0]).original, Original::Cells(cells.map(str::to_owned).to_vec()));
    for formula in ["=1+1", "+1", "-1", "@x", "\tx"] {
        assert_eq!(csv::without_formula(formula.to_owned()), format!("'{formula}"));
    }
    assert_eq!(csv::without_formula("1=1".to_owned()), "1=1");
}

#[test]
fn properties_are_folded_within_characters() {
    let folded = vcard::property("NOTE", &"ü".repeat(100));
    assert!(folded.lines().all(|line| line.len() <= 75), "{folded}");
    let card = format!("BEGIN:VCARD\r\n{folded}END:VCARD\r\n");
    assert_eq!(value(&read(Format::Vcard, card)[0], "note"), "ü".repeat(100));
}
