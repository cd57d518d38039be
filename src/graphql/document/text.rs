//! What the texts of a document say: escapes and the indentation of blocks.

/// The value of a text token; `None` when an escape in it stands for nothing.
pub(super) fn value(token: &str) -> Option<String> {
    match token.strip_prefix("\"\"\"").and_then(|text| text.strip_suffix("\"\"\"")) {
        Some(block) => Some(block_value(block)),
        None => line_value(token.strip_prefix('"')?.strip_suffix('"')?),
    }
}

fn line_value(text: &str) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        value.push_str(plain);
        let mut characters = escape.chars();
        value.push(match characters.next()? {
            same @ ('"' | '\\' | '/') => same,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = unicode(characters.as_str())?;
                characters = after.chars();
                character
            }
            _ => return None,
        });
        rest = characters.as_str();
    }
    value.push_str(rest);
    Some(value)
}

/// The character of an escape behind its `\u`, and what follows: four digits, two times four of them for a character
/// that UTF-16 writes as a pair, or any number of digits in braces.
fn unicode(text: &str) -> Option<(char, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (digits, after) = braced.split_once('}')?;
        return Some((char::from_u32(hexadecimal(digits)?)?, after));
    }
    let (first, after) = four_digits(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, after));
    }
    let (second, after) = four_digits(after.strip_prefix("\\u")?)?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    Some((char::decode_utf16(pair).next()?.ok()?, after))
}

fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    Some((hexadecimal(digits)?, after))
}

/// The number that hexadecimal digits write; no signs.
fn hexadecimal(digits: &str) -> Option<u32> {
    let written = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    written.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// A block without the indentation that its lines share, and without the blank lines around it.
fn block_value(raw: &str) -> String {
    let lines = lines(raw);
    let shared = lines.iter().skip(1).filter_map(|line| indentation(line)).min().unwrap_or(0);
    let says_something = |line: &&str| indentation(line).is_some();
    let first = lines.iter().position(says_something).unwrap_or(lines.len());
    let end = lines.iter().rposition(says_something).map_or(0, |last| last + 1);
    let mut value = String::with_capacity(raw.len());
    for (number, line) in lines.iter().enumerate().take(end).skip(first) {
        if number > first {
            value.push('\n');
        }
        let cut = if number == 0 { 0 } else { shared };
        value.push_str(line.get(cut..).unwrap_or_default());
    }
    value.replace("\\\"\"\"", "\"\"\"")
}

/// How many spaces and tabs stand before what a line says; nothing when it says nothing.
fn indentation(line: &str) -> Option<usize> {
    line.find(|character| !matches!(character, ' ' | '\t'))
}

/// The lines of a text; they end with `\n`, `\r` or `\r\n`.
fn lines(text: &str) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        let ending = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + ending..];
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_characters() {
        for (token, expected) in [
            (r#""""#, Some("")),
            (r#""é a""#, Some("é a")),
            (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r#""\u00e9\u{1F600}x""#, Some("é😀x")),
            (r#""\uD83D\uDE00""#, Some("😀")),
            (r#""\uD83D""#, None),
            (r#""\uDE00""#, None),
            (r#""\uD83Dx""#, None),
            (r#""\uD83D\u0041""#, None),
            (r#""\u12""#, None),
            (r#""\u+123""#, None),
            (r#""\u{}""#, None),
            (r#""\u{110000}""#, None),
            (r#""\u{1""#, None),
            (r#""\x""#, None),
        ] {
            assert_eq!(value(token).as_deref(), expected, "{token}");
        }
    }

    #[test]
    fn blocks_lose_their_indentation() {
        for (block, expected) in [
            ("", ""),
            ("a\\n", "a\\n"),
            ("\r\n \t\r\n", ""),
            ("\n    a\n      b\n\n    c\n  ", "a\n  b\n\nc"),
            ("  a\n  b\r c", "  a\n b\nc"),
            ("a\n \n   b", "a\n\nb"),
            (r#"a\"""b"#, r#"a"""b"#),
            ("\n\u{2003}a", "\u{2003}a"),
        ] {
            let token = format!("\"\"\"{block}\"\"\"");
            assert_eq!(value(&token).as_deref(), Some(expected), "{block:?}");
        }
    }
}
