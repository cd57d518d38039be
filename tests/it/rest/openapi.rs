//! The published document.

use reqwest::Method;
use serde_json::Value;

use super::Rest;
use crate::support::{World, on_both};

on_both!(every_operation_is_described, the_page_shows_every_operation_and_asks_nobody);

async fn every_operation_is_described(world: World) {
    let rest = Rest::of(world.anonymous()).await;
    let document = &rest.document;
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path") {
            let name =
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
            operations.push(name);
            assert!(operation["summary"].is_string(), "{name} has no summary");
            let responses = operation["responses"].as_object().expect("responses");
            let forbidden = (name != "authenticate").then_some("403");
            for status in ["401", "429", "500", "503", "504"].into_iter().chain(forbidden) {
                assert!(responses.contains_key(status), "{name} never answers {status}");
            }
        }
    }
    let count = operations.len();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!(operations.len(), count, "two operations have one id");
    references_lead_somewhere(document, document);
}

async fn the_page_shows_every_operation_and_asks_nobody(world: World) {
    let anonymous = world.anonymous();
    let page = anonymous.request(Method::GET, "/docs").send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    let page = page.text().await.expect("a page");
    assert!(!page.contains("<script") && !page.contains("//"), "the page asks another host");
    assert!(page.len() < 512 * 1024, "{} bytes", page.len());
    let rest = Rest::of(anonymous.clone()).await;
    for (path, item) in rest.document["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("a path").values() {
            let name = operation["operationId"].as_str().expect("an id");
            assert!(page.contains(&format!("id=\"{name}\"")), "{name} is not shown");
        }
        assert!(page.contains(&format!("<code>{path}</code>")), "{path} is not shown");
    }
    let style = anonymous.request(Method::GET, "/docs/style.css").send().await.expect("an answer");
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}

fn references_lead_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("a local reference");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|part| references_lead_somewhere(document, part));
        }
        Value::Array(items) => items.iter().for_each(|part| references_lead_somewhere(document, part)),
        _ => {}
    }
}
