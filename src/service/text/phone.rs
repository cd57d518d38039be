//! Phone numbers as people paste them.

use std::borrow::Cow;

use phonenumber::metadata::DATABASE;

use super::{
    characters::{digit, is_dash, is_hidden, is_plain_space, is_unprintable},
    place_after,
};

/// The shortest subscriber number that is in use anywhere, without country code.
const SHORTEST: usize = 4;
/// The most digits of a number with its country code (E.164).
const LONGEST: usize = 15;
/// The most characters that are read as a number.
const CHARACTERS: usize = 255;
/// The zero that is dialled only within the country, as documents write it.
const TRUNK_ZERO: &str = "(0)";
const SCHEME: &str = "tel:";

/// The E.164 form of a number that is written with its country code, or what is wrong with it.
pub(in crate::service) fn e164(text: &str) -> Result<String, Cow<'static, str>> {
    let plain = plain(text).map_err(|at| refused_character(text, at))?;
    let text = without_parentheses(plain.trim());
    let text = text.as_ref();
    if text.len() > CHARACTERS {
        return Err(
            "The text is too long for a phone number. Write one number only, for example +1 202 555 0143."
                .into(),
        );
    }
    let Some(digits) = text.strip_prefix('+') else {
        return Err("The country code is missing. Write + and the country code first, for example +49 30 901820 instead of \
                    030 901820."
            .into());
    };
    if digits.contains('+') {
        return Err(
            "The number has more than one +. Write one number only, for example +1 202 555 0143.".into()
        );
    }
    let without_zero = without_trunk_zero(text);
    let number = parsed(&without_zero)?;
    // In some countries the zero is part of every number.
    let number = if without_zero != text && !number.is_valid {
        parsed(text).ok().filter(|number| number.is_valid).unwrap_or(number)
    } else {
        number
    };
    Ok(format!("+{}{}", number.country, number.national))
}

/// The country code and the national number of a number that is written with its country code.
pub(in crate::service) fn parts(text: &str) -> Option<(String, String)> {
    parsed(text).ok().map(|number| (number.country, number.national))
}

/// A number without formatting.
struct Number {
    country: String,
    national: String,
    /// Whether the country has numbers of this form.
    is_valid: bool,
}

fn parsed(text: &str) -> Result<Number, Cow<'static, str>> {
    let number = match phonenumber::parse(None, text) {
        Ok(number) if DATABASE.by_code(&number.country().code()).is_some() => number,
        Ok(_) | Err(phonenumber::ParseError::InvalidCountryCode) => return Err(unknown_country(text)),
        Err(_) => return Err(unassigned_length(digits(text).len())),
    };
    let country = number.country().code().to_string();
    let (national, is_valid) = national(&number, &country, &digits(text));
    if national.len() < SHORTEST || country.len() + national.len() > LONGEST {
        return Err(unassigned_length(country.len() + national.len()));
    }
    Ok(Number { country, national, is_valid })
}

/// The national number, and whether the country has numbers of this form. The library removes what is dialled in front of
/// numbers within a country, such as the 8 of Russia, also where the number itself begins so, as hotlines there do. It is
/// removed only if the number is valid without it, and not with it.
fn national(number: &phonenumber::PhoneNumber, country: &str, typed: &str) -> (String, bool) {
    let (national, is_valid) = (number.national().to_string(), number.is_valid());
    match typed.strip_prefix(country) {
        Some(typed) if typed.len() > national.len() => {
            let countries = DATABASE.by_code(&number.country().code()).unwrap_or_default();
            let is_own = countries.iter().any(|country| {
                let form = country.descriptors().general().national_number();
                form.find(typed).is_some_and(|found| found.start() == 0 && found.end() == typed.len())
            });
            if is_own || !is_valid { (typed.to_owned(), is_own) } else { (national, is_valid) }
        }
        _ => (national, is_valid),
    }
}

/// The country code can be written in parentheses, as in (+49) 30 901820.
fn without_parentheses(text: &str) -> Cow<'_, str> {
    match text.strip_prefix("(+") {
        Some(rest) => format!("+{}", rest.replacen(')', " ", 1)).into(),
        None => text.into(),
    }
}

fn unknown_country(text: &str) -> Cow<'static, str> {
    let start: String = digits(text).chars().take(3).collect();
    format!("No country has a code that +{start} begins with. Check the digits after +, for example +1 202 555 0143.").into()
}

fn unassigned_length(digits: usize) -> Cow<'static, str> {
    let few_or_many = if digits > LONGEST { "many" } else { "few" };
    format!(
        "No phone number has so {few_or_many} digits ({digits} with the country code). Check whether digits are missing \
         or were added, for example +1 202 555 0143."
    )
    .into()
}

/// What is wrong with the character at this position.
fn refused_character(text: &str, at: usize) -> Cow<'static, str> {
    let (before, rest) = text.split_at(at);
    let c = rest.chars().next().unwrap_or_default();
    if is_unprintable(c) {
        let place = place_after(before);
        return format!("The number has a hidden character {place}. Delete it, or type the number again.")
            .into();
    }
    format!(
        "\"{c}\" cannot be part of a phone number. Write a number with country code and without extension, for example \
         +1 202 555 0143."
    )
    .into()
}

/// A number in the characters of a plain keyboard, or the position of the first character that no number has.
pub(in crate::service) fn plain(text: &str) -> Result<String, usize> {
    let is_margin = |c: char| c.is_whitespace() || is_hidden(c);
    let end = text.trim_end_matches(is_margin).len();
    let start = (text.len() - without_scheme(text.trim_start_matches(is_margin)).len()).min(end);
    let mut plain = String::with_capacity(text.len());
    for (at, c) in text[start..end].char_indices() {
        let typed = match c {
            _ if is_hidden(c) => continue,
            '+' | '＋' | '﹢' | '⁺' | '➕' => '+',
            '(' | '（' | '﹙' => '(',
            ')' | '）' | '﹚' => ')',
            '.' | '．' | '·' | '・' | '•' | '․' => '.',
            '/' | '／' | '⁄' | '∕' => '/',
            '\u{3000}' | '\u{1680}' => ' ',
            _ if is_plain_space(c) => ' ',
            _ if is_dash(c) => '-',
            _ => digit(c).ok_or(start + at)?,
        };
        plain.push(typed);
    }
    Ok(plain)
}

/// Links to phone numbers begin with a scheme.
fn without_scheme(text: &str) -> &str {
    let trimmed = text.trim_start();
    match trimmed.get(..SCHEME.len()) {
        Some(start) if start.eq_ignore_ascii_case(SCHEME) => &trimmed[SCHEME.len()..],
        _ => text,
    }
}

/// The number without the zero that is dialled only within the country.
pub(in crate::service) fn without_trunk_zero(text: &str) -> Cow<'_, str> {
    if text.contains(TRUNK_ZERO) { text.replacen(TRUNK_ZERO, " ", 1).into() } else { text.into() }
}

/// The digits of a text, in ASCII.
pub(in crate::service) fn digits(text: &str) -> String {
    text.chars().filter_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_need_a_country_code_and_become_e164() {
        for (text, expected) in [
            ("+1 (202) 555-0143", Some("+12025550143")),
            ("+1234567890", Some("+1234567890")),
            ("+49 30 901820", Some("+4930901820")),
            ("+44 20 7946 0958", Some("+442079460958")),
            ("030 901820", None),
            ("+1 202 555 0143 or 5", None),
            ("++1 202 555 0143", None),
            ("+1 202 555 0143\0", None),
            ("not a phone", None),
            ("+999 123456", None),
            ("+1 202 555 0143 ext. 5", None),
            ("+1", None),
            ("+1234567890123456789", None),
            ("\u{202a}+44 (0)20 7946 0958\u{202c}", Some("+442079460958")),
            ("+39 (0)6 1234567", Some("+39061234567")),
            ("＋４９ ３０ ９０１８２０", Some("+4930901820")),
            ("tel:+49-30-901820", Some("+4930901820")),
        ] {
            assert_eq!(e164(text).ok().as_deref(), expected, "{text}");
        }
        assert!(e164(&format!("+1 202 555 0143{}", "0".repeat(1_000_000))).is_err());
    }
}
