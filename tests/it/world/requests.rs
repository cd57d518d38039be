//! Requests as client libraries, proxies and editors send them: what is not understood is ignored, what is understood keeps its
//! type.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use url::form_urlencoded;

use super::assert_helpful;
use crate::{
    sockets::client::{Client, Heard, message},
    support::{Actor, Reply, World, on_both},
};

on_both!(
    members_that_are_not_understood_are_ignored,
    wrong_types_of_known_members_are_named,
    parameters_that_are_not_understood_are_ignored,
    known_parameters_are_checked_and_named,
    content_types_mean_what_they_say,
    content_encodings_mean_what_they_say,
    rest_bodies_are_strict,
);

const SUBJECT: &str = "{ viewer { subject } }";
/// The most bytes of a body.
const LIMIT: usize = 1024 * 1024;

fn post(actor: &Actor, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    actor.request(Method::POST, path).header("content-type", "application/json").body(body)
}

/// Bodies of which the query alone is understood.
const BODIES: &[&str] = &[
    r#"{"query":"Q","id":"ViewerQuery"}"#,
    r#"{"query":"Q","queryId":7}"#,
    r#"{"query":"Q","key":null}"#,
    r#"{"query":"Q","hash":"abc","version":1}"#,
    r#"{"query":"Q","operationKind":"query"}"#,
    r#"{"query":"Q","operationType":"query","cacheID":"0123"}"#,
    r#"{"query":"Q","operation_name":"Other"}"#,
    r#"{"query":"Q","operationname":7}"#,
    r#"{"query":"Q","Query":7,"VARIABLES":[]}"#,
    r#"{"query":"Q","context":{"headers":{"a":"b"}}}"#,
    r#"{"query":"Q","headers":{},"credentials":"include"}"#,
    r#"{"query":"Q","metadata":{"a":[[[]]]},"debugName":"x"}"#,
    r#"{"query":"Q","extraParam1":"value1","extraParam1":"value2"}"#,
    r#"{"query":"Q","":"","__proto__":{"a":1}}"#,
    r#"{"query":"Q","isPersisted":false,"fetchPolicy":"no-cache"}"#,
    r#"{"query":"Q","number":1e400,"text":"\u0000"}"#,
    r#"{"doc":"x","query":"Q"}"#,
    r#"{"query":"Q","extensions":{"clientLibrary":{"name":"@apollo/client","version":"4.0.0"}}}"#,
    r#"{"query":"Q","extensions":{"tracing":true,"":[]}}"#,
    r#"{"query":"Q","extensions":{}}"#,
    r#"{"query":"Q","extensions":null,"variables":null,"operationName":null}"#,
    r#"{"query":"Q","extensions":{"persistedQuery":null}}"#,
    r#"{"query":"Q","extensions":{"persistedQuery":{"version":1,"sha256Hash":"HASH","extra":[]}}}"#,
    r#"{"query":"Q","extensions":{"persistedQuery":{"version":1.0,"sha256Hash":"HASH"}}}"#,
    r#"{"query":"Q","operationName":""}"#,
    r#"{"query":"Q","documentId":""}"#,
    r#"{"query":"Q","doc_id":"","documentId":null}"#,
    r#"{"query":"Q","variables":{}}"#,
    r#"{"query":"Q","variables":{"unknown":{"a":1e400},"":null}}"#,
    "\u{feff}{\"query\":\"Q\"}",
    "\u{feff} \r\n\t{\"query\":\"Q\"}\r\n",
    "\n\n{\"query\":\"Q\"}\n",
    r#"{"query":"\uFEFFQ"}"#,
    r#"{"query":"query ViewerQuery { viewer { subject } }","operationName":"ViewerQuery","id":"ViewerQuery"}"#,
];

/// The body with the query and its hash.
fn filled(body: &str) -> String {
    let hash = contact_gateway::graphql::document::sha256(SUBJECT);
    body.replace("\"Q\"", &json!(SUBJECT).to_string())
        .replace("FQ\"", &format!("F{SUBJECT}\""))
        .replace("HASH", &hash)
}

async fn members_that_are_not_understood_are_ignored(world: World) {
    let reader = world.reader();
    for body in BODIES.iter().copied() {
        let body = filled(body);
        for path in ["/graphql", "/graphql?op=ViewerQuery&query=%7Bnobody%7D"] {
            let reply = Reply::of(post(&reader, path, body.clone())).await;
            assert_eq!(reply.text("/viewer/subject"), "reader", "{path} {body}");
        }
    }
}

/// Bodies that are refused, and the member that the message names.
const WRONG: &[(&str, &str)] = &[
    (r#"{"query":7}"#, "The member query is"),
    (r#"{"query":["{ __typename }"]}"#, "The member query is"),
    (r#"{"query":{}}"#, "The member query is"),
    (r#"{"query":true,"id":1}"#, "The member query is"),
    (r#"{"query":"Q","operationName":7}"#, "The member operationName is"),
    (r#"{"query":"Q","operationName":["A"]}"#, "The member operationName is"),
    (r#"{"query":"Q","operationName":false}"#, "The member operationName is"),
    (r#"{"query":"Q","variables":[]}"#, "The member variables is"),
    (r#"{"query":"Q","variables":"{}"}"#, "The member variables is"),
    (r#"{"query":"Q","variables":""}"#, "The member variables is"),
    (r#"{"query":"Q","variables":0}"#, "The member variables is"),
    (r#"{"query":"Q","extensions":[]}"#, "The member extensions is"),
    (r#"{"query":"Q","extensions":"x"}"#, "The member extensions is"),
    (r#"{"query":"Q","extensions":{"persistedQuery":[]}}"#, "The member extensions is"),
    (
        r#"{"query":"Q","extensions":{"persistedQuery":{"version":"1","sha256Hash":"a"}}}"#,
        "The member extensions is",
    ),
    (r#"{"query":"Q","extensions":{"persistedQuery":{"version":1}}}"#, "The member extensions is"),
    (r#"{"query":"Q","documentId":7}"#, "The member documentId is"),
    (r#"{"query":"Q","doc_id":{}}"#, "The member doc_id is"),
    (r#"{"query":"Q","query":"Q"}"#, "Send each member once"),
    (r#"{"query":"Q","operationName":null,"operationName":null}"#, "Send each member once"),
    (r#"[{"query":"Q"}]"#, "must be a JSON object"),
    ("\u{feff}\u{feff}{}", "must be a JSON object"),
];

async fn wrong_types_of_known_members_are_named(world: World) {
    for (body, part) in WRONG.iter().copied() {
        let reply = Reply::of(post(&world.reader(), "/graphql", filled(body))).await;
        assert_eq!((reply.status.as_u16(), reply.errors()), (400, vec!["BAD_REQUEST".to_owned()]), "{body}");
        let message = reply.body["errors"][0]["message"].as_str().expect("a message");
        assert_helpful(message, &[part], body);
    }
}

async fn parameters_that_are_not_understood_are_ignored(world: World) {
    let reader = world.reader();
    for parameters in [
        &[("tenant", "27")][..],
        &[("api_token", "secret"), ("csrf_token", "x")],
        &[("utm_source", "a"), ("utm_source", "b")],
        &[("_", "1700000000000")],
        &[("version", "2024-10"), ("explain", "true")],
        &[("operation_name", "Other")],
        &[("Query", "{ nobody }")],
        &[("id", "7"), ("hash", "")],
        &[("", "")],
        &[("query[]", "{ nobody }")],
        &[("query ", "{ nobody }")],
        &[("operationName", "")],
        &[("variables", "")],
        &[("variables", "null")],
        &[("variables", "{}")],
        &[("variables", "\u{feff}{ \"more\": 1e400 }")],
        &[("extensions", "")],
        &[("extensions", "null")],
        &[("extensions", r#"{"clientLibrary":{"name":"x"}}"#)],
        &[("documentId", ""), ("doc_id", "")],
        &[("lang", "\u{e9}\u{0}"), ("debug", "%zz")],
    ] {
        for own_first in [true, false] {
            let own = ("query", SUBJECT);
            let all: Vec<_> = if own_first {
                std::iter::once(&own).chain(parameters).collect()
            } else {
                parameters.iter().chain([&own]).collect()
            };
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
            let reply = Reply::of(reader.request(Method::GET, &format!("/graphql?{query}"))).await;
            assert_eq!(reply.text("/viewer/subject"), "reader", "{query}");
        }
    }
}

async fn known_parameters_are_checked_and_named(world: World) {
    for (parameters, part) in [
        (&[("query", SUBJECT)][..], "The parameter query was sent twice"),
        (&[("operationName", "A"), ("operationName", "A")], "The parameter operationName was sent twice"),
        (&[("variables", "[]")], "The parameter variables must be a JSON object"),
        (&[("variables", "7")], "The parameter variables must be a JSON object"),
        (&[("variables", "undefined")], "The parameter variables must be a JSON object"),
        (&[("variables", "[object Object]")], "The parameter variables must be a JSON object"),
        (&[("extensions", "\"\"")], "The parameter extensions must be a JSON object"),
        (&[("extensions", r#"{"persistedQuery":{"version":1}}"#)], "with version (1) and sha256Hash"),
        (&[("operationName", "Other")], "no operation of the name in operationName"),
    ] {
        let own = [("query", SUBJECT)];
        let all = own.iter().chain(parameters);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        let reply = Reply::of(world.reader().request(Method::GET, &format!("/graphql?{query}"))).await;
        assert_eq!((reply.status.as_u16(), reply.errors()), (400, vec!["BAD_REQUEST".to_owned()]), "{query}");
        assert_helpful(reply.body["errors"][0]["message"].as_str().expect("a message"), &[part], &query);
    }
}

async fn content_types_mean_what_they_say(world: World) {
    let contact = json!({ "firstName": "A", "email": "a" }).to_string();
    for (content_type, is_json) in [
        ("application/json", true),
        ("Application/Json", true),
        ("application/json;", true),
        ("application/json; charset=utf-8", true),
        ("application/json;charset=UTF-8", true),
        ("application/json; charset=utf8", true),
        ("application/json; charset=UTF8", true),
        ("application/json; charset=\"UTF-8\"", true),
        ("application/json; charset=\"utf8\"", true),
        ("application/json; Charset=Utf-8", true),
        ("application/json; charset=utf-8; charset=utf-8", true),
        ("application/json; odata.metadata=minimal; charset=utf-8", true),
        ("application/json ; charset = utf-8", true),
        ("application/json; ieee754compatible=true", true),
        ("application/json; charset=utf-16", false),
        ("application/json; charset=\"utf-16le\"", false),
        ("application/json; charset=iso-8859-1", false),
        ("application/json; charset=windows-1252", false),
        ("application/json; charset=x-windows-949", false),
        ("application/json; charset=gbk", false),
        ("application/json; charset=", false),
        ("application/json; charset=utf-8, utf-16", false),
        ("application/jsonl", false),
        ("text/json", false),
        ("application/vnd.api+json", false),
        ("", false),
    ] {
        let reader = world.writer();
        let graphql = reader.request(Method::POST, "/graphql").header("content-type", content_type);
        let graphql = Reply::of(graphql.body(json!({ "query": SUBJECT }).to_string())).await;
        let rest = reader.request(Method::POST, "/v1/accounts/contacts").header("content-type", content_type);
        let rest = Reply::of(rest.body(contact.clone())).await;
        // The contact has no email address.
        let expected = if is_json { (200, 400) } else { (415, 415) };
        assert_eq!((graphql.status.as_u16(), rest.status.as_u16()), expected, "{content_type}");
        if !is_json {
            let message = graphql.body["errors"][0]["message"].as_str().expect("a message");
            assert_helpful(message, &["Content-Type: application/json", "UTF-8"], content_type);
            assert!(!graphql.headers.contains_key("accept-encoding"), "{content_type}");
            assert_helpful(
                rest.body["message"].as_str().expect("a message"),
                &["Content-Type"],
                content_type,
            );
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// So many bytes, a body and blanks.
fn long(body: &str, length: usize) -> Vec<u8> {
    let mut bytes = body.as_bytes().to_vec();
    bytes.resize(length, b' ');
    bytes
}

/// With a window of 128 MiB, as `zstd --ultra --long=27` writes it.
fn wide_zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.window_log(27).and_then(|()| encoder.include_contentsize(false)).expect("a window");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// How a body is encoded.
type Encode = fn(&[u8]) -> Vec<u8>;

async fn content_encodings_mean_what_they_say(world: World) {
    let query = json!({ "query": SUBJECT }).to_string();
    let contact = json!({ "firstName": "A", "email": "a" }).to_string();
    let plain: Encode = <[u8]>::to_vec;
    let twice: Encode = |bytes| {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        [gzip(first), gzip(second)].concat()
    };
    let frames: Encode = |bytes| {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        [zstd(first), zstd(second)].concat()
    };
    let cut: Encode = |bytes| {
        let mut gzip = gzip(bytes);
        gzip.truncate(gzip.len() - 9);
        gzip
    };
    let cut_zstd: Encode = |bytes| {
        let mut zstd = zstd(bytes);
        zstd.truncate(zstd.len() - 3);
        zstd
    };
    let garbage: Encode = |bytes| [gzip(bytes), b"garbage".to_vec()].concat();
    let full: Encode = |bytes| gzip(&long(str::from_utf8(bytes).expect("a text"), LIMIT));
    let full_zstd: Encode = |bytes| zstd(&long(str::from_utf8(bytes).expect("a text"), LIMIT));
    let over: Encode = |bytes| gzip(&long(str::from_utf8(bytes).expect("a text"), LIMIT + 1));
    let over_zstd: Encode = |bytes| zstd(&long(str::from_utf8(bytes).expect("a text"), LIMIT + 1));
    let bomb: Encode = |bytes| gzip(&long(str::from_utf8(bytes).expect("a text"), 64 * LIMIT));
    let bomb_zstd: Encode = |bytes| zstd(&long(str::from_utf8(bytes).expect("a text"), 64 * LIMIT));
    let (gzip, zstd, wide_zstd): (Encode, Encode, Encode) = (gzip, zstd, wide_zstd);
    for (name, encodings, encode, status) in [
        ("none", &[][..], plain, 200),
        ("empty", &[""], plain, 200),
        ("identity", &["identity"], plain, 200),
        ("in capitals", &["Identity"], plain, 200),
        ("identity twice", &["identity, identity"], plain, 200),
        ("on two lines", &["identity", "identity"], plain, 200),
        ("gzip", &["gzip"], gzip, 200),
        ("gzip in capitals", &["GZIP"], gzip, 200),
        ("its other name", &["x-gzip"], gzip, 200),
        ("gzip and identity", &["gzip, identity"], gzip, 200),
        ("identity and gzip", &["identity", "gzip"], gzip, 200),
        ("two members", &["gzip"], twice, 200),
        ("zstd", &["zstd"], zstd, 200),
        ("zstd in capitals", &[" ZSTD "], zstd, 200),
        ("two frames", &["zstd"], frames, 200),
        ("as long as a body may be", &["gzip"], full, 200),
        ("the same by zstd", &["zstd"], full_zstd, 200),
        ("a byte more", &["gzip"], over, 413),
        ("the same by zstd", &["zstd"], over_zstd, 413),
        ("a bomb", &["gzip"], bomb, 413),
        ("a bomb by zstd", &["zstd"], bomb_zstd, 413),
        ("no gzip", &["gzip"], plain, 400),
        ("no zstd", &["zstd"], plain, 400),
        ("zstd as gzip", &["gzip"], zstd, 400),
        ("gzip as zstd", &["zstd"], gzip, 400),
        ("cut gzip", &["gzip"], cut, 400),
        ("cut zstd", &["zstd"], cut_zstd, 400),
        ("garbage at the end", &["gzip"], garbage, 400),
        ("a wide window", &["zstd"], wide_zstd, 400),
        ("gzip that is not announced", &[], gzip, 400),
        ("brotli", &["br"], plain, 415),
        ("deflate", &["deflate"], plain, 415),
        ("compress", &["compress"], plain, 415),
        ("anything", &["*"], plain, 415),
        ("a charset", &["utf-8"], plain, 415),
        ("gzip twice", &["gzip, gzip"], gzip, 415),
        ("gzip and zstd", &["gzip", "zstd"], zstd, 415),
        ("gzip and brotli", &["gzip, br"], gzip, 415),
    ] {
        for (path, body) in [("/graphql", &query), ("/v1/accounts/contacts", &contact)] {
            let mut request = post(&world.writer(), path, encode(body.as_bytes()));
            for encoding in encodings {
                request = request.header("content-encoding", *encoding);
            }
            let begin = Instant::now();
            let reply = Reply::of(request).await;
            assert!(begin.elapsed() < Duration::from_secs(5), "{name}: {:?}", begin.elapsed());
            let is_graphql = path == "/graphql";
            // The contact has no email address: it was read.
            let expected = if status == 200 && !is_graphql { 400 } else { status };
            assert_eq!(reply.status, expected, "{path} {name}: {}", reply.body);
            let message =
                if is_graphql { &reply.body["errors"][0]["message"] } else { &reply.body["message"] };
            let message = message.as_str().unwrap_or_default();
            match status {
                413 => assert_helpful(message, &["1048576 bytes, decompressed", "Send less"], name),
                415 => {
                    assert_helpful(message, &["Content-Encoding", "uncompressed", "gzip and zstd"], name);
                    assert_eq!(reply.headers["accept-encoding"], "gzip, zstd, identity", "{name}");
                }
                400 if !encodings.is_empty() => {
                    assert_helpful(message, &["cannot be decompressed", "Content-Encoding"], name);
                }
                200 if !is_graphql => assert!(reply.body["message"].is_array(), "{name}: {}", reply.body),
                _ => {}
            }
        }
    }
}

/// What GraphQL ignores, REST refuses: a field that is not stored would be lost.
async fn rest_bodies_are_strict(world: World) {
    for (body, part) in [
        (
            r#"{"firstName":"A","email":"a@example.com","nickname":"B"}"#,
            "nickname: Unknown field. Remove it.",
        ),
        (r#"{"firstName":"A","email":"a@example.com","":1}"#, ": Unknown field. Remove it."),
        (r#"{"firstName":"A","email":"a@example.com","FirstName":"B"}"#, "FirstName: Unknown field"),
        (r#"{"firstName":"A","email":"a@example.com","id":"x"}"#, "id: "),
    ] {
        let reply = post(&world.writer(), "/v1/accounts/contacts", body);
        let reply = world.nothing_written(Reply::of(reply)).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(
            reply.body["message"][0].as_str().is_some_and(|it| it.contains(part)),
            "{body}: {}",
            reply.body
        );
    }
    let path = "/v1/accounts/contacts?utm_source=x";
    let reply = Reply::of(world.reader().request(Method::GET, path)).await;
    assert_eq!(reply.body["message"], json!(["utm_source: Unknown parameter. Remove it."]));
    for body in [
        "\u{feff}{\"firstName\":\"A\",\"email\":\"a@example.com\"}",
        "{\"firstName\":\"B\",\"email\":\"b@example.com\"}\r\n",
    ] {
        let reply = Reply::of(post(&world.writer(), "/v1/accounts/contacts", body)).await;
        assert_eq!(reply.status, 201, "{body}: {}", reply.body);
    }
}

/// Messages of a socket that are understood in spite of what they have besides, and what comes of each.
#[tokio::test]
async fn members_of_messages_that_are_not_understood_are_ignored() {
    let world = World::on_sqlite().await;
    let token = format!("Bearer {}", world.reader().token());
    for payload in [
        json!({ "authorization": token }),
        json!({ "Authorization": token, "clientName": "ios", "version": 7, "features": [], "more": null }),
        json!({ "authorization": token, "headers": { "authorization": "Bearer other" }, "lang": {} }),
        json!({ "authorization": token, "X-Org-Id": 1.0, "authToken": "x" }),
    ] {
        let mut client = Client::open(world.address()).await;
        client.say(json!({ "type": "connection_init", "payload": payload, "id": 7, "extra": [] })).await;
        assert_eq!(client.hear().await, message(json!({ "type": "connection_ack" })), "{payload}");
        for (position, body) in BODIES.iter().copied().map(filled).enumerate() {
            let payload = body.trim_start_matches('\u{feff}').trim();
            let id = format!("{position}");
            let text = format!(
                "{}{{\"id\":\"{id}\",\"type\":\"subscribe\",\"payload\":{payload},\"extra\":{{}},\"token\":null}}",
                if position % 2 == 0 { "\u{feff}" } else { "" }
            );
            client.send(Message::text(text)).await;
            let next = client.hear_message().await;
            assert_eq!(next["payload"]["data"]["viewer"]["subject"], "reader", "{payload}: {next}");
            assert_eq!(client.hear().await, message(json!({ "id": id, "type": "complete" })));
        }
        for ping in [json!({ "type": "ping" }), json!({ "type": "ping", "payload": [1], "at": 7 })] {
            client.say(ping).await;
            assert_eq!(client.hear().await, message(json!({ "type": "pong" })));
        }
    }
    for (body, _) in WRONG.iter().copied() {
        let payload: Value = serde_json::from_str(&filled(body)).unwrap_or_default();
        // What a JSON value has no form for is the text's.
        if payload["query"] == SUBJECT && body.matches("\"query\"").count() > 1
            || body.matches("\"operationName\"").count() > 1
        {
            continue;
        }
        let mut client = Client::of(&world.reader(), world.address()).await;
        client.say(json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
        assert_eq!(client.hear().await, Heard::Close(4400), "{body}");
    }
}
