//! What people mean when they search: a text in lower case and without accents, cut into words.
//!
//! What is an accent depends on the script. Where a mark makes another letter, a vowel or another sound, it stays.

use icu_properties::props::Script;
use unicode_normalization::UnicodeNormalization;

use super::characters::{digit, is_hidden, is_mark, is_spacing_mark, script};

/// The words of a text.
pub(in crate::service) fn words(text: &str) -> Vec<String> {
    let folded: String = folded(text).nfc().collect();
    let words = folded.split(|c: char| !c.is_alphanumeric() && !is_mark(c));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The letters of a text in lower case, without accents and what does not cut words, decomposed.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let mut base = ' ';
    let letters = text.chars().map(sound_mark).nfkd().filter(|c| !is_hidden(*c) && *c != TATWEEL);
    let kept = letters.filter(move |c| {
        if !is_mark(*c) {
            base = *c;
            return true;
        }
        !is_accent(base, *c)
    });
    let lower = kept.flat_map(char::to_lowercase).map(|c| digit(c).unwrap_or(c));
    lower.flat_map(|c| {
        plain(c).map_or_else(|| Letters::One(std::iter::once(c)), |plain| Letters::Many(plain.chars()))
    })
}

/// Stretches words of Arabic script and shows nothing.
const TATWEEL: char = '\u{640}';

/// A letter as it is, or those that people write for it.
enum Letters {
    One(std::iter::Once<char>),
    Many(std::str::Chars<'static>),
}

impl Iterator for Letters {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(letter) => letter.next(),
            Self::Many(letters) => letters.next(),
        }
    }
}

/// The voicing marks of Japanese combine also where a keyboard wrote them beside the syllable.
const fn sound_mark(c: char) -> char {
    match c {
        '\u{309b}' => '\u{3099}',
        '\u{309c}' => '\u{309a}',
        c => c,
    }
}

/// Whether a mark on a letter is an accent, which people leave out when they search.
fn is_accent(base: char, mark: char) -> bool {
    // The vowels of Indic scripts, and the voicing marks of Japanese.
    if is_spacing_mark(mark) || matches!(mark, '\u{3099}' | '\u{309a}') {
        return false;
    }
    let of_mark = script(mark);
    if ![Script::Inherited, Script::Common].contains(&of_mark) {
        // Points and signs of reading. The marks of other scripts are vowels and tones.
        return [
            Script::Arabic,
            Script::Hebrew,
            Script::Syriac,
            Script::Greek,
            Script::Latin,
            Script::Cyrillic,
            Script::Coptic,
        ]
        .contains(&of_mark);
    }
    let of_base = script(base);
    if of_base == Script::Cyrillic {
        return is_cyrillic_accent(base, mark);
    }
    // A hamza is a letter; only on alef it is left out.
    !(of_base == Script::Arabic && matches!(mark, '\u{654}' | '\u{655}') && base != 'ا')
}

/// Signs of stress, and the diaeresis of ё. Other marks make letters, such as й, ў, ї and ѓ.
const fn is_cyrillic_accent(base: char, mark: char) -> bool {
    match mark {
        '\u{300}' | '\u{301}' => !matches!(base, 'г' | 'Г' | 'к' | 'К'),
        '\u{308}' => matches!(base, 'е' | 'Е'),
        '\u{302}'..='\u{30e}' | '\u{310}' | '\u{312}'..='\u{338}' => false,
        _ => true,
    }
}

/// Letters that people write in another way, but Unicode does not decompose.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'þ' => "th",
        'ς' => "σ",
        'ٱ' => "ا",
        // Apostrophes that Unicode counts among the letters cut words like the others.
        '\u{2b9}'..='\u{2bf}' | '\u{2c8}' | '\u{2ca}' | '\u{2cb}' | '\u{2ee}' | '\u{a78b}' | '\u{a78c}' => {
            " "
        }
        _ => return None,
    })
}
