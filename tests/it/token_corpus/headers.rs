//! Headers that try to choose the algorithm, the key, or the format of the token.

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::forge::Refusal::{BadSignature, CriticalHeader, Malformed, UnknownKey, WrongAlgorithm};
use super::forge::{Case, Forge, ISSUERS, Of, SECRET, encode, parts, signed, signed_by};

pub(super) fn cases(forge: Forge) -> Vec<Case> {
    [algorithms(forge), confusions(forge), embedded_keys(forge), kids(forge), members(forge)]
        .into_iter()
        .flatten()
        .collect()
}

/// No algorithm, or another than the issuer's.
fn algorithms(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for of in ISSUERS {
        for name in ["none", "None", "NONE", "nOnE"] {
            let token = forge.with_header(of, json!({ "alg": name }));
            let [header, payload, _] = parts(&token);
            cases.push(Case::new(
                format!("{of:?}: alg {name}, unsigned"),
                format!("{header}.{payload}."),
                WrongAlgorithm,
            ));
        }
        cases.push(Case::new(
            format!("{of:?}: alg none, signed"),
            forge.with_header(of, json!({ "alg": "none" })),
            WrongAlgorithm,
        ));
        let unsigned = forge.good(of);
        let [header, payload, _] = parts(&unsigned);
        cases.push(Case::new(
            format!("{of:?}: the right alg, unsigned"),
            format!("{header}.{payload}."),
            BadSignature,
        ));
        // Signed by another family, under its own name and under the issuer's.
        for other in
            [Of::Hs, Of::Rs, Of::Es, Of::Ed].into_iter().filter(|other| other.algorithm() != of.algorithm())
        {
            let (claims, own) = (forge.claims(of).to_string(), forge.header(of).to_string());
            let by_its_name = signed(other, &forge.header(other).to_string(), &claims);
            cases.push(Case::new(format!("{of:?}: signed and named {other:?}"), by_its_name, WrongAlgorithm));
            let by_another = signed(other, &own, &claims);
            cases.push(Case::new(format!("{of:?}: signed by {other:?}"), by_another, BadSignature));
        }
    }
    for name in ["hs256", "HS256 ", " HS256", "HS384", "HS512", "", "HS256\u{0}", "ＨS256", "HS256,none", "*"]
    {
        let token = forge.with_header(Of::Hs, json!({ "alg": name }));
        cases.push(Case::new(format!("alg {name:?}"), token, WrongAlgorithm));
    }
    for name in ["RS384", "RS512", "PS256", "PS512", "ES256", "rs256"] {
        let token = forge.with_header(Of::Rs, json!({ "alg": name }));
        cases.push(Case::new(format!("alg {name} for RS256"), token, WrongAlgorithm));
    }
    for alg in
        [json!(null), json!(256), json!(true), json!(["HS256"]), json!({ "alg": "HS256" }), json!("absent")]
    {
        let token = forge.with_header(Of::Hs, json!({ "alg": alg }));
        cases.push(Case::new(format!("alg {alg}"), token, Malformed));
    }
    cases
}

/// The public key, used as the secret of HMAC.
fn confusions(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for of in [Of::Rs, Of::Es, Of::Ed, Of::Set, Of::OneKeySet] {
        let pem = of.public_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&body).expect("base64");
        let jwk = of.jwk();
        let number = jwk.get("n").or(jwk.get("x")).and_then(Value::as_str).expect("a number").to_owned();
        let secrets = [
            ("PEM", pem.as_bytes().to_vec()),
            ("PEM without its last line break", pem.trim_end().as_bytes().to_vec()),
            ("PEM's base64", body.into_bytes()),
            ("DER", der),
            ("JWK", jwk.to_string().into_bytes()),
            ("JWK's number", number.into_bytes()),
            ("empty secret", Vec::new()),
        ];
        for (name, secret) in secrets {
            let key = EncodingKey::from_secret(&secret);
            let mut header = forge.header(of);
            let claims = forge.claims(of).to_string();
            let own = signed_by(&key, Algorithm::HS256, &header.to_string(), &claims);
            cases.push(Case::new(format!("{of:?}: {name} as secret, own alg"), own, BadSignature));
            header["alg"] = json!("HS256");
            let named = signed_by(&key, Algorithm::HS256, &header.to_string(), &claims);
            cases.push(Case::new(format!("{of:?}: {name} as secret, alg HS256"), named, WrongAlgorithm));
        }
    }
    // The symmetric key that stands in the set, by its name.
    let key = EncodingKey::from_secret(SECRET);
    for (alg, refusal) in [("HS256", WrongAlgorithm), ("ES256", UnknownKey)] {
        let header = json!({ "alg": alg, "kid": "symmetric" }).to_string();
        let token = signed_by(&key, Algorithm::HS256, &header, forge.claims(Of::Set).to_string());
        cases.push(Case::new(format!("the set's symmetric key, alg {alg}"), token, refusal));
    }
    cases
}

/// A token that brings its own key, or says where it is.
fn embedded_keys(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    // Each is signed with the key of another issuer, which it brings along.
    for (of, stranger) in [(Of::Es, Of::Set), (Of::Set, Of::Es), (Of::Hs, Of::OtherHs)] {
        let jwk =
            if of == Of::Hs { json!({ "kty": "oct", "k": encode("x".repeat(32)) }) } else { stranger.jwk() };
        let members = [
            ("jwk", jwk),
            ("jku", json!("https://attacker.test/keys.json")),
            ("jku of this machine", json!("http://127.0.0.1:9/keys.json")),
            ("x5u", json!("https://attacker.test/cert.pem")),
            ("x5c", json!([STANDARD.encode("a certificate")])),
            ("x5t", json!(encode("a thumbprint"))),
            ("x5t#S256", json!(encode("a thumbprint"))),
        ];
        for (name, value) in members {
            let mut header = forge.header(of);
            header[name.split(' ').next().expect("a name")] = value;
            let token = signed(stranger, &header.to_string(), forge.claims(of).to_string());
            cases.push(Case::new(format!("{of:?}: a stranger's key in {name}"), token, BadSignature));
        }
    }
    cases
}

/// What `kid` may be: the name of a usable key of the issuer's own set.
fn kids(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    let long = "k1".repeat(2000);
    let unknown = [
        "k2",
        "",
        "K1",
        " k1",
        "k1 ",
        "k1\u{0}",
        "k1\n",
        "../../../../etc/passwd",
        "/dev/null",
        "file:///dev/null",
        "k1' OR '1'='1",
        "k1'; DROP TABLE organization; --",
        "' UNION SELECT 'x",
        "$(id)",
        "|/usr/bin/id",
        "%s%s%n",
        "*",
        "k1,twin",
        "rsa-1",
        "rsa",
        "ed",
        "twin",
        "for-encryption",
        "symmetric",
        "ｋ1",
        "https://attacker.test",
        long.as_str(),
    ];
    for kid in unknown {
        let token = forge.with_header(Of::Set, json!({ "kid": kid }));
        let shown: String = kid.chars().take(20).collect();
        cases.push(Case::new(format!("kid {shown:?}"), token, UnknownKey));
    }
    cases.push(Case::new(
        "no kid in a set of several",
        forge.with_header(Of::Set, json!({ "kid": "absent" })),
        UnknownKey,
    ));
    for of in [Of::Set, Of::Hs] {
        for kid in [json!(null), json!(1), json!(true), json!(["k1"]), json!({ "kid": "k1" })] {
            let token = forge.with_header(of, json!({ "kid": kid }));
            cases.push(Case::new(format!("{of:?}: kid {kid}"), token, Malformed));
        }
    }
    let twice = r#"{"alg":"ES256","kid":"k2","kid":"k1"}"#;
    cases.push(Case::new("kid twice", signed(Of::Set, twice, forge.claims(Of::Set).to_string()), Malformed));
    // The right name over a signature of another key, and the other way around.
    let named = signed(Of::Es, &forge.header(Of::Set).to_string(), forge.claims(Of::Set).to_string());
    cases.push(Case::new("the set's kid, another issuer's signature", named, BadSignature));
    let foreign = signed(Of::Set, &forge.header(Of::Set).to_string(), forge.claims(Of::Es).to_string());
    cases.push(Case::new("another issuer's set behind this issuer's name", foreign, BadSignature));
    let twin = signed(Of::Es, r#"{"alg":"ES256","kid":"twin"}"#, forge.claims(Of::Set).to_string());
    cases.push(Case::new("the second key of an ambiguous kid", twin, UnknownKey));
    let encryption =
        signed(Of::Es, r#"{"alg":"ES256","kid":"for-encryption"}"#, forge.claims(Of::Set).to_string());
    cases.push(Case::new("a key for encryption", encryption, UnknownKey));
    cases
}

/// Members of the header that change how a token is read, and members that come twice.
fn members(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for crit in [
        json!(["b64"]),
        json!(["exp"]),
        json!([]),
        json!(null),
        json!(false),
        json!("exp"),
        json!({}),
        json!([[]]),
        json!(["http://example.invalid/UNDEFINED"]),
    ] {
        let token = forge.with_header(Of::Hs, json!({ "crit": crit, "b64": false }));
        cases.push(Case::new(format!("crit {crit}"), token, CriticalHeader));
    }
    let claims = forge.claims(Of::Hs).to_string();
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"crit":null,"alg":"HS256","crit":null}"#,
        r#"["HS256"]"#,
        r#"["HS256",null,null]"#,
        r#""HS256""#,
        r#"{"alg":"HS256"}{"alg":"HS256"}"#,
        r#"{"alg":"HS256"} x"#,
        r#"{"alg":"HS256",}"#,
        r#"{'alg':'HS256'}"#,
        r#"{alg:"HS256"}"#,
        r#"{"alg":"HS256"/**/}"#,
        r#"{"ALG":"HS256"}"#,
        "\u{feff}{\"alg\":\"HS256\"}",
        "{}",
        "null",
        "",
        "{\"alg\":\"HS256\",\"x\":\"\u{1}\"}",
        r#"{"alg":"HS256","x":NaN}"#,
        r#"{"alg":"HS256","x":"\ud800""#,
    ] {
        cases.push(Case::new(format!("header {header:?}"), signed(Of::Hs, header, &claims), Malformed));
    }
    // RFC 7797: the payload goes in as it is, and so does the message that is signed.
    let unencoded =
        format!("{}.{claims}.{}", encode(r#"{"alg":"HS256","b64":false}"#), encode("x".repeat(32)));
    cases.push(Case::new("b64 false, a bare payload", unencoded, Malformed));
    cases
}
