//! Log lines about documents that are not trusted: one for each document, and a limited number per minute.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
    time::Duration,
};

use chrono::Utc;
use contact_gateway::auth::{Scopes, Signer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{SUBJECT, manifests::configuration, sha256};
use crate::process::{Process, command, run};

/// How many lines there may be in a minute.
const LINES: usize = 60;

/// The lines of a log that have this target.
fn lines(log: &Path, target: &str) -> Vec<Value> {
    let text = fs::read_to_string(log).expect("a log");
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == target).collect()
}

/// Where the gateway says that it listens.
async fn address(log: &Path) -> String {
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string(log).expect("a log");
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut addresses = lines.filter_map(|line| line["fields"]["address"].as_str().map(str::to_owned));
        if let Some(address) = addresses.next() {
            return address;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{text}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn each_untrusted_document_is_told_of_once() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("documents.json"), json!({ "m": SUBJECT }).to_string()).expect("a file");
    let file = configuration(folder.path(), "mode = \"log\"");
    assert_eq!(run(command(folder.path(), ["migrate", "up", "--config", &file])).await.code, Some(0));
    let log = folder.path().join("log");
    let mut serve = command(folder.path(), ["serve", "--config", &file]);
    serve.stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
    let serving = Process::spawn(serve);
    let url = format!("http://{}/graphql", address(&log).await);

    let signer = Signer::with_secret("tests", "gateway", super::manifests::SECRET.as_bytes());
    let token = signer.expect("a signer").mint(
        "grace.hopper",
        &[1],
        Scopes::all(),
        Duration::from_secs(60),
        Utc::now(),
    );
    let token = token.expect("a token");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = async |body: Value| {
        let answer = client.post(&url).bearer_auth(&token).header("x-request-id", "one").json(&body);
        let body: Value = answer.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(body.get("errors"), None, "{body}");
    };
    let text = "query Named($secret: String) { partners(filter: { search: $secret }) { totalCount } }";
    for _ in 0..3 {
        ask(json!({ "query": text, "variables": { "secret": "lovelace" } })).await;
        ask(json!({ "query": SUBJECT })).await;
        ask(json!({ "documentId": "m" })).await;
    }
    let logged = lines(&log, "contact_gateway::untrusted");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["level"], "WARN");
    let fields = json!({
        "message": "document is not trusted", "request_id": "one", "client_address": "127.0.0.1",
        "organization": 1, "operation": "Named", "sha256": sha256(text),
    });
    assert_eq!(logged[0]["fields"], fields);

    for number in 0..2 * LINES {
        ask(json!({ "query": format!("query Many {{ a{number}: __typename }}") })).await;
    }
    let logged = lines(&log, "contact_gateway::untrusted");
    assert!((LINES..LINES + 20).contains(&logged.len()), "{}", logged.len());
    drop(serving);
    let text = fs::read_to_string(&log).expect("a log");
    for private in ["lovelace", "grace.hopper", "partners(", "__typename }"] {
        assert!(!text.contains(private), "{private}");
    }
}
