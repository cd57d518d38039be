//! Random documents as metadata, by single creation, bulk upsert and REST: each comes back equal or is refused, alike on
//! both databases, and afterwards everything that can be done with a contact can be done with theirs.
//!
//! CONTACT_GATEWAY_TEST_DOCUMENTS says how many, 120 unless it is set.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, Exact, KEPT, REFUSED, UPSERT, graphql, outcome, send};
use crate::support::{Actor, Chance, World};

/// The ways in, as email addresses begin.
const WAYS: [&str; 3] = ["single", "bulk", "rest"];
/// How many rows a bulk upsert or a page has.
const ROWS: usize = 50;
/// How many requests are sent at once.
const CLIENTS: usize = 6;

fn count() -> usize {
    let number = std::env::var("CONTACT_GATEWAY_TEST_DOCUMENTS");
    number.map_or(120, |number| number.parse().expect("a number of documents"))
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        2 => any::<i16>().prop_map(|number| number.to_string()),
        2 => any::<f64>().prop_filter("JSON has no others", |it| it.is_finite()).prop_map(|number| format!("{number:e}")),
        1 => any::<f32>().prop_filter("JSON has no others", |it| it.is_finite()).prop_map(|number| f64::from(number).to_string()),
        1 => (any::<i32>(), 0..6_usize).prop_map(|(number, places)| format!("{:.places$}", f64::from(number) / 100.0)),
        1 => (any::<i8>(), 0..12_i32).prop_map(|(number, exponent)| format!("{number}E+{exponent}")),
        2 => select(&KEPT[..]).prop_map(str::to_owned),
    ]
}

/// Any number that JSON's grammar allows; most of them are refused.
fn any_number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?",
        select(&REFUSED[..]).prop_map(str::to_owned),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any::<String>().prop_map(|text| json!(text.replace('\0', "")).to_string()),
        3 => "\"([ -!#-\\[\\]-~]|\\\\([\"\\\\/bfnrt]|u00[0-9A-Fa-f]{1}[1-9A-Fa-f]|ud83d\\\\ude00|u[1-9A-Ca-c][0-9A-F]{3})){0,12}\"",
        1 => select(vec![r#""""#, r#""\uffff""#, r#""\ufeff""#, r#"" 1e400 ""#, r#""\u202e\u200b""#, r#""null""#]).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => number(),
        5 => text(),
        2 => select(vec!["null", "true", "false", "[]", "{}"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 40, 6, |below| {
        prop_oneof![
            vec(below.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(" , "))),
            vec((text(), below), 0..6).prop_map(|fields| object(&fields)),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), value()), 0..8)
}

fn object(fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} :{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// An object, and sometimes one that is deep or wide, or holds what may have to be refused.
fn document() -> impl Strategy<Value = String> {
    let odd =
        prop_oneof![any_number(), select(vec![r#""\u0000""#, r#"{"\u0000":1}"#]).prop_map(str::to_owned)];
    prop_oneof![
        12 => fields().prop_map(|fields| object(&fields)),
        4 => (fields(), odd).prop_map(|(mut fields, odd)| {
            fields.push((r#""odd""#.to_owned(), odd));
            object(&fields)
        }),
        1 => (0..45_usize, value()).prop_map(|(levels, inner)| {
            format!("{}{inner}{}", r#"{"d":"#.repeat(1 + levels), "}".repeat(1 + levels))
        }),
        1 => vec(number(), 0..400).prop_map(|numbers| {
            let fields: Vec<_> = numbers.into_iter().enumerate().map(|(key, it)| (format!(r#""k{key}""#), it)).collect();
            object(&fields)
        }),
    ]
}

fn documents(count: usize) -> Vec<String> {
    let mut chance = Chance::seeded(13);
    let seed: Vec<u8> = (0..32).map(|_| u8::try_from(chance.below(256)).expect("a byte")).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let document = document();
    (0..count).map(|_| document.new_tree(&mut runner).expect("a document").current()).collect()
}

#[tokio::test]
async fn come_back_equal_or_are_refused_alike_on_both_databases() {
    let documents = documents(count());
    let (sqlite, postgres) = (World::on_sqlite().await, World::on_postgres().await);
    let (on_sqlite, on_postgres) = tokio::join!(taken(&sqlite, &documents), taken(&postgres, &documents));
    for (document, (sqlite, postgres)) in documents.iter().zip(on_sqlite.iter().zip(&on_postgres)) {
        assert_eq!(sqlite, postgres, "{document}");
    }
    let taken = on_sqlite.iter().filter(|is_taken| **is_taken).count();
    eprintln!("{taken} of {} documents were taken", documents.len());
    let expected = documents.len() / 2..documents.len();
    assert!(expected.contains(&taken), "{taken} of {} were taken", documents.len());
}

/// Sends all documents by all ways and does everything with the contacts that become of them. Gives which were taken.
async fn taken(world: &World, documents: &[String]) -> Vec<bool> {
    let writer = &world.writer();
    let numbered: Vec<(usize, &str)> = documents.iter().map(String::as_str).enumerate().collect();
    let single = each(numbered.iter().copied(), |it| create(writer, it)).await;
    let rest = each(numbered.iter().copied(), |it| post(writer, it)).await;
    let bulk = each(numbered.chunks(ROWS), |rows| upsert(writer, &["bulk"], rows)).await;
    let bulk: Vec<bool> = bulk.concat().iter().map(|status| status == "CREATED").collect();
    for (number, document) in &numbered {
        assert_eq!((single[*number], rest[*number]), (bulk[*number], bulk[*number]), "{document}");
    }
    let kept: Vec<_> = numbered.into_iter().filter(|(number, _)| single[*number]).collect();
    let ids = read_all(world, &kept).await;
    let before = world.count("change").await;
    let again = each(kept.chunks(ROWS), |rows| upsert(writer, &WAYS, rows)).await;
    assert!(again.concat().iter().all(|status| status == "UNCHANGED"), "{again:?}");
    assert_eq!(world.count("change").await, before);
    let admin = &world.admin();
    each(ids.chunks(8), |ids| delete_and_erase(admin, ids)).await;
    assert_eq!(world.count("account_contact").await, 0);
    single
}

/// Does something with each, several at once; gives the outputs in their order.
async fn each<I, T, F: Future<Output = T>>(
    items: impl Iterator<Item = I>,
    action: impl Fn(I) -> F,
) -> Vec<T> {
    stream::iter(items.map(action)).buffered(CLIENTS).collect().await
}

fn contact(way: &str, (number, document): (usize, &str)) -> String {
    format!(r#"{{"firstName":"A","email":"{way}{number}@example.com","metadata":{document}}}"#)
}

/// Whether the answer says that the document was taken. It has been refused otherwise, for its metadata.
#[track_caller]
fn is_taken(payload: &Exact, document: &str) -> bool {
    match outcome(payload) {
        Ok(answered) => {
            assert_eq!(answered, Exact::of(document), "{document}");
            true
        }
        Err((path, message)) => {
            assert!(path.contains("metadata") && message.len() > 20, "{path} {message}: {document}");
            false
        }
    }
}

async fn create(writer: &Actor, it: (usize, &str)) -> bool {
    let reply = graphql(writer, CREATE, &format!(r#"{{"input":{}}}"#, contact("single", it))).await;
    is_taken(reply.at(&["data", "createAccountContact"]), it.1)
}

async fn post(writer: &Actor, it: (usize, &str)) -> bool {
    let (status, answer) = send(writer, Method::POST, "/v1/accounts/contacts", contact("rest", it)).await;
    let answer = Exact::of(&answer);
    match status {
        201 => {
            assert_eq!(*answer.at(&["metadata"]), Exact::of(it.1), "{}", it.1);
            true
        }
        400 => {
            assert!(answer.at(&["message", "0"]).text().starts_with("metadata"), "{answer:?}: {}", it.1);
            false
        }
        _ => panic!("{status} {answer:?}: {}", it.1),
    }
}

/// Upserts a contact of each document and way; gives what became of each.
async fn upsert(writer: &Actor, ways: &[&str], documents: &[(usize, &str)]) -> Vec<String> {
    let rows: Vec<_> = ways.iter().flat_map(|way| documents.iter().map(move |it| (*way, *it))).collect();
    let written: Vec<String> = rows.iter().map(|(way, it)| contact(way, *it)).collect();
    let input =
        format!(r#"{{"input":{{"errorPolicy":"REJECT_FAILED_ROWS","rows":[{}]}}}}"#, written.join(","));
    let reply = graphql(writer, UPSERT, &input).await;
    let results = reply.at(&["data", "upsertAccountContacts", "results"]).list();
    assert_eq!(results.len(), rows.len(), "{reply:?}");
    for (result, (_, it)) in results.iter().zip(&rows) {
        is_taken(result, it.1);
    }
    results.iter().map(|result| result.at(&["status"]).text().to_owned()).collect()
}

/// Reads all contacts with their history by lists, GraphQL's and REST's, and finds what was sent. Gives their ids.
async fn read_all(world: &World, kept: &[(usize, &str)]) -> Vec<String> {
    let expected: HashMap<String, Exact> = WAYS
        .iter()
        .flat_map(|way| {
            kept.iter().map(move |(number, it)| (format!("{way}{number}@example.com"), Exact::of(it)))
        })
        .collect();
    let document = format!(
        "query($after: String) {{ accountContacts(first: {ROWS}, after: $after) {{
            nodes {{ id email metadata history(first: 1) {{ nodes {{ fields }} }} }} pageInfo {{ endCursor hasNextPage }} }} }}"
    );
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let reply = graphql(&world.reader(), &document, &json!({ "after": after }).to_string()).await;
        assert_eq!(*reply.at(&["errors"]), Exact::Null);
        let page = reply.at(&["data", "accountContacts"]);
        for node in page.at(&["nodes"]).list() {
            let expected = &expected[node.at(&["email"]).text()];
            assert_eq!(node.at(&["metadata"]), expected);
            let recorded = node.at(&["history", "nodes", "0", "fields", "metadata", "new"]);
            assert!(recorded == expected || *expected == Exact::of("{}"), "{recorded:?} {expected:?}");
            ids.push(node.at(&["id"]).text().to_owned());
        }
        if *page.at(&["pageInfo", "hasNextPage"]) == Exact::Bool(false) {
            break;
        }
        after = page.at(&["pageInfo", "endCursor"]).text().into();
    }
    assert_eq!(ids.len(), expected.len());
    for page in 1..=expected.len().div_ceil(100) {
        let path = format!("/v1/accounts/contacts?limit=100&page={page}");
        let (status, answer) = send(&world.reader(), Method::GET, &path, String::new()).await;
        assert_eq!(status, 200, "{answer}");
        for contact in Exact::of(&answer).list() {
            assert_eq!(*contact.at(&["metadata"]), expected[contact.at(&["email"]).text()]);
        }
    }
    ids
}

async fn delete_and_erase(admin: &Actor, ids: &[String]) {
    let fields: String = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            format!(
                "d{number}: deleteAccountContact(input: {{ id: \"{id}\" }}) {{ userErrors {{ message }} }}
                 e{number}: eraseContact(input: {{ id: \"{id}\" }}) {{ userErrors {{ message }} }} "
            )
        })
        .collect();
    let reply = admin.query(&format!("mutation {{ {fields} }}")).await;
    for (name, payload) in reply.data("").as_object().expect("an object") {
        assert_eq!(payload["userErrors"], json!([]), "{name}: {}", reply.body);
    }
}
