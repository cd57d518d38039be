//! Input as other systems, people and libraries write it: tables of (input, outcome), one file for each kind. A new report is
//! one more line.
//!
//! Each table is run through the real gateway. Because the outcome stands in the table, both databases give the same one.

mod emails;
mod errors;
mod numbers;
mod phones;
mod requests;
mod search;
mod tags;
mod text;

use reqwest::Method;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use crate::support::{Actor, Reply, World};

/// What becomes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is stored so.
    Kept(&'static str),
    /// It is no value: an optional field is null.
    Blank,
    /// It is refused with a message that has this part.
    Refused(&'static str),
}

/// What a way in made of an input: the stored value, or the message.
type Result = std::result::Result<Option<String>, String>;

impl Outcome {
    #[track_caller]
    fn assert(self, result: &Result, what: &str) {
        match (self, result) {
            (Self::Kept(expected), Ok(Some(stored))) => assert_eq!(stored, expected, "{what}"),
            (Self::Blank, Ok(None)) => {}
            (Self::Refused(part), Err(message)) => {
                assert!(message.contains(part), "{what}: {message}");
                assert_plain(message);
            }
            _ => panic!("{what}: {self:?} expected, got {result:?}"),
        }
    }
}

/// Fails unless a message says what to do, in words that need no knowledge of Unicode.
#[track_caller]
fn assert_plain(message: &str) {
    let advice = ["Write", "Delete", "Type", "type the", "Check", "Send", "Use", "must", "Must"];
    assert!(advice.iter().any(|word| message.contains(word)), "no advice: {message}");
    let jargon = [
        "U+",
        "Unicode",
        "code point",
        "codepoint",
        "NFC",
        "ignorable",
        "ASCII",
        "IDN",
        "punycode",
        "SMTPUTF8",
    ];
    for word in jargon {
        assert!(!message.contains(word), "{word}: {message}");
    }
}

/// The forms in which systems send one text.
fn forms(text: &str) -> [String; 2] {
    [text.nfc().collect(), text.nfd().collect()]
}

/// Runs a mutation and reads a field of the object in its payload.
async fn mutated(actor: &Actor, mutation: &str, input: Value, object: &str, field: &str) -> Result {
    let (first, rest) = mutation.split_at(1);
    let document = format!(
        "mutation($input: {}{rest}Input!) {{ it: {mutation}(input: $input) {{
            {object} {{ value: {field} }} userErrors {{ message }}
        }} }}",
        first.to_ascii_uppercase()
    );
    let reply = actor.graphql(&document, json!({ "input": input })).await;
    payload(&reply, "/it", object)
}

/// Runs an upsert of one row and reads a field of it.
async fn upserted(actor: &Actor, mutation: &str, row: Value, object: &str, field: &str) -> Result {
    let (first, rest) = mutation.split_at(1);
    let document = format!(
        "mutation($input: {}{rest}Input!) {{ it: {mutation}(input: $input) {{
            results {{ {object} {{ value: {field} }} }} userErrors {{ message }}
        }} }}",
        first.to_ascii_uppercase()
    );
    let reply = actor.graphql(&document, json!({ "input": { "rows": [row] } })).await;
    match reply.list("/it/userErrors").first() {
        Some(error) => Err(message(error)),
        None => Ok(reply.data(&format!("/it/results/0/{object}/value")).as_str().map(str::to_owned)),
    }
}

#[track_caller]
fn payload(reply: &Reply, pointer: &str, object: &str) -> Result {
    match reply.list(&format!("{pointer}/userErrors")).first() {
        Some(error) => Err(message(error)),
        None => Ok(reply.data(&format!("{pointer}/{object}/value")).as_str().map(str::to_owned)),
    }
}

fn message(error: &Value) -> String {
    error["message"].as_str().expect("a message").to_owned()
}

/// Sends a REST request and gives its answer, or the whole body as the message.
async fn rest(actor: &Actor, method: Method, path: &str, body: Value) -> std::result::Result<Value, String> {
    let reply = Reply::of(actor.request(method, path).json(&body)).await;
    if reply.status.is_success() { Ok(reply.body) } else { Err(shown(&reply.body)) }
}

/// The messages of a refusal, wherever the family of the route has them.
fn shown(body: &Value) -> String {
    match body {
        Value::String(text) => format!("{text} "),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(fields) => fields.values().map(shown).collect(),
        _ => String::new(),
    }
}

/// How many rows of a list meet a filter.
async fn count(world: &World, list: &str, filter: Value) -> usize {
    let kind = match list {
        "partners" => "Partner",
        "accounts" => "Account",
        "internalContacts" => "InternalContact",
        "accountContacts" => "AccountContact",
        "organizationContacts" => "OrganizationContact",
        "contactTypes" => "ContactType",
        _ => "Contact",
    };
    let document = format!("query($filter: {kind}Filter) {{ {list}(filter: $filter) {{ totalCount }} }}");
    let reply = world.reader().graphql(&document, json!({ "filter": filter })).await;
    reply.data(&format!("/{list}/totalCount")).as_u64().expect("a number") as usize
}

/// Fails unless a refusal is a sentence with what to do in it.
#[track_caller]
fn assert_helpful(message: &str, parts: &[&str], what: &str) {
    for part in parts {
        assert!(message.contains(part), "{what}: no {part} in: {message}");
    }
    let is_sentence = message.ends_with(['.', '?']) && message.len() > 20;
    assert!(is_sentence, "{what}: {message}");
}
