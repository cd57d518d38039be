//! Texts that are no tokens, or almost: parts, alphabets, padding, sizes, and JSON that is none.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::json;

use super::forge::Refusal::{self, BadSignature, Invalid, Malformed, Missing, TooLong};
use super::forge::{Case, Forge, Of, decode, encode, parts, signed};

pub(super) fn cases(forge: Forge) -> Vec<Case> {
    [shapes(forge), alphabets(forge), trailing_bits(forge), sizes(forge), payloads(forge)]
        .into_iter()
        .flatten()
        .collect()
}

/// A good token whose three parts all have characters in which the two alphabets of base64 differ.
fn with_both_alphabets(forge: Forge) -> String {
    let header = json!({ "alg": "RS256", "typ": "???>>>ÿÿÿ" }).to_string();
    let mut claims = forge.claims(Of::Rs);
    (0..)
        .map(|attempt| {
            claims["sub"] = json!(format!("???>>>ÿÿÿ{attempt}"));
            signed(Of::Rs, &header, claims.to_string())
        })
        .find(|token| parts(token).iter().all(|part| part.contains(['-', '_'])))
        .expect("a token")
}

fn shapes(forge: Forge) -> Vec<Case> {
    let good = forge.good(Of::Hs);
    let [header, payload, signature] = parts(&good);
    let jwe = encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let (iv, text, tag) = (encode("an iv of 12b"), encode("ciphertext"), encode("a tag of 16 byte"));
    let shapes = [
        ("a dot".to_owned(), ".".to_owned()),
        ("two dots".to_owned(), "..".to_owned()),
        ("many dots".to_owned(), ".".repeat(2000)),
        ("a word".to_owned(), "token".to_owned()),
        ("null".to_owned(), "null".to_owned()),
        ("undefined".to_owned(), "undefined".to_owned()),
        ("three words".to_owned(), "header.payload.signature".to_owned()),
        ("two parts".to_owned(), format!("{header}.{payload}")),
        ("four parts".to_owned(), format!("{good}.{signature}")),
        ("five parts".to_owned(), format!("{good}.{payload}.{signature}")),
        ("a dot before".to_owned(), format!(".{good}")),
        ("a dot behind".to_owned(), format!("{good}.")),
        ("no header".to_owned(), format!(".{payload}.{signature}")),
        ("no payload".to_owned(), format!("{header}..{signature}")),
        ("payload first".to_owned(), format!("{payload}.{header}.{signature}")),
        ("header twice".to_owned(), format!("{header}.{header}.{signature}")),
        ("commas".to_owned(), good.replace('.', ",")),
        ("upper case".to_owned(), good.to_uppercase()),
        ("two tokens".to_owned(), format!("{good}{good}")),
        ("in quotes".to_owned(), format!("\"{good}\"")),
        ("a blank inside".to_owned(), format!("{header}. {payload}.{signature}")),
        (
            "a blank in the header".to_owned(),
            format!("{} {}.{payload}.{signature}", &header[..4], &header[4..]),
        ),
        ("a tab inside".to_owned(), format!("{header}.\t{payload}.{signature}")),
        ("percent encoded dots".to_owned(), good.replace('.', "%2E")),
        ("NUL inside".to_owned(), format!("{header}.\0{payload}.{signature}")),
        ("NUL behind".to_owned(), format!("{good}\0")),
        ("a line break inside".to_owned(), format!("{header}.\r\n{payload}.{signature}")),
        ("an accent".to_owned(), format!("é{good}")),
        ("a crab".to_owned(), "🦀.🦀.🦀".to_owned()),
        ("full width dots".to_owned(), good.replace('.', "．")),
        ("a zero width space".to_owned(), format!("{header}\u{200b}.{payload}.{signature}")),
        ("JWE".to_owned(), format!("{jwe}..{iv}.{text}.{tag}")),
        ("JWE with a key".to_owned(), format!("{jwe}.{signature}.{iv}.{text}.{tag}")),
        ("JWE around a token".to_owned(), format!("{jwe}..{iv}.{}.{tag}", encode(&good))),
        (
            "JWS in JSON".to_owned(),
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        ),
        ("a SAML assertion".to_owned(), encode("<saml:Assertion/>")),
        ("a PASETO".to_owned(), format!("v4.public.{payload}")),
        ("an SD-JWT".to_owned(), format!("{good}~{payload}~")),
        ("a detached payload".to_owned(), format!("{header}..{signature}")),
    ];
    let refusal = |name: &str| match name {
        "header twice" => Missing("iss"),
        "NUL behind" | "an SD-JWT" => BadSignature,
        _ => Malformed,
    };
    shapes
        .into_iter()
        .map(|(name, token)| {
            let refusal = refusal(&name);
            Case::new(name, token, refusal)
        })
        .collect()
}

/// Padding and the standard alphabet, in each part.
fn alphabets(forge: Forge) -> Vec<Case> {
    let good = with_both_alphabets(forge);
    let mut cases = Vec::new();
    for (index, name) in ["header", "payload", "signature"].into_iter().enumerate() {
        let refusal = if index == 2 { BadSignature } else { Malformed };
        let rewritten = |part: &dyn Fn(&str) -> String| {
            let mut parts = parts(&good).map(str::to_owned);
            parts[index] = part(&parts[index]);
            parts.join(".")
        };
        let standard = rewritten(&|part| STANDARD_NO_PAD.encode(decode(part)));
        cases.push(Case::new(format!("{name} in the standard alphabet"), standard, refusal));
        cases.push(Case::new(
            format!("{name} with a padding too many"),
            rewritten(&|part| format!("{part}=")),
            refusal,
        ));
        cases.push(Case::new(
            format!("{name} with a letter too many"),
            rewritten(&|part| format!("{part}A")),
            refusal,
        ));
        let padded = rewritten(&|part| URL_SAFE.encode(decode(part)));
        if padded != good {
            cases.push(Case::new(format!("{name} with its padding"), padded, refusal));
        }
    }
    cases
}

/// The last letter of base64 has bits that mean nothing: with other ones, two texts would be the same token.
fn trailing_bits(forge: Forge) -> Vec<Case> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let flipped = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let value = ALPHABET.iter().position(|letter| [*letter] == last.as_bytes()).expect("base64");
        format!("{rest}{}", char::from(ALPHABET[value ^ 1]))
    };
    let mut cases = Vec::new();
    for of in [Of::Hs, Of::Rs, Of::Es, Of::Ed] {
        let good = forge.good(of);
        let [header, payload, signature] = parts(&good);
        let token = format!("{header}.{payload}.{}", flipped(signature));
        cases.push(Case::new(format!("{of:?}: spare bits of the signature"), token, BadSignature));
    }
    // As many letters in the subject as it takes for spare bits.
    for spare in ["a", "aa", "aaa"] {
        let good = forge.with_claims(Of::Hs, json!({ "sub": spare }));
        let [header, payload, signature] = parts(&good);
        if payload.len() % 4 != 0 {
            let token = format!("{header}.{}.{signature}", flipped(payload));
            cases.push(Case::new(format!("spare bits of the payload, {spare}"), token, Malformed));
        }
    }
    cases
}

fn sizes(forge: Forge) -> Vec<Case> {
    let good = forge.good(Of::Hs);
    let [header, payload, signature] = parts(&good);
    let room = 8 * 1024 - good.len();
    let broken = |name: &str, payload: &str| {
        Case::new(name, format!("{header}.{}.{signature}", encode(payload)), Refusal::BadSignature)
    };
    let own = forge.claims(Of::Hs).to_string();
    let deep = own.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(2000), "]".repeat(2000)), 1);
    let objects = own.replacen('{', &format!("{{\"x\":{}0{},", "{\"x\":".repeat(800), "}".repeat(800)), 1);
    vec![
        Case::new(
            "8 KiB and a byte",
            format!("{header}.{payload}.{signature}{}", "A".repeat(room + 1)),
            TooLong,
        ),
        Case::new("8 KiB of signature", format!("{header}.{payload}.{}", "A".repeat(room)), BadSignature),
        Case::new("20 KiB", forge.with_claims(Of::Hs, json!({ "x": "x".repeat(15 * 1024) })), TooLong),
        Case::new(
            "20 KiB of header",
            forge.with_header(Of::Hs, json!({ "x": "x".repeat(15 * 1024) })),
            TooLong,
        ),
        Case::new("64 KiB of letters", "A".repeat(64 * 1024), TooLong),
        broken("lists in lists, a forged signature", &deep),
        broken("objects in objects, a forged signature", &objects),
        Case::new("an open list in lists", signed(Of::Hs, r#"{"alg":"HS256"}"#, "[".repeat(5000)), Malformed),
        Case::new(
            "an open object in objects",
            signed(Of::Hs, r#"{"alg":"HS256"}"#, "{\"a\":".repeat(1000)),
            Malformed,
        ),
        Case::new("a header of lists in lists", signed(Of::Hs, &"[".repeat(5000), "{}"), Malformed),
        Case::new(
            "a known claim of lists in lists",
            forge.with_claims(Of::Hs, json!({ "orgs": (0..100).fold(json!([]), |inner, _| json!([inner])) })),
            Invalid("orgs"),
        ),
    ]
}

/// Signed payloads that are no object, or not JSON.
fn payloads(forge: Forge) -> Vec<Case> {
    let header = forge.header(Of::Hs).to_string();
    let own = forge.claims(Of::Hs).to_string();
    let with = |text: &str| own.replacen('{', &format!("{{{text},"), 1);
    let mut payloads: Vec<(String, Vec<u8>)> = [
        "",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        "}",
        "{\"iss\":",
        "\0",
        "true",
        "{\"iss\"}",
        "\u{feff}{}",
        "x{}",
        "{}x",
        "[{}]",
        "{,}",
    ]
    .map(|text| (format!("{text:?}"), text.as_bytes().to_vec()))
    .into();
    for name in ["iss", "aud", "sub", "exp", "iat", "scope", "orgs"] {
        let value = &forge.claims(Of::Hs)[name];
        payloads.push((format!("{name} twice"), with(&format!("\"{name}\":{value}")).into_bytes()));
    }
    payloads.extend([
        ("nbf twice".to_owned(), with("\"nbf\":1,\"nbf\":1").into_bytes()),
        ("iss twice, once escaped".to_owned(), with("\"\\u0069ss\":\"x\"").into_bytes()),
        ("exp 1e400".to_owned(), own.replace("\"exp\":", "\"exp\":1e400,\"x\":").into_bytes()),
        ("exp NaN".to_owned(), own.replace("\"exp\":", "\"exp\":NaN,\"x\":").into_bytes()),
        ("exp Infinity".to_owned(), own.replace("\"exp\":", "\"exp\":Infinity,\"x\":").into_bytes()),
        ("exp hexadecimal".to_owned(), own.replace("\"exp\":", "\"exp\":0x7fffffff,\"x\":").into_bytes()),
        ("exp with a plus".to_owned(), own.replace("\"exp\":", "\"exp\":+9999999999,\"x\":").into_bytes()),
        ("an organization too large".to_owned(), own.replace("[1]", "[9223372036854775808]").into_bytes()),
        ("an organization of 1e0".to_owned(), own.replace("[1]", "[1e0]").into_bytes()),
        ("a trailing comma".to_owned(), own.replace('}', ",}").into_bytes()),
        ("a comment".to_owned(), own.replace('}', "/**/}").into_bytes()),
        ("half a surrogate".to_owned(), own.replace("alice", "\\ud800").into_bytes()),
        ("a bare control character".to_owned(), own.replace("alice", "a\u{1}b").into_bytes()),
        ("two objects".to_owned(), own.repeat(2).into_bytes()),
        ("no UTF-8".to_owned(), [own.as_bytes(), b"\xff"].concat()),
        (
            "no UTF-8 in a text".to_owned(),
            own.replace("alice", "al@ice").bytes().map(|b| if b == b'@' { 0xff } else { b }).collect(),
        ),
        ("UTF-16".to_owned(), own.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("compressed".to_owned(), b"\x78\x9c\xab\x56\xca\x2c\x2e\x56\xb2\x52\x02\x00".to_vec()),
        ("a token in the token".to_owned(), forge.good(Of::Hs).into_bytes()),
        (
            "a list of the values".to_owned(),
            json!([Of::Hs.name(), "gateway", "alice", forge.now + 60]).to_string().into_bytes(),
        ),
    ]);
    payloads
        .into_iter()
        .map(|(name, payload)| {
            let refusal = if name.starts_with("an organization") { Invalid("orgs") } else { Malformed };
            Case::new(format!("payload: {name}"), signed(Of::Hs, &header, payload), refusal)
        })
        .collect()
}
