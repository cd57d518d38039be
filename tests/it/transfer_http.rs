//! Import and export over HTTP.

use std::{io::Write, time::Duration};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Actor, HOME, World, on_both};

on_both!(
    a_file_is_imported_and_exported,
    an_import_names_what_it_rejects,
    a_trial_writes_nothing,
    requests_that_cannot_be_imported_are_refused,
    a_body_that_is_cut_keeps_what_was_written,
    an_export_shows_one_organization,
);

struct Answer {
    status: StatusCode,
    content_type: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

async fn sent(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Answer { status: answer.status(), content_type, body: answer.text().await.expect("a body") }
}

async fn import(actor: &Actor, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = actor.request(Method::POST, path).header(header::CONTENT_TYPE, content_type).body(body);
    sent(request).await
}

async fn export(actor: &Actor, path: &str) -> Answer {
    sent(actor.request(Method::GET, path)).await
}

async fn a_file_is_imported_and_exported(world: World) {
    let rows: String = (0..2_500).map(|number| format!("p{number}@x.example,P{number}\n")).collect();
    let content = format!("email,firstName\n{rows}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(content.as_bytes()).expect("memory");
    let request = world.writer().request(Method::POST, "/import/account-contacts");
    let request = request.header(header::CONTENT_TYPE, "text/csv").header(header::CONTENT_ENCODING, "gzip");
    let answer = sent(request.body(gzip.finish().expect("memory"))).await;
    assert_eq!((answer.status, answer.json()["created"].as_u64()), (StatusCode::OK, Some(2_500)));
    let again = import(&world.writer(), "/import/account-contacts", "text/csv", content).await;
    assert_eq!(again.json()["unchanged"], 2_500);

    let exported = export(&world.reader(), "/export/account-contacts").await;
    assert_eq!(
        (exported.status, exported.content_type.as_str()),
        (StatusCode::OK, "text/csv; charset=utf-8")
    );
    assert_eq!(exported.body.lines().count(), 2_501);
    let exported = export(&world.reader(), "/export/all").await;
    assert_eq!(exported.content_type, "application/jsonl; charset=utf-8");
    let dump = exported.body.lines().count();
    let answer = import(&world.other(), "/import/all", "application/jsonl", exported.body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.json()["created"].as_u64(), Some(2_500), "{dump}");
    let cards = export(&world.other(), "/export/account-contacts?format=vcard").await;
    assert_eq!(cards.body.matches("BEGIN:VCARD").count(), 2_500);
}

async fn an_import_names_what_it_rejects(world: World) {
    let content = "Mail;first name\nann@example.com;Ann\nbob;Bob\n";
    let path = "/import/account-contacts?map=Mail%3Demail&set=contactType%3DBilling";
    let answer = import(&world.writer(), path, "text/csv; charset=utf-8", content).await;
    let expected = json!({
        "created": 1, "updated": 0, "unchanged": 0, "rejected": 1,
        "columns": ["Mail", "first name"], "ignoredColumns": [],
        "rejects": [{
            "line": 3, "column": "Mail", "row": ["bob", "Bob"],
            "reason": answer.json()["rejects"][0]["reason"],
        }],
    });
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));
}

async fn a_trial_writes_nothing(world: World) {
    let path = "/import/account-contacts?dryRun=true";
    let writer = world.writer();
    let work = import(&writer, path, "text/csv", "email,firstName\na@x.example,A\nb,B\n");
    let answer = world.nothing_written(work).await;
    assert_eq!((&answer.json()["created"], &answer.json()["rejected"]), (&json!(1), &json!(1)));
}

async fn requests_that_cannot_be_imported_are_refused(world: World) {
    let people = "/import/account-contacts";
    let content = "email,firstName\na@x.example,A\n";
    for (actor, path, content_type, body, status) in [
        (world.anonymous(), people, "text/csv", content, 401),
        (world.reader(), people, "text/csv", content, 403),
        (world.multi(), people, "text/csv", content, 400),
        (world.writer(), "/import/contact-types", "text/csv", "name\nReseller\n", 403),
        (world.writer(), "/import/planets", "text/csv", content, 404),
        (world.writer(), people, "application/xml", content, 415),
        (world.writer(), people, "text/csv", "", 400),
        (world.writer(), people, "text/csv", "email,shoeSize\na@x.example,9\n", 400),
        (world.writer(), "/import/account-contacts?dryRun=perhaps", "text/csv", content, 400),
        (world.writer(), "/import/account-contacts?map=x", "text/csv", content, 400),
        (world.writer(), "/import/account-contacts?page=1", "text/csv", content, 400),
        (world.writer(), "/import/all?dryRun=true", "application/jsonl", "{}\n", 400),
    ] {
        let work = import(&actor, path, content_type, body);
        let answer = world.nothing_written(work).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {content_type} {}", answer.body);
        assert!(answer.json()["errors"][0]["message"].is_string(), "{}", answer.body);
    }
    for (actor, path, status) in [
        (world.anonymous(), "/export/partners", 401),
        (world.reader(), "/export/planets", 404),
        (world.reader(), "/export/partners?format=vcard", 400),
        (world.reader(), "/export/partners?updatedSince=yesterday", 400),
        (world.reader(), "/export/all?format=csv", 400),
        (world.reader(), "/export/contact-types?search=a", 400),
    ] {
        let answer = export(&actor, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.body);
        assert!(answer.json()["errors"][0]["message"].is_string(), "{}", answer.body);
    }
}

async fn a_body_that_is_cut_keeps_what_was_written(world: World) {
    let rows: String = (0..4_000).map(|number| format!("p{number}@x.example,{number:030}\n")).collect();
    let token = world.writer().token();
    let mut client = tokio::net::TcpStream::connect(world.address()).await.expect("a connection");
    let head = format!(
        "POST /import/account-contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: text/csv\r\n\
         content-length: {}\r\n\r\nemail,firstName\n{rows}",
        rows.len() + 10_000
    );
    client.write_all(head.as_bytes()).await.expect("a request");
    let written = async {
        while world.count("account_contact").await < 1_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written).await.expect("a batch");
    // One import of an organization runs at once.
    let second = import(&world.writer(), "/import/partners", "text/csv", "name\nGlobex\n").await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE, "{}", second.body);
    let other = import(&world.other(), "/import/partners", "text/csv", "name\nInitech\n").await;
    assert_eq!(other.status, StatusCode::OK, "{}", other.body);
    client.shutdown().await.expect("an end");
    let mut answer = String::new();
    // The server may close the connection without an answer: nobody is there to read it.
    let _ = client.read_to_string(&mut answer).await;
    let content = format!("email,firstName\n{rows}");
    let again = async {
        loop {
            let again =
                import(&world.writer(), "/import/account-contacts", "text/csv", content.clone()).await;
            // The import whose client has gone ends with its batch.
            if again.status != StatusCode::SERVICE_UNAVAILABLE {
                break again;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let again = tokio::time::timeout(Duration::from_secs(60), again).await.expect("a place");
    assert_eq!(again.json()["rejected"], 0, "{}", again.body);
    assert_eq!(world.count("account_contact").await, 4_000);
}

async fn an_export_shows_one_organization(world: World) {
    world.rows().partner("=Globex", Some("r-1")).await;
    world.other_rows().partner("Initech", Some("r-1")).await;
    let exported = export(&world.reader(), "/export/partners?escapeFormulas=true").await;
    assert!(
        exported.body.ends_with(",r-1,'=Globex\r\n") && !exported.body.contains("Initech"),
        "{}",
        exported.body
    );
    let compressed =
        world.reader().request(Method::GET, "/export/partners").header(header::ACCEPT_ENCODING, "gzip");
    assert_eq!(sent(compressed).await.status, StatusCode::OK);
    let found = export(&world.reader(), "/export/partners?search=glo").await;
    assert_eq!(found.body.lines().count(), 2);
    let found = export(&world.reader(), "/export/partners?search=init").await;
    assert_eq!(found.body.lines().count(), 1);
    let multi = world.multi().in_organization(&HOME.to_string());
    let exported = export(&multi, "/export/partners?format=jsonl").await;
    assert_eq!(exported.json()["name"], "=Globex");
    let later = export(&world.reader(), "/export/partners?updatedSince=2100-01-01T00:00:00Z").await;
    assert_eq!(later.body.lines().count(), 1);
}
