//! Search: matches, their order, and that no text is an error.

use contact_gateway::entity::organization_contact::OrganizationContactType;
use contact_gateway::{
    entity::id::PartnerId,
    service::{Patch, organization_contact::Card},
};
use serde_json::{Value, json};

use super::{filters::unlimited, model::folded};
use crate::support::{Actor, Chance, Reply, World, on_both};

on_both!(
    case_accents_and_order_do_not_count,
    a_word_is_found_by_its_beginning,
    people_are_found_by_email,
    phones_are_found_however_they_are_written,
    the_better_match_comes_first,
    nothing_that_is_typed_is_an_error,
    words_of_every_script_are_found,
    a_query_counts_six_words,
    random_names_are_found_as_a_model_finds_them,
    the_index_stays_right,
);

/// The names of the rows that a search finds, in its order. Fails unless paging from the end gives the same.
async fn found(actor: &Actor, list: &str, query: &str) -> Vec<String> {
    let forward = names(&searched(actor, list, query, "first: 100").await, list);
    let mut backward = Vec::new();
    let mut before = String::new();
    loop {
        let reply = searched(actor, list, query, &format!("last: 2{before}")).await;
        backward.splice(0..0, names(&reply, list));
        let info = reply.data(&format!("/{list}/pageInfo"));
        if info["hasPreviousPage"] != true {
            break;
        }
        before = format!(", before: {}", info["startCursor"]);
    }
    assert_eq!(backward, forward, "{list} {query}");
    forward
}

async fn searched(actor: &Actor, list: &str, query: &str, paging: &str) -> Reply {
    let name = if list == "partners" || list == "accounts" { "name" } else { "displayName" };
    let document = format!(
        "query($search: String!) {{ {list}({paging}, filter: {{ search: $search }}) {{
            nodes {{ name: {name} }} pageInfo {{ hasPreviousPage startCursor }}
        }} }}"
    );
    let reply = actor.graphql(&document, json!({ "search": query })).await;
    assert!(reply.body.get("errors").is_none(), "{list} {query:?}: {}", reply.body);
    reply
}

fn names(reply: &Reply, list: &str) -> Vec<String> {
    let nodes = reply.list(&format!("/{list}/nodes")).iter();
    nodes.map(|node| node["name"].as_str().expect("a name").to_owned()).collect()
}

async fn make(actor: &Actor, mutation: &str, input: Value) {
    let reply = actor.mutate(mutation, input, "__typename").await;
    assert_eq!(reply.user_errors(mutation), [""; 0], "{}", reply.body);
}

async fn case_accents_and_order_do_not_count(world: World) {
    for name in
        ["Zoë Größe GmbH", "Łódź Øre", "Émile & Co.", "STRASSE 9", "東京タワー", "Ümit İstanbul", "ΑΛΈΞΗΣ"]
    {
        world.rows().partner(name, None).await;
    }
    let reader = world.reader();
    for (query, expected) in [
        ("zoe", "Zoë Größe GmbH"),
        ("ZOË", "Zoë Größe GmbH"),
        ("Zoe\u{308}", "Zoë Größe GmbH"),
        ("GRÖSSE", "Zoë Größe GmbH"),
        ("gmbh grosse zoe", "Zoë Größe GmbH"),
        ("gm, gr: zo!", "Zoë Größe GmbH"),
        ("ore lodz", "Łódź Øre"),
        ("ŁÓDŹ", "Łódź Øre"),
        ("co emile", "Émile & Co."),
        ("straße", "STRASSE 9"),
        ("9 strasse", "STRASSE 9"),
        ("東京", "東京タワー"),
        ("ＩＳＴＡＮＢＵＬ", "Ümit İstanbul"),
        ("istanbul umit", "Ümit İstanbul"),
        ("αλέξης", "ΑΛΈΞΗΣ"),
        ("αλεξησ", "ΑΛΈΞΗΣ"),
    ] {
        assert_eq!(found(&reader, "partners", query).await, [expected], "{query}");
    }
}

async fn a_word_is_found_by_its_beginning(world: World) {
    for name in ["Globex Energy", "Energize", "Aglow"] {
        world.rows().account(name).await;
    }
    let reader = world.reader();
    assert_eq!(found(&reader, "accounts", "energ").await, ["Energize", "Globex Energy"]);
    assert_eq!(found(&reader, "accounts", "glo").await, ["Globex Energy"]);
    for nothing in ["lobex", "globexx", "energy energize", "glo bex"] {
        assert_eq!(found(&reader, "accounts", nothing).await, [""; 0], "{nothing}");
    }
    // A query of white space asks for nothing, one without words finds nothing.
    assert_eq!(found(&reader, "accounts", " \t").await.len(), 3);
    assert_eq!(found(&reader, "accounts", "!?").await, [""; 0]);
}

async fn people_are_found_by_email(world: World) {
    let writer = world.writer();
    let person = json!({ "email": "Ada.Lovelace@Example.com", "internalRole": "LEAD", "name": "Countess" });
    make(&writer, "createInternalContact", person).await;
    let person = json!({ "email": "grace+navy@example.org", "firstName": "Amazing" });
    make(&writer, "createAccountContact", person).await;
    let card = Card { email: Patch::Set("billing@example.net".to_owned()), ..Card::default() };
    world.rows().organization_contact(OrganizationContactType::Finance, card).await;
    for (list, query, expected) in [
        ("internalContacts", "ada", "Countess"),
        ("internalContacts", "ada.l", "Countess"),
        ("internalContacts", "LOVELACE@EXA", "Countess"),
        ("internalContacts", "ada.lovelace@example.com", "Countess"),
        ("internalContacts", "@example.com", "Countess"),
        ("accountContacts", "grace+navy@example.org", "Amazing"),
        ("accountContacts", "navy", "Amazing"),
        ("organizationContacts", "billing@example.net", "billing@example.net"),
        ("organizationContacts", "finance example", "billing@example.net"),
    ] {
        assert_eq!(found(&writer, list, query).await, [expected], "{query}");
        assert_eq!(found(&writer, "contacts", query).await, [expected], "{query}");
    }
    for nothing in ["ada@exa", "lovelace@example.org"] {
        assert_eq!(
            found(&writer, "internalContacts", nothing).await.len(),
            usize::from(nothing.starts_with("ada"))
        );
    }
}

async fn phones_are_found_however_they_are_written(world: World) {
    let writer = world.writer();
    for (first_name, phone) in
        [("American", "+1 202 555 0143"), ("German", "+49 (0)30 123456"), ("Italian", "+39 06 1234567")]
    {
        let email = format!("{first_name}@example.com");
        let input = json!({ "firstName": first_name, "email": email, "phone": phone });
        make(&writer, "createAccountContact", input).await;
    }
    for (name, phone, mobile) in
        [("Office", "030 / 98 76 54", None), ("Warehouse", "ask Ada", Some("0049 171-333"))]
    {
        let card = Card {
            name: Patch::Set(name.to_owned()),
            phone: Patch::Set(phone.to_owned()),
            mobile: mobile.map(str::to_owned).into(),
            ..Card::default()
        };
        world.rows().organization_contact(OrganizationContactType::Technical, card).await;
    }
    for (query, expected) in [
        ("+12025550143", "American"),
        ("+1 (202) 555-0143", "American"),
        ("001 202 555", "American"),
        ("202-555-0143", "American"),
        ("2025550143", "American"),
        ("(202) 555", "American"),
        ("american 202555", "American"),
        ("+49 30 123456", "German"),
        ("0049 30 1234", "German"),
        ("030 123", "German"),
        ("030/1234-56", "German"),
        ("30\u{a0}123", "German"),
        ("+39 06 1234567", "Italian"),
        ("06 1234567", "Italian"),
        ("030 987", "Office"),
        ("03098765", "Office"),
        ("+49 171", "Warehouse"),
        ("ask ada", ""),
    ] {
        let expected = if expected.is_empty() { Vec::new() } else { vec![expected] };
        assert_eq!(found(&writer, "contacts", query).await, expected, "{query}");
    }
    // Numbers in names are words.
    world.rows().partner("Studio 3 5 7", None).await;
    for query in ["3 5 7", "7 5", "357", "studio 7"] {
        assert_eq!(found(&writer, "partners", query).await.len(), usize::from(query != "357"), "{query}");
    }
}

async fn the_better_match_comes_first(world: World) {
    let writer = world.writer();
    for (name, email) in [
        ("Grace", "ada.grace@example.com"),
        ("Countess Ada", "c@example.com"),
        ("Adalbert", "b@example.com"),
        ("Ada", "a@example.com"),
        ("Bertha Adams", "ba@example.com"),
        ("Zeno", "zeno@ada.example"),
        ("ADA LOVELACE", "l@example.com"),
        ("Ädä", "aa@example.com"),
        ("Nobody", "n@example.com"),
    ] {
        let input = json!({ "email": email, "name": name, "internalRole": "LEAD" });
        make(&writer, "createInternalContact", input).await;
    }
    let expected =
        ["Ada", "Ädä", "ADA LOVELACE", "Adalbert", "Bertha Adams", "Countess Ada", "Grace", "Zeno"];
    assert_eq!(found(&writer, "internalContacts", "ada").await, expected);
    assert_eq!(found(&writer, "contacts", "ada").await, expected);
    assert_eq!(found(&writer, "internalContacts", "ada l").await, ["ADA LOVELACE"]);
    assert_eq!(found(&writer, "internalContacts", "lovelace ada").await, ["ADA LOVELACE"]);

    // Another order can be asked for.
    let document = "{ internalContacts(
        filter: { search: \"ada\" }, orderBy: { field: DISPLAY_NAME, direction: DESC }, first: 2
    ) { nodes { displayName } } }";
    let nodes = writer.query(document).await.data("/internalContacts/nodes").clone();
    assert_eq!(nodes, json!([{ "displayName": "Zeno" }, { "displayName": "Grace" }]));
}

/// Texts that people and attackers could type.
const HOSTILE: [&str; 40] = [
    "\"",
    "\"\"",
    "\"ada",
    "'",
    "''",
    "ada' | 'x",
    "'ada':*",
    "\\",
    "\\'",
    "ada\\",
    "*",
    "ada*",
    "^ada",
    "-ada",
    ":",
    "ada:*",
    "words:ada",
    "&",
    "a & b | !c <-> d",
    "(",
    ")))((",
    "AND",
    "OR",
    "NOT",
    "ada AND",
    "ada OR NOT",
    "NEAR(",
    "NEAR(ada lovelace, 2)",
    "{words}: ada",
    "%",
    "_",
    "100%",
    "$1",
    "?",
    "; DROP TABLE partner; --",
    "\u{0}",
    "ada\u{0}lovelace",
    "\u{301}\u{308}",
    "\u{feff}\u{200d}\u{202e}",
    "💥👩‍👩‍👧",
];

async fn nothing_that_is_typed_is_an_error(world: World) {
    let world = unlimited(world).await;
    world.rows().partners_and_people(2, 1).await;
    world.rows().accounts_and_contacts(2, 1).await;
    let reader = world.reader();
    let long = [
        "a".repeat(10_000),
        "ä".repeat(10_000),
        "1".repeat(10_000),
        "a ".repeat(5_000),
        "1 ".repeat(5_000),
        "0".repeat(10_000),
        "💥".repeat(5_000),
        "\"".repeat(10_000),
        "\u{301}".repeat(10_000),
        "(".repeat(10_000),
        (0..3_000).map(|number| format!("word{number} ")).collect(),
    ];
    let everything: String = (1..=0x2fff_u32).filter_map(char::from_u32).collect();
    let hostile = HOSTILE.into_iter().chain(long.iter().map(String::as_str)).chain([&*everything]);
    let lists =
        ["partners", "accounts", "internalContacts", "accountContacts", "organizationContacts", "contacts"];
    for query in hostile {
        for list in lists {
            searched(&reader, list, query, "first: 5").await;
        }
        let document = "query($search: String!) {
            partners { totalCount nodes { internalContacts(filter: { search: $search }) { totalCount } } }
            accounts(filter: { contacts: { some: { or: [{ search: $search }, { not: { search: $search } }] } } }) {
                totalCount
            }
        }";
        let reply = reader.graphql(document, json!({ "search": query })).await;
        assert_eq!(reply.data("/accounts/totalCount"), 2, "{query}");
    }
}

/// Of scripts that are newer than the databases' tables of Unicode, too.
async fn words_of_every_script_are_found(world: World) {
    let names = [
        "AND",
        "NEAR",
        "שלום עולם",
        "مَرْحَبًا",
        "हिन्दी",
        "Ⓐⓑ",
        "🅰🅱",
        "𞤀𞤣𞤤𞤢𞤥",
        "𰀀𰀁",
        "𝔉𝔯𝔞𝔨𝔱𝔲𝔯",
        "한국어",
        "ไทย",
        "x²",
        "Ⅷ",
        "²",
        "5%",
        "O'Neil",
    ];
    for name in names {
        world.rows().partner(name, None).await;
    }
    let reader = world.reader();
    for name in names {
        let mut beginning = name.to_lowercase();
        assert_eq!(found(&reader, "partners", name).await[0], name);
        while beginning.chars().count() > 2 {
            beginning.pop();
        }
        assert!(
            found(&reader, "partners", &beginning).await.iter().any(|found| found == name),
            "{beginning}"
        );
    }
}

async fn a_query_counts_six_words(world: World) {
    let name = (0..6).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    world.rows().partner(&name, None).await;
    let reader = world.reader();
    let more = format!("{name} and more words");
    assert_eq!(found(&reader, "partners", &more).await, std::slice::from_ref(&name));
    assert_eq!(found(&reader, "partners", &format!("more {name}")).await, [""; 0]);
}

/// Pieces of names; with them random names share words, beginnings of words, and differ in what does not count.
const PIECES: [&str; 16] = [
    "Ada", "ada", "ÄDA", "Adalbert", "Lovelace", "Love", "Straße", "Strasse", "GmbH", "Co.", "&", "东京",
    "7", "77", "O'Neil", "neil-ada",
];

async fn random_names_are_found_as_a_model_finds_them(world: World) {
    let mut chance = Chance::seeded(7);
    let mut partners: Vec<(String, PartnerId)> = Vec::new();
    for _ in 0..60 {
        let count = 1 + chance.below(3);
        let name = (0..count).map(|_| *chance.pick(&PIECES)).collect::<Vec<_>>().join(" ");
        partners.push((name.clone(), world.rows().partner(&name, None).await.id));
    }
    let reader = world.reader();
    for _ in 0..100 {
        let count = 1 + chance.below(2);
        let query = (0..count).map(|_| *chance.pick(&PIECES)).collect::<Vec<_>>().join(" ");
        let length = 1 + chance.below(query.chars().count());
        let query: String = query.chars().take(length).collect();
        let mut expected: Vec<_> =
            partners.iter().filter_map(|(name, id)| ranked(name, &query, *id)).collect();
        expected.sort();
        let expected: Vec<_> = expected.into_iter().map(|(.., name)| name).collect();
        assert_eq!(found(&reader, "partners", &query).await, expected, "{query}");
    }
}

/// A name that is found, behind what it is ordered by.
fn ranked<'a>(name: &'a str, query: &str, id: PartnerId) -> Option<(usize, String, u128, &'a str)> {
    let (words, wanted) = (folded(name), folded(query));
    let begins = |wanted: &String| words.iter().any(|word| word.starts_with(wanted));
    // A number of three digits and more would be looked for as a phone number too; there is none.
    if wanted.is_empty() || !wanted.iter().all(begins) {
        return None;
    }
    let (key, wanted) = (words.join(" "), wanted.join(" "));
    let rank = match key.find(&wanted) {
        Some(0) if key == wanted => 0,
        Some(0) => 1,
        _ if format!(" {key}").contains(&format!(" {wanted}")) => 2,
        _ => 3,
    };
    Some((rank, key, id.0.as_u128(), name))
}

/// Rows come, change and go, and the file is packed: SQLite numbers rows anew then.
async fn the_index_stays_right(world: World) {
    let rows = world.rows();
    let writer = world.writer();
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(rows.partner(&format!("Old {number}"), None).await.id);
    }
    for id in &ids[..10] {
        make(&writer, "updatePartner", json!({ "id": id.to_string(), "name": format!("New {id}") })).await;
    }
    for id in &ids[20..] {
        make(&writer, "deletePartner", json!({ "id": id.to_string() })).await;
    }
    let expected = |from: usize| (from..20).map(|number| format!("Old {number}")).collect::<Vec<_>>();
    for _ in 0..2 {
        assert_eq!(found(&writer, "partners", "old").await, expected(10));
        assert_eq!(found(&writer, "partners", "new").await.len(), 10);
        let name = format!("new {}", ids[3]);
        assert_eq!(found(&writer, "partners", &name).await, [format!("New {}", ids[3])]);
        sea_orm::ConnectionTrait::execute_unprepared(world.db.connection(), "VACUUM").await.expect("VACUUM");
    }
    make(&writer, "restorePartner", json!({ "id": ids[25].to_string() })).await;
    make(&writer, "updatePartner", json!({ "id": ids[10].to_string(), "name": "Newest" })).await;
    assert_eq!(found(&writer, "partners", "old").await.len(), 10);
    assert_eq!(found(&writer, "partners", "newest").await, ["Newest"]);
    rows.partner("Newest of all", None).await;
    assert_eq!(found(&writer, "partners", "newest").await, ["Newest", "Newest of all"]);
}
