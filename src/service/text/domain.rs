//! Domain names: shown as written, compared in their ASCII form.

use std::borrow::Cow;

use icu_properties::props::Script;
use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use super::{characters::script, normalize};

/// The prefix of a label that is written in its ASCII form.
const ASCII_FORM: &str = "xn--";
/// What the conversion to ASCII takes for a dot.
const DOTS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];
/// The alphabets that domain names combine: Japanese, and Chinese and Korean with Latin letters.
const COMBINED: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// The form of a domain name that is compared: in ASCII where it is one, else the text in lower case.
pub(in crate::service) fn key(domain: &str) -> String {
    let domain = normalize(domain);
    to_ascii(&domain).unwrap_or_else(|| domain.to_lowercase())
}

/// The same of a part of a domain name, whose labels are converted as if they were whole.
pub(in crate::service) fn key_of_part(part: &str) -> String {
    let part = normalize(part);
    let labels = part.split('.').map(|label| to_ascii(label).unwrap_or_else(|| label.to_lowercase()));
    labels.collect::<Vec<_>>().join(".")
}

/// What a domain name is found by: it as written, and in its other forms.
pub(in crate::service) fn words(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() && !domain.to_ascii_lowercase().contains(ASCII_FORM) {
        return domain.into();
    }
    let (unicode, _) = idna::domain_to_unicode(domain);
    [domain, &key(domain), &unicode].join(" ").into()
}

/// The ASCII form in lower case, if the name has one.
pub(super) fn to_ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Ignore);
    ascii.ok().map(Cow::into_owned)
}

/// The first character of a label that is there to look like another one: in a label of several alphabets one that is
/// not of the first one, and in a label of Latin letters one that is not in ASCII.
pub(super) fn look_alike(domain: &str) -> Option<char> {
    let dot = domain.chars().find(|c| DOTS.contains(c));
    dot.or_else(|| {
        domain.split('.').find_map(|label| match to_ascii(label) {
            Some(ascii) if !label.is_ascii() => converted(label, &ascii).or_else(|| mixed_script(label)),
            _ => mixed_script(label),
        })
    })
}

/// The first character of a label that its ASCII form stands for with another one, such as a fullwidth letter.
fn converted(label: &str, ascii: &str) -> Option<char> {
    let (unicode, _) = idna::domain_to_unicode(ascii);
    let lower = label.to_lowercase();
    let mut pairs = lower.chars().zip(unicode.chars().map(Some).chain(std::iter::repeat(None)));
    pairs.find(|(written, meant)| Some(*written) != *meant).map(|(written, _)| written)
}

/// The first letter of another alphabet than those before it, where no language combines the two.
pub(super) fn mixed_script(text: &str) -> Option<char> {
    let mut scripts: Vec<Script> = Vec::new();
    for c in text.chars() {
        let script = script(c);
        if [Script::Common, Script::Inherited].contains(&script) || scripts.contains(&script) {
            continue;
        }
        scripts.push(script);
        let is_combined = |combined: &&[Script]| scripts.iter().all(|script| combined.contains(script));
        if scripts.len() > 1 && !COMBINED.iter().any(is_combined) {
            // Of the two, the one that only looks like a letter of a plain keyboard.
            return if c.is_ascii() { text.chars().find(|c| !c.is_ascii()) } else { Some(c) };
        }
    }
    None
}
