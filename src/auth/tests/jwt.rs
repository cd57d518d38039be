//! Tests of the outer form: parts, header, algorithm, signature, size and keys.

use super::super::key_set::KeySet;
use super::key_set::{jwk, set};
use super::*;

#[test]
fn every_algorithm_verifies_its_own_tokens_and_no_others() {
    for (signed_by, signer, _) in signers() {
        let token = mint(&signer);
        for (algorithm, _, verifier) in signers() {
            let verified = verifier.at_once(&token, now());
            if algorithm == signed_by {
                let claims = verified.expect("a good token");
                assert_eq!(claims.subject, "alice");
                assert_eq!(claims.organizations, [1, 2]);
                assert_eq!(claims.scopes, Scopes::all());
                assert_eq!(claims.expires_at, now() + TimeDelta::hours(1));
            } else {
                assert_eq!(verified, Err(Reason::WrongAlgorithm), "{signed_by} at {algorithm}");
            }
        }
    }
}

#[test]
fn a_changed_byte_breaks_every_signature() {
    for (algorithm, signer, verifier) in signers() {
        let token = mint(&signer);
        for position in (0..token.len()).step_by(7) {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(verifier.at_once(&changed, now()).is_err(), "{algorithm}, byte {position}");
        }
    }
}

#[test]
fn several_issuers_are_told_apart_by_name_and_key() {
    let other = IssuerConfig { issuer: "other".to_owned(), ..issuer(Algorithm::RS256, pem(RSA_PUBLIC)) };
    let verifier = TokenVerifier::new(vec![issuer(Algorithm::HS256, secret()), other]).expect("good keys");
    assert!(verifier.at_once(&token(&good()), now()).is_ok());
    let pretender = token(&with(json!({ "iss": "other" })));
    assert_eq!(verifier.at_once(&pretender, now()), Err(Reason::WrongAlgorithm));
    let rsa = Signer::with_private_key("other", AUDIENCE, Algorithm::RS256, RSA_PRIVATE).expect("a signer");
    assert!(verifier.at_once(&mint(&rsa), now()).is_ok());
}

#[test]
fn a_public_key_is_no_secret_for_hs256() {
    let message = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(&good().to_string()));
    let key = EncodingKey::from_secret(RSA_PUBLIC.as_bytes());
    let signature =
        crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).expect("a signature");
    let forged = format!("{message}.{signature}");
    let verifier = verifier(Algorithm::RS256, pem(RSA_PUBLIC));
    assert_eq!(verifier.at_once(&forged, now()), Err(Reason::WrongAlgorithm));
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let payload = good().to_string();
    for name in ["none", "None", "HS384", "HS512", "hs256", "RS256", "", "HS256 "] {
        let token = signed(&json!({ "alg": name }).to_string(), &payload);
        assert_eq!(hs256().at_once(&token, now()), Err(Reason::WrongAlgorithm), "{name}");
    }
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&payload));
    assert_eq!(hs256().at_once(&unsigned, now()), Err(Reason::WrongAlgorithm));
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"HS256"}"#), encode(&payload));
    assert_eq!(hs256().at_once(&unsigned, now()), Err(Reason::BadSignature));
}

#[test]
fn keys_and_addresses_in_the_header_are_not_looked_at() {
    let header = json!({ "alg": "HS256", "kid": "../../etc/passwd", "jku": "https://evil.test/keys", "x5u": 7,
                         "jwk": { "kty": "oct", "k": "AAAA" }, "x5c": ["x"], "typ": null });
    assert!(hs256().at_once(&signed(&header.to_string(), &good().to_string()), now()).is_ok());

    let message = format!("{}.{}", encode(&header.to_string()), encode(&good().to_string()));
    let own_key = EncodingKey::from_secret(&[0, 0, 0]);
    let signature =
        crypto::sign(message.as_bytes(), &own_key, jsonwebtoken::Algorithm::HS256).expect("a signature");
    assert_eq!(hs256().at_once(&format!("{message}.{signature}"), now()), Err(Reason::BadSignature));
}

#[test]
fn crit_is_refused_whatever_it_says() {
    for crit in [json!(["b64"]), json!([]), json!(null), json!("exp"), json!(false)] {
        let header = json!({ "alg": "HS256", "crit": crit }).to_string();
        assert_eq!(
            hs256().at_once(&signed(&header, &good().to_string()), now()),
            Err(Reason::CriticalHeader),
            "{header}"
        );
    }
}

#[test]
fn a_token_has_8_kib_at_most() {
    let sized = |padding: usize| token(&with(json!({ "padding": "x".repeat(padding) })));
    let room = (MAX_TOKEN_BYTES - sized(0).len()) * 3 / 4;
    let largest = sized(room - 3);
    assert!(largest.len() > MAX_TOKEN_BYTES - 8 && largest.len() <= MAX_TOKEN_BYTES);
    assert!(hs256().at_once(&largest, now()).is_ok());
    assert_eq!(hs256().at_once(&sized(room + 4), now()), Err(Reason::TooLong));
}

#[test]
fn malformed_tokens_are_refused_without_a_panic() {
    let (head, body) = (encode(r#"{"alg":"HS256"}"#), encode(&good().to_string()));
    let good_token = token(&good());
    let (message, signature) = good_token.rsplit_once('.').expect("three parts");
    let mut tokens: Vec<String> =
        ["", ".", "..", "...", "....", "a", "a.b", "a.b.c", "a.b.c.d", "Bearer x.y.z", "\u{0}"]
            .map(str::to_owned)
            .into();
    tokens.extend(
        [" . . ", "é.é.é", "🦀.🦀.🦀", "%.%.%", "=.=.=", "A.A.A", "-_.-_.-_", "null", "{}"]
            .map(str::to_owned),
    );
    tokens.extend([
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{good_token}."),
        format!(".{good_token}"),
        format!(" {good_token}"),
        format!("{good_token} "),
        format!("{good_token}\n"),
        format!("{good_token}="),
        format!("{good_token}A"),
        format!("{message}."),
        format!("{message}.{}", &signature[1..]),
        format!("{message}.{}", signature.to_uppercase()),
        format!("{message}.{}", "A".repeat(signature.len())),
        format!("{message}.{}", "A".repeat(7000)),
        format!("{head}..{signature}"),
        format!(".{body}.{signature}"),
        good_token.replace('.', ","),
        good_token.replacen('.', "", 1),
        "x".repeat(MAX_TOKEN_BYTES + 1),
        ".".repeat(MAX_TOKEN_BYTES),
    ]);
    let headers = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "\"HS256\"",
        "{",
        "{\"alg\":7}",
        "{\"alg\":null}",
        "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\"}x",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "\u{feff}{\"alg\":\"HS256\"}",
    ];
    tokens.extend(headers.map(|header| signed(header, &good().to_string())));
    let payloads = ["", "null", "[]", "{}", "7", "true", "\"x\"", "{", "}", "{\"iss\":", "[[[[", "\u{0}"];
    tokens.extend(payloads.map(|payload| signed(r#"{"alg":"HS256"}"#, payload)));
    tokens.push(signed(r#"["HS256"]"#, &good().to_string()));
    let fields = json!([ISSUER, AUDIENCE, "alice", NOW + 3600, null, NOW, "contacts:read", [1], null]);
    tokens.push(signed(r#"{"alg":"HS256"}"#, &fields.to_string()));
    tokens.push(signed(r#"{"alg":"HS256"}"#, &"[".repeat(5000)));
    tokens.push(signed(&"[".repeat(5000), "{}"));
    tokens.push(signed(r#"{"alg":"HS256"}"#, &good().to_string().replacen('{', r#"{"exp":1,"#, 1)));
    let wrong_types = [
        json!({ "exp": "1" }),
        json!({ "exp": [] }),
        json!({ "exp": true }),
        json!({ "nbf": "x" }),
        json!({ "iat": {} }),
        json!({ "sub": 7 }),
        json!({ "sub": ["a"] }),
        json!({ "iss": ["a"] }),
        json!({ "aud": 7 }),
        json!({ "aud": [7] }),
        json!({ "aud": {} }),
        json!({ "orgs": 1 }),
        json!({ "orgs": "1" }),
        json!({ "orgs": [1.0] }),
        json!({ "orgs": ["1"] }),
        json!({ "orgs": [null] }),
        json!({ "orgs": [u64::MAX] }),
        json!({ "org_id": "1" }),
        json!({ "org_id": 1.5 }),
        json!({ "scope": ["contacts:read"] }),
        json!({ "scope": 1 }),
    ];
    tokens.extend(wrong_types.map(|changes| token(&with(changes))));
    for end in 0..good_token.len() {
        tokens.push(good_token[..end].to_owned());
    }

    assert!(tokens.len() > 60);
    let verifiers: Vec<TokenVerifier> = signers().into_iter().map(|(_, _, verifier)| verifier).collect();
    for token in tokens {
        for verifier in &verifiers {
            assert!(verifier.at_once(&token, now()).is_err(), "{token:?}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [&[0xff, 0xfe][..], b"{\"alg\":\"\xff\"}", b"{\"alg\":\"HS256\",\"\xc3\":1}"] {
        let token = format!("{}.{}.x", URL_SAFE_NO_PAD.encode(bytes), encode("{}"));
        assert_eq!(hs256().at_once(&token, now()), Err(Reason::Malformed));
    }
}

#[test]
fn extreme_times_do_not_panic() {
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
        assert!(hs256().at_once(&token(&good()), now).is_err());
        let signer = Signer::with_secret(ISSUER, AUDIENCE, SECRET).expect("a signer");
        assert!(signer.mint("a", &[], Scopes::NONE, Duration::MAX, now).is_ok());
        let context = RequestContext::new("r", now, caller(None));
        assert!(context.new_id() < context.new_id());
    }
}

#[test]
fn unsafe_keys_are_refused() {
    let error =
        |algorithm, key| TokenVerifier::new(vec![issuer(algorithm, key)]).map(drop).expect_err("a refusal");
    assert_eq!(
        error(Algorithm::HS256, KeyMaterial::Secret(vec![7; 31])),
        KeyError::ShortSecret(Algorithm::HS256, 31)
    );
    assert!(issuer(Algorithm::HS256, KeyMaterial::Secret(vec![7; 32])).check().is_ok());
    let public_as_secret = KeyMaterial::Secret(RSA_PUBLIC.as_bytes().to_vec());
    assert_eq!(error(Algorithm::HS256, public_as_secret), KeyError::PemAsSecret);
    assert_eq!(error(Algorithm::HS256, pem(RSA_PUBLIC)), KeyError::WrongKind(Algorithm::HS256));
    for (algorithm, private, others) in [
        (Algorithm::RS256, RSA_PRIVATE, [EC_PUBLIC, ED_PUBLIC, WEAK_RSA]),
        (Algorithm::ES256, EC_PRIVATE, [RSA_PUBLIC, ED_PUBLIC, WRONG_CURVE]),
        (Algorithm::EdDSA, ED_PRIVATE, [RSA_PUBLIC, EC_PUBLIC, ""]),
    ] {
        assert_eq!(error(algorithm, secret()), KeyError::WrongKind(algorithm));
        assert_eq!(error(algorithm, pem(private)), KeyError::PrivateKey);
        for other in others {
            assert_eq!(error(algorithm, pem(other)), KeyError::Unusable(algorithm), "{algorithm} {other}");
        }
        for broken in [private, RSA_PUBLIC].map(|key| key.replace("KEY-----", "KEY----")) {
            assert!(issuer(algorithm, pem(&broken)).check().is_err());
        }
        assert!(Signer::with_private_key("i", "a", algorithm, "no key").is_err());
    }
}

#[test]
fn an_issuer_has_one_key() {
    let twice = vec![issuer(Algorithm::HS256, secret()), issuer(Algorithm::RS256, pem(RSA_PUBLIC))];
    let error = TokenVerifier::new(twice).map(drop).expect_err("a refusal");
    assert_eq!(error, KeyError::DuplicateIssuer(ISSUER.to_owned()));
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", issuer(Algorithm::HS256, secret()), hs256());
    let signer = Signer::with_secret(ISSUER, AUDIENCE, SECRET).expect("a signer");
    let shown = format!("{shown} {signer:?}");
    assert!(
        !shown.contains("a secret of") && !shown.contains(&format!("{:?}", &SECRET[..4])[1..10]),
        "{shown}"
    );
}

/// A token that is signed by an algorithm with the test's key of its family.
fn signed_with(algorithm: Algorithm) -> String {
    let key = match algorithm.name() {
        name if name.starts_with("HS") => EncodingKey::from_secret(LONG_SECRET),
        "ES256" => EncodingKey::from_ec_pem(EC_PRIVATE.as_bytes()).expect("a key"),
        "ES384" => EncodingKey::from_ec_pem(P384_PRIVATE.as_bytes()).expect("a key"),
        "EdDSA" => EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).expect("a key"),
        _ => EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).expect("a key"),
    };
    let header = jsonwebtoken::Header::new(algorithm.name().parse().expect("an algorithm"));
    jsonwebtoken::encode(&header, &good(), &key).expect("a token")
}

/// The key that verifies the tokens of an algorithm.
fn key_for(algorithm: Algorithm) -> KeyMaterial {
    match algorithm.name() {
        name if name.starts_with("HS") => KeyMaterial::Secret(LONG_SECRET.to_vec()),
        "ES256" => pem(EC_PUBLIC),
        "ES384" => pem(P384_PUBLIC),
        "EdDSA" => pem(ED_PUBLIC),
        _ => pem(RSA_PUBLIC),
    }
}

fn with_algorithms(algorithms: Algorithms, key: KeyMaterial) -> Result<TokenVerifier, KeyError> {
    TokenVerifier::new(vec![IssuerConfig { algorithms, ..issuer(Algorithm::RS256, key) }])
}

#[test]
fn a_list_of_algorithms_accepts_those_and_no_others() {
    for one in Algorithm::ALL {
        for also in Algorithm::ALL {
            let allowed: Algorithms = [one, also].into_iter().collect();
            let verifier = with_algorithms(allowed, key_for(one));
            let Ok(verifier) = verifier else {
                // No key fits both.
                assert!(with_algorithms(one.into(), key_for(one)).is_ok());
                let families = [one, also].map(|algorithm| format!("{:?}", algorithm.family()));
                assert_ne!(families[0], families[1], "{one} {also}");
                continue;
            };
            for signed_by in Algorithm::ALL {
                let verified = verifier.at_once(&signed_with(signed_by), now()).map(drop);
                let expected = if allowed.contains(signed_by) { Ok(()) } else { Err(Reason::WrongAlgorithm) };
                assert_eq!(verified, expected, "{signed_by} at {allowed}");
            }
        }
    }
}

#[test]
fn a_key_of_a_set_verifies_only_by_its_own_kind() {
    let parse =
        |keys: &[Value]| KeySet::parse(Algorithms::asymmetric(), set(keys).as_bytes()).expect("a set");
    let named = parse(&[jwk(Algorithm::RS256, json!({ "kid": "a", "alg": "PS256" }))]);
    assert_eq!(named.key(Some("a")).expect("a key").algorithms, Algorithm::PS256.into());
    let unnamed = [(Algorithm::RS256, "a"), (Algorithm::ES256, "b")];
    let unnamed = parse(&unnamed.map(|(algorithm, kid)| jwk(algorithm, json!({ "kid": kid, "alg": null }))));
    let algorithms = |kid| unnamed.key(Some(kid)).expect("a key").algorithms.to_string();
    assert_eq!(algorithms("a"), "RS256, RS384, RS512, PS256, PS384, PS512");
    assert_eq!(algorithms("b"), "ES256");
}
