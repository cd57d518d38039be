//! What rows are sorted by and found by.
//!
//! Texts are normalized here, in lower case and without accents, and cut into words: the databases only compare what they are
//! given, so both sort and find alike. A row is found when each word of the query begins one of its words.

use sea_orm::{
    DbBackend,
    prelude::Uuid,
    sea_query::{BinOper, CaseStatement, Expr, ExprTrait, Func, Query, SelectStatement, UnionType},
};

use super::{cursor::checksum, filter::certain, text};
use crate::entity::{id::OrganizationId, keys_in};

/// The most characters of a sort key. Longer names that begin alike are put in the order of their ids.
const SORT_KEY: usize = 128;
/// The most characters of a word that count.
const WORD: usize = 64;
/// The most words of a query that count.
const QUERY_WORDS: usize = 6;
/// The most characters of a query that are read: enough for all of its words.
const QUERY_CHARACTERS: usize = 512;
/// The most people that are looked up by their companies before a search.
const FEW_PEOPLE: u64 = 1_000;
/// The fewest digits that are taken for a part of a phone number.
const PHONE_DIGITS: usize = 3;

/// What a row is sorted by: the words of its name, or the name itself when it has none.
pub(super) fn sort_key(name: &str) -> String {
    let key = words_of(name).collect::<Vec<_>>().join(" ");
    let key = if key.is_empty() { text::normalize(name).to_lowercase() } else { key };
    key.chars().take(SORT_KEY).collect()
}

/// The words of some texts, each once, separated by single spaces.
pub(super) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in texts.into_iter().flat_map(words_of) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The digits by which a phone number is found: as it is written, and when its country is known with the country code
/// and without.
pub(super) fn phone_words(phone: &str) -> String {
    let plain = text::plain_phone(phone).unwrap_or_else(|_| phone.to_owned());
    let written = dialled(&plain);
    match text::phone_parts(&plain) {
        Some((country, national)) => {
            let national = national.trim_start_matches('0');
            format!("{written} {country}{national} {national}")
        }
        None => written,
    }
}

/// The digits of a phone number. Zeros in front do not count: people write 0, 00 or + there, or nothing.
fn dialled(phone: &str) -> String {
    text::digits(phone).trim_start_matches('0').chars().take(WORD).collect()
}

/// The words of a text in lower case and without accents.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    text::words(text).into_iter().map(|word| word.chars().take(WORD).collect())
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchQuery {
    words: Vec<String>,
    /// All of its words, as those of a name are sorted.
    key: String,
    /// What is looked for instead when the query is written like a phone number.
    phone: Option<String>,
    /// The ids of all people with a company that has a word of the query, once they were looked up and are few.
    people: Option<Vec<Uuid>>,
}

impl SearchQuery {
    /// The words of a query, the first 6 of them. Digits that are written like a phone number are also one word.
    pub fn new(text: &str) -> Self {
        let text = text.char_indices().nth(QUERY_CHARACTERS).map_or(text, |(end, _)| &text[..end]);
        let mut words: Vec<String> = words_of(text).collect();
        let key = words.join(" ").chars().take(SORT_KEY).collect();
        words.truncate(QUERY_WORDS);
        // What is written like a phone number has nothing but digits and what people write between them.
        let plain = text::plain_phone(text);
        let digits = match (text::e164(text), plain) {
            (Ok(number), _) => dialled(&number),
            (Err(_), Ok(plain)) => dialled(&text::without_trunk_zero(&plain)),
            (Err(_), Err(_)) => String::new(),
        };
        let is_other = digits.len() >= PHONE_DIGITS && words != [digits.as_str()];
        Self { words, key, phone: is_other.then_some(digits), people: None }
    }

    /// How many words are looked for.
    pub(super) fn count(&self) -> u64 {
        self.words.len() as u64
    }

    /// What cursors call the order of its answers.
    pub(super) fn name(&self) -> String {
        format!("match{:08x}", checksum([&self.key, "\n", &self.words.join(" ")].concat().as_bytes()))
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
    /// The same query with the people that were looked up by [`Search::people_of_companies`], unless they are many.
    pub(super) fn with_people(&self, people: Vec<Uuid>) -> Self {
        Self { people: (people.len() as u64 <= FEW_PEOPLE).then_some(people), ..self.clone() }
    }

    /// Whether it helps to know the people whose companies have a word of the query.
    pub(super) fn looks_up_people(&self, backend: DbBackend) -> bool {
        !self.words.is_empty() && (backend == DbBackend::Postgres || !self.is_one_word())
    }

    fn is_one_word(&self) -> bool {
        self.words.len() == 1 && self.phone.is_none()
    }

    /// Whether a text in which a space precedes each word matches.
    fn is_in(&self, words: &Expr, backend: DbBackend) -> Expr {
        let position = if backend == DbBackend::Sqlite { "instr" } else { "strpos" };
        let has = |word: &String| {
            let word = Expr::val(format!(" {word}"));
            Expr::from(Func::cust(position).args([words.clone(), word])).gt(0)
        };
        let all = self.words.iter().map(has).reduce(Expr::and);
        let phone = self.phone.as_ref().map(has);
        all.into_iter().chain(phone).reduce(Expr::or).unwrap_or_else(|| Expr::cust("1 = 0"))
    }

    /// How well a row of this table answers, the best first: its name is the query, begins with it, has a word that
    /// begins with it, or something else of the row does.
    pub(super) fn rank(&self, table: &'static str) -> Expr {
        let key = || Expr::col((table, "sort_key"));
        // Nothing but letters, marks, digits and spaces, so no pattern of its own.
        let query = &self.key;
        let later_word = Expr::cust("' '").binary(BinOper::Custom("||"), key());
        let rank: Expr = CaseStatement::new()
            .case(key().eq(query), Expr::cust("0"))
            .case(key().like(format!("{query}%")), Expr::cust("1"))
            .case(later_word.like(format!("% {query}%")), Expr::cust("2"))
            .finally(Expr::cust("3"))
            .into();
        rank.cast_as("bigint")
    }
}

/// What a search of a table looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// Its rows cannot be searched.
    Nothing,
    /// The words of the row.
    Words,
    /// The words of a person and those of the companies that they are linked to.
    WordsAndCompanies(CompanyLink),
}

impl Searched {
    /// The companies whose words count.
    pub(super) fn companies(self) -> Option<CompanyLink> {
        match self {
            Self::WordsAndCompanies(link) => Some(link),
            Self::Nothing | Self::Words => None,
        }
    }
}

/// The table that links people to their companies. Deleted links and companies do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompanyLink {
    pub(super) table: &'static str,
    pub(super) person_id: &'static str,
    pub(super) company_id: &'static str,
    pub(super) company: &'static str,
    /// Whether links have `deleted_at`.
    pub(super) has_deleted_at: bool,
}

/// SQLite's full text index, and the table that names the rows behind its row ids.
const WORDS: &str = "search_words";
const ENTRY: &str = "search_entry";

/// A search in an organization.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) organization: OrganizationId,
    pub(super) backend: DbBackend,
    pub(super) query: &'a SearchQuery,
}

/// How many words of a query a row has to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    All,
    Any,
}

impl Search<'_> {
    /// Whether each word of the query begins a word of a row of the table, or of one of its companies. A query without
    /// words finds nothing.
    pub(super) fn finds(self, (table, searched): (&'static str, Searched)) -> Expr {
        if searched == Searched::Nothing || self.query.words.is_empty() {
            return Expr::cust("1 = 0");
        }
        let Searched::WordsAndCompanies(link) = searched else { return self.matches(table, Required::All) };
        let id = || Expr::col((table, "id"));
        let is_one_word = self.query.is_one_word();
        let with_companies =
            if is_one_word { self.people_of_any(link) } else { self.people_with_companies(table, link) };
        match &self.query.people {
            Some(people) if people.is_empty() => self.matches(table, Required::All),
            // PostgreSQL has an index for each side of the OR.
            Some(people) if self.backend == DbBackend::Postgres => {
                let has_company = keys_in(self.backend, id(), people.iter().copied());
                let has_all = has_company.clone().and(id().in_subquery(with_companies));
                self.matches(table, Required::All).or(if is_one_word { has_company } else { has_all })
            }
            _ => {
                let mut people = self.people_by_words(table);
                people.union(UnionType::All, with_companies);
                let is_one = id().in_subquery(people);
                // As a join, PostgreSQL may search again for each row where it has no statistics.
                if self.backend == DbBackend::Sqlite { is_one } else { certain(is_one) }
            }
        }
    }

    /// Selects the ids of the people in these tables who have a company with a word of the query, of many only some.
    pub(super) fn people_of_companies(
        self,
        tables: impl IntoIterator<Item = (&'static str, CompanyLink)>,
    ) -> Option<SelectStatement> {
        let people = tables.into_iter().map(|(_, link)| self.people_of_any(link));
        let mut all = people.reduce(|mut all, others| all.union(UnionType::All, others).take())?;
        all.limit(FEW_PEOPLE + 1);
        Some(all)
    }

    /// The people whose words match together with those of their companies, among those who were looked up.
    fn people_with_companies(self, table: &'static str, link: CompanyLink) -> SelectStatement {
        let person_id = || Expr::col((link.table, link.person_id));
        let space = || Expr::cust("' '");
        let own = Expr::col((table, "words")).min();
        let companies = Func::cust("string_agg").args([Expr::col((link.company, "words")), space()]);
        let parts = [own, space(), companies.into()];
        let words = parts.into_iter().fold(space(), |all, part| all.binary(BinOper::Custom("||"), part));
        let mut people = self.links(link);
        people
            .expr(person_id())
            .inner_join(table, Expr::col((table, "id")).eq(person_id()).and(self.is_here(table)))
            .group_by_columns([(link.table, link.person_id)])
            .and_having(self.query.is_in(&words, self.backend));
        if let Some(looked_up) = &self.query.people {
            people.and_where(keys_in(self.backend, person_id(), looked_up.iter().copied()));
        }
        people
    }

    fn people_of_any(self, link: CompanyLink) -> SelectStatement {
        let mut people = self.links(link);
        people.column((link.table, link.person_id)).and_where(self.matches(link.company, Required::Any));
        people
    }

    /// Whether the words of a row match by themselves, as the text index finds out.
    fn matches(self, table: &'static str, required: Required) -> Expr {
        if self.backend == DbBackend::Sqlite {
            let word = |word: &str| format!("\"{}_{word}\"*", self.organization.0);
            let and = if required == Required::All { " AND " } else { " OR " };
            let matching =
                Expr::col(WORDS).binary(BinOper::Custom("MATCH"), self.query.written(word, and, " OR "));
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
        let and = if required == Required::All { " & " } else { " | " };
        let words = self.query.written(|word| format!("'{}_{word}':*", self.organization.0), and, " | ");
        // The indexes are over this very expression.
        let lexemes = format!(
            "array_to_tsvector(string_to_array({table}.org_id::text || '_' || \
             replace(btrim({table}.words), ' ', ' ' || {table}.org_id::text || '_'), ' '))"
        );
        Expr::cust(lexemes).binary(BinOper::Custom("@@"), Expr::val(words).cast_as("tsquery"))
    }

    fn people_by_words(self, table: &'static str) -> SelectStatement {
        Query::select()
            .column((table, "id"))
            .from(table)
            .and_where(self.is_here(table))
            .and_where(self.matches(table, Required::All))
            .take()
    }

    /// The links to companies that are there.
    fn links(self, link: CompanyLink) -> SelectStatement {
        let is_link = Expr::col((link.table, link.company_id)).equals((link.company, "id"));
        let mut links = Query::select()
            .from(link.company)
            .inner_join(link.table, is_link.and(self.is_here(link.table)))
            .and_where(self.is_here(link.company))
            .and_where(Expr::col((link.company, "deleted_at")).is_null())
            .take();
        if link.has_deleted_at {
            links.and_where(Expr::col((link.table, "deleted_at")).is_null());
        }
        links
    }

    fn is_here(self, table: &'static str) -> Expr {
        Expr::col((table, "org_id")).eq(self.organization)
    }
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
        assert!(query.key.len() <= SORT_KEY);
        let digits = SearchQuery::new(&"1 ".repeat(10_000));
        assert_eq!(digits.phone.map(|digits| digits.len()), Some(WORD));
    }
}
