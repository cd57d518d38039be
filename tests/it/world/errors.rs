//! Errors: each names what is wrong (the claim, the header, the argument of which field, the choices) and what to do.

use chrono::Utc;
use contact_gateway::{auth::OPERATORS, entity::custom_field::FieldType};
use futures_util::StreamExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::assert_helpful;
use crate::{
    sockets::client::Client,
    support::{Actor, Reply, World, on_both},
};

on_both!(
    the_claim_of_a_token_is_named,
    the_header_is_named,
    enum_values_are_told_with_their_choices,
    the_argument_and_its_field_are_named,
    options_of_custom_fields_are_told,
);

/// What development mode signs with.
const KEY: &[u8] = b"a key that everybody may know...";
/// The most bytes of the reason that a socket is closed with.
const REASON: usize = 123;

/// A token with these claims in the place of good ones; a null removes one.
fn token(world: &World, changes: &Value) -> String {
    let good = world.reader().token();
    let payload = good.split('.').nth(1).expect("a payload");
    let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload);
    let mut claims: Map<String, Value> = serde_json::from_slice(&payload.expect("base64")).expect("JSON");
    for (name, value) in changes.as_object().expect("claims") {
        match value {
            Value::Null => _ = claims.remove(name),
            value => _ = claims.insert(name.clone(), value.clone()),
        }
    }
    encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).expect("a token")
}

/// Claims, and what the message says of them.
fn claims() -> Vec<(Value, [&'static str; 2])> {
    let now = Utc::now().timestamp();
    let number = ["must be a number: seconds since 1970", "not milliseconds"];
    let with = |claim: &'static str, [_, rest]: [&'static str; 2]| [claim, rest];
    vec![
        (json!({ "iss": null }), ["no claim iss", "Get a token"]),
        (json!({ "iss": "https://nobody.example" }), ["claim iss", "configured here"]),
        (json!({ "iss": 7 }), ["claim iss", "must be a string"]),
        (json!({ "aud": null }), ["no claim aud", "Get a token"]),
        (json!({ "aud": "other" }), ["claim aud", "does not name this service"]),
        (json!({ "aud": ["other", "another"] }), ["claim aud", "Get a token for this service"]),
        (json!({ "aud": 7 }), ["claim aud", "a string or a list of strings"]),
        (json!({ "aud": [7] }), ["claim aud", "a string or a list of strings"]),
        (json!({ "sub": null }), ["no claim sub", "Get a token"]),
        (json!({ "sub": "" }), ["claim sub", "something to see"]),
        (json!({ "sub": "a\nb" }), ["claim sub", "without control characters"]),
        (json!({ "sub": 42 }), ["claim sub", "must be a string"]),
        (json!({ "exp": null }), ["no claim exp", "Get a token"]),
        (json!({ "exp": now - 3600, "iat": now - 7200 }), ["claim exp", "Get a new one"]),
        (json!({ "exp": (now + 3600) * 1000 }), with("claim exp", number)),
        (json!({ "exp": (now + 3600).to_string() }), with("claim exp", number)),
        (json!({ "exp": "2099-01-01T00:00:00Z" }), with("claim exp", number)),
        (json!({ "exp": -1 }), with("claim exp", number)),
        (json!({ "nbf": now + 3000 }), ["claim nbf", "synchronize the clocks"]),
        (json!({ "nbf": "now" }), with("claim nbf", number)),
        (json!({ "iat": now + 3000 }), ["claim iat", "Synchronize the clocks"]),
        (json!({ "iat": [now] }), with("claim iat", number)),
        (json!({ "exp": now + 7 * 24 * 3600 }), ["claims iat and exp", "Request a shorter lifetime"]),
        (json!({ "scope": ["contacts:read"] }), ["claim scope", "must be a string"]),
        (json!({ "scope": 7 }), ["claim scope", "must be a string"]),
        (json!({ "orgs": ["1"] }), ["claim orgs", "a list of positive whole numbers"]),
        (json!({ "orgs": "1" }), ["claim orgs", "a list of positive whole numbers"]),
        (json!({ "orgs": [0] }), ["claim orgs", "a list of positive whole numbers"]),
        (json!({ "orgs": ["org_1"] }), ["claim orgs", "a list of positive whole numbers"]),
        (json!({ "org_id": 1 }), ["claim org_id", "absent beside orgs"]),
        (json!({ "orgs": null, "org_id": "1" }), ["claim org_id", "a positive whole number"]),
        (json!({ "orgs": null, "org_id": -1 }), ["claim org_id", "a positive whole number"]),
    ]
}

async fn the_claim_of_a_token_is_named(world: World) {
    for (changes, parts) in claims() {
        let actor = world.anonymous().with_token(&token(&world, &changes));
        let reply = actor.query("{ viewer { subject } }").await;
        assert_eq!(
            (reply.status.as_u16(), reply.errors()),
            (401, vec!["UNAUTHENTICATED".to_owned()]),
            "{changes}"
        );
        let message = reply.body["errors"][0]["message"].as_str().expect("a message");
        assert_helpful(message, &parts, &changes.to_string());
        let for_clients = message.split(OPERATORS).next().expect("a part");
        assert!(for_clients.len() <= REASON, "{changes}: {message}");
        let rest = Reply::of(actor.request(Method::GET, "/v1/accounts/contacts")).await;
        assert_eq!((rest.status.as_u16(), &rest.body["message"]), (401, &json!(message)), "{changes}");
    }
    // What a token need not have, and what it may say besides.
    for changes in [
        json!({ "iat": null, "nbf": null }),
        json!({ "scope": "openid contacts:read profile", "email": "ada@example.com", "roles": ["a"], "azp": 7 }),
        json!({ "aud": ["other", world.config.issuers()[0].own_audience()] }),
        json!({ "orgs": [1, 1] }),
        json!({ "orgs": null, "org_id": 1 }),
    ] {
        let reply =
            world.anonymous().with_token(&token(&world, &changes)).query("{ viewer { subject } }").await;
        assert_eq!(reply.text("/viewer/subject"), "reader", "{changes}");
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Headers in the place of good ones, the status, and what the message says.
const HEADERS: &[(Headers<'static>, u16, &str, &str)] = &[
    (&[], 401, "Authorization: Bearer <token>", "No token. Send one"),
    (&[("authorization", "")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Bearer")], 401, "header Authorization", "in this form"),
    (&[("authorization", "TOKEN")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Token TOKEN")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Basic dXNlcjpwYXNz")], 401, "header Authorization", "in this form"),
    (&[("authorization", "JWT TOKEN")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Bearer\tTOKEN")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Bearer: TOKEN")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Bearer ")], 401, "header Authorization", "in this form"),
    (&[("authorization", "Bearer null")], 401, "malformed", "Send a JWT"),
    (&[("authorization", "Bearer undefined")], 401, "malformed", "Send a JWT"),
    (&[("authorization", "Bearer \"TOKEN\"")], 401, "malformed", "Send a JWT"),
    (&[("authorization", "Bearer Bearer TOKEN")], 401, "malformed", "Send a JWT"),
    (&[("authorization", "Bearer TOKEN.x")], 401, "malformed", "Send a JWT"),
    (&[("authorization", "Bearer TOKENx")], 401, "signature", "as its issuer signed it"),
    (
        &[("authorization", "Bearer TOKEN"), ("authorization", "Bearer TOKEN")],
        400,
        "authorization",
        "Send it once",
    ),
    (
        &[("authorization", "Bearer TOKEN"), ("x-org-id", "1"), ("x-org-id", "1")],
        400,
        "x-org-id",
        "Send it once",
    ),
    (&[("authorization", "Bearer TOKEN"), ("x-org-id", "2")], 403, "x-org-id", "for example org_42"),
    (&[("authorization", "Bearer TOKEN"), ("x-org-id", "Home")], 403, "x-org-id", "for example org_42"),
    (&[("authorization", "Bearer TOKEN"), ("x-org-id", "01")], 403, "x-org-id", "for example org_42"),
    (&[("authorization", "Bearer TOKEN"), ("x-org-id", "1, 2")], 403, "x-org-id", "for example org_42"),
    (&[("authorization", "Bearer TOKEN"), ("x-org-id", "org-1")], 403, "x-org-id", "for example org_42"),
    (&[("authorization", "Bearer TOKEN"), ("accept", "text/html")], 406, "Accept", "application/json"),
];

async fn the_header_is_named(world: World) {
    let token = world.reader().token();
    for (headers, status, part, advice) in HEADERS.iter().copied() {
        let mut request = world.anonymous().request(Method::POST, "/graphql");
        for (name, value) in headers {
            request = request.header(*name, value.replace("TOKEN", &token));
        }
        let reply = Reply::of(request.json(&json!({ "query": "{ viewer { subject } }" }))).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.body);
        let message = reply.body["errors"][0]["message"].as_str().expect("a message");
        assert_helpful(message, &[part, advice], &format!("{headers:?}"));
    }
    let multi = world.multi().query("{ partners { nodes { id } } }").await;
    let message = multi.body["errors"][0]["message"].as_str().expect("a message");
    assert_helpful(message, &["x-org-id", "claim orgs"], "no organization");
    let pen = world.actor("pen", &[1], &[contact_gateway::auth::Scope::ContactsWrite]);
    let reply = pen.query("{ partners { nodes { id } } }").await;
    let message = reply.body["errors"][0]["message"].as_str().expect("a message");
    assert_helpful(message, &["contacts:read", "claim scope"], "a scope");
    let other = world.multi().in_organization("2").request(Method::GET, "/api/v1/organisation/1/contact");
    let reply = Reply::of(other).await;
    assert_helpful(reply.body["message"].as_str().expect("a message"), &["path", "x-org-id"], "a path");
}

const ROLES: &str = "ACCOUNT_MANAGER, ACCOUNT_EXECUTIVE, CSM, LEAD, CO_LEAD, PRACTICE_LEAD";

/// The message of the only error, which is about this argument.
#[track_caller]
fn refused(reply: &Reply, argument: &[&str], what: &str) -> String {
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{what}: {}", reply.body);
    let error = &reply.body["errors"][0];
    assert_eq!(error["extensions"]["argument"], json!(argument), "{what}: {error}");
    error["message"].as_str().expect("a message").to_owned()
}

async fn enum_values_are_told_with_their_choices(world: World) {
    let writer = world.writer();
    let create = |value: &str| {
        format!(
            "mutation {{ createInternalContact(input: {{ email: \"a@example.com\", internalRole: {value} }}) {{ __typename }} }}"
        )
    };
    let variable = "mutation($input: CreateInternalContactInput!) { createInternalContact(input: $input) { __typename } }";
    let alone = "mutation($role: InternalRole!) {
        createInternalContact(input: { email: \"a@example.com\", internalRole: $role }) { __typename } }";
    for (literal, json) in [
        ("csm", json!("csm")),
        ("Csm", json!("Csm")),
        ("CEO", json!("CEO")),
        ("\"CSM\"", json!("")),
        ("\"Customer Success\"", json!("Customer Success")),
        ("7", json!(7)),
        ("1.5", json!(1.5)),
        ("true", json!(true)),
        ("[LEAD, LEAD]", json!(["LEAD"])),
        ("{ value: LEAD }", json!({ "value": "LEAD" })),
    ] {
        let argument = ["input", "internalRole"];
        let reply = world.nothing_written(writer.query(&create(literal))).await;
        let message = refused(&reply, &argument, literal);
        assert_helpful(
            &message,
            &[ROLES, "See the argument input.internalRole of createInternalContact"],
            literal,
        );
        assert!(!message.contains("Customer Success"), "{message}");
        let input = json!({ "input": { "email": "a@example.com", "internalRole": json } });
        let reply = world.nothing_written(writer.graphql(variable, input)).await;
        let message = refused(&reply, &argument, literal);
        assert_helpful(&message, &["$input.internalRole", ROLES, "of createInternalContact"], literal);
        assert!(!message.contains("Customer Success"), "{message}");
        let reply = world.nothing_written(writer.graphql(alone, json!({ "role": json }))).await;
        assert_helpful(
            &refused(&reply, &argument, literal),
            &["$role", ROLES, "of createInternalContact"],
            literal,
        );
    }
    // In lists, filters and orders, and in REST.
    for (document, variables, argument, parts) in [
        (
            "query($k: [ContactKind!]) { contacts(filter: { kind: { in: $k } }) { totalCount } }",
            json!({ "k": ["ACCOUNT", "PERSON"] }),
            &["filter", "kind", "in", "1"][..],
            &["$k.1", "INTERNAL, ACCOUNT, ORGANIZATION", "of contacts"],
        ),
        (
            "{ contacts(filter: { kind: { eq: PERSON } }) { totalCount } }",
            json!({}),
            &["filter", "kind", "eq"],
            &["INTERNAL, ACCOUNT, ORGANIZATION", "filter.kind.eq", "of contacts"],
        ),
        (
            "query($d: OrderDirection!) { partners(orderBy: [{ field: NAME, direction: $d }]) { totalCount } }",
            json!({ "d": "asc" }),
            &["orderBy", "0", "direction"],
            &["$d", "ASC, DESC", "of partners"],
        ),
        (
            "{ partners(orderBy: [{ field: name }]) { totalCount } }",
            json!({}),
            &["orderBy", "0", "field"],
            &["NAME", "orderBy.0.field", "of partners"],
        ),
    ] {
        let reply = world.reader().graphql(document, variables).await;
        assert_helpful(&refused(&reply, argument, document), parts, document);
    }
    let body = json!({ "email": "a@example.com", "internal_role": "CSM" });
    let reply = Reply::of(writer.request(Method::POST, "/v2/internal-contacts").json(&body)).await;
    let message = reply.body["detail"][0]["msg"].as_str().expect("a message");
    assert_helpful(message, &["Must be one of: account_manager,", "csm", "practice_lead"], "REST");
}

async fn the_argument_and_its_field_are_named(world: World) {
    for (document, variables, argument, parts) in [
        ("{ partner { name } }", json!({}), &["id"][..], &["`Query.partner(id:)`", "not provided"][..]),
        ("{ partner(id: null) { name } }", json!({}), &["id"], &["Query.partner(id:)"]),
        ("{ partner(id: true) { name } }", json!({}), &["id"], &["ID!", "See the argument id of partner"]),
        (
            "{ a: partner(name: \"A\", id: \"ptn_1\") { name } }",
            json!({}),
            &["name"],
            &["`name`", "Query.partner"],
        ),
        (
            "{ partners(first: \"9\") { totalCount } }",
            json!({}),
            &["first"],
            &["Int", "See the argument first of partners"],
        ),
        (
            "{ partners(first: 9.0) { totalCount } }",
            json!({}),
            &["first"],
            &["Int", "See the argument first of partners"],
        ),
        (
            "{ partners(first: 3000000000) { totalCount } }",
            json!({}),
            &["first"],
            &["32-bit", "See the argument first of partners"],
        ),
        (
            "{ partners(filter: { nme: { eq: \"A\" } }) { totalCount } }",
            json!({}),
            &["filter", "nme"],
            &["`nme`", "PartnerFilter", "of partners"],
        ),
        (
            "{ partners { nodes { assignments(first: true) { totalCount } } } }",
            json!({}),
            &["first"],
            &["Int", "See the argument first of assignments"],
        ),
        (
            "{ partners { totalCount @include(if: 7) } }",
            json!({}),
            &["if"],
            &["Boolean!", "See the argument if of @include"],
        ),
        (
            "query($if: Boolean!) { partners { totalCount @skip(if: $if) } }",
            json!({ "if": "true" }),
            &["if"],
            &["$if", "true or false", "See the argument if of @skip"],
        ),
        (
            "query($if: Boolean!) { partners { totalCount @skip(if: $if) } }",
            json!({}),
            &["if"],
            &["The variable $if is required", "See the argument if of @skip"],
        ),
        (
            "query($id: ID!) { account(id: $id) { name } }",
            json!({}),
            &["id"],
            &["The variable $id is required", "See the argument id of account"],
        ),
        (
            "query($id: ID) { account(id: $id) { name } }",
            json!({}),
            &["id"],
            &["$id", "ID!", "argument id of account"],
        ),
        ("{ account(id: $id) { name } }", json!({}), &["id"], &["$id", "not defined"]),
        (
            "query($at: DateTime) { contacts(filter: { updatedAt: { gte: $at } }) { totalCount } }",
            json!({ "at": "2026-01-31" }),
            &["filter", "updatedAt", "gte"],
            &["$at", "RFC 3339", "2026-01-31T12:00:00Z", "of contacts"],
        ),
        (
            "{ contacts(filter: { updatedAt: { gte: \"yesterday\" } }) { totalCount } }",
            json!({}),
            &["filter", "updatedAt", "gte"],
            &["RFC 3339", "2026-01-31T12:00:00Z", "of contacts"],
        ),
        (
            "mutation($input: CreatePartnerInput!) { createPartner(input: $input) { __typename } }",
            json!({ "input": {} }),
            &["input", "name"],
            &["$input.name", "See the argument input.name of createPartner"],
        ),
        (
            "mutation($input: CreatePartnerInput!) { createPartner(input: $input) { __typename } }",
            json!({ "input": { "name": "A", "nmae": "B" } }),
            &["input", "nmae"],
            &["$input.nmae", "CreatePartnerInput", "See the argument input.nmae of createPartner"],
        ),
        (
            "mutation($input: CreatePartnerInput!) { createPartner(input: $input) { __typename } }",
            json!({ "input": "Globex" }),
            &["input"],
            &["$input", "CreatePartnerInput", "See the argument input of createPartner"],
        ),
        (
            "mutation($n: String!) { a: createPartner(input: { name: $n }) { __typename } }",
            json!({ "n": 7 }),
            &["input", "name"],
            &["$n", "String", "in quotes", "See the argument input.name of createPartner"],
        ),
        (
            "mutation { createPartner(input: { name: 7 }) { __typename } }",
            json!({}),
            &["input", "name"],
            &["String!", "See the argument input.name of createPartner"],
        ),
        (
            "mutation { createPartner(input: {}) { __typename } }",
            json!({}),
            &["input", "name"],
            &["CreatePartnerInput.name", "of createPartner"],
        ),
        (
            "mutation($rows: [UpsertPartnerInput!]!) { upsertPartners(input: { rows: $rows }) { created } }",
            json!({ "rows": [{ "name": "A", "remoteId": "a" }, { "name": 7, "remoteId": "b" }] }),
            &["input", "rows", "1", "name"],
            &["$rows.1.name", "String", "See the argument input.rows.1.name of upsertPartners"],
        ),
    ] {
        let what = format!("{document} {variables}");
        let reply = world.nothing_written(world.writer().graphql(document, variables)).await;
        assert_helpful(&refused(&reply, argument, &what), parts, &what);
    }
}

async fn options_of_custom_fields_are_told(world: World) {
    let rows = world.rows();
    let size = rows.custom_field("size", FieldType::SingleChoice, &["S", "M", "L"]).await.id;
    let tags = rows.custom_field("tags", FieldType::MultiChoice, &["red", "green"]).await.id;
    let many: Vec<String> = (1..=30).map(|it| format!("o{it}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many = rows.custom_field("many", FieldType::SingleChoice, &many).await.id;
    for (field, value, part) in [
        (size, json!("XL"), "options: S, M, L."),
        (size, json!("s"), "options: S, M, L."),
        (size, json!(["S"]), "options: S, M, L."),
        (tags, json!(["blue"]), "options: red, green."),
        (tags, json!("red"), "options: red, green."),
        (tags, json!([]), "at least one of the field's options: red, green."),
        (many, json!("o31"), "o19, o20 and 10 more."),
    ] {
        let input = json!({
            "firstName": "A", "email": "a@example.com",
            "customFieldValues": [{ "customFieldId": field.to_string(), "value": value }],
        });
        let reply =
            world.nothing_written(world.writer().mutate("createAccountContact", input, "__typename")).await;
        assert_helpful(reply.text("/createAccountContact/userErrors/0/message"), &[part], &value.to_string());
        let filter =
            json!({ "f": { "customFieldValues": [{ "customFieldId": field.to_string(), "eq": value }] } });
        let document = "query($f: AccountContactFilter) { accountContacts(filter: $f) { totalCount } }";
        let reply = world.reader().graphql(document, filter).await;
        let message = reply.body["errors"][0]["message"].as_str().expect("a message");
        assert_helpful(message, &[part], &value.to_string());
    }
}

/// What a socket is closed with after these messages.
async fn closed(world: &World, headers: &[(&str, &str)], messages: &[String]) -> (u16, String) {
    let mut client = Client::ask(world.address(), headers).await.expect("a socket");
    for message in messages {
        client.send(Message::text(message.clone())).await;
    }
    loop {
        match client.0.next().await {
            Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
            Some(Ok(Message::Close(None)) | Err(_)) | None => return (0, String::new()),
            Some(Ok(_)) => {}
        }
    }
}

fn bearer(actor: &Actor) -> String {
    format!("Bearer {}", actor.token())
}

#[tokio::test]
async fn sockets_are_closed_with_a_reason_that_says_what_to_do() {
    let world = World::on_sqlite().await;
    let (reader, multi) = (bearer(&world.reader()), bearer(&world.multi()));
    let init = |payload: Value| json!({ "type": "connection_init", "payload": payload }).to_string();
    let good = init(json!({ "authorization": reader }));
    let then = |message: Value| vec![good.clone(), message.to_string()];
    let where_it_belongs = [r#"{"authorization": "Bearer <token>"}"#, "payload of connection_init"];
    let mut cases: Vec<(Vec<String>, u16, Vec<&str>)> = vec![
        (vec![json!({ "type": "connection_init" }).to_string()], 4403, where_it_belongs.to_vec()),
        (vec![init(json!({}))], 4403, where_it_belongs.to_vec()),
        (vec![init(json!(null))], 4403, where_it_belongs.to_vec()),
        (vec![init(json!({ "token": reader }))], 4403, where_it_belongs.to_vec()),
        (vec![init(json!({ "authToken": reader }))], 4403, where_it_belongs.to_vec()),
        (vec![init(json!({ "headers": { "Authorization": reader } }))], 4403, where_it_belongs.to_vec()),
        (vec![init(json!({ "Authorization": null }))], 4403, where_it_belongs.to_vec()),
        (
            vec![init(json!({ "authorization": reader.replace("Bearer ", "") }))],
            4403,
            vec!["authorization", "Bearer <token>"],
        ),
        (vec![init(json!({ "authorization": "Bearer nonsense" }))], 4403, vec!["malformed", "Send a JWT"]),
        (
            vec![init(json!({ "authorization": reader, "Authorization": reader }))],
            4403,
            vec!["authorization", "Send it once"],
        ),
        (
            vec![init(json!({ "authorization": reader, "x-org-id": "org_2" }))],
            4403,
            vec!["x-org-id", "org_42"],
        ),
        (vec![init(json!({ "authorization": multi, "x-org-id": "7" }))], 4403, vec!["x-org-id", "org_42"]),
        (vec![init(json!({ "authorization": true }))], 4400, vec!["authorization", "must be a string"]),
        (vec![init(json!({ "authorization": [reader] }))], 4400, vec!["authorization", "must be a string"]),
        (
            vec![init(json!({ "authorization": reader, "x-org-id": {} }))],
            4400,
            vec!["x-org-id", "must be a string"],
        ),
        (vec![init(json!([reader]))], 4400, vec!["connection_init"]),
        (
            vec![
                json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ __typename }" } })
                    .to_string(),
            ],
            4401,
            where_it_belongs.to_vec(),
        ),
        (vec!["hello".to_owned()], 4400, vec!["JSON object"]),
        (vec!["[]".to_owned()], 4400, vec!["JSON object"]),
        (
            then(json!({ "type": "start", "id": "1", "payload": { "query": "{ __typename }" } })),
            4400,
            vec!["type", "subscribe"],
        ),
        (
            then(json!({ "type": "subscribe", "payload": { "query": "{ __typename }" } })),
            4400,
            vec!["id", "string"],
        ),
        (
            then(json!({ "type": "subscribe", "id": 7, "payload": { "query": "{ __typename }" } })),
            4400,
            vec!["id", "string"],
        ),
        (
            then(json!({ "type": "subscribe", "id": "", "payload": { "query": "{ __typename }" } })),
            4400,
            vec!["id", "256"],
        ),
        (then(json!({ "type": "subscribe", "id": "1" })), 4400, vec!["payload", "subscribe"]),
        (
            then(json!({ "type": "subscribe", "id": "1", "payload": { "query": 7 } })),
            4400,
            vec!["payload", "query"],
        ),
        (
            then(
                json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ __typename }", "variables": [] } }),
            ),
            4400,
            vec!["payload", "variables"],
        ),
        (vec![good.clone(), good.clone()], 4429, vec!["once"]),
    ];
    for (changes, parts) in claims() {
        let token = format!("Bearer {}", token(&world, &changes));
        cases.push((vec![init(json!({ "authorization": token }))], 4403, parts.to_vec()));
    }
    for (messages, code, parts) in cases {
        let (closed, reason) = closed(&world, &[], &messages).await;
        assert_eq!(closed, code, "{messages:?}: {reason}");
        assert_helpful(&reason, &parts, &format!("{messages:?}"));
        assert!(reason.len() <= REASON, "{reason}");
    }
}
