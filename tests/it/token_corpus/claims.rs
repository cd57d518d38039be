//! Correctly signed tokens with invalid claims.

use serde_json::{Value, json};

use super::forge::Refusal::{
    self, BadSignature, Expired, Invalid, IssuedInFuture, LifetimeTooLong, Missing, NotYetValid,
    UnknownIssuer, WrongAlgorithm, WrongAudience,
};
use super::forge::{AUDIENCE, Case, Forge, ISSUERS, Of, signed};

pub(super) fn cases(forge: Forge) -> Vec<Case> {
    let mut cases: Vec<Case> = [names(), times(forge.now), organizations()]
        .into_iter()
        .flatten()
        .map(|(changes, refusal)| {
            Case::new(format!("claims {changes}"), forge.with_claims(Of::Hs, changes), refusal)
        })
        .collect();
    cases.extend(across_issuers(forge));
    cases
}

type Changes = Vec<(Value, Refusal)>;

/// The same claim with each of these values.
fn each(name: &str, values: impl IntoIterator<Item = Value>, refusal: Refusal) -> Changes {
    values.into_iter().map(|value| (json!({ name: value }), refusal)).collect()
}

/// The issuer, the audience and the subject.
fn names() -> Changes {
    let own = Of::Hs.name();
    let strangers = [
        json!(""),
        json!("https://hs.test/"),
        json!("HTTPS://HS.TEST"),
        json!("http://hs.test"),
        json!(" https://hs.test"),
        json!("https://hs.test\u{0}"),
        json!("https://hs.test.attacker.test"),
        json!("hs"),
        json!("https://nobody.test"),
        json!("https://hs.test,https://rs.test"),
        json!("https://ｈs.test"),
    ];
    let others = [
        json!(""),
        json!("other"),
        json!("Gateway"),
        json!("gateway "),
        json!("gateway,other"),
        json!("gateway other"),
        json!([]),
        json!(["other"]),
        json!([""]),
        json!(["Gateway", "gateway/"]),
    ];
    let odd = [json!(7), json!(true), json!({}), json!({ "aud": AUDIENCE })];
    [
        each("iss", strangers, UnknownIssuer),
        each("iss", [json!("absent"), json!(null)], Missing("iss")),
        each("iss", [json!([own]), json!({ "iss": own }), json!(7), json!(true)], Invalid("iss")),
        each("aud", others, WrongAudience),
        each("aud", [json!("absent"), json!(null)], Missing("aud")),
        each("aud", odd, Invalid("aud")),
        each("aud", [json!([[AUDIENCE]]), json!([AUDIENCE, 7]), json!([null])], Invalid("aud")),
        each("sub", [json!("absent"), json!(null)], Missing("sub")),
        each("sub", [json!(""), json!(" "), json!("\t"), json!("\u{a0}")], Invalid("sub")),
        each("sub", [json!("a\u{0}b"), json!("a\nb"), json!("\u{7f}"), json!("\u{85}x")], Invalid("sub")),
        each("sub", [json!(7), json!(["alice"]), json!({ "sub": "alice" }), json!(false)], Invalid("sub")),
        each("scope", [json!(["contacts:read"]), json!(7), json!({}), json!(true)], Invalid("scope")),
    ]
    .concat()
}

/// From when to when.
fn times(now: i64) -> Changes {
    let no_dates =
        [json!(-1), json!(-0.5), json!(1e300), json!(253_402_300_800_i64), json!(i64::MIN), json!(u64::MAX)];
    let no_numbers = [json!(""), json!("9999999999"), json!([now]), json!({}), json!(true)];
    let day = 24 * 60 * 60;
    let mut changes = vec![
        (json!({ "exp": "absent" }), Missing("exp")),
        (json!({ "exp": null }), Missing("exp")),
        (json!({ "iat": now - 7200, "exp": now - 3600 }), Expired),
        (json!({ "iat": now - 7200, "exp": now - 31 }), Expired),
        (json!({ "iat": now - 7200, "exp": now - 30 }), Expired),
        (json!({ "iat": now - 7200, "exp": now as f64 - 29.5 - 1.0 }), Expired),
        (json!({ "exp": 0 }), Expired),
        (json!({ "exp": 1 }), Expired),
        // Milliseconds where seconds belong.
        (json!({ "exp": (now + 3600) * 1000 }), Invalid("exp")),
        (json!({ "exp": now + day + 3600 }), LifetimeTooLong),
        (json!({ "iat": "absent", "exp": now + day + 3600 }), LifetimeTooLong),
        (json!({ "iat": now - day, "exp": now + 60 }), LifetimeTooLong),
        (json!({ "iat": 0, "exp": now + 60 }), LifetimeTooLong),
        (json!({ "exp": 253_402_300_799_i64 }), LifetimeTooLong),
        (json!({ "nbf": now + 600 }), NotYetValid),
        (json!({ "nbf": now + 365 * day }), NotYetValid),
        (json!({ "nbf": 253_402_300_799_i64 }), NotYetValid),
        (json!({ "iat": now + 600 }), IssuedInFuture),
        (json!({ "iat": now + 600, "exp": now + 1200 }), IssuedInFuture),
    ];
    for name in ["exp", "nbf", "iat"] {
        changes.extend(each(name, no_numbers.clone(), Invalid(name)));
    }
    for name in ["exp", "nbf"] {
        changes.extend(each(
            name,
            no_dates.clone(),
            Invalid(match name {
                "exp" => "exp",
                _ => "nbf",
            }),
        ));
    }
    changes.extend(each("iat", no_dates, Invalid("iat")));
    changes
}

/// Where.
fn organizations() -> Changes {
    let no_lists = [
        json!(1),
        json!("1"),
        json!({}),
        json!({ "0": 1 }),
        json!(true),
        json!("[1]"),
        json!("*"),
        json!(1.0),
    ];
    let no_items = [
        json!(["1"]),
        json!([1.0]),
        json!([1.5]),
        json!([null]),
        json!([true]),
        json!([[1]]),
        json!([{}]),
        json!([1, "2"]),
        json!(["*"]),
        json!([u64::MAX]),
        json!([1e3]),
        json!(["org_1"]),
    ];
    let alone = |value: Value| json!({ "orgs": "absent", "org_id": value });
    let mut changes = [
        each("orgs", no_lists, Invalid("orgs")),
        each("orgs", no_items, Invalid("orgs")),
        each("orgs", [json!([0]), json!([-1]), json!([1, -1]), json!([i64::MIN])], Invalid("orgs")),
        // Which of them grants would be a guess, even where they agree.
        each("org_id", [json!(1), json!(2), json!(0)], Invalid("org_id")),
    ]
    .concat();
    for value in [
        json!("1"),
        json!("org_1"),
        json!(1.0),
        json!(1.5),
        json!([1]),
        json!({}),
        json!(true),
        json!(u64::MAX),
    ] {
        changes.push((alone(value), Invalid("org_id")));
    }
    for value in [json!(0), json!(-1), json!(i64::MIN)] {
        changes.push((alone(value), Invalid("org_id")));
    }
    changes
}

/// One issuer's key behind another one's name.
fn across_issuers(forge: Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for pretender in ISSUERS {
        for of in ISSUERS.into_iter().filter(|of| *of != pretender) {
            // These two have one key, and the `kid` says which.
            if [pretender, of].iter().all(|of| [Of::Rs, Of::OneKeySet].contains(of)) {
                continue;
            }
            let same = pretender.algorithm() == of.algorithm();
            let refusal = if same { BadSignature } else { WrongAlgorithm };
            let mut header = forge.header(pretender);
            if let Some(kid) = of.kid() {
                header["kid"] = json!(kid);
            }
            let token = signed(pretender, &header.to_string(), forge.claims(of).to_string());
            cases.push(Case::new(format!("{pretender:?} as {of:?}"), token, refusal));
        }
    }
    cases
}
