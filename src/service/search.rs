//! What rows are sorted by and found by.
//!
//! Texts are folded here, in lower case and without accents, and cut into words: the databases only compare what they are
//! given, so both sort and find alike. A row is found when each word of the query begins one of its words.

use sea_orm::{
    ColumnTrait, DbBackend,
    sea_query::{BinOper, CaseStatement, Expr, ExprTrait, Func, Query},
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::cursor::checksum;
use crate::entity::id::OrganizationId;

/// The most characters of a sort key. Longer names that begin alike are put in the order of their ids.
const SORT_KEY: usize = 128;
/// The most characters of a word that count.
const WORD: usize = 64;
/// The most characters of the words of a person's companies.
const COMPANY_WORDS: usize = 100_000;
/// The most words of a query that count.
const QUERY_WORDS: usize = 16;
/// What stands between the digits of phone numbers, and in front of them.
const PHONE_SIGNS: &str = " +-.()/\u{a0}\u{2010}\u{2011}\u{2013}";
/// The fewest digits that are taken for a part of a phone number.
const PHONE_DIGITS: usize = 3;

/// What a row is sorted by: the words of its name, or the name itself when it has none.
pub(super) fn sort_key(name: &str) -> String {
    let key = fold(name).join(" ");
    let key = if key.is_empty() { name.trim().to_lowercase() } else { key };
    key.chars().take(SORT_KEY).collect()
}

/// The words of some texts, each once, separated by single spaces.
pub(super) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in texts.into_iter().flat_map(fold) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The digits by which a phone number is found: as it is written, and when its country is known with the country code
/// and without.
pub(super) fn phone_words(phone: &str) -> String {
    let written = dialled(phone);
    match phonenumber::parse(None, phone) {
        Ok(number) => {
            let (country, national) = (number.country().code(), number.national().value());
            format!("{written} {country}{national} {national}")
        }
        Err(_) => written,
    }
}

/// The digits of a phone number. Zeros in front do not count: people write 0, 00 or + there, or nothing.
fn dialled(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).skip_while(|digit| *digit == '0').take(WORD).collect()
}

/// The words of all rows that a subquery finds; an aggregate. Single spaces stay between them, and there is an end to
/// them, because PostgreSQL takes neither empty words nor more than a megabyte of them.
pub(super) fn all_words(words: impl ColumnTrait) -> Expr {
    let some = Func::cust("nullif").args([words.into_expr(), Expr::cust("''")]);
    let all = Func::cust("string_agg").args([some.into(), Expr::cust("' '")]);
    let bound = [Expr::from(all), Expr::cust("1"), Expr::cust(COMPANY_WORDS.to_string())];
    Func::coalesce([Func::cust("substr").args(bound).into(), Expr::cust("''")]).into()
}

/// The same of rows that are at hand.
pub(super) fn joined_words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let joined = words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ");
    joined.chars().take(COMPANY_WORDS).collect()
}

/// What a column of words holds and these words, of which there are some.
pub(super) fn with_words(column: impl ColumnTrait, words: &str) -> Expr {
    let held = || column.into_expr();
    let both = held().binary(BinOper::Custom("||"), Expr::val(format!(" {words}")));
    let bound = [both, Expr::cust("1"), Expr::cust(COMPANY_WORDS.to_string())];
    let some = CaseStatement::new().case(held().eq(""), Expr::val(words));
    some.finally(Func::cust("substr").args(bound)).into()
}

/// Lower case, no accents, cut where neither letters nor digits stand.
fn fold(text: &str) -> Vec<String> {
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    for letter in plain.flat_map(char::to_lowercase) {
        match without_stroke(letter) {
            Some(plain) => folded.push_str(plain),
            None => folded.push(letter),
        }
    }
    let words = folded.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(|word| word.chars().take(WORD).collect()).collect()
}

/// Letters that people write in another way, but Unicode does not decompose.
const fn without_stroke(letter: char) -> Option<&'static str> {
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
        _ => return None,
    })
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchQuery {
    words: Vec<String>,
    /// What is looked for instead when the query is written like a phone number.
    phone: Option<String>,
}

impl SearchQuery {
    /// The words of a query, the first 16 of them. Digits that are written like a phone number are also one word.
    pub fn new(text: &str) -> Self {
        let mut words = fold(text);
        words.truncate(QUERY_WORDS);
        let digits = dialled(text);
        let is_phone = text.chars().all(|letter| letter.is_ascii_digit() || PHONE_SIGNS.contains(letter));
        let is_other = is_phone && digits.len() >= PHONE_DIGITS && words != [digits.as_str()];
        Self { words, phone: is_other.then_some(digits) }
    }

    /// How many words are looked for.
    pub fn count(&self) -> u64 {
        self.words.len() as u64
    }

    /// The query as a name would be sorted.
    fn sort_key(&self) -> String {
        self.words.join(" ").chars().take(SORT_KEY).collect()
    }

    /// What cursors call the order of its answers.
    pub(super) fn name(&self) -> String {
        format!("match{:08x}", checksum(self.words.join(" ").as_bytes()))
    }

    /// The query in the language of a text index, where `word` is how a beginning of a word is written.
    fn written(&self, word: impl Fn(&str) -> String, and: &str, or: &str) -> String {
        let all = self.words.iter().map(|it| word(it)).collect::<Vec<_>>().join(and);
        match &self.phone {
            Some(digits) => format!("({all}){or}{}", word(digits)),
            None => all,
        }
    }
}

impl SearchQuery {
    /// How well a row of this table answers, the best first: its name is the query, begins with it, has a word that
    /// begins with it, or something else of the row does.
    pub(super) fn rank(&self, table: &'static str) -> Expr {
        let key = || Expr::col((table, "sort_key"));
        // Nothing but letters, digits and spaces, so no pattern of its own.
        let query = self.sort_key();
        let later_word = Expr::cust("' '").binary(BinOper::Custom("||"), key());
        let rank: Expr = CaseStatement::new()
            .case(key().eq(&query), Expr::cust("0"))
            .case(key().like(format!("{query}%")), Expr::cust("1"))
            .case(later_word.like(format!("% {query}%")), Expr::cust("2"))
            .finally(Expr::cust("3"))
            .into();
        rank.cast_as("bigint")
    }
}

/// What of a table is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Searched {
    /// Its rows cannot be searched.
    Nothing,
    /// The words of the row.
    Words,
    /// And those of its companies.
    WordsAndCompanies,
}

/// SQLite's full text index, and what tells its rows.
const WORDS: &str = "search_words";
const ENTRY: &str = "search_entry";

/// Whether each word of the query begins a word of a row of the organization. A query without words finds nothing.
pub(super) fn matches(
    (backend, organization): (DbBackend, OrganizationId),
    table: &'static str,
    searched: Searched,
    query: &SearchQuery,
) -> Expr {
    if searched == Searched::Nothing || query.words.is_empty() {
        return Expr::cust("1 = 0");
    }
    // In both indexes the words have the organization's number in front.
    let number = organization.0;
    if backend == DbBackend::Sqlite {
        let words = query.written(|word| format!("\"{number}_{word}\"*"), " AND ", " OR ");
        let matching = Expr::col(WORDS).binary(BinOper::Custom("MATCH"), words);
        let found = Query::select()
            .column((ENTRY, "entity_id"))
            .from(WORDS)
            // CROSS: SQLite would else read the index again for each entry of the table.
            .cross_join(ENTRY)
            .and_where(Expr::col((ENTRY, "number")).equals((WORDS, "rowid")))
            .and_where(matching)
            .and_where(Expr::col((ENTRY, "entity")).eq(table))
            .take();
        return Expr::col((table, "id")).in_subquery(found);
    }
    let words = query.written(|word| format!("'{number}_{word}':*"), " & ", " | ");
    // The indexes are over this very expression.
    let column = match searched {
        Searched::WordsAndCompanies => format!("{table}.words || ' ' || {table}.company_words"),
        _ => format!("{table}.words"),
    };
    let lexemes = format!(
        "array_to_tsvector(string_to_array({table}.org_id::text || '_' || \
         replace(btrim({column}), ' ', ' ' || {table}.org_id::text || '_'), ' '))"
    );
    Expr::cust(lexemes).binary(BinOper::Custom("@@"), Expr::val(words).cast_as("tsquery"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        for (text, expected) in [
            ("Zoë O’Neil-Smith", "zoe o neil smith"),
            ("  JÜRGEN   Groß ", "jurgen gross"),
            ("Łukasz Ørsted, Æsir", "lukasz orsted aesir"),
            ("ﬁnance ①", "finance 1"),
            ("İstanbul ISPARTA ısı", "istanbul isparta isi"),
            ("東京 タワー", "東京 タワー"),
            ("ΑΛΈΞΗΣ αλέξης", "αλεξησ"),
            ("ada.lovelace@example.com", "ada lovelace example com"),
            ("!!!", ""),
        ] {
            assert_eq!(words([text]), expected, "{text}");
        }
    }

    #[test]
    fn a_name_without_words_is_sorted_by_itself() {
        assert_eq!(sort_key(" !?! "), "!?!");
        assert_eq!(sort_key("Zoë"), "zoe");
        assert_eq!(sort_key(&"é".repeat(500)), "e".repeat(64));
    }

    #[test]
    fn phones_are_found_with_and_without_country_code() {
        let phone_words = |phone| words([phone_words(phone).as_str()]);
        assert_eq!(phone_words("+12025550143"), "12025550143 2025550143");
        assert_eq!(phone_words("+49 (0)30 123456"), "49030123456 4930123456 30123456");
        assert_eq!(phone_words("+39 06 1234567"), "39061234567 3961234567 61234567");
        assert_eq!(phone_words("030 123456"), "30123456");
        assert_eq!(phone_words("ask for Ada"), "");
        for (query, digits) in [
            ("+1 (202) 555", Some("1202555")),
            ("0049 30 123", Some("4930123")),
            ("030/123", Some("30123")),
            ("0 0", None),
            ("12", None),
            ("202555", None),
            ("Ada 202", None),
        ] {
            assert_eq!(SearchQuery::new(query).phone.as_deref(), digits, "{query}");
        }
    }

    #[test]
    fn a_query_has_an_end() {
        let query = SearchQuery::new(&"word ".repeat(10_000));
        assert_eq!(query.words.len(), QUERY_WORDS);
        assert!(query.sort_key().len() <= SORT_KEY);
        let digits = SearchQuery::new(&"1 ".repeat(10_000));
        assert_eq!(digits.phone.map(|digits| digits.len()), Some(WORD));
    }
}
