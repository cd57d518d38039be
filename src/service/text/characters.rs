//! What Unicode says of a character. The data is that of icu_properties, which the crate idna needs as well.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory, JoiningType, Script,
    },
};
use unicode_normalization::char::canonical_combining_class;

/// How many characters are looked at beside a joiner: more marks than any letter has.
const NEIGHBOURS: usize = 16;
/// The combining class of signs that take the vowel from a consonant.
const VIRAMA: u8 = 9;

/// The general category of a character.
fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// The script of a character.
pub(super) fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

/// Whether a character shows nothing itself: Unicode's Default_Ignorable_Code_Point, and what other programs leave where
/// they had an annotation or a picture.
pub(super) fn is_hidden(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) || matches!(c, '\u{fff9}'..='\u{fffc}')
}

/// Whether it is hidden, a control character, or one that no font shows.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || is_hidden(c)
        || matches!(
            category(c),
            GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::Unassigned
        )
}

/// Whether a character of a category that shows something shows nothing.
pub(super) const fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{1d159}' | '\u{16fe4}')
}

/// Whether it is a space that looks like U+0020. The ideographic space and that of Ogham do not.
pub(super) const fn is_plain_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// Whether it combines with the character before it.
pub(super) fn is_mark(c: char) -> bool {
    matches!(
        category(c),
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
    )
}

/// Whether it is a mark that takes a place of its own, as many vowels of Indic scripts do.
pub(super) fn is_spacing_mark(c: char) -> bool {
    category(c) == GeneralCategory::SpacingMark
}

/// Whether it is a hyphen or a dash.
pub(super) fn is_dash(c: char) -> bool {
    // The minus sign, the hyphen bullet, and the sign of a long vowel that Japanese keyboards have for the hyphen.
    category(c) == GeneralCategory::DashPunctuation
        || matches!(c, '\u{2212}' | '\u{2043}' | '\u{2d7}' | '\u{30fc}' | '\u{ff70}')
}

/// The ASCII digit with the value of a decimal digit of any script.
pub(super) fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let is_digit = |c: char| category(c) == GeneralCategory::DecimalNumber;
    if !is_digit(c) {
        return None;
    }
    // Digits stand together in tens, from 0 to 9.
    let before = |n: &u32| u32::from(c).checked_sub(*n).and_then(char::from_u32).is_some_and(is_digit);
    let position = (1..).take_while(before).count();
    char::from_digit(position as u32 % 10, 10)
}

/// Whether it is a virama.
pub(super) fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == VIRAMA
}

/// Whether the last of these characters would be joined with a letter after it.
pub(super) fn joins_next(before: &[char]) -> bool {
    let joins = [JoiningType::DualJoining, JoiningType::LeftJoining, JoiningType::JoinCausing];
    joining_type(before.iter().rev()).is_some_and(|joining| joins.contains(&joining))
}

/// Whether the first of these characters would be joined with a letter before it.
pub(super) fn joins_previous(after: &[char]) -> bool {
    let joins = [JoiningType::DualJoining, JoiningType::RightJoining, JoiningType::JoinCausing];
    joining_type(after.iter()).is_some_and(|joining| joins.contains(&joining))
}

/// The joining type of the first character that is not a mark.
fn joining_type<'a>(chars: impl Iterator<Item = &'a char>) -> Option<JoiningType> {
    let mut types = chars.take(NEIGHBOURS).map(|c| CodePointMapData::<JoiningType>::new().get(*c));
    types.find(|joining| *joining != JoiningType::Transparent)
}

/// Whether the last of these characters is an emoji, which may have a skin tone or a variation selector.
pub(super) fn is_emoji(before: &[char]) -> bool {
    let is_modifier = |c: &char| *c == '\u{fe0f}' || CodePointSetData::new::<EmojiModifier>().contains(*c);
    let base = before.iter().rev().take(NEIGHBOURS).find(|c| !is_modifier(c));
    base.is_some_and(|c| CodePointSetData::new::<ExtendedPictographic>().contains(*c))
}

/// Whether the last of these characters has variants that a selector after it chooses from.
pub(super) fn is_variable(before: &[char]) -> bool {
    let Some(c) = before.last().copied() else { return false };
    let scripts = [Script::Han, Script::Mongolian, Script::PhagsPa, Script::Manichaean, Script::Myanmar];
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
        || !is_hidden(c) && scripts.contains(&script(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_their_values_in_every_script() {
        for digits in [
            "0123456789",
            "٠١٢٣٤٥٦٧٨٩",
            "۰۱۲۳۴۵۶۷۸۹",
            "०१२३४५६७८९",
            "０１２３４５６７８９",
            "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
            "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
        ] {
            assert_eq!(digits.chars().filter_map(digit).collect::<String>(), "0123456789", "{digits}");
        }
        for none in ['²', '①', '一', '½', 'a'] {
            assert_eq!(digit(none), None, "{none}");
        }
    }
}
