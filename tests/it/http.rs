//! GraphQL over HTTP: methods, media types, limits, statuses and headers; and other inputs.

use std::str::FromStr;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use reqwest::{Body, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::support::{Actor, Reply, World, on_both};

on_both!(
    a_query_comes_by_post_or_by_get,
    a_get_only_reads,
    other_methods_are_refused,
    the_body_is_json_in_utf_8,
    the_body_is_one_request,
    the_body_has_a_limit,
    the_document_has_a_limit,
    parameters_of_a_get_are_checked,
    the_operation_is_found,
    variables_have_the_types_of_the_document,
    accept_decides_type_and_status,
    the_request_has_an_id,
    pages_of_configured_origins_may_read,
    the_schema_can_be_read,
    introspection_can_be_off,
    without_introspection_nothing_is_suggested,
    answers_have_security_headers,
);

const SUBJECT: &str = "{ viewer { subject } }";
/// The most bytes of a body.
const LIMIT: usize = 1024 * 1024;

/// A POST with a body as it stands.
fn post(actor: &Actor, content_type: &str, body: impl Into<Body>) -> RequestBuilder {
    actor.request(Method::POST, "/graphql").header("content-type", content_type).body(body)
}

/// A GET with these parameters.
fn get(actor: &Actor, parameters: &[(&str, &str)]) -> RequestBuilder {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    actor.request(Method::GET, &format!("/graphql?{query}"))
}

async fn plain(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// The request is refused as a whole.
async fn assert_refused(request: RequestBuilder, status: u16, code: &str, what: &str) -> Reply {
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.errors(), [code], "{what}");
    assert_eq!(reply.body.get("data"), None, "{what}");
    reply
}

async fn a_query_comes_by_post_or_by_get(world: World) {
    let reader = world.reader();
    let document =
        "query A($first: Int) { countries(first: $first) { nodes { id } } } query B { viewer { subject } }";
    let body = json!({
        "query": document, "operationName": "A", "variables": { "first": 2 }, "extensions": { "any": 1 },
    });
    let by_post = Reply::of(post(&reader, "application/json; charset=utf-8", body.to_string())).await;
    let parameters =
        [("query", document), ("operationName", "A"), ("variables", "{\"first\":2}"), ("extensions", "{}")];
    let by_get = Reply::of(get(&reader, &parameters)).await;
    for reply in [by_post, by_get] {
        assert_eq!(reply.status, 200);
        assert_eq!(reply.list("/countries/nodes").len(), 2);
    }
    for absent in [
        json!({ "query": SUBJECT }),
        json!({
            "query": SUBJECT, "operationName": null, "variables": null, "extensions": null,
        }),
    ] {
        let reply = Reply::of(post(&reader, "application/json", absent.to_string())).await;
        assert_eq!(reply.text("/viewer/subject"), "reader");
    }
    let reply =
        Reply::of(get(&reader, &[("query", SUBJECT), ("variables", ""), ("operationName", "")])).await;
    assert_eq!(reply.text("/viewer/subject"), "reader");
}

async fn a_get_only_reads(world: World) {
    let writer = world.writer();
    let mutation = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
    for parameters in [
        vec![("query", mutation)],
        vec![("query", "query A { viewer { subject } } mutation B { __typename }"), ("operationName", "B")],
    ] {
        let refused = assert_refused(get(&writer, &parameters), 405, "BAD_REQUEST", "a mutation by GET");
        let reply = world.nothing_written(refused).await;
        assert_eq!(reply.headers["allow"], "POST");
    }
    let parameters =
        [("query", "query A { viewer { subject } } mutation B { __typename }"), ("operationName", "A")];
    assert_eq!(Reply::of(get(&writer, &parameters)).await.text("/viewer/subject"), "writer");
}

async fn other_methods_are_refused(world: World) {
    let body = json!({ "query": SUBJECT });
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = world.writer().request(method.clone(), "/graphql").json(&body);
        let reply = assert_refused(request, 405, "BAD_REQUEST", method.as_str()).await;
        assert_eq!(reply.headers["allow"], "GET, POST");
    }
    let head = plain(world.writer().request(Method::HEAD, "/graphql?query=%7B__typename%7D")).await;
    assert_eq!(
        (head.status().as_u16(), &head.headers()["allow"]),
        (405, &"GET, POST".parse().expect("a value"))
    );
}

async fn the_body_is_json_in_utf_8(world: World) {
    let writer = world.writer();
    let mutation =
        json!({ "query": "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }" });
    for content_type in [
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/jsonp",
        "application/json; charset=latin1",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
    ] {
        let request = post(&writer, content_type, mutation.to_string());
        world.nothing_written(assert_refused(request, 415, "BAD_REQUEST", content_type)).await;
    }
    let request = writer.request(Method::POST, "/graphql").body(mutation.to_string());
    world.nothing_written(assert_refused(request, 415, "BAD_REQUEST", "no type")).await;
    for content_type in [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
    ] {
        let reply = Reply::of(post(&writer, content_type, json!({ "query": SUBJECT }).to_string())).await;
        assert_eq!(reply.text("/viewer/subject"), "writer", "{content_type}");
    }
}

async fn the_body_is_one_request(world: World) {
    let reader = world.reader();
    for body in [
        "",
        "{",
        "null",
        "7",
        "\"{ viewer { subject } }\"",
        "{ viewer { subject } }",
        "{}",
        r#"{"operationName": "A"}"#,
        r#"{"query": null}"#,
        r#"{"query": 7}"#,
        r#"{"query": ["{ viewer { subject } }"]}"#,
        r#"[{"query": "{ viewer { subject } }"}]"#,
        r#"[]"#,
        r#"{"query": "{ viewer { subject } }"} {}"#,
        r#"{"query": "{ viewer { subject } }", "query": "{ viewer { subject } }"}"#,
        r#"{"query": "{ viewer { subject } }", "variables": []}"#,
        r#"{"query": "{ viewer { subject } }", "variables": "{}"}"#,
        r#"{"query": "{ viewer { subject } }", "variables": 7}"#,
        r#"{"query": "{ viewer { subject } }", "operationName": 7}"#,
        r#"{"query": "{ viewer { subject } }", "operationName": {}}"#,
        r#"{"query": "{ viewer { subject } }", "extensions": []}"#,
    ] {
        for accept in ["application/json", "application/graphql-response+json"] {
            let request = post(&reader, "application/json", body.to_owned()).header("accept", accept);
            assert_refused(request, 400, "BAD_REQUEST", body).await;
        }
    }
    assert_refused(
        post(&reader, "application/json", &b"{\"query\": \"\xff\"}"[..]),
        400,
        "BAD_REQUEST",
        "no UTF-8",
    )
    .await;
}

async fn the_body_has_a_limit(world: World) {
    let reader = world.reader();
    let body = |length: usize| {
        let body = json!({ "query": SUBJECT }).to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    // A body without content-length is sent in chunks.
    let chunked = |length: usize| Body::wrap(Full::new(Bytes::from(body(length))).map_frame(|frame| frame));
    for whole in [Body::from(body(LIMIT)), chunked(LIMIT)] {
        assert_eq!(
            Reply::of(post(&reader, "application/json", whole)).await.text("/viewer/subject"),
            "reader"
        );
    }
    for long in [Body::from(body(LIMIT + 1)), chunked(LIMIT + 1)] {
        assert_refused(post(&reader, "application/json", long), 413, "BAD_REQUEST", "a long body").await;
    }
}

async fn the_document_has_a_limit(world: World) {
    let reader = world.reader();
    let document =
        |length: usize| json!({ "query": format!("{SUBJECT}{}", " ".repeat(length - SUBJECT.len())) });
    let request = |length: usize| post(&reader, "application/json", document(length).to_string());
    assert_eq!(Reply::of(request(128 * 1024)).await.text("/viewer/subject"), "reader");
    assert_refused(request(128 * 1024 + 1), 413, "BAD_REQUEST", "a long document").await;
}

async fn parameters_of_a_get_are_checked(world: World) {
    let reader = world.reader();
    for parameters in [
        vec![],
        vec![("operationName", "A")],
        vec![("query", SUBJECT), ("query", SUBJECT)],
        vec![("query", SUBJECT), ("variables", "[]")],
        vec![("query", SUBJECT), ("variables", "7")],
        vec![("query", SUBJECT), ("variables", "{")],
        vec![("query", SUBJECT), ("extensions", "\"\"")],
    ] {
        assert_refused(get(&reader, &parameters), 400, "BAD_REQUEST", &format!("{parameters:?}")).await;
    }
}

async fn the_operation_is_found(world: World) {
    let reader = world.reader();
    let ask = |document: &str, name: Option<&str>| {
        let body = json!({ "query": document, "operationName": name }).to_string();
        post(&reader, "application/json", body).header("accept", "application/graphql-response+json")
    };
    let several = "query A { a: __typename } query B { b: __typename }";
    for (document, name, key) in [
        (several, Some("A"), "a"),
        (several, Some("B"), "b"),
        ("query A { a: __typename }", None, "a"),
        ("query A { a: __typename }", Some("A"), "a"),
        ("{ a: __typename }", None, "a"),
    ] {
        let reply = Reply::of(ask(document, name)).await;
        assert_eq!(reply.data(""), &json!({ key: "Query" }), "{document} {name:?}");
    }
    for (document, name) in [
        (several, None),
        (several, Some("C")),
        (several, Some("")),
        ("query A { a: __typename }", Some("B")),
        ("{ a: __typename }", Some("A")),
    ] {
        assert_refused(ask(document, name), 400, "BAD_REQUEST", &format!("{document} {name:?}")).await;
    }
}

async fn variables_have_the_types_of_the_document(world: World) {
    let writer = world.writer();
    let ask = |document: &str, variables: Value| {
        let body = json!({ "query": document, "variables": variables }).to_string();
        post(&writer, "application/json", body).header("accept", "application/graphql-response+json")
    };
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let countries = "query($first: Int) { countries(first: $first) { nodes { id } } }";
    // The first of two mutations must not happen when the second cannot.
    let partners = "mutation($name: String!) {
        one: createPartner(input: { name: \"Globex\" }) { partner { id } }
        two: createPartner(input: { name: $name }) { partner { id } }
    }";
    for (document, variables) in [
        (nodes, json!({})),
        (nodes, json!({ "ids": null })),
        (nodes, json!({ "ids": [null] })),
        (nodes, json!({ "ids": true })),
        (nodes, json!({ "ids": { "id": "ptn_1" } })),
        (countries, json!({ "first": "2" })),
        (countries, json!({ "first": 2.5 })),
        (countries, json!({ "first": 2_147_483_648_i64 })),
        (partners, json!({})),
        (partners, json!({ "name": null })),
        (partners, json!({ "name": 7 })),
        (
            "mutation($input: CreatePartnerInput!) { createPartner(input: $input) { partner { id } } }",
            json!({}),
        ),
    ] {
        let what = format!("{document} {variables}");
        let refused = assert_refused(ask(document, variables), 400, "GRAPHQL_VALIDATION_FAILED", &what);
        world.nothing_written(refused).await;
    }
    for (variables, rows) in
        [(json!({}), 25), (json!({ "first": null }), 25), (json!({ "first": 2, "more": 1 }), 2)]
    {
        assert_eq!(Reply::of(ask(countries, variables)).await.list("/countries/nodes").len(), rows);
    }
}

async fn accept_decides_type_and_status(world: World) {
    let (json, graphql) =
        ("application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8");
    for (accept, content_type) in [
        (None, json),
        (Some("*/*"), json),
        (Some("application/*"), json),
        (Some("application/json"), json),
        (Some("application/json; charset=utf-8"), json),
        (Some("text/html, application/json;q=0.5"), json),
        (Some("application/graphql-response+json"), graphql),
        (Some("application/graphql-response+json, application/json;q=0.9"), graphql),
        (Some("application/graphql-response+json;q=0.5, application/json"), json),
    ] {
        for (document, code) in [
            (SUBJECT, None),
            // Executed, with an error of a field.
            ("{ partners(first: 0) { nodes { id } } }", Some("BAD_REQUEST partners")),
            ("{ viewer {", Some("GRAPHQL_PARSE_FAILED")),
            ("{ nobody }", Some("GRAPHQL_VALIDATION_FAILED")),
        ] {
            let mut request =
                post(&world.reader(), "application/json", json!({ "query": document }).to_string());
            if let Some(accept) = accept {
                request = request.header("accept", accept);
            }
            let reply = Reply::of(request).await;
            let executed = code.is_none_or(|code| code.contains(' '));
            let status = if executed || content_type == json { 200 } else { 400 };
            let got = (
                reply.status.as_u16(),
                reply.headers["content-type"].to_str().expect("text"),
                reply.errors(),
            );
            assert_eq!(
                got,
                (status, content_type, code.map(str::to_owned).into_iter().collect()),
                "{accept:?} {document}"
            );
            assert_eq!(reply.body.get("data").is_some(), executed, "{accept:?} {document}");
        }
    }
    for accept in
        ["text/html", "text/event-stream;q=0", "image/*", "application/json;q=0", "application/xml, text/*"]
    {
        let request = post(&world.reader(), "application/json", json!({ "query": SUBJECT }).to_string());
        assert_refused(request.header("accept", accept), 406, "BAD_REQUEST", accept).await;
    }
}

async fn the_request_has_an_id(world: World) {
    let longest = "a".repeat(64);
    for id in ["abc-1_2.3", "7", longest.as_str()] {
        let reply = world.reader().with_header("x-request-id", id).query("{ nobody }").await;
        assert_eq!(reply.headers["x-request-id"], id);
        assert_eq!(reply.body["errors"][0]["extensions"]["requestId"], id);
    }
    let too_long = "a".repeat(65);
    for id in [None, Some(""), Some("a b"), Some("a,b"), Some("<a>"), Some("ä"), Some(too_long.as_str())] {
        let reader = world.reader();
        let actor = id.map_or(reader.clone(), |id| reader.with_header("x-request-id", id));
        for document in [SUBJECT, "{ nobody }"] {
            let reply = actor.query(document).await;
            let given = reply.headers["x-request-id"].to_str().expect("text");
            assert_eq!(Uuid::from_str(given).map(|id| id.get_version_num()), Ok(7), "{id:?}");
            if let Some(error) = reply.body.pointer("/errors/0") {
                assert_eq!(error["extensions"]["requestId"], given);
            }
        }
    }
    let one = world.reader().query(SUBJECT).await.headers["x-request-id"].clone();
    assert_ne!(world.reader().query(SUBJECT).await.headers["x-request-id"], one);

    // It is what the record of changes names.
    let writer = world.writer().with_header("x-request-id", "the-request");
    writer.mutate("createPartner", json!({ "name": "Globex" }), "partner { id }").await;
    let changes = world.reader().query("{ changes(last: 1) { nodes { requestId } } }").await;
    assert_eq!(changes.text("/changes/nodes/0/requestId"), "the-request");
}

async fn pages_of_configured_origins_may_read(world: World) {
    let good = "https://app.example.com";
    let world = world.restarted(|config| config.http.allowed_origins = vec![good.to_owned()]).await;
    let preflight = async |origin: &str| {
        let request = world.anonymous().request(Method::OPTIONS, "/graphql").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        plain(request.header("access-control-request-headers", "authorization,x-org-id,x-client-name")).await
    };
    let allowed = preflight(good).await;
    assert!(allowed.status().is_success());
    assert_eq!(allowed.headers()["access-control-allow-origin"], good);
    let header = |name| allowed.headers()[name].to_str().expect("text").to_ascii_lowercase();
    let headers = header("access-control-allow-headers");
    for name in ["authorization", "x-org-id", "x-client-name"] {
        assert!(headers.split(',').any(|header| header.trim() == name), "{name}: {headers}");
    }
    assert_eq!(header("access-control-allow-methods"), "get,post,put,patch,delete");
    assert!(!allowed.headers().contains_key("access-control-allow-credentials"));

    let answer = world.reader().with_header("origin", good).query(SUBJECT).await;
    assert_eq!(answer.headers["access-control-allow-origin"], good);
    assert_eq!(
        answer.headers["access-control-expose-headers"],
        "x-request-id,retry-after,etag,location,link,x-total-count,x-total-pages,x-current-page,x-count-per-page"
    );
    for bad in
        ["https://evil.example.com", "http://app.example.com", "https://app.example.com.evil.com", "null"]
    {
        assert!(!preflight(bad).await.headers().contains_key("access-control-allow-origin"), "{bad}");
        let answer = world.reader().with_header("origin", bad).query(SUBJECT).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{bad}");
    }
    let world = world.restarted(|config| config.http.allowed_origins = Vec::new()).await;
    let answer = world.reader().with_header("origin", good).query(SUBJECT).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));

    // Development allows all origins of this machine, a server only those of its configuration.
    let (local, mut world) = ("http://localhost:5173", world);
    for is_development in [true, false] {
        world = world.restarted(|config| config.http.loopback_origins = is_development).await;
        let answer = world.reader().with_header("origin", local).query(SUBJECT).await;
        let allowed = answer.headers.get("access-control-allow-origin").map(|it| it.as_bytes());
        assert_eq!(allowed, is_development.then_some(local.as_bytes()));
    }
}

async fn the_schema_can_be_read(world: World) {
    let answer = plain(world.anonymous().request(Method::GET, "/schema.graphql")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/graphql; charset=utf-8");
    assert_eq!(answer.text().await.expect("a text"), include_str!("../../schema.graphql"));
}

async fn introspection_can_be_off(world: World) {
    let world = world.restarted(|config| config.http.introspection = false).await;
    let schema = plain(world.anonymous().request(Method::GET, "/schema.graphql")).await;
    assert_eq!(schema.status(), 404);
    for document in [
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"Partner\") { fields { name } } }",
        "{ ...All } fragment All on Query { __schema { types { name } } }",
    ] {
        let reply = world.admin().query(document).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{document}: {}", reply.body);
        assert_eq!(reply.body.get("data"), None, "{document}");
    }
}

async fn without_introspection_nothing_is_suggested(world: World) {
    let misspelt = "{ partnrs { nodes { id } } }";
    let reply = world.reader().query(misspelt).await;
    let message = reply.body["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("partners"), "{message}");

    let world = world.restarted(|config| config.http.introspection = false).await;
    let reply = world.reader().query(misspelt).await;
    assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"]);
    let message = reply.body["errors"][0]["message"].as_str().expect("a message");
    assert!(!message.contains("partners") && !message.contains("mean"), "{message}");
    let reply = world.reader().query("{ __typename viewer { __typename } }").await;
    assert_eq!(reply.data(""), &json!({ "__typename": "Query", "viewer": { "__typename": "Viewer" } }));
}

async fn answers_have_security_headers(world: World) {
    for reply in [
        world.reader().query(SUBJECT).await,
        world.anonymous().query(SUBJECT).await,
        world.reader().query("{").await,
    ] {
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
    }
    let page = plain(world.anonymous().request(Method::GET, "/")).await;
    assert_eq!(page.status(), 200);
    let header = |name| page.headers()[name].to_str().expect("text").to_owned();
    assert!(header("content-type").starts_with("text/html"));
    assert_eq!(
        (header("x-content-type-options"), header("referrer-policy")),
        ("nosniff".into(), "no-referrer".into())
    );
    let policy = header("content-security-policy");
    for directive in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|given| given == directive), "{directive}: {policy}");
    }

    let world = world.restarted(|config| config.http.graphiql = false).await;
    assert_eq!(plain(world.anonymous().request(Method::GET, "/")).await.status(), 404);
    assert_eq!(world.reader().query(SUBJECT).await.data(""), &json!({ "viewer": { "subject": "reader" } }));
    assert_eq!(plain(world.anonymous().request(Method::GET, "/playground/session")).await.status(), 404);
}
