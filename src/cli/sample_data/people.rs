//! Names of people, each given out once, with the email address and the phone number that go with it.
//!
//! Knows the table of countries and nothing else.

use super::countries::{COUNTRIES, Country, NAMES};

/// A person that nobody else in the sample data is.
pub(super) struct Person {
    pub(super) given_name: &'static str,
    pub(super) family_name: &'static str,
    phone: &'static str,
    /// Counts the people of a country.
    serial: usize,
}

impl Person {
    /// The address at a domain, such as `joerg.weiss@acme.example`.
    pub(super) fn email(&self, domain: &str) -> String {
        format!("{}.{}@{domain}", ascii(self.given_name, ""), ascii(self.family_name, ""))
    }

    /// The picture's address.
    pub(super) fn avatar_url(&self) -> String {
        format!(
            "https://example.com/avatars/{}-{}.png",
            ascii(self.given_name, "-"),
            ascii(self.family_name, "-")
        )
    }

    /// The phone number, with country code.
    pub(super) fn phone(&self) -> String {
        // 37 shares no factor with 10: numbers of a country look scattered, and none comes twice within its range.
        fill_digits(self.phone, self.serial * 37 + 11)
    }
}

/// Gives out people, country by country.
#[derive(Default)]
pub(super) struct Names {
    used: [usize; COUNTRIES.len()],
}

impl Names {
    /// The next person of a country. After `NAMES * NAMES` of them the first one comes again.
    pub(super) fn next(&mut self, country: usize) -> Person {
        let serial = self.used[country];
        self.used[country] += 1;
        let Country { given_names, family_names, phone, .. } = &COUNTRIES[country];
        Person {
            given_name: given_names[serial % NAMES],
            family_name: family_names[(serial + serial / NAMES) % NAMES],
            phone,
            serial,
        }
    }
}

/// The domain of a company, such as `muehlen-werk.example`.
pub(super) fn domain(company: &str) -> String {
    format!("{}.example", ascii(company, "-"))
}

/// Puts a number into the places that a template marks with `#`, its last digit into the last place.
fn fill_digits(template: &str, number: usize) -> String {
    let places = u32::try_from(template.matches('#').count()).unwrap_or_default();
    let mut divisor = 10_usize.pow(places);
    template
        .chars()
        .map(|character| {
            if character != '#' {
                return character;
            }
            divisor /= 10;
            char::from(b"0123456789"[number / divisor % 10])
        })
        .collect()
}

/// The text in lower case and ASCII, with `space` between its words.
fn ascii(text: &str, space: &str) -> String {
    let mut ascii_name = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' => ascii_name.push(character),
            ' ' | '-' => ascii_name.push_str(space),
            _ => ascii_name.push_str(ascii_letter(character)),
        }
    }
    ascii_name
}

/// What is written for a letter where only ASCII goes; nothing for an apostrophe.
const fn ascii_letter(letter: char) -> &'static str {
    match letter {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' => "a",
        'ç' | 'ć' => "c",
        'é' | 'è' | 'ê' | 'ë' | 'ę' => "e",
        'í' | 'ì' | 'î' | 'ï' => "i",
        'ł' => "l",
        'ñ' | 'ń' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ō' => "o",
        'ś' => "s",
        'ú' | 'ù' | 'ū' => "u",
        'ź' | 'ż' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_become_ascii_without_losing_letters() {
        for country in &COUNTRIES {
            let people = country.given_names.iter().chain(&country.family_names);
            for name in people.chain(&country.accounts).chain(&country.partners) {
                let letters = name.chars().filter(|character| character.is_alphabetic()).count();
                assert!(ascii(name, "").len() >= letters, "{name} becomes {}", ascii(name, ""));
            }
        }
        assert_eq!(ascii("Jörg Weiß-O'Neill", "-"), "joerg-weiss-oneill");
    }

    #[test]
    fn nobody_of_a_country_comes_twice() {
        for (position, country) in COUNTRIES.iter().enumerate() {
            let mut names = Names::default();
            let people: HashSet<String> =
                (0..NAMES * NAMES).map(|_| names.next(position).email("x.example")).collect();
            assert_eq!(people.len(), NAMES * NAMES, "{:?}", country.given_names);
        }
    }

    #[test]
    fn numbers_fill_templates() {
        assert_eq!(fill_digits("+46 8 465 004 ##", 11), "+46 8 465 004 11");
        assert_eq!(fill_digits("+33 1 99 00 ## ##", 1_048), "+33 1 99 00 10 48");
        assert_eq!(fill_digits("+1 202 555 01##", 122), "+1 202 555 0122");
    }
}
