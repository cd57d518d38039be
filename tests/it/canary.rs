//! No secret and no personal data is exposed: over a corpus of valid, invalid and malformed requests, with a database that
//! works and one that does not, no answer and no line of the log holds SQL, a path of the machine, the text of a
//! library, a token, or anything personal of what was sent.
//!
//! Every text that is sent holds the canary. A message of an answer may not hold it either: a client that learns that a value is
//! wrong knows the value.

use std::{
    fs::{self, File},
    path::Path,
};

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    process::{Client, Development},
    support::{Chance, World, connect},
};

/// In every value that is sent. It is a word of its own, so it is found whatever is done with the text around it.
const CANARY: &str = "zq7canary";

/// What only SQL, paths, and the texts of libraries and databases hold.
const FORBIDDEN: &[&str] = &[
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    " FROM ",
    "WHERE ",
    "PRAGMA",
    "sqlx",
    "sea_orm",
    "SeaORM",
    "sqlite",
    "SQLITE",
    "SqliteError",
    "PgDatabaseError",
    "relation \"",
    "no such table",
    "no such column",
    "constraint",
    "violates",
    "syntax error at",
    "async_graphql",
    "async-graphql",
    "serde",
    "at line ",
    "expected value",
    "pest",
    "-->",
    "panicked",
    "unwrap",
    ".rs:",
    "/src/",
    "/tmp/",
    "/root",
    "/home/",
    "/usr/",
    "/var/",
    "hyper",
    "tokio",
    "Os {",
    "os error",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("contact-gateway.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    nothing_comes_out(folder.path(), &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let world = World::on_postgres().await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = world.config.database_url().expect("a database").expose().to_owned();
    nothing_comes_out(folder.path(), &url).await;
}

async fn nothing_comes_out(folder: &Path, database: &str) {
    let log = folder.join("log");
    let gateway = Development::logging(folder, Some(database), File::create(&log).expect("a log")).await;
    let before = fs::read_to_string(&log).expect("the log").len();
    let mut asked = Vec::new();
    for request in corpus() {
        asked.push(answered(&gateway.client, request).await);
    }
    break_tables(database).await;
    for request in corpus() {
        asked.push(answered(&gateway.client, request).await);
    }
    let token = gateway.client.token.clone();
    assert_eq!(gateway.stop().await, Some(0));

    let failed = asked.iter().filter(|(_, answer)| answer.contains("\"INTERNAL\"")).count();
    assert!(failed > 20, "only {failed} requests met the broken tables");
    for (request, answer) in &asked {
        assert_clean(answer, &token, &format!("{request}\n{answer}"));
        for message in messages(answer) {
            assert!(!message.contains(CANARY), "{request}\n{message}");
        }
    }
    let log = fs::read_to_string(&log).expect("the log");
    for line in log[before..].lines() {
        assert_clean(line, &token, line);
        assert!(!line.contains(CANARY), "{line}");
    }
    assert!(log.contains("database error"), "the log says nothing of the broken tables:\n{log}");
}

#[track_caller]
fn assert_clean(text: &str, token: &str, shown: &str) {
    for forbidden in FORBIDDEN {
        assert!(!text.contains(forbidden), "{forbidden:?} in {shown}");
    }
    let signature = token.rsplit('.').next().expect("a signature");
    assert!(!text.contains(signature), "the token in {shown}");
}

/// The messages of an answer, wherever they are.
fn messages(answer: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(answer).unwrap_or_default();
    let mut found = Vec::new();
    collect_messages(&body, &mut found);
    found
}

fn collect_messages(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "message" => found.push(text.clone()),
                    value => collect_messages(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_messages(item, found)),
        _ => {}
    }
}

/// The tables stay but can't be read or written as they should, so that every statement fails in the database.
async fn break_tables(url: &str) {
    let db = connect(url).await;
    for table in ["partner", "internal_contact", "account", "account_contact", "custom_field", "change"] {
        let sql = format!("ALTER TABLE \"{table}\" RENAME COLUMN version TO zq7");
        if table != "change" {
            db.execute_unprepared(&sql).await.expect(&sql);
        }
        let sql = format!("ALTER TABLE \"{table}\" RENAME TO zq7_{table}");
        db.execute_unprepared(&sql).await.expect(&sql);
    }
    db.close().await.expect("a closed connection");
}

/// One request, as an HTTP client would build it.
struct Request {
    method: Method,
    /// The path with its query.
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Request {
    fn graphql(document: &str, variables: &Value) -> Self {
        Self::post(json!({ "query": document, "variables": variables }).to_string())
    }

    fn post(body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned()), ("x-org-id", "1".to_owned())];
        Self { method: Method::POST, target: "graphql".to_owned(), headers, body: body.into() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn to(mut self, method: Method, target: &str) -> Self {
        (self.method, self.target) = (method, target.to_owned());
        self
    }
}

/// The request in short, and the answer's head and body.
async fn answered(client: &Client, request: Request) -> (String, String) {
    let Request { method, target, headers, body } = request;
    let shown = format!("{method} {target} {headers:?} {}", String::from_utf8_lossy(&body));
    let mut builder = client.request(method, &target);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let answer = builder.body(body).send().await.expect("an answer");
    let text = answer.text().await.expect("a body");
    (shown, text)
}

fn corpus() -> Vec<Request> {
    let mut requests = Vec::new();
    for (document, variables) in samples() {
        requests.push(Request::graphql(&document, &variables));
        requests.push(Request::graphql(&document, &marked(&variables)));
        requests.push(Request::graphql(&document, &of_other_types(&variables)));
        requests.extend(damaged(&document, &variables));
    }
    requests.extend(literals());
    requests.extend(of_transport());
    requests
}

/// The sample operations with their variables, whose placeholders stand for rows that are not there.
fn samples() -> Vec<(String, Value)> {
    let mut samples = Vec::new();
    let mut files: Vec<_> = fs::read_dir("playground/operations")
        .expect("the samples")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "graphql"))
        .collect();
    files.sort();
    for path in files {
        let document = fs::read_to_string(&path).expect("a document");
        let variables = fs::read_to_string(path.with_extension("variables.json")).unwrap_or_default();
        let variables = variables.replace("{{", "").replace("}}", "");
        samples.push((document, serde_json::from_str(&variables).unwrap_or_else(|_| json!({}))));
    }
    assert!(samples.len() > 50, "{} samples", samples.len());
    samples
}

/// The same with the canary in every text. Email addresses, telephone numbers and the like stay what they are, so that
/// the rows are written.
fn marked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), marked(value))).collect(),
        Value::Array(items) => items.iter().map(marked).collect(),
        Value::String(text) if text.contains('@') => json!(format!("{CANARY}-{text}")),
        Value::String(text) if text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_') => {
            value.clone()
        }
        Value::String(text) => json!(format!("{text} {CANARY}")),
        other => other.clone(),
    }
}

/// The same with values of other types.
fn of_other_types(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), of_other_types(value))).collect()
        }
        Value::Array(_) => json!({ "other": CANARY }),
        Value::String(_) => json!([CANARY]),
        Value::Number(_) => json!(CANARY),
        _ => json!({ "other": [null, CANARY] }),
    }
}

/// The document cut and scrambled, always in the same way.
fn damaged(document: &str, variables: &Value) -> Vec<Request> {
    let mut chance = Chance::seeded(document.len() as u64);
    let mut place = || {
        let places: Vec<usize> = document.char_indices().map(|(place, _)| place).collect();
        places[chance.below(places.len())]
    };
    let cut = &document[..place()];
    let (at, other) = (place(), place());
    let quoted = format!("{} \"{CANARY}\" {}", &document[..at], &document[at..]);
    let open = format!("{} \"{CANARY} {}", &document[..other], &document[other..]);
    [cut, &quoted, &open].map(|document| Request::graphql(document, variables)).into()
}

/// Values that stand in the document itself, where they do not belong.
fn literals() -> Vec<Request> {
    let text = format!("\"{CANARY}@example.com\"");
    [
        format!("{{ partners(first: {text}) {{ nodes {{ id }} }} }}"),
        format!("{{ partners(after: {text}) {{ nodes {{ id }} }} }}"),
        format!("{{ partners(filter: {text}) {{ nodes {{ id }} }} }}"),
        format!("{{ partners(filter: {{ name: {{ eq: [{text}] }} }}) {{ nodes {{ id }} }} }}"),
        format!("{{ partners(filter: {{ createdAt: {{ gt: {text} }} }}) {{ nodes {{ id }} }} }}"),
        format!("{{ partners(orderBy: [{{ field: {text} }}]) {{ nodes {{ id }} }} }}"),
        format!("{{ contacts(filter: {{ email: {{ contains: {text} }} }}) {{ nodes {{ id }} }} }}"),
        format!("{{ node(id: {text}) {{ id }} }}"),
        format!("{{ nodes(ids: [{text}, 7]) {{ id }} }}"),
        format!("{{ account(id: {text}) {{ id }} }}"),
        format!("mutation {{ createPartner(input: {{ name: {text}, remoteId: [{text}] }}) {{ userErrors {{ message }} }} }}"),
        format!("mutation {{ createPartner(input: {{ name: {text}, idempotencyKey: {text} }}) {{ userErrors {{ message }} }} }}"),
        format!("mutation {{ createPartner(input: {{ name: {text}, other: {text} }}) {{ userErrors {{ message }} }} }}"),
        format!("query($email: String = {text}) {{ partners(filter: {{ name: {{ eq: $email }} }}) {{ nodes {{ id }} }} }}"),
        format!("query($first: Int = {text}) {{ partners(first: $first) {{ nodes {{ id }} }} }}"),
        format!("{{ partners @include(if: {text}) {{ nodes {{ id }} }} }}"),
    ]
    .map(|document| Request::graphql(&document, &json!({})))
    .into()
}

/// Requests that are wrong before GraphQL begins.
fn of_transport() -> Vec<Request> {
    let good = || Request::post(json!({ "query": "{ viewer { subject } }" }).to_string());
    vec![
        Request::post(format!("{{\"query\": \"{CANARY}")),
        Request::post(format!("[\"{CANARY}\"]")),
        Request::post(format!("{{\"query\": [\"{CANARY}\"]}}")),
        Request::post(format!("{{\"query\": \"{{ a }}\", \"{CANARY}\": 1}}")),
        Request::post(b"\xff\xfe".to_vec()),
        Request::post("[".repeat(10_000)),
        Request::post(json!({ "documentId": CANARY }).to_string()),
        Request::post(json!({ "query": "{ viewer { subject } }", "doc_id": CANARY }).to_string()),
        Request::post(json!({ "extensions": { "persistedQuery": { CANARY: 1 } } }).to_string()),
        good().with("content-type", format!("text/{CANARY}")),
        good().with("accept", format!("text/{CANARY}")),
        good().with("content-encoding", CANARY),
        good().with("x-org-id", CANARY),
        good().with("x-org-id", "99999999999999999999"),
        good().with("x-request-id", format!("{CANARY}@example.com")),
        good().with("authorization", format!("Bearer {CANARY}")),
        good().with("authorization", format!("Basic {CANARY}")),
        good().with("authorization", format!("Bearer eyJhbGciOiJIUzI1NiJ9.{CANARY}.x")),
        good().to(Method::PUT, "graphql"),
        good().to(Method::GET, &format!("graphql?query={CANARY}")),
        good().to(Method::GET, &format!("graphql?{CANARY}=1")),
        good().to(Method::GET, &format!("graphql?query=%7Ba%7D&variables={CANARY}")),
        good().to(Method::GET, CANARY),
        good().to(Method::GET, &format!("../../{CANARY}")),
        good().to(Method::GET, "readyz"),
        good().to(Method::GET, "healthz"),
    ]
}
