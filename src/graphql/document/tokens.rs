//! Documents as tokens: one pass over the text, which ends where a budget does.
//!
//! Knows characters and nothing of what they mean. It counts tokens, directives and brackets on the way, so that what
//! reads the tokens is asked only about documents of a size and depth that it can take.

use async_graphql::Pos;

use super::{Budgets, Reason, Refused};

/// The deepest nesting of brackets of any kind. What reads tokens and documents calls itself for each level; several
/// hundred would overflow its stack and end the process.
pub(super) const MAX_NESTING: usize = 64;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// With its quotation marks, one or three on each side.
    Text,
    /// One of `! $ & ( ) : = @ [ ] { | }`, or `...`.
    Sign,
    /// What stands behind the last token.
    End,
}

/// The smallest part of a document that means something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) pos: Pos,
}

/// The tokens of a document, and behind them one of the kind [`Kind::End`].
pub(super) fn tokens<'a>(document: &'a str, budgets: &Budgets) -> Result<Vec<Token<'a>>, Refused> {
    // Most tokens are a name and a space; the estimate is bounded like what it estimates.
    let mut tokens = Vec::with_capacity((document.len() / 6).min(budgets.tokens) + 1);
    let mut reader = Reader { document, at: 0, told: 0, pos: Pos { line: 1, column: 1 } };
    let (mut directives, mut nesting) = (0_usize, 0_usize);
    loop {
        let token = reader.next()?;
        match token.text {
            _ if token.kind == Kind::End => {}
            _ if tokens.len() >= budgets.tokens => {
                return Err(Refused::over(Reason::Tokens, "tokens", budgets.tokens, token.pos));
            }
            "@" if directives >= budgets.directives => {
                return Err(Refused::over(Reason::Directives, "directives", budgets.directives, token.pos));
            }
            "@" => directives += 1,
            "{" | "[" | "(" if nesting >= MAX_NESTING => {
                return Err(Refused::over(Reason::Nesting, "levels of brackets", MAX_NESTING, token.pos));
            }
            "{" | "[" | "(" => nesting += 1,
            "}" | "]" | ")" => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        tokens.push(token);
        if token.kind == Kind::End {
            return Ok(tokens);
        }
    }
}

struct Reader<'a> {
    document: &'a str,
    /// How many bytes were read.
    at: usize,
    /// Up to which byte `pos` was counted.
    told: usize,
    pos: Pos,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Token<'a>, Refused> {
        self.skip_ignored();
        let start = self.at;
        self.count_to(start);
        let Some(first) = self.peek(0) else {
            return Ok(Token { kind: Kind::End, text: "", pos: self.pos });
        };
        let kind = match first {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.name(),
            b'-' | b'0'..=b'9' => self.number()?,
            b'"' => self.text()?,
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                self.at += 1;
                Kind::Sign
            }
            b'.' if self.rest().starts_with(b"...") => {
                self.at += 3;
                Kind::Sign
            }
            _ => return Err(self.wrong("This character has no meaning here.")),
        };
        Ok(Token { kind, text: &self.document[start..self.at], pos: self.pos })
    }

    fn rest(&self) -> &'a [u8] {
        &self.document.as_bytes()[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.document.as_bytes().get(self.at + ahead).copied()
    }

    fn wrong(&self, message: &'static str) -> Refused {
        Refused::syntax(message, self.pos)
    }

    /// Spaces, line ends, commas, byte order marks and comments.
    fn skip_ignored(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b',' | b'\n' | b'\r' => self.at += 1,
                b'#' => self.skip_while(|byte| !matches!(byte, b'\n' | b'\r')),
                0xEF if self.rest().starts_with("\u{feff}".as_bytes()) => self.at += 3,
                _ => return,
            }
        }
    }

    fn skip_while(&mut self, goes_on: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|byte| !goes_on(*byte)).unwrap_or(rest.len());
    }

    /// Counts lines and characters up to a byte. Each byte is counted once.
    fn count_to(&mut self, end: usize) {
        let bytes = self.document.as_bytes();
        for at in self.told..end {
            match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
                b'\n' | b'\r' => self.pos = Pos { line: self.pos.line + 1, column: 1 },
                // The rest of a character of several bytes.
                0x80..=0xBF => {}
                _ => self.pos.column += 1,
            }
        }
        self.told = end;
    }

    fn name(&mut self) -> Kind {
        self.skip_while(is_of_name);
        Kind::Name
    }

    fn number(&mut self) -> Result<Kind, Refused> {
        let wrong =
            "A number has no leading zeros, has digits on both sides of its point, and ends before a letter.";
        self.at += usize::from(self.peek(0) == Some(b'-'));
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.document.as_bytes()[self.at - whole] == b'0') {
            return Err(self.wrong(wrong));
        }
        if self.peek(0) == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.wrong(wrong));
            }
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(0), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.wrong(wrong));
            }
        }
        if self.peek(0).is_some_and(|byte| is_of_name(byte) || byte == b'.') {
            return Err(self.wrong(wrong));
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        self.at - start
    }

    fn text(&mut self) -> Result<Kind, Refused> {
        let length = match self.rest() {
            [b'"', b'"', b'"', block @ ..] => block_length(block).map(|length| length + 6),
            [_, line @ ..] => line_length(line).map(|length| length + 2),
            [] => None,
        };
        self.at += length.ok_or_else(|| self.wrong("A text that begins here does not end."))?;
        Ok(Kind::Text)
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How long a text is that ends at a quotation mark in the same line.
fn line_length(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (position, byte) in text.iter().enumerate() {
        match byte {
            b'\n' | b'\r' => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(position),
            _ => {}
        }
    }
    None
}

/// How long a text is that ends at three quotation marks.
fn block_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        at += match &text[at..] {
            [b'\\', b'"', b'"', b'"', ..] => 4,
            [b'"', b'"', b'"', ..] => return Some(at),
            _ => 1,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str) -> Result<Vec<&str>, Refused> {
        let tokens = tokens(document, &Budgets::default())?;
        Ok(tokens.iter().map(|token| token.text).filter(|text| !text.is_empty()).collect())
    }

    #[test]
    fn a_document_falls_into_tokens() {
        for (document, expected) in [
            ("", &[][..]),
            (" \t,,\r\n\u{feff}# {", &[]),
            ("{a}", &["{", "a", "}"]),
            ("...on _A1 ...b", &["...", "on", "_A1", "...", "b"]),
            ("-0 1.5e-3 12E9", &["-0", "1.5e-3", "12E9"]),
            (r#""" "a\"b" "{#" "é""#, &[r#""""#, r#""a\"b""#, r#""{#""#, "\"é\""]),
            (r#""""a"b\""" "" {""" c"#, &[r#""""a"b\""" "" {""""#, "c"]),
            ("a#b\rc", &["a", "c"]),
            ("!$&():=@[]{|}", &["!", "$", "&", "(", ")", ":", "=", "@", "[", "]", "{", "|", "}"]),
        ] {
            assert_eq!(texts(document).expect(document), expected, "{document}");
        }
        for document in [
            "\"",
            "\"a\n\"",
            "\"\\\"",
            "\"\"\"",
            "\"\"\"\\\"\"\"",
            ".",
            "..",
            "01",
            "-",
            "1.",
            "1.e3",
            "1e",
            ".5",
            "1a",
            "1.5.",
            "1_",
            "?",
            "ä",
            "\u{0}",
            "1-e",
            "--1",
            "'",
        ] {
            assert!(texts(document).is_err(), "{document:?}");
        }
    }

    #[test]
    fn places_are_lines_and_characters() {
        let tokens = tokens("a\r\nb\n\n  \"é\"c\rd \"\"\"\n\"\"\" e", &Budgets::default()).expect("tokens");
        let places: Vec<(usize, usize)> =
            tokens.iter().map(|token| (token.pos.line, token.pos.column)).collect();
        assert_eq!(places, [(1, 1), (2, 1), (4, 3), (4, 6), (5, 1), (5, 3), (6, 5), (6, 6)]);
    }

    #[test]
    fn budgets_end_the_reading() {
        let budgets = Budgets { tokens: 5, directives: 2, ..Budgets::default() };
        for (document, message) in [
            ("a b c d e", None),
            ("a b c d e f", Some("The document has more than 5 tokens.")),
            ("a @ @", None),
            ("a @ @ @", Some("The document has more than 2 directives.")),
            ("a \"@ @ @\" # @ @ @", None),
        ] {
            let refused = tokens(document, &budgets).err();
            assert_eq!(refused.as_ref().map(|it| &*it.message), message, "{document}");
        }
        for (open, close) in [("{", "}"), ("[", "]"), ("(", ")")] {
            let budgets = Budgets::default();
            let nested = |depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
            assert!(tokens(&nested(MAX_NESTING), &budgets).is_ok());
            let refused = tokens(&nested(MAX_NESTING + 1), &budgets).expect_err("a refusal");
            assert_eq!(refused.message, "The document has more than 64 levels of brackets.");
            assert_eq!(refused.pos.map(|pos| pos.column), Some(MAX_NESTING + 1));
        }
    }
}
