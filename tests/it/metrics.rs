//! Metrics and the access log, as docs/operations.md describes them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    process::Development,
    support::{World, on_both},
};

on_both!(requests_are_counted_by_field_and_outcome, clients_choose_no_label, every_metric_is_documented);

const DOCUMENTATION: &str = include_str!("../../docs/operations.md");

/// The first column of the table below this heading.
fn documented(heading: &str) -> BTreeSet<&'static str> {
    let section = DOCUMENTATION.split(heading).nth(1).and_then(|text| text.split("\n## ").next());
    let rows = section.expect("a section").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

/// The value of a metric, by its name and labels as they are written.
fn value(text: &str, metric: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

async fn requests_are_counted_by_field_and_outcome(world: World) {
    world.rows().partner("Globex", None).await;
    let list = "query Named { a: partners { nodes { assignments { nodes { id } } } } viewer { subject } }";
    let reader = world.reader();
    for _ in 0..3 {
        assert_eq!(reader.query(list).await.status, 200);
    }
    world
        .reader()
        .query("{ ...All } fragment All on Query { ... { partners(first: 0) { totalCount } } }")
        .await;
    world.anonymous().query(list).await;
    world.reader().query("{ nobody }").await;
    world.writer().mutate("createPartner", json!({ "name": "Initech" }), "partner { id }").await;
    let text = world.metrics().await;
    for (metric, expected) in [
        ("requests_total{field=\"partners\",outcome=\"OK\"}", 3.0),
        ("requests_total{field=\"partners\",outcome=\"BAD_REQUEST\"}", 1.0),
        ("requests_total{field=\"none\",outcome=\"UNAUTHENTICATED\"}", 1.0),
        ("requests_total{field=\"none\",outcome=\"GRAPHQL_VALIDATION_FAILED\"}", 1.0),
        ("requests_total{field=\"createPartner\",outcome=\"OK\"}", 1.0),
        ("request_seconds_count{field=\"partners\"}", 4.0),
        ("request_statements_count", 7.0),
        ("request_statements_bucket{le=\"0.0\"}", 3.0),
        ("failed_statements_total", 0.0),
        ("requests_in_flight", 0.0),
        ("requests_in_flight_max", 256.0),
        ("executing", 0.0),
        ("executing_max", 256.0),
        ("connections_refused_total", 0.0),
        ("database_connections_max", 10.0),
    ] {
        assert_eq!(value(&text, &format!("contact_gateway_{metric}")), Some(expected), "{metric}\n{text}");
    }
    let statements = value(&text, "contact_gateway_request_statements_sum").expect("a sum");
    // Two for each list, and those of the mutation.
    assert!(statements > 6.0 && statements < 20.0, "{statements}");
    for metric in ["contact_gateway_connections", "contact_gateway_database_connections"] {
        assert!(value(&text, metric).is_some_and(|open| open >= 1.0), "{text}");
    }
    drop(reader);
    // Not on the public address.
    let public = world.anonymous().request(Method::GET, "/metrics").send().await.expect("an answer");
    assert_eq!(public.status(), 404);
}

async fn clients_choose_no_label(world: World) {
    let before = world.metrics().await.lines().count();
    for number in 0..50 {
        let reader = world.reader().with_header("x-request-id", &format!("id-{number}"));
        reader.query(&format!("query Name{number} {{ alias{number}: viewer {{ subject }} }}")).await;
        reader.query(&format!("query Name{number} {{ nobody{number} }}")).await;
        reader.request(Method::GET, &format!("/path{number}")).send().await.expect("an answer");
    }
    let text = world.metrics().await;
    assert!(text.lines().count() < before + 50, "{text}");
    assert!(!text.contains("Name1") && !text.contains("nobody1") && !text.contains("path1"), "{text}");
}

async fn every_metric_is_documented(world: World) {
    world.reader().query("{ viewer { subject } }").await;
    let text = world.metrics().await;
    let exported: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .collect();
    let exported: BTreeSet<&str> = exported.iter().map(String::as_str).collect();
    assert_eq!(exported, documented("\n## Metrics\n"));
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_and_nothing_of_what_it_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let gateway = Development::logging(folder.path(), None, File::create(&log).expect("a log")).await;
    let secret = "ada.lovelace@example.com";
    let document =
        "mutation Create($name: String!) { createPartner(input: { name: $name }) { partner { id } } }";
    assert!(gateway.client.ask(document, json!({ "name": secret })).await.is_some());
    let url = format!("http://{}/graphql?query=%7Bnode(id:%22{secret}%22)%7Bid%7D%7D", gateway.address());
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(url);
    let answer = answer.header("x-request-id", "the-request").header("authorization", "Bearer nonsense");
    assert_eq!(answer.send().await.expect("an answer").status(), 401);
    let token = gateway.client.token.clone();
    assert_eq!(gateway.stop().await, Some(0));

    let text = fs::read_to_string(log).expect("a log");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("contact_gateway::access")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for part in
        ["method=\"POST\"", "route=\"/graphql\"", "status=200", "organization=1", "operation=\"Create\""]
    {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
    assert!(lines[0].contains("field=\"createPartner\" outcome=\"OK\" statements="), "{}", lines[0]);
    assert!(lines[1].contains("request_id=\"the-request\""), "{}", lines[1]);
    assert!(lines[1].contains("outcome=\"UNAUTHENTICATED\""), "{}", lines[1]);
    for private in [secret, "Lovelace", &token, "nonsense", "createPartner(input", "?query"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    let logged = lines[0].split(' ').filter_map(|part| Some(part.split_once('=')?.0));
    let mut expected = documented("\n## The log\n");
    expected.remove("trace_id"); // Only where traces are exported.
    assert_eq!(logged.collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn a_client_that_left_is_counted() {
    let world = World::on_sqlite().await;
    let other_writer = world.db.begin().await.expect("a transaction");
    let mutation = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
    let request = world.writer().request(Method::POST, "/graphql").json(&json!({ "query": mutation }));
    assert!(request.timeout(Duration::from_millis(300)).send().await.is_err());
    let (begin, metric) =
        (Instant::now(), "contact_gateway_requests_total{field=\"none\",outcome=\"CLIENT_LEFT\"}");
    while value(&world.metrics().await, metric) != Some(1.0) {
        assert!(begin.elapsed() < Duration::from_secs(10), "{}", world.metrics().await);
        sleep(Duration::from_millis(20)).await;
    }
    drop(other_writer);
}
