//! Tests of key sets that are kept fresh: rotation, removal, outages and bad answers, over real sockets and files.
//!
//! The pauses are short here, and every wait is bounded generously, because machines are slow at times.

use std::time::Instant;

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::super::key_ring::Pace;
use super::key_set::{jwk, set};
use super::stub::{Answer, Stub, response};
use super::*;

const MOMENT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

/// Nothing happens by itself, and nothing is waited for between readings.
const PATIENT: Pace =
    Pace { every: LONG, retry: LONG, pause: Duration::ZERO, patience: LONG, keep: Duration::from_hours(1) };
/// Readings follow each other at once.
const EAGER: Pace = Pace { every: MOMENT, retry: MOMENT, pause: LONG, patience: LONG, keep: LONG };

fn of(stub: &Stub, pace: Pace) -> TokenVerifier {
    let key = KeyMaterial::KeySetUrl(stub.url.clone());
    TokenVerifier::with_pace(vec![issuer(Algorithm::ES256, key)], pace).expect("a verifier")
}

/// A set with the test's key under these names.
fn keys(kids: &[&str]) -> String {
    let keys: Vec<Value> = kids.iter().map(|kid| jwk(Algorithm::ES256, json!({ "kid": kid }))).collect();
    set(&keys)
}

fn token_of(kid: Option<&str>) -> String {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = kid.map(str::to_owned);
    let key = EncodingKey::from_ec_pem(EC_PRIVATE.as_bytes()).expect("a key");
    jsonwebtoken::encode(&header, &good(), &key).expect("a token")
}

async fn verdict(verifier: &TokenVerifier, kid: &str) -> Result<(), Reason> {
    let token = token_of(Some(kid));
    let verdict = timeout(LONG * 2, verifier.verify(&token, now())).await.expect("an answer in time");
    verdict.map(drop).map_err(|error| Reason::from(&error))
}

/// Waits until the token of `kid` gets this verdict.
async fn becomes(verifier: &TokenVerifier, kid: &str, expected: Result<(), Reason>) {
    let wait = async {
        while verdict(verifier, kid).await != expected {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{kid} never becomes {expected:?}"));
}

#[tokio::test]
async fn the_first_token_waits_for_the_set_and_the_next_ones_do_not() {
    let stub = Stub::start(Answer::Late(MOMENT, keys(&["a", "b"]))).await;
    let verifier = of(&stub, PATIENT);
    assert!(!verifier.is_ready());
    assert_eq!(verdict(&verifier, "a").await, Ok(()));
    assert!(verifier.is_ready());
    for kid in ["a", "b"] {
        assert!(verifier.at_once(&token_of(Some(kid)), now()).is_ok());
    }
    assert_eq!(stub.requests(), 1);
}

#[tokio::test]
async fn a_hundred_requests_with_a_new_key_ask_once() {
    let pause = Duration::from_millis(500);
    let stub = Stub::start(Answer::Text(keys(&["old"]))).await;
    let verifier = of(&stub, Pace { pause, ..PATIENT });
    assert_eq!(verdict(&verifier, "old").await, Ok(()));
    // Just read: an unknown key is refused without asking.
    assert_eq!(verdict(&verifier, "new").await, Err(Reason::UnknownKey));
    assert_eq!(stub.requests(), 1);

    sleep(pause).await;
    stub.answer(Answer::Late(MOMENT * 2, keys(&["old", "new"])));
    let new = join_all((0..100).map(|_| verdict(&verifier, "new")));
    let old = async {
        stub.wait_for_requests(1).await;
        // While the set is on its way, known keys are not held up.
        assert!(verifier.at_once(&token_of(Some("old")), now()).is_ok());
    };
    let (new, ()) = tokio::join!(new, old);
    assert!(new.iter().all(Result::is_ok), "{new:?}");
    assert_eq!(stub.requests(), 2);
}

#[tokio::test]
async fn unknown_keys_make_no_flood() {
    let pause = Duration::from_millis(200);
    let stub = Stub::start(Answer::Text(keys(&["a"]))).await;
    let verifier = of(&stub, Pace { pause, ..PATIENT });
    assert_eq!(verdict(&verifier, "a").await, Ok(()));
    let start = Instant::now();
    while start.elapsed() < pause * 5 {
        assert_eq!(verdict(&verifier, "nobody's").await, Err(Reason::UnknownKey));
        sleep(Duration::from_millis(1)).await;
    }
    let most = start.elapsed().as_millis() / pause.as_millis() + 2;
    assert!(stub.requests() as u128 <= most, "{} readings", stub.requests());
    assert!(stub.requests() > 1);
}

#[tokio::test]
async fn a_removed_key_dies_and_a_new_one_lives_without_being_asked_for() {
    let stub = Stub::start(Answer::Text(keys(&["old"]))).await;
    let verifier = of(&stub, EAGER);
    becomes(&verifier, "old", Ok(())).await;
    stub.answer(Answer::Text(keys(&["new"])));
    becomes(&verifier, "old", Err(Reason::UnknownKey)).await;
    assert_eq!(verdict(&verifier, "new").await, Ok(()));
}

#[test]
fn a_removed_key_dies_within_five_minutes() {
    let Pace { every, patience, pause, keep, .. } = Pace::default();
    assert!(every + patience < Duration::from_mins(5));
    assert_eq!((pause, keep), (Duration::from_secs(30), Duration::from_hours(1)));
}

#[tokio::test]
async fn no_bad_answer_replaces_a_good_set() {
    let elsewhere = Stub::start(Answer::Text(keys(&["b"]))).await;
    let redirect = format!("location: {}\r\n", elsewhere.url);
    let (b, large) = (keys(&["b"]), format!("{}{}", " ".repeat(256 * 1024), keys(&["b"])));
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let answers = [
        Answer::Text(String::new()),
        Answer::Text("<!doctype html><title>Sign in</title>".to_owned()),
        Answer::Text(set(&[])),
        Answer::Text(set(&[jwk(Algorithm::RS256, json!({ "kid": "b" }))])),
        Answer::Text(large.clone()),
        Answer::Raw(format!("{chunked}{:x}\r\n{large}\r\n0\r\n\r\n", large.len())),
        Answer::Raw(format!("{chunked}{:x}\r\n{b}", b.len() + 1)),
        Answer::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{b}", b.len() + 1)),
        Answer::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{b}", "x".repeat(1024 * 1024))),
        Answer::Raw("SSH-2.0-x\r\n".to_owned()),
        Answer::Raw(String::new()),
        response("500 Internal Server Error", "", &b),
        response("404 Not Found", "", &b),
        response("203 Other", "", &b),
        response("204 No Content", "", ""),
        response("302 Found", &redirect, &b),
        response("307 Temporary Redirect", &redirect, ""),
        response("308 Permanent Redirect", &redirect, ""),
        Answer::Silence,
        Answer::Late(MOMENT * 4, b.clone()),
    ];
    for answer in answers {
        let stub = Stub::start(Answer::Text(keys(&["a"]))).await;
        let verifier = of(&stub, Pace { patience: MOMENT * 2, ..EAGER });
        becomes(&verifier, "a", Ok(())).await;
        stub.answer(answer.clone());
        // The second reading begins when the first one has been taken in.
        timeout(LONG, stub.wait_for_requests(3)).await.expect("readings");
        assert_eq!(verdict(&verifier, "a").await, Ok(()), "{answer:?}");
        assert_eq!(verdict(&verifier, "b").await, Err(Reason::KeysUnavailable), "{answer:?}");
        stub.answer(Answer::Text(keys(&["b"])));
        becomes(&verifier, "b", Ok(())).await;
    }
    assert_eq!(elsewhere.requests(), 0, "a redirect was followed");
}

#[tokio::test]
async fn the_last_good_set_is_kept_for_its_time_only() {
    let keep = Duration::from_millis(600);
    let stub = Stub::start(Answer::Text(keys(&["a"]))).await;
    let verifier = of(&stub, Pace { keep, ..EAGER });
    becomes(&verifier, "a", Ok(())).await;
    let start = Instant::now();
    stub.answer(response("503 Service Unavailable", "", ""));
    becomes(&verifier, "a", Err(Reason::KeysUnavailable)).await;
    assert!(start.elapsed() > keep / 2, "{:?}", start.elapsed());
    assert!(verifier.is_ready(), "an outage is no reason to send everybody away");
    stub.answer(Answer::Text(keys(&["a"])));
    becomes(&verifier, "a", Ok(())).await;
}

#[tokio::test]
async fn an_issuer_that_is_late_is_asked_again() {
    let stub = Stub::start(response("502 Bad Gateway", "", "")).await;
    let verifier = of(&stub, EAGER);
    assert_eq!(verdict(&verifier, "a").await, Err(Reason::KeysUnavailable));
    assert!(!verifier.is_ready());
    stub.answer(Answer::Text(keys(&["a"])));
    becomes(&verifier, "a", Ok(())).await;
    assert!(verifier.is_ready());
}

#[tokio::test]
async fn waiting_is_bounded_in_time_and_number() {
    let stub = Stub::start(Answer::Silence).await;
    let verifier = of(&stub, Pace { patience: Duration::from_millis(500), ..PATIENT });
    let start = Instant::now();
    let at_once = async {
        stub.wait_for_requests(1).await;
        // 128 wait already; this one does not.
        assert_eq!(verifier.at_once(&token_of(Some("a")), now()), Err(Reason::KeysUnavailable));
    };
    let (waiting, ()) = tokio::join!(join_all((0..128).map(|_| verdict(&verifier, "a"))), at_once);
    assert!(waiting.iter().all(|verdict| *verdict == Err(Reason::KeysUnavailable)), "{waiting:?}");
    assert!(start.elapsed() < LONG / 2);
}

#[tokio::test]
async fn without_a_kid_a_set_must_have_one_key() {
    let stub = Stub::start(Answer::Text(keys(&["a"]))).await;
    let verifier = of(&stub, EAGER);
    assert!(verifier.verify(&token_of(None), now()).await.is_ok());
    stub.answer(Answer::Text(keys(&["a", "b"])));
    becomes(&verifier, "b", Ok(())).await;
    // Both names stand for the same key material, but the token does not say which it means.
    assert_eq!(verifier.at_once(&token_of(None), now()), Err(Reason::UnknownKey));
}

#[tokio::test]
async fn an_issuer_in_trouble_does_not_touch_the_others() {
    let (bad, good) = (Stub::start(Answer::Silence).await, Stub::start(Answer::Text(keys(&["a"]))).await);
    let url = |stub: &Stub| KeyMaterial::KeySetUrl(stub.url.clone());
    let other = IssuerConfig { issuer: "other".to_owned(), ..issuer(Algorithm::ES256, url(&bad)) };
    let issuers = vec![other, issuer(Algorithm::ES256, url(&good))];
    let verifier = TokenVerifier::with_pace(issuers, PATIENT).expect("a verifier");
    assert_eq!(verdict(&verifier, "a").await, Ok(()));
    assert!(verifier.is_ready());
}

#[tokio::test]
async fn other_rules_of_an_issuer_keep_its_keys_and_forget_its_tokens() {
    let stub = Stub::start(Answer::Text(keys(&["a"]))).await;
    let verifier = of(&stub, PATIENT);
    assert_eq!(verdict(&verifier, "a").await, Ok(()));
    stub.answer(response("503 Service Unavailable", "", ""));
    let mut config = issuer(Algorithm::ES256, KeyMaterial::KeySetUrl(stub.url.clone()));
    config.rules.max_lifetime = Some(Duration::from_mins(1));
    let changed = verifier.with_issuers(vec![config.clone()]).expect("a verifier");
    drop(verifier);
    assert!(changed.is_ready());
    assert_eq!(verdict(&changed, "a").await, Err(Reason::LifetimeTooLong));
    config.rules.max_lifetime = None;
    let changed = changed.with_issuers(vec![config.clone()]).expect("a verifier");
    assert_eq!(verdict(&changed, "a").await, Ok(()));
    assert_eq!(stub.requests(), 1);

    let with = |change: fn(&mut IssuerConfig)| {
        let mut config = config.clone();
        change(&mut config);
        changed.with_issuers(vec![config]).expect("a verifier")
    };
    assert!(!with(|config| config.issuer = "other".to_owned()).is_ready());
    assert!(!with(|config| config.algorithms = Algorithm::ES384.into()).is_ready());
    let another = |config: &mut IssuerConfig| {
        config.key = KeyMaterial::KeySetUrl("http://127.0.0.1:1/".parse().expect("an address"));
    };
    assert!(!with(another).is_ready());
}

#[tokio::test]
async fn a_file_is_read_again() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("keys.json");
    std::fs::write(&file, keys(&["old"])).expect("a file");
    let key = KeyMaterial::KeySetFile(file.clone());
    let verifier = TokenVerifier::with_pace(vec![issuer(Algorithm::ES256, key)], EAGER).expect("a verifier");
    assert!(verifier.is_ready());
    assert!(verifier.at_once(&token_of(Some("old")), now()).is_ok());
    for text in ["", "{}", "{\"keys\":[]}"] {
        std::fs::write(&file, text).expect("a file");
        becomes(&verifier, "new", Err(Reason::KeysUnavailable)).await;
        assert_eq!(verdict(&verifier, "old").await, Ok(()));
    }
    std::fs::remove_file(&file).expect("no file");
    becomes(&verifier, "new", Err(Reason::KeysUnavailable)).await;
    std::fs::write(&file, keys(&["new"])).expect("a file");
    becomes(&verifier, "new", Ok(())).await;
    becomes(&verifier, "old", Err(Reason::UnknownKey)).await;
}

#[test]
fn a_bad_file_or_address_is_refused_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("keys.json");
    let check = |key| issuer(Algorithm::ES256, key).check();
    let of_file = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        check(KeyMaterial::KeySetFile(file.clone()))
    };
    assert_eq!(of_file(&keys(&["a"])), Ok(()));
    assert_eq!(of_file("<html>"), Err(KeyError::KeySet(KeySetError::NotASet)));
    assert_eq!(of_file(&set(&[])), Err(KeyError::KeySet(KeySetError::NoUsableKey(Algorithm::ES256.into()))));
    assert_eq!(of_file(&" ".repeat(300_000)), Err(KeyError::Source(SourceError::TooLarge)));
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        assert_eq!(check(KeyMaterial::KeySetFile(path)), Err(KeyError::Source(SourceError::Unreadable)));
    }
    let of_url = |url: &str| check(KeyMaterial::KeySetUrl(url.parse().expect("an address")));
    for url in
        ["https://login.example.com/keys?x=1", "http://localhost:1/", "http://127.3.2.1/", "http://[::1]:8/"]
    {
        assert_eq!(of_url(url), Ok(()), "{url}");
    }
    for url in [
        "http://login.example.com/keys",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "https://user@login.example.com/",
        "https://:word@login.example.com/",
        "https://login.example.com/#keys",
        "ftp://localhost/",
        "file:///etc/passwd",
        "data:application/json,{}",
    ] {
        assert_eq!(of_url(url), Err(KeyError::Source(SourceError::Insecure)), "{url}");
    }
    let symmetric = issuer(Algorithm::HS256, KeyMaterial::KeySetFile(file.clone())).check();
    assert_eq!(symmetric, Err(KeyError::WrongKind(Algorithm::HS256)));
}
