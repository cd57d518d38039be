//! Email addresses: what `<input type=email>` of HTML takes, and nothing else.

use std::borrow::Cow;

use super::{
    characters::{is_hidden, is_mark, is_unprintable},
    domain, normalize, normalize_part, place_after,
};

/// An email address: as written, and in the form that is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Email {
    /// Normalized, otherwise as written.
    pub text: String,
    /// In lower case, its domain in the ASCII form: two addresses are the same when their keys are.
    pub key: String,
}

impl Email {
    /// The address as it is stored where it has no key: a domain beyond ASCII in lower case, because databases do not make
    /// it.
    pub(in crate::service) fn into_value(self) -> String {
        match self.text.rsplit_once('@') {
            Some((local, domain)) if !domain.is_ascii() => [local, "@", &lower(domain)].concat(),
            _ => self.text,
        }
    }
}

/// The most characters of a label of a domain name.
const LABEL: usize = 63;
const FORM: &str = "Must be an email address, for example ada@example.com.";

/// The address that a text is, or what is wrong with it. `smtputf8`: whether the part before the `@` may have letters
/// beyond ASCII.
pub(in crate::service) fn check(text: &str, smtputf8: bool) -> Result<Email, Cow<'static, str>> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || is_hidden(c));
    if let Some((before, _)) = text.split_once(is_unprintable) {
        return Err(format!(
            "The email address has a hidden character {}. Delete it, or type the address again.",
            place_after(before)
        )
        .into());
    }
    let text = normalize(text);
    if text.contains(char::is_whitespace) {
        return Err(
            "The email address must not contain spaces. Delete them, for example ada@example.com.".into()
        );
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err("The email address has no @. Write it like ada@example.com.".into());
    };
    check_local(local, smtputf8)?;
    check_domain(domain)?;
    Ok(Email { key: key(&text), text: text.into_owned() })
}

fn check_local(local: &str, smtputf8: bool) -> Result<(), Cow<'static, str>> {
    if local.starts_with('"') {
        let message = "The part before @ must not be in quotation marks. Write it without them, for example ada@example.com.";
        return Err(message.into());
    }
    if local.is_empty() {
        return Err("Nothing stands before the @. Write the address like ada@example.com.".into());
    }
    let is_allowed =
        |c: char| is_local_ascii(c) || smtputf8 && !c.is_ascii() && (c.is_alphanumeric() || is_mark(c));
    let refused = local.chars().find(|c| !is_allowed(*c)).or_else(|| domain::mixed_script(local));
    match refused {
        None => Ok(()),
        Some('@') => Err("The email address has more than one @. Write one address only.".into()),
        Some(c) if c.is_ascii() => {
            Err(format!("The part before @ must not contain \"{c}\". Write the address like ada@example.com.").into())
        }
        Some(c) => Err(format!(
            "The part before @ must be written with the letters a to z, digits and signs of a plain keyboard; \"{c}\" is \
             another character, which may only look like one of them. Type the address again."
        )
        .into()),
    }
}

fn check_domain(domain: &str) -> Result<(), Cow<'static, str>> {
    if let Some(c) = domain::look_alike(domain) {
        return Err(format!(
            "In the part after @, \"{c}\" only looks like a letter or dot of the others. Type the address again."
        )
        .into());
    }
    match domain::to_ascii(domain) {
        Some(ascii) if ascii.split('.').all(is_label) => Ok(()),
        _ => {
            Err(format!("{FORM} The part after @ must be a domain name: letters, digits, hyphens and dots.")
                .into())
        }
    }
}

const fn is_local_ascii(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '.' | '!'
                | '#'
                | '$'
                | '%'
                | '&'
                | '\''
                | '*'
                | '+'
                | '/'
                | '='
                | '?'
                | '^'
                | '_'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
                | '-'
        )
}

fn is_label(label: &str) -> bool {
    (1..=LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The form that is compared of an address, or of a text that is none.
pub(in crate::service) fn key(text: &str) -> String {
    let text = normalize(text);
    match text.rsplit_once('@') {
        Some((local, domain)) => [&lower(local), "@", &domain::key(domain)].concat(),
        None => lower(&text),
    }
}

/// The same of a part of an address.
pub(in crate::service) fn key_of_part(part: &str) -> String {
    let part = normalize(part);
    match part.rsplit_once('@') {
        Some((local, domain)) => [&lower(local), "@", &domain::key_of_part(domain)].concat(),
        // With a dot it is most likely a part of the domain.
        None if part.contains('.') => domain::key_of_part(&part),
        None => lower(&part),
    }
}

/// The ways in which an address may be stored where it has no key, in lower case of ASCII, which both databases make.
pub(in crate::service) fn spellings(text: &str) -> Vec<String> {
    let text = normalize(text);
    let mut spellings = vec![text.to_ascii_lowercase()];
    if let Some((local, domain)) = text.rsplit_once('@') {
        let (unicode, _) = idna::domain_to_unicode(domain);
        for domain in [domain::key(domain), unicode] {
            let spelling = [&local.to_ascii_lowercase(), "@", &domain].concat();
            if !spellings.contains(&spelling) {
                spellings.push(spelling);
            }
        }
    }
    spellings
}

/// What an address is found by.
pub(in crate::service) fn words(email: &str) -> Cow<'_, str> {
    match email.rsplit_once('@').map(|(local, domain)| (local, domain::words(domain))) {
        Some((local, Cow::Owned(domain))) => [local, &domain].join(" ").into(),
        _ => email.into(),
    }
}

fn lower(text: &str) -> String {
    normalize_part(&text.to_lowercase()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_takes_is_an_address() {
        let longest = format!("a@{}.example", "b".repeat(63));
        for text in [
            "ada@example.com",
            "a@b",
            "ada@localhost",
            ".a..b.@example.com",
            "!#$%&'*+/=?^_`{|}~-@example.com",
            "ada@1.2.3.4",
            "ada@a-b.c--d.example",
            "ADA@EXAMPLE.COM",
            "ada@xn--bcher-kva.example",
            "ada@xn--a.example",
            "ada@bücher.example",
            "ada@例え.テスト",
            "ada@مثال.إختبار",
            "ada@straße.example",
            "ada@\u{212a}elvin.example",
            &longest,
        ] {
            assert!(check(text, false).is_ok(), "{text}");
        }
        let long = format!("a@{}.example", "b".repeat(64));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c.example",
            "\"ada\"@example.com",
            "\"a b\"@example.com",
            "a b@example.com",
            "ada@-a.example",
            "ada@a-.example",
            "ada@a..example",
            "ada@.example",
            "ada@example.",
            "ada@exa_mple.com",
            "ada@[127.0.0.1]",
            "Ada <ada@example.com>",
            "ada(comment)@example.com",
            "jürgen@example.com",
            "аda@example.com",
            "ada@exаmple.com",
            "ada@ｅxample.com",
            "ada@example。com",
            "a\u{200b}da@example.com",
            "ada@exam\u{ad}ple.com",
            "ada@example.com\u{200b}x",
            "ada\0@example.com",
            "ada\\@example.com",
            "ada,b@example.com",
            "ada@exa mple.com",
            &long,
        ] {
            assert!(check(text, false).is_err(), "{text}");
        }
        assert!(check("jürgen@example.com", true).is_ok());
        assert!(check("用户@例え.テスト", true).is_ok());
        assert!(check("аda@example.com", true).is_err());
        assert!(check("\"ü\"@example.com", true).is_err());
    }

    #[test]
    fn domains_are_compared_in_ascii() {
        for (one, other) in [
            ("ada@bücher.example", "ADA@XN--BCHER-KVA.EXAMPLE"),
            ("ada@BÜCHER.example", "ada@bu\u{308}cher.example"),
            ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(key(one), key(other), "{one}");
        }
        assert_ne!(key("ada@strasse.example"), key("ada@straße.example"));
        assert_eq!(key_of_part("@bücher."), "@xn--bcher-kva.");
        assert_eq!(words("ada@bücher.example"), "ada bücher.example xn--bcher-kva.example bücher.example");
    }
}
