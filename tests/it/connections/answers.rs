//! Headers of all responses, and the encoding of bodies.

use reqwest::Method;
use serde_json::json;

use super::{
    gateway,
    wire::{Wire, get},
};
use crate::support::World;

#[tokio::test]
async fn every_answer_has_an_id_and_security_headers() {
    let world = gateway(|_| {}).await;
    let (too_long, mut wire) = (get(&format!("/?{}", "a".repeat(17_000))), Wire::to(world.address()).await);
    for (request, status) in [
        (get("/healthz"), 200),
        (get("/readyz"), 200),
        (get("/nowhere"), 404),
        (get("/healthz").replace("GET", "POST"), 405),
        (get("/graphql").replace("GET", "PUT"), 405),
        (get("/graphql"), 401),
        (too_long, 414),
    ] {
        let request = request.replace("\r\n\r\n", "\r\nx-request-id: the-request\r\n\r\n");
        let answer = wire.ask(&request).await.expect("an answer");
        assert_eq!(answer.status, status);
        for (name, value) in [
            ("x-request-id", "the-request"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status} {name}");
        }
    }
}

/// The encoding of a response, whether `vary` names it, and the body as it was sent.
async fn encoded(world: &World, document: &str, accepted: &str) -> (Option<String>, bool, Vec<u8>) {
    let request = world.reader().request(Method::POST, "/graphql").json(&json!({ "query": document }));
    let answer = request.header("accept-encoding", accepted).send().await.expect("an answer");
    let headers = answer.headers();
    let encoding = headers.get("content-encoding").map(|it| it.to_str().expect("text").to_owned());
    let varies = headers.get_all("vary").iter().any(|vary| vary == "accept-encoding");
    (encoding, varies, answer.bytes().await.expect("a body").to_vec())
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_ask() {
    let world = gateway(|_| {}).await;
    let (short, long) =
        ("{ viewer { subject } }", "{ countries(first: 100) { nodes { id isoCode a: isoCode } } }");
    let (encoding, _, whole) = encoded(&world, long, "identity").await;
    assert_eq!(encoding, None);
    for accepted in ["gzip", "br, gzip;q=0.5", "gzip, deflate, br, zstd"] {
        let (encoding, varies, body) = encoded(&world, long, accepted).await;
        assert_eq!((encoding.as_deref(), varies), (Some("gzip"), true), "{accepted}");
        assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < whole.len() / 2, "{} bytes", body.len());
    }
    for (document, accepted) in [(short, "gzip"), (long, "br"), (long, "gzip;q=0"), (long, "")] {
        assert_eq!(encoded(&world, document, accepted).await.0, None, "{accepted} {document}");
    }
    let world = world.restarted(|config| config.http.compression = false).await;
    assert_eq!(encoded(&world, long, "gzip").await.0, None);
}

#[tokio::test]
async fn caches_are_told_that_answers_depend_on_the_origin() {
    let good = "https://app.example.com";
    let world = gateway(|config| config.http.allowed_origins = vec![good.to_owned()]).await;
    for (method, origin) in
        [(Method::OPTIONS, good), (Method::GET, good), (Method::GET, "https://other.example")]
    {
        let request = world.anonymous().request(method.clone(), "/graphql").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let answer = request.send().await.expect("an answer");
        let mut vary = answer.headers().get_all("vary").iter().map(|vary| vary.to_str().expect("text"));
        assert!(vary.any(|vary| vary.contains("origin")), "{method} {origin}");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
}
