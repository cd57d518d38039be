//! JSON with all digits of its numbers, to compare a response with the request.

use std::collections::BTreeMap;

/// A JSON value. Equal numbers are equal, however they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exact {
    Null,
    Bool(bool),
    /// Whether it is negative, its digits without zeros at either end, and the power of ten that they are multiplied by.
    Number(bool, String, i64),
    Text(String),
    List(Vec<Exact>),
    /// Of a key that came twice the last value.
    Object(BTreeMap<String, Exact>),
}

impl Exact {
    /// Reads a JSON text.
    #[track_caller]
    pub(crate) fn of(text: &str) -> Self {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value();
        assert_eq!(reader.peek(), None, "more than one value: {text}");
        value
    }

    /// The value at this path, or null.
    pub(crate) fn at(&self, path: &[&str]) -> &Self {
        let Some((name, rest)) = path.split_first() else { return self };
        let below = match self {
            Self::Object(fields) => fields.get(*name),
            Self::List(items) => name.parse::<usize>().ok().and_then(|position| items.get(position)),
            _ => None,
        };
        below.map_or(&Self::Null, |below| below.at(rest))
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("not a text: {self:?}") };
        text
    }

    #[track_caller]
    pub(crate) fn list(&self) -> &[Self] {
        let Self::List(items) = self else { panic!("not a list: {self:?}") };
        items
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, sign: u8) -> bool {
        let is = self.peek() == Some(sign);
        self.at += usize::from(is);
        is
    }

    /// As long as the characters are such.
    fn while_in(&mut self, is_in: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn value(&mut self) -> Exact {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.items(),
            Some(b'"') => Exact::Text(self.string()),
            Some(b'-' | b'0'..=b'9') => number(self.while_in(|c| c.is_ascii_digit() || "+-.eE".contains(c))),
            _ => match self.while_in(|c| c.is_ascii_lowercase()) {
                "null" => Exact::Null,
                "true" => Exact::Bool(true),
                "false" => Exact::Bool(false),
                other => panic!("{other} at {} of {}", self.at, self.text),
            },
        }
    }

    fn items(&mut self) -> Exact {
        let mut items = Vec::new();
        self.takes(b'[');
        while !self.takes(b']') {
            items.push(self.value());
            self.takes(b',');
        }
        Exact::List(items)
    }

    fn object(&mut self) -> Exact {
        let mut fields = BTreeMap::new();
        self.takes(b'{');
        while !self.takes(b'}') {
            self.peek();
            let key = self.string();
            assert!(self.takes(b':'), "no colon at {} of {}", self.at, self.text);
            fields.insert(key, self.value());
            self.takes(b',');
        }
        Exact::Object(fields)
    }

    fn string(&mut self) -> String {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        let end = end.unwrap_or_else(|| panic!("no end of {rest}")).0 + 1;
        self.at += end;
        serde_json::from_str(&rest[..end]).expect("a JSON string")
    }
}

fn number(text: &str) -> Exact {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().expect("an exponent");
    let is_negative = mantissa.starts_with('-');
    let (whole, fraction) =
        mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let exponent = exponent - fraction.len() as i64 + (all.len() - digits.len()) as i64;
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Exact::Number(false, String::new(), 0);
    }
    Exact::Number(is_negative, digits.to_owned(), exponent)
}
