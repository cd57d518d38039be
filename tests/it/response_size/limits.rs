//! The most bytes of a response.

use contact_gateway::entity::internal_contact_assignment::InternalRole;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{MOST, long_text, pages, set_metadata};
use crate::{
    sockets::client::Client,
    support::{Actor, Reply, World, on_both},
};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

on_both!(
    responses_that_are_too_large_are_refused,
    responses_below_the_limit_come_whole,
    a_mutation_names_what_was_executed,
    results_of_a_bulk_write_are_kept,
    rest_refuses_large_pages,
);

/// Contacts and accounts: each account has all of the contacts.
const COUNT: usize = 60;

async fn with_contacts(world: &World) {
    world.rows().accounts_and_contacts(COUNT, COUNT).await;
    set_metadata(&world.db, &long_text(), "true").await;
}

fn post(actor: &Actor, document: &str, accept: &str) -> reqwest::RequestBuilder {
    actor.request(Method::POST, "/graphql").header("accept", accept).json(&json!({ "query": document }))
}

async fn responses_that_are_too_large_are_refused(world: World) {
    with_contacts(&world).await;
    for number in 0..COUNT {
        world.rows().internal_contact(&format!("ada{number}@example.com"), InternalRole::Lead).await;
    }
    let fields = format!("{{\"name\":{{\"old\":null,\"new\":\"{}\"}}}}", "x".repeat(400_000));
    let sql = format!("UPDATE change SET fields = '{fields}'");
    world.db.pool().execute_unprepared(&sql).await.expect("changes");

    let reader = world.reader();
    for document in [
        // Each of the contacts 60 times, 57 MB.
        "{ accounts(first: 60) { nodes { contacts(first: 60) { nodes { metadata } } } } }".to_owned(),
        // The same row 20 times.
        pages(COUNT, 20),
        // A row that takes hundreds of KB.
        "{ changes(first: 100) { nodes { fields } } }".to_owned(),
        "{ internalContacts(first: 60) { nodes { history { nodes { fields } } } } }".to_owned(),
    ] {
        let reply = Reply::of(post(&reader, &document, JSON)).await;
        let expected = (200, vec!["RESPONSE_TOO_LARGE".to_owned()]);
        assert_eq!((reply.status.as_u16(), reply.errors()), expected, "{document}");
        assert_eq!(reply.body.get("data"), None);
        for accept in ["application/graphql-response+json", EVENTS] {
            let reply = Reply::of(post(&reader, &document, accept)).await;
            assert_eq!((reply.status.as_u16(), reply.errors().len()), (400, 1), "{accept}: {document}");
        }
        let mut client = Client::of(&reader, world.address()).await;
        client.subscribe("1", &document).await;
        assert_eq!(client.refusal("1").await, "RESPONSE_TOO_LARGE");
    }
    let text = world.metrics().await;
    assert!(text.contains("outcome=\"RESPONSE_TOO_LARGE\""), "{text}");
    assert!(text.contains("contact_gateway_response_memory_bytes 0\n"), "{text}");
}

async fn responses_below_the_limit_come_whole(world: World) {
    with_contacts(&world).await;
    let (reader, document) = (world.reader(), pages(COUNT, 16));
    let reply = Reply::of(post(&reader, &document, JSON)).await;
    let rows = reply.list("/accountContacts/nodes");
    let texts = rows.iter().flat_map(|row| row.as_object().expect("a row").values());
    let lengths: Vec<usize> = texts.map(|metadata| metadata["text"].as_str().map_or(0, str::len)).collect();
    assert_eq!(lengths, vec![super::METADATA; COUNT * 16]);
    assert!((MOST * 7 / 8..MOST).contains(&reply.body.to_string().len()));

    let events =
        post(&reader, &document, EVENTS).send().await.expect("an answer").text().await.expect("a text");
    let payload = events.strip_prefix("event: next\ndata: ").and_then(|it| it.split_once("\n\n"));
    let (payload, rest) = payload.expect("an event");
    assert!(serde_json::from_str::<Value>(payload).expect("JSON") == reply.body);
    assert_eq!(rest, "event: complete\ndata: \ndata: \n\n");
    let mut client = Client::of(&reader, world.address()).await;
    assert!(client.once("1", &document).await == reply.body);
}

async fn a_mutation_names_what_was_executed(world: World) {
    with_contacts(&world).await;
    let world =
        world.restarted(|config| (config.limits.response, config.limits.response_memory) = LITTLE).await;
    let accounts = world.reader().query("{ accounts(first: 3) { nodes { id } } }").await;
    let field = |number: usize, selection: &str| {
        let id = accounts.text(&format!("/accounts/nodes/{number}/id"));
        format!(
            "f{number}: updateAccount(input: {{ id: \"{id}\", name: \"New\" }}) {{ account {{ {selection} }} }} "
        )
    };
    let contacts = "contacts(first: 60) { nodes { metadata } }";
    let document = format!("mutation {{ {}{}{} }}", field(0, "name"), field(1, contacts), field(2, "name"));
    let reply = world.writer().query(&document).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (200, vec!["RESPONSE_TOO_LARGE f1".to_owned()]));
    assert_eq!(reply.body["data"], Value::Null);
    assert_eq!(reply.body["errors"][0]["extensions"]["executed"], json!(["f0", "f1"]));
    let renamed =
        world.reader().query("{ accounts(filter: { name: { eq: \"New\" } }) { totalCount } }").await;
    assert_eq!(renamed.data("/accounts/totalCount"), 2);
}

/// The least limits that there can be: of a response, and of all.
const LITTLE: (usize, usize) = (64 * 1024, 1024 * 1024);

async fn results_of_a_bulk_write_are_kept(world: World) {
    let world =
        world.restarted(|config| (config.limits.response, config.limits.response_memory) = LITTLE).await;
    let rows: Vec<Value> = (0..500)
        .map(|number| json!({ "name": format!("Partner {number}"), "remoteId": format!("r-{number}") }))
        .collect();
    let document = "mutation($rows: [UpsertPartnerInput!]!) { upsertPartners(input: { rows: $rows }) {
        results { status partner { id name remoteId createdAt updatedAt } } } }";
    let reply = world.writer().graphql(document, json!({ "rows": rows })).await;
    assert_eq!(reply.errors(), ["RESPONSE_TOO_LARGE upsertPartners"]);
    assert_eq!(reply.body["errors"][0]["extensions"]["executed"], json!(["upsertPartners"]));
    assert_eq!(world.count("partner").await, 500);
}

async fn rest_refuses_large_pages(world: World) {
    with_contacts(&world).await;
    let path = format!("/v1/accounts/contacts?limit={COUNT}");
    let reply = Reply::of(world.reader().request(Method::GET, &path)).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_array().map(Vec::len)), (200, Some(COUNT)));
    let world = world.restarted(|config| config.limits.response = 512 * 1024).await;
    let reply = Reply::of(world.reader().request(Method::GET, &path)).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body["message"].as_str().expect("a message").contains("524288 bytes"), "{}", reply.body);
    let reply = Reply::of(world.reader().request(Method::GET, "/v1/accounts/contacts?limit=20")).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_array().map(Vec::len)), (200, Some(20)));
}
