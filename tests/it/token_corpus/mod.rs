//! Tokens that must not pass: forged, expired, malformed and confused ones, each through the whole gateway.
//!
//! Every case is asked twice: the verifier by itself, which must refuse it for the reason that the case is about, and
//! the gateway over HTTP, which must answer 401 with that reason and nothing else, and soon. The good tokens that the
//! cases were made of must pass.

mod claims;
mod forge;
mod forms;
mod headers;
mod signatures;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chrono::Utc;
use contact_gateway::auth::{Provider, TokenVerifier};
use futures_util::FutureExt;
use reqwest::{
    Method,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use self::forge::{Case, Forge, ISSUERS, Of, Refusal, encode, signed};
use crate::support::{Reply, World};

/// No token takes longer than this to be refused, on the slowest of machines.
const SOON: Duration = Duration::from_secs(5);
const QUERY: &str = "{ viewer { subject } }";

/// A gateway with all the issuers; their key sets are in the folder.
async fn world() -> (World, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::on_sqlite().await;
    let world = world
        .restarted(|config| {
            config.auth.issuers = ISSUERS.map(|of| of.configured(folder.path())).to_vec();
        })
        .await;
    (world, folder)
}

fn corpus(forge: Forge) -> Vec<Case> {
    [headers::cases(forge), forms::cases(forge), signatures::cases(forge), claims::cases(forge)]
        .into_iter()
        .flatten()
        .collect()
}

/// A token with which the head of a request is longer than the server reads.
const LONG: usize = 60 * 1024;

#[tokio::test]
async fn none_of_them_passes() {
    let (world, _folder) = world().await;
    let verifier = TokenVerifier::new(world.config.issuers()).expect("good keys");
    let now = Utc::now();
    let cases = corpus(Forge { now: now.timestamp() });
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    assert!(cases.len() >= 200, "{} cases", cases.len());

    let mut wrong = Vec::new();
    for case in &cases {
        let refused = verifier.verify(&case.token, now).now_or_never();
        let refused = refused.and_then(Result::err);
        if refused.as_ref().map(Refusal::from) != Some(case.refusal) {
            wrong.push(format!("{}: {refused:?} instead of {:?}", case.name, case.refusal));
        }
        let reason = refused.map(|error| error.to_string()).unwrap_or_default();
        if let Some(complaint) = complaint(&world, case, &reason).await {
            wrong.push(complaint);
        }
    }
    assert_eq!(wrong, [""; 0], "{} of {}", wrong.len(), cases.len());
}

/// The same tokens, of issuers whose claims are mapped as those of each provider. What is wrong about some of them is a claim
/// that the provider does not have, or a form that it does have: these name no organization that is known, and get nothing.
#[tokio::test]
async fn none_of_them_grants_anything_under_a_preset() {
    let (mut world, folder) = world().await;
    for provider in Provider::ALL {
        let issuers = ISSUERS.map(|of| {
            let mut issuer = of.configured(folder.path());
            issuer.verification.rules.mapping = provider.mapping();
            issuer
        });
        world = world.restarted(|config| config.auth.issuers = issuers.to_vec()).await;
        let verifier = TokenVerifier::new(world.config.issuers()).expect("good keys");
        let now = Utc::now();
        let cases = corpus(Forge { now: now.timestamp() });
        let mut harmless = 0;
        for case in &cases {
            let Some(Ok(claims)) = verifier.verify(&case.token, now).now_or_never() else { continue };
            let is_about_these = ["scope", "orgs", "org_id"].iter().any(|claim| {
                case.name.starts_with("payload: an organization")
                    || case.name.contains(&format!("\"{claim}\":"))
                    || case.name == "a known claim of lists in lists"
            });
            assert!(is_about_these, "{provider:?}: {}: {claims:?}", case.name);
            assert_eq!(claims.organizations, [0_i64; 0], "{provider:?}: {}", case.name);
            harmless += 1;
            let actor = world.anonymous().with_token(&case.token);
            let reply = actor.query("{ partners { nodes { id } } }").await;
            assert!(reply.body["data"]["partners"].is_null(), "{provider:?}: {}: {}", case.name, reply.body);
            assert!(
                ["FORBIDDEN", "BAD_REQUEST"].iter().any(|code| reply.errors()[0].starts_with(code)),
                "{}",
                reply.body
            );
        }
        assert!(harmless < cases.len() / 10, "{provider:?}: {harmless} of {}", cases.len());
    }
}

/// What is wrong with the gateway's answer to a token that it must refuse.
async fn complaint(world: &World, case: &Case, reason: &str) -> Option<String> {
    let start = Instant::now();
    let problem = match HeaderValue::from_bytes(format!("Bearer {}", case.token).as_bytes()) {
        Ok(value) => {
            let reply = ask(world, value).await;
            if case.token.len() > LONG {
                // So long a head is rejected before the token is read.
                return (reply.status != 431).then(|| format!("{}: {}", case.name, reply.status));
            }
            // The reason is returned for tokens that fit into a header; others are trimmed or refused before.
            let has_reason = !case.token.bytes().all(|byte| byte.is_ascii_graphic())
                || reply.body["errors"][0]["message"] == *reason;
            (!refused(&reply) || !has_reason).then(|| format!("{} {}", reply.status, reply.body))
        }
        Err(_) => {
            let status = raw_status(world, &case.token).await;
            (status != Some(400)).then(|| format!("a raw request got {status:?}"))
        }
    };
    let problem = problem.or_else(|| (start.elapsed() > SOON).then(|| format!("took {:?}", start.elapsed())));
    problem.map(|problem| format!("{}: {problem}", case.name))
}

async fn ask(world: &World, authorization: HeaderValue) -> Reply {
    let request = world.anonymous().request(Method::POST, "/graphql").header(AUTHORIZATION, authorization);
    Reply::of(request.json(&json!({ "query": QUERY }))).await
}

/// A 401 that invites to come with a token, and tells nothing but why.
fn refused(reply: &Reply) -> bool {
    let errors = reply.body["errors"].as_array().map_or(0, Vec::len);
    reply.status == 401
        && reply.headers.get("www-authenticate").is_some_and(|value| value == "Bearer")
        && reply.body.get("data").is_none_or(Value::is_null)
        && errors == 1
        && reply.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
}

/// The status of a request that no client library would send.
async fn raw_status(world: &World, token: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(world.address()).await.ok()?;
    let head = format!(
        "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}"
    );
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await.ok()?.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn the_good_ones_pass() {
    let (world, _folder) = world().await;
    let forge = Forge { now: Utc::now().timestamp() };
    let mut good: Vec<(String, String)> =
        ISSUERS.map(|of| (format!("{of:?}"), forge.good(of))).into_iter().collect();
    let hs = |changes: Value| (changes.to_string(), forge.with_claims(Of::Hs, changes));
    good.extend([
        hs(json!({ "aud": ["other", "gateway"] })),
        hs(json!({ "exp": forge.now as f64 + 60.75, "iat": forge.now as f64 - 0.5 })),
        hs(json!({ "exp": forge.now - 5 })),
        hs(json!({ "iat": "absent", "scope": "absent", "orgs": "absent" })),
        hs(json!({ "iat": null, "scope": null, "orgs": null, "nbf": null, "org_id": null })),
        hs(json!({ "orgs": "absent", "org_id": 1 })),
        hs(json!({ "orgs": [1, 1, 2, i64::MAX] })),
        hs(json!({ "nbf": forge.now + 20, "iat": forge.now + 20 })),
        hs(json!({ "scope": "openid contacts:read  profile" })),
        hs(json!({ "sub": "Zoë|auth0:🦀", "email": 7, "roles": [{ "a": [] }] })),
    ]);
    let header = |of: Of, changes: Value| (format!("{of:?} {changes}"), forge.with_header(of, changes));
    good.extend([
        header(Of::Hs, json!({ "typ": "absent" })),
        header(Of::Hs, json!({ "typ": null, "cty": 7 })),
        header(Of::Hs, json!({ "typ": "at+jwt" })),
        // What says nothing about this issuer is not read. Without crit, b64 changes nothing: the signature is of the
        // very bytes that were read.
        header(Of::Hs, json!({ "kid": "whatever", "b64": false, "jku": "https://attacker.test", "jwk": { "kty": "oct" } })),
        header(Of::OneKeySet, json!({ "kid": "absent" })),
        ("ECDSA's other root".to_owned(), signatures::mirrored(&forge.good(Of::Es))),
        ("spaces in JSON".to_owned(), signed(Of::Hs, " {\"alg\": \"HS256\"}\n", forge.claims(Of::Hs).to_string())),
    ]);
    let room = 8 * 1024 - forge.with_claims(Of::Hs, json!({ "x": "" })).len();
    let largest = forge.with_claims(Of::Hs, json!({ "x": "x".repeat(room / 4 * 3 - 2) }));
    assert!((8 * 1024 - 8..=8 * 1024).contains(&largest.len()), "{}", largest.len());
    good.push(("8 KiB".to_owned(), largest));

    for (name, token) in good {
        let reply = ask(&world, HeaderValue::from_str(&format!("Bearer {token}")).expect("a header")).await;
        assert_ne!(
            reply.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
            "{name}: {}",
            reply.body
        );
        assert_eq!(reply.status, 200, "{name}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_token_comes_in_one_header_in_one_way() {
    let (world, _folder) = world().await;
    let forge = Forge { now: Utc::now().timestamp() };
    let (token, other) = (forge.good(Of::Hs), forge.good(Of::Rs));
    let text = |value: String| HeaderValue::from_str(&value).expect("a header");
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "] {
        assert_eq!(ask(&world, text(format!("{scheme} {token}"))).await.status, 200, "{scheme:?}");
    }
    let basic = encode(format!("alice:{token}"));
    let refusals = [
        token.clone(),
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer{token}"),
        format!("Bearer\t{token}"),
        format!("Bearer:{token}"),
        format!("Bearer={token}"),
        format!("Bearer: {token}"),
        format!("Bearer, {token}"),
        format!("Bearer {token},"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} {other}"),
        format!("Bearer {token}; x=1"),
        format!("Bearer \"{token}\""),
        format!("Bearer <{token}>"),
        format!("Bearer access_token={token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearers {token}"),
        format!("Token {token}"),
        format!("JWT {token}"),
        format!("DPoP {token}"),
        format!("Basic {basic}"),
        format!("Basic {token}"),
        format!("Digest username=\"alice\", response=\"{token}\""),
        format!("Negotiate {token}"),
        format!(" {token}"),
    ];
    for value in refusals {
        let reply = ask(&world, text(value.clone())).await;
        assert!(refused(&reply), "{value:?}: {}", reply.body);
    }

    // Which of two would count is a guess that two readers make differently.
    for second in [&token, &other, "x"] {
        let request =
            world.anonymous().request(Method::POST, "/graphql").bearer_auth(&token).bearer_auth(second);
        let reply = Reply::of(request.json(&json!({ "query": QUERY }))).await;
        assert_eq!((reply.status.as_u16(), reply.errors()), (400, vec!["BAD_REQUEST".to_owned()]));
    }
}

#[tokio::test]
async fn a_token_elsewhere_is_no_token() {
    let (world, _folder) = world().await;
    let token = Forge { now: Utc::now().timestamp() }.good(Of::Hs);
    for name in [
        "x-authorization",
        "proxy-authorization",
        "cookie",
        "x-access-token",
        "sec-websocket-protocol",
        "x-jwt",
    ] {
        let value =
            if name == "cookie" { format!("access_token={token}") } else { format!("Bearer {token}") };
        let name: HeaderName = name.parse().expect("a name");
        let request = world.anonymous().request(Method::POST, "/graphql").header(&name, value);
        assert!(refused(&Reply::of(request.json(&json!({ "query": QUERY }))).await), "{name}");
    }
    for name in ["access_token", "token", "authorization", "jwt"] {
        let path = format!("/graphql?{name}={token}");
        let by_post = world.anonymous().request(Method::POST, &path).json(&json!({ "query": QUERY }));
        assert!(refused(&Reply::of(by_post).await), "{name}");
        let by_get = world.anonymous().request(Method::GET, &format!("{path}&query=%7B__typename%7D"));
        assert!(refused(&Reply::of(by_get).await), "{name}");
    }
    let body = json!({ "query": QUERY, "access_token": token, "extensions": { "authorization": token } });
    let in_body = world.anonymous().request(Method::POST, "/graphql").json(&body);
    assert!(refused(&Reply::of(in_body).await));
}
