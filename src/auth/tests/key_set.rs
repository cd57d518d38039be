//! Tests of key sets: which keys of one are used, and which key a token gets.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;

use super::super::key_set::{KeySet, KeySetError};
use super::*;

/// The public half of a test's key as a JWK, with some members put in place of its own; `null` takes one away.
pub(super) fn jwk(algorithm: Algorithm, changes: Value) -> Value {
    let key = match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_pem(RSA_PUBLIC.as_bytes()),
        Algorithm::ES256 => DecodingKey::from_ec_pem(EC_PUBLIC.as_bytes()),
        _ => DecodingKey::from_ed_pem(ED_PUBLIC.as_bytes()),
    };
    let external = algorithm.name().parse().expect("an algorithm");
    let jwk = Jwk::from_decoding_key(&key.expect("a key"), Some(external)).expect("a JWK");
    let mut jwk = serde_json::to_value(jwk).expect("JSON");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            jwk.as_object_mut().expect("an object").remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

pub(super) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn parse(algorithm: Algorithm, keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(algorithm.into(), set(keys).as_bytes())
}

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

#[test]
fn keys_of_the_algorithm_are_found_by_kid_and_the_others_are_not_there() {
    let keys = ASYMMETRIC.map(|algorithm| jwk(algorithm, json!({ "kid": algorithm.name() })));
    for algorithm in ASYMMETRIC {
        let set = parse(algorithm, &keys).expect("a set");
        assert_eq!((set.len(), set.ignored()), (1, 2));
        for other in ASYMMETRIC {
            assert_eq!(set.key(Some(other.name())).is_some(), other == algorithm);
        }
    }
}

#[test]
fn only_the_one_usable_key_needs_no_kid() {
    let (a, b) = (json!({ "kid": "a" }), json!({ "kid": "b" }));
    let ec = |changes| jwk(Algorithm::ES256, changes);
    let found = |keys: &[Value], kid| parse(Algorithm::ES256, keys).expect("a set").key(kid).is_some();
    let kidless = [ec(json!({}))];
    assert!(found(&kidless, None));
    assert!(!found(&kidless, Some("a")) && !found(&kidless, Some("")));
    let one = [ec(a.clone()), jwk(Algorithm::RS256, json!({ "kid": "b" }))];
    assert!(found(&one, None) && found(&one, Some("a")));
    assert!(!found(&one, Some("b")) && !found(&one, Some("A")) && !found(&one, Some("a ")));
    let two = [ec(a.clone()), ec(b)];
    assert!(!found(&two, None) && found(&two, Some("a")) && found(&two, Some("b")));
    // With another key beside it, a key without a name can't be meant.
    let mixed = [ec(a.clone()), ec(json!({ "use": "sig" }))];
    assert!(!found(&mixed, None) && found(&mixed, Some("a")));
    // The same key twice is one key.
    assert!(found(&[ec(a.clone()), ec(a)], None));
}

#[test]
fn different_keys_of_one_kid_are_both_left_out() {
    let key = |kid| jwk(Algorithm::ES256, json!({ "kid": kid }));
    let twin = |kid| {
        let swapped = key(kid);
        jwk(Algorithm::ES256, json!({ "kid": kid, "x": swapped["y"], "y": swapped["x"] }))
    };
    for keys in [[key("a"), twin("a"), key("b")], [twin("a"), key("b"), key("a")]] {
        let set = parse(Algorithm::ES256, &keys).expect("a set");
        assert!(set.key(Some("a")).is_none() && set.key(Some("b")).is_some() && set.key(None).is_none());
    }
    let nothing_left = parse(Algorithm::ES256, &[key("a"), twin("a")]);
    assert_eq!(nothing_left.expect_err("a refusal"), KeySetError::NoUsableKey(Algorithm::ES256.into()));
}

#[test]
fn what_does_not_fit_is_passed_over() {
    let changes = [
        json!({ "use": "enc" }),
        json!({ "use": "" }),
        json!({ "use": 7 }),
        json!({ "key_ops": ["sign"] }),
        json!({ "key_ops": [] }),
        json!({ "key_ops": "verify" }),
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "ES384" }),
        json!({ "kty": "oct", "k": "c2VjcmV0" }),
        json!({ "kty": "rsa" }),
        json!({ "kty": null }),
        json!({ "kid": 7 }),
        json!({ "kid": ["a"] }),
        json!({ "d": "AA" }),
        json!({ "d": {} }),
        json!({ "crv": "P-384", "n": "AA" }),
        json!({ "x": "AAAA", "e": "AA" }),
        json!({ "x": null, "n": null }),
        json!({ "x": "=", "n": "=" }),
    ];
    for changes in changes {
        for algorithm in ASYMMETRIC {
            let refused = parse(algorithm, &[jwk(algorithm, changes.clone())]);
            assert_eq!(
                refused.expect_err("a refusal"),
                KeySetError::NoUsableKey(algorithm.into()),
                "{changes}"
            );
            // And it does no harm to the key beside it.
            let beside = parse(algorithm, &[jwk(algorithm, changes.clone()), jwk(algorithm, json!({}))]);
            assert!(beside.expect("a set").key(None).is_some(), "{changes}");
        }
    }
    let accepted = [
        json!({ "use": "sig" }),
        json!({ "key_ops": ["verify"] }),
        json!({ "alg": null }),
        json!({ "x5c": 7 }),
    ];
    for changes in accepted {
        for algorithm in ASYMMETRIC {
            assert!(parse(algorithm, &[jwk(algorithm, changes.clone())]).is_ok(), "{changes}");
        }
    }
    assert!(parse(Algorithm::EdDSA, &[jwk(Algorithm::EdDSA, json!({ "alg": "Ed25519" }))]).is_ok());
}

#[test]
fn rsa_keys_have_a_size_and_an_exponent_that_can_be_trusted() {
    let modulus = |bytes: usize, first: u8| {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        URL_SAFE_NO_PAD.encode(n)
    };
    let usable =
        |n: &str, e: &str| parse(Algorithm::RS256, &[json!({ "kty": "RSA", "n": n, "e": e })]).is_ok();
    assert!(usable(&modulus(256, 0x80), "AQAB") && usable(&modulus(1024, 0xff), "AQAB"));
    // Some issuers write a leading zero.
    assert!(usable(&modulus(257, 0), "AQAB") && usable(&modulus(256, 0x80), "AAEAAQ"));
    assert!(!usable(&modulus(256, 0x7f), "AQAB") && !usable(&modulus(128, 0xff), "AQAB"));
    assert!(!usable(&modulus(1025, 1), "AQAB") && !usable("", "AQAB") && !usable("AA", "AQAB"));
    // 1, 2, 0, nothing, more than 32 bits.
    for exponent in ["AQ", "Ag", "AA", "", "AQAAAAE", "AQAB="] {
        assert!(!usable(&modulus(256, 0x80), exponent), "{exponent}");
    }
}

#[test]
fn a_set_is_an_object_with_keys() {
    let texts = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":[]",
        "<html></html>",
        "\u{feff}{}",
        "{\"keys\":[],\"keys\":[]}",
    ];
    for text in texts {
        assert_eq!(
            KeySet::parse(Algorithm::ES256.into(), text.as_bytes()).expect_err("a refusal"),
            KeySetError::NotASet,
            "{text}"
        );
    }
    let nothing = KeySetError::NoUsableKey(Algorithm::ES256.into());
    for keys in
        [json!([]), json!([null, 7, "x", [], {}]), json!([{ "kty": "oct", "k": "AA", "alg": "HS256" }])]
    {
        let text = json!({ "keys": keys }).to_string();
        assert_eq!(
            KeySet::parse(Algorithm::ES256.into(), text.as_bytes()).expect_err("a refusal"),
            nothing,
            "{text}"
        );
    }
    let twice =
        set(&[jwk(Algorithm::ES256, json!({}))]).replacen("{\"", "{\"kid\":\"a\",\"kid\":\"b\",\"", 2);
    assert!(KeySet::parse(Algorithm::ES256.into(), twice.as_bytes()).is_err());
    let deep = format!("{{\"keys\":[{}{}]}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(KeySet::parse(Algorithm::ES256.into(), deep.as_bytes()).is_err());
}
