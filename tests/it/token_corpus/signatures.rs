//! Signatures that can be made without the key, and almost right ones.

use jsonwebtoken::Algorithm;

use super::forge::{Case, Forge, ISSUERS, Of, Refusal::BadSignature, decode, encode, parts, signed_by};

/// The order of the group of P-256, big endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of the group of Ed25519, little endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn cases(forge: Forge) -> Vec<Case> {
    [damaged(forge), elliptic(forge), edwards(forge), rsa(forge)].into_iter().flatten().collect()
}

/// The token with other bytes for its signature.
fn resigned(token: &str, signature: impl AsRef<[u8]>) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", encode(signature))
}

fn signature(token: &str) -> Vec<u8> {
    decode(parts(token)[2])
}

fn case(name: String, token: String) -> Case {
    Case::new(name, token, BadSignature)
}

fn damaged(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for of in ISSUERS {
        let good = forge.good(of);
        let own = signature(&good);
        let length = own.len();
        let flipped = |bit: usize| {
            let mut bytes = own.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        let mut reversed = own.clone();
        reversed.reverse();
        let other = signature(&forge.with_claims(of, serde_json::json!({ "sub": "mallory" })));
        let variants = [
            ("the first bit flipped", flipped(7)),
            ("a bit in the middle flipped", flipped(length * 4)),
            ("the last bit flipped", flipped(length * 8 - 8)),
            ("a byte short", own[..length - 1].to_vec()),
            ("the first byte missing", own[1..].to_vec()),
            ("half of it", own[..length / 2].to_vec()),
            ("one byte of it", own[..1].to_vec()),
            ("a zero behind", [own.as_slice(), &[0]].concat()),
            ("a zero before", [&[0], own.as_slice()].concat()),
            ("twice", own.repeat(2)),
            ("zeros", vec![0; length]),
            ("ones", vec![0xff; length]),
            ("reversed", reversed),
            ("of another token", other),
        ];
        cases.extend(
            variants.map(|(name, bytes)| case(format!("{of:?}: signature {name}"), resigned(&good, bytes))),
        );
        let [header, payload, own] = parts(&good);
        let raised = payload.replacen(|c: char| c.is_ascii_lowercase(), "A", 1);
        if raised != payload && serde_json::from_slice::<serde_json::Value>(&decode(&raised)).is_ok() {
            cases.push(case(format!("{of:?}: payload changed"), format!("{header}.{raised}.{own}")));
        }
        let mut claims = forge.claims(of);
        claims["orgs"] = serde_json::json!([1, 2]);
        cases.push(case(
            format!("{of:?}: one more organization"),
            format!("{header}.{}.{own}", encode(claims.to_string())),
        ));
    }
    cases
}

/// ECDSA: numbers that fit anything where they are not checked, and other encodings of the right ones.
fn elliptic(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    let one = [[0; 31].as_slice(), &[1]].concat();
    for of in [Of::Es, Of::Set] {
        let good = forge.good(of);
        let own = signature(&good);
        let (r, s) = own.split_at(32);
        let (zero, order) = ([0; 32].as_slice(), P256_ORDER.as_slice());
        let numbers = [
            ("r = 0, s = 0", zero, zero),
            ("r = 0", zero, s),
            ("s = 0", r, zero),
            ("r = n, s = n", order, order),
            ("r = n", order, s),
            ("s = n", r, order),
            ("r = 0, s = n", zero, order),
            ("r = 1, s = 1", &one, &one),
            ("r and s swapped", s, r),
            ("r twice", r, r),
        ];
        for (name, r, s) in numbers {
            cases.push(case(format!("{of:?}: {name}"), resigned(&good, [r, s].concat())));
        }
        cases.push(case(format!("{of:?}: in DER"), resigned(&good, der(r, s))));
        cases.push(case(format!("{of:?}: zeros in DER"), resigned(&good, [0x30, 6, 2, 1, 0, 2, 1, 0])));
        cases.push(case(format!("{of:?}: r + n"), resigned(&good, [plus(r, order).as_slice(), s].concat())));
    }
    cases
}

/// The two numbers as ASN.1 has them.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign: &[u8] = if number[0] & 0x80 == 0 { &[] } else { &[0] };
        let length = u8::try_from(sign.len() + number.len()).expect("a short number");
        [&[2, length], sign, number].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).expect("a short body")], body.as_slice()].concat()
}

/// The sum of two big-endian numbers of one size, with one byte more where it needs it.
fn plus(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (mut sum, mut carry) = (Vec::new(), 0);
    for (one, other) in one.iter().rev().zip(other.iter().rev()) {
        let value = u16::from(*one) + u16::from(*other) + carry;
        sum.push(value.to_le_bytes()[0]);
        carry = value >> 8;
    }
    if carry > 0 {
        sum.push(1);
    }
    sum.reverse();
    sum
}

/// The same signature with the other root, which ECDSA and JWS allow: the same claims of the same signer.
pub(super) fn mirrored(token: &str) -> String {
    let own = signature(token);
    let (r, s) = own.split_at(32);
    let (mut mirrored, mut borrow) = ([0; 32], 0);
    for index in (0..32).rev() {
        let value = i16::from(P256_ORDER[index]) - i16::from(s[index]) - borrow;
        borrow = i16::from(value < 0);
        mirrored[index] = value.rem_euclid(256).to_le_bytes()[0];
    }
    resigned(token, [r, &mirrored].concat())
}

/// Ed25519: s beyond the group's order, which RFC 8032 refuses, and points of small order.
fn edwards(forge: Forge) -> Vec<Case> {
    let good = forge.good(Of::Ed);
    let own = signature(&good);
    let (r, s) = own.split_at(32);
    let (big, mut order) = (s.iter().rev().copied().collect::<Vec<u8>>(), ED25519_ORDER);
    order.reverse();
    let mut beyond = plus(&big, &order);
    beyond.reverse();
    let mut identity = [0; 32];
    identity[0] = 1;
    vec![
        case("Ed: s + order".to_owned(), resigned(&good, [r, &beyond].concat())),
        case("Ed: the neutral point and zero".to_owned(), resigned(&good, [identity, [0; 32]].concat())),
        case("Ed: the neutral point".to_owned(), resigned(&good, [&identity, s].concat())),
        case("Ed: s = 0".to_owned(), resigned(&good, [r, &[0; 32]].concat())),
        case("Ed: halves swapped".to_owned(), resigned(&good, [s, r].concat())),
    ]
}

/// RSA: numbers whose power is known without the key, and other schemes with the same key.
fn rsa(forge: Forge) -> Vec<Case> {
    let good = forge.good(Of::Rs);
    let modulus = decode(Of::Rs.jwk()["n"].as_str().expect("a number"));
    let mut one = vec![0; modulus.len()];
    *one.last_mut().expect("a byte") = 1;
    let mut before = modulus.clone();
    *before.last_mut().expect("a byte") -= 1;
    let mut cases = vec![
        case("Rs: 1".to_owned(), resigned(&good, &one)),
        case("Rs: the modulus".to_owned(), resigned(&good, &modulus)),
        case("Rs: the modulus less 1".to_owned(), resigned(&good, &before)),
        case("Rs: empty digest".to_owned(), resigned(&good, [0; 0])),
    ];
    let (header, claims) = (forge.header(Of::Rs).to_string(), forge.claims(Of::Rs).to_string());
    for scheme in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512] {
        let token = signed_by(&Of::Rs.signing_key(), scheme, &header, &claims);
        cases.push(case(format!("Rs: signed by {scheme:?}"), token));
    }
    cases
}
