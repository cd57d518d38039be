//! One form for every text that comes in and for every text it is compared with. docs/texts.md has the rules.
//!
//! `characters` knows what Unicode says of a character, `domain`, `email` and `phone` their formats, and `fold` what
//! people mean when they search. Knows nothing of databases and of errors.

mod characters;
mod domain;
mod email;
mod fold;
mod phone;

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use self::characters::{
    is_blank, is_emoji, is_hidden, is_mark, is_plain_space, is_unprintable, is_variable, is_virama,
    joins_next, joins_previous,
};
pub use self::email::Email;
pub(super) use self::{
    domain::{key as domain_key, key_of_part as domain_key_of_part, words as domain_words},
    email::{
        check as check_email, key as email_key, key_of_part as email_key_of_part,
        spellings as email_spellings, words as email_words,
    },
    fold::words,
    phone::{digits, e164, parts as phone_parts, plain as plain_phone, without_trunk_zero},
};

/// How often a text is normalized again when its neighbours changed. No word needs more than two; a text that still changes
/// after the last was made for that, and loses all of its hidden characters.
const PASSES: usize = 4;

/// The message for a text with control characters.
pub(super) const CONTROL: &str =
    "Must not contain control characters or line breaks. Delete them, or type the text again.";
/// The message for a text of which a reader sees nothing.
pub(super) const NOTHING_VISIBLE: &str = "Nothing of this text is visible: it has only spaces, hidden characters or \
                                          accents without a letter. Type the text again.";

/// The form in which a text is stored and compared: composed (NFC), without hidden characters that change nothing, with
/// plain spaces, and trimmed.
pub(super) fn normalize(text: &str) -> Cow<'_, str> {
    match normalize_part(text) {
        Cow::Borrowed(text) => text.trim().into(),
        Cow::Owned(text) if text.trim().len() == text.len() => text.into(),
        Cow::Owned(text) => text.trim().to_owned().into(),
    }
}

/// A text in composed form (NFC) and otherwise as it is.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() }
}

/// The same as [`normalize`] of a part of a text, whose spaces at the ends count.
pub(super) fn normalize_part(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let normalized = stable(text.nfc().collect());
    if normalized == text { text.into() } else { normalized.into() }
}

/// A composed text without hidden characters that change nothing.
fn stable(mut text: String) -> String {
    // What was apart may compose, and what depended on its neighbours may have others now.
    for _ in 0..PASSES {
        let Some(changed) = without_hidden(&text, has_effect) else { return text };
        text = changed.nfc().collect();
    }
    without_hidden(&text, |_, _, _| false).map_or(text, |changed| changed.nfc().collect())
}

/// Where the character after this text is, as a reader counts. Messages do not repeat what was sent.
fn place_after(text: &str) -> String {
    match text.chars().filter(|c| !is_unprintable(*c)).count() {
        0 => "at its beginning".to_owned(),
        1 => "after its first character".to_owned(),
        visible => format!("after its first {visible} characters"),
    }
}

/// Whether a reader sees anything of a text.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !(c.is_whitespace() || c.is_control() || is_hidden(c) || is_mark(c) || is_blank(c)))
}

/// Whether it is a line without control characters.
pub(super) fn is_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// The text without hidden characters that change nothing and with plain spaces, if that is another one.
fn without_hidden(text: &str, has_effect: fn(&[char], char, &[char]) -> bool) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut kept: Vec<char> = Vec::with_capacity(chars.len());
    for (at, c) in chars.iter().enumerate() {
        if is_hidden(*c) && !has_effect(&kept, *c, &chars[at + 1..]) {
            continue;
        }
        kept.push(if is_plain_space(*c) { ' ' } else { *c });
    }
    (kept != chars).then(|| kept.into_iter().collect())
}

/// Whether a hidden character changes how its neighbours look, so that a name needs it.
fn has_effect(before: &[char], c: char, after: &[char]) -> bool {
    let previous = before.last().copied();
    let next = after.first().copied();
    let beside_virama = || previous.is_some_and(is_virama) || next.is_some_and(is_virama);
    match c {
        '\u{200c}' => beside_virama() || joins_next(before) && joins_previous(after),
        '\u{200d}' => beside_virama() || is_emoji(before) && is_emoji(&after[..after.len().min(1)]),
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            next == Some('\u{20e3}') || is_variable(before)
        }
        // The flags of regions are spelled in tags.
        '\u{e0020}'..='\u{e007f}' => matches!(previous, Some('\u{1f3f4}' | '\u{e0020}'..='\u{e007e}')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Characters that depend on their neighbours, beside those of all kinds.
    const SPECIAL: [char; 32] = [
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{202a}',
        '\u{ad}',
        '\u{34f}',
        '\u{feff}',
        '\u{fe0f}',
        '\u{e0100}',
        '\u{180e}',
        '\u{3164}',
        '\u{20e3}',
        '\u{301}',
        '\u{308}',
        '\u{323}',
        '\u{3099}',
        '\u{654}',
        '\u{94d}',
        '\u{93c}',
        '\u{a0}',
        ' ',
        'e',
        '1',
        'и',
        'か',
        'ه',
        'ا',
        'म',
        '한',
        '👩',
        '🏽',
    ];

    fn texts() -> impl Strategy<Value = String> {
        let c = prop_oneof![any::<char>(), prop::sample::select(&SPECIAL[..])];
        prop::collection::vec(c, 0..12).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in texts()) {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), &*once);
            let part = normalize_part(&text);
            prop_assert_eq!(normalize_part(&part), &*part);
            prop_assert_eq!(email_key(&email_key(&text)), email_key(&text));
        }

        #[test]
        fn a_text_is_one_in_every_form(text in texts()) {
            let expected = normalize(&text);
            for form in [text.nfc().collect::<String>(), text.nfd().collect()] {
                prop_assert_eq!(&normalize(&form), &expected);
            }
        }

        #[test]
        fn what_was_stored_is_found_by_what_was_typed(text in texts()) {
            let stored = words(&normalize(&text));
            prop_assert_eq!(&words(&text), &stored);
            prop_assert_eq!(&words(&text.nfc().collect::<String>()), &stored);
            prop_assert_eq!(&words(&text.nfd().collect::<String>()), &stored);
            // These forms write a voicing mark that stands alone with a space.
            prop_assume!(!text.contains(['\u{309b}', '\u{309c}']));
            prop_assert_eq!(&words(&text.nfkc().collect::<String>()), &stored);
            prop_assert_eq!(&words(&text.nfkd().collect::<String>()), &stored);
        }

        #[test]
        fn nothing_that_is_typed_is_a_panic(text in texts()) {
            _ = (e164(&text), check_email(&text, true), domain_words(&text), email_spellings(&text));
            if let Ok(number) = e164(&text) {
                prop_assert_eq!(e164(&number), Ok(number.clone()));
            }
        }
    }

    #[test]
    fn hidden_characters_stay_only_where_a_reader_sees_their_effect() {
        for (text, expected) in [
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("می\u{200c}\u{200c}خواهم", "می\u{200c}خواهم"),
            ("کار\u{200c}ها", "کارها"),
            ("A\u{200c}d\u{200d}a", "Ada"),
            ("അനില\u{d4d}\u{200d}", "അനില\u{d4d}\u{200d}"),
            ("র\u{200d}\u{9cd}যাব", "র\u{200d}\u{9cd}যাব"),
            ("👩\u{200d}👩\u{200d}👧 GmbH", "👩\u{200d}👩\u{200d}👧 GmbH"),
            ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("👩🏽\u{200d}🔬", "👩🏽\u{200d}🔬"),
            ("1\u{fe0f}\u{20e3} A\u{fe0f}", "1\u{fe0f}\u{20e3} A"),
            ("葛\u{e0100}城", "葛\u{e0100}城"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
                "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            ),
            ("A\u{e0041}\u{e007f}", "A"),
            ("e\u{34f}\u{301}", "é"),
            ("\u{202b}שלום\u{202c}", "שלום"),
        ] {
            assert_eq!(normalize(text), expected, "{text:?}");
            assert_eq!(normalize(expected), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_changes_with_every_pass_has_an_end() {
        let text = format!("क{}\u{200d}\u{94d}\u{34f}\u{93c}", "\u{200d}\u{94d}\u{301}".repeat(20_000));
        let once = normalize(&text);
        assert!(!once.contains(is_hidden));
        assert_eq!(normalize(&once), once);
    }

    #[test]
    fn blank_texts_are_not_visible() {
        for text in
            ["", " \u{3000}", "\u{2800}", "\u{301}", "\u{3164}\u{ffa0}", "\u{20e3}", "\u{1d159}", "\u{93f}"]
        {
            assert!(!is_visible(text), "{text:?}");
        }
        for text in ["-", "é", "\u{301}a", "💥", "\u{e000}", "ー"] {
            assert!(is_visible(text), "{text:?}");
        }
    }
}
