//! What rows are sorted by and found by.
//!
//! Texts are folded here, in lower case and without accents, and cut into words: the databases only compare what they are
//! given, so both sort and find alike. A row is found when each word of the query begins one of its words.

use sea_orm::{
    ColumnTrait, DbBackend,
    sea_query::{BinOper, CaseStatement, Expr, ExprTrait, Func, Query},
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The most characters of a sort key. Longer names that begin alike are put in the order of their ids.
const SORT_KEY: usize = 128;
/// The most characters of a word that count.
const WORD: usize = 64;
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

/// The digits by which a phone number is found: with the country code, and without it when it is known.
pub(super) fn phone_words(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match phonenumber::parse(None, phone) {
        Ok(number) => format!("{digits} {}", number.national()),
        Err(_) => digits,
    }
}

/// The words of all rows that a subquery finds; an aggregate.
pub(super) fn all_words(words: impl ColumnTrait) -> Expr {
    let all = Func::cust("string_agg").args([words.into_expr().into(), Expr::val(" ")]);
    Func::coalesce([all.into(), Expr::val("")]).into()
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

/// Letters that people write without their strokes, but Unicode does not decompose.
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
        _ => return None,
    })
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchQuery {
    words: Vec<String>,
}

impl SearchQuery {
    /// The words of a query. Digits that are written like a phone number are one word.
    pub fn new(text: &str) -> Self {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let is_phone = text.chars().all(|c| c.is_ascii_digit() || " +-.()/\u{a0}".contains(c));
        if is_phone && digits.len() >= PHONE_DIGITS {
            return Self { words: vec![digits] };
        }
        Self { words: fold(text) }
    }

    /// The query as a name would be sorted.
    fn sort_key(&self) -> String {
        self.words.join(" ")
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

/// Whether each word of the query begins a word of the row. A query without words finds nothing.
pub(super) fn matches(
    backend: DbBackend,
    table: &'static str,
    searched: Searched,
    query: &SearchQuery,
) -> Expr {
    if searched == Searched::Nothing || query.words.is_empty() {
        return Expr::cust("1 = 0");
    }
    if backend == DbBackend::Sqlite {
        let words: Vec<String> = query.words.iter().map(|word| format!("\"{word}\"*")).collect();
        let matching = Expr::col(WORDS).binary(BinOper::Custom("MATCH"), words.join(" "));
        let found = Query::select()
            .column((ENTRY, "entity_id"))
            .from(WORDS)
            .inner_join(ENTRY, Expr::col((ENTRY, "number")).equals((WORDS, "rowid")))
            .and_where(matching)
            .and_where(Expr::col((ENTRY, "entity")).eq(table))
            .take();
        return Expr::col((table, "id")).in_subquery(found);
    }
    let words: Vec<String> = query.words.iter().map(|word| format!("'{word}':*")).collect();
    // The indexes are over this very expression.
    let column = match searched {
        Searched::WordsAndCompanies => format!("{table}.words || ' ' || {table}.company_words"),
        _ => format!("{table}.words"),
    };
    let lexemes = format!("array_to_tsvector(string_to_array(btrim({column}), ' '))");
    Expr::cust(lexemes).binary(BinOper::Custom("@@"), Expr::val(words.join(" & ")).cast_as("tsquery"))
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
        assert_eq!(phone_words("+12025550143"), "12025550143 2025550143");
        assert_eq!(phone_words("ask for Ada"), "");
        assert_eq!(SearchQuery::new("+1 (202) 555").words, ["1202555"]);
        assert_eq!(SearchQuery::new("12").words, ["12"]);
        assert_eq!(SearchQuery::new("Ada 2").words, ["ada", "2"]);
    }
}
