//! Lines and columns of byte offsets.

use async_graphql::Pos;

/// Finds the positions of offsets, quickly where they come in the order of the text.
pub(super) struct Positions<'a> {
    text: &'a str,
    /// How many bytes were counted.
    counted: usize,
    pos: Pos,
}

const START: Pos = Pos { line: 1, column: 1 };

impl<'a> Positions<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, counted: 0, pos: START }
    }

    /// The position of the character at this byte. Columns count characters.
    pub(super) fn at(&mut self, offset: usize) -> Pos {
        if offset < self.counted {
            (self.counted, self.pos) = (0, START);
        }
        let bytes = self.text.as_bytes();
        let end = offset.min(bytes.len());
        for at in self.counted..end {
            match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
                b'\n' | b'\r' => self.pos = Pos { line: self.pos.line + 1, column: 1 },
                // The rest of a character of several bytes.
                0x80..=0xBF => {}
                _ => self.pos.column += 1,
            }
        }
        self.counted = end;
        self.pos
    }
}

/// The position of one offset.
pub(super) fn position(text: &str, offset: usize) -> Pos {
    Positions::new(text).at(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_lines_and_characters() {
        let text = "a\r\nb\n\n  \"é\"c\rd \"\"\"\n\"\"\" e";
        let mut positions = Positions::new(text);
        let mut at = |part: &str| {
            let pos = positions.at(text.find(part).expect("a part"));
            (pos.line, pos.column)
        };
        for (part, expected) in [
            ("a", (1, 1)),
            ("b", (2, 1)),
            ("\"é\"", (4, 3)),
            ("c\r", (4, 6)),
            ("d", (5, 1)),
            (" e", (6, 4)),
            ("b", (2, 1)),
        ] {
            assert_eq!(at(part), expected, "{part}");
        }
        assert_eq!(position(text, 1000), Pos { line: 6, column: 6 });
    }
}
