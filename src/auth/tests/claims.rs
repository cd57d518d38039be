//! Tests of what a token says: claims, times, organizations and their selection.

use super::*;

#[test]
fn required_claims_are_required() {
    for name in ["exp", "iss", "aud", "sub"] {
        assert_eq!(refusal(json!({ name: null })), Reason::Missing(name));
    }
    assert!(verify(&with(json!({ "iat": null, "scope": null, "orgs": null }))).is_ok());
}

#[test]
fn a_missing_claim_names_the_setting() {
    let message = |name: &str| {
        let verdict = hs256().verify(&token(&with(json!({ name: null }))), now()).now_or_never();
        verdict.expect("a known key").expect_err("a refusal").to_string()
    };
    assert!(message("sub").contains("claims.subject"), "{}", message("sub"));
    assert!(message("aud").contains("audience mapper") && message("aud").contains("audience_claim"));
}

#[test]
fn an_id_token_is_named_and_no_setting_is_recommended() {
    for mark in [
        json!({ "token_use": "id" }),
        json!({ "typ": "ID" }),
        json!({ "at_hash": "x" }),
        json!({ "c_hash": "x" }),
    ] {
        for audience in [json!(null), json!("the application")] {
            let mut changes = mark.clone();
            changes["aud"] = audience;
            assert_eq!(refusal(changes.clone()), Reason::IdToken, "{changes}");
        }
        assert!(verify(&with(mark)).is_ok());
    }
    let error = TokenError::IdToken("token_use").to_string();
    assert!(
        error.contains("ID token (claim token_use)") && error.ends_with("Send the access token."),
        "{error}"
    );
    for other in [json!({ "token_use": "access" }), json!({ "typ": "Bearer" }), json!({ "nonce": "x" })] {
        let mut changes = other;
        changes["aud"] = json!("other");
        assert_eq!(refusal(changes), Reason::WrongAudience);
    }
}

#[test]
fn issuer_and_audience_are_compared_exactly() {
    for name in ["", "https://issuer.test/", "HTTPS://ISSUER.TEST", "other"] {
        assert_eq!(refusal(json!({ "iss": name })), Reason::UnknownIssuer);
    }
    for audience in [json!("other"), json!(""), json!([]), json!(["other", "Contact-Gateway"])] {
        assert_eq!(refusal(json!({ "aud": audience })), Reason::WrongAudience);
    }
    assert!(verify(&with(json!({ "aud": ["other", AUDIENCE] }))).is_ok());
}

#[test]
fn a_token_ends_half_a_minute_after_exp() {
    let at = |offset: TimeDelta| hs256().at_once(&token(&good()), now() + TimeDelta::hours(1) + offset);
    assert!(at(TimeDelta::seconds(-1)).is_ok());
    assert!(at(TimeDelta::zero()).is_ok());
    assert!(at(TimeDelta::seconds(30) - TimeDelta::microseconds(1)).is_ok());
    assert_eq!(at(TimeDelta::seconds(30)), Err(Reason::Expired));
    assert_eq!(at(TimeDelta::days(3650)), Err(Reason::Expired));
    assert_eq!(refusal(json!({ "exp": 0 })), Reason::Expired);
}

#[test]
fn a_token_starts_half_a_minute_before_nbf_and_iat() {
    assert!(verify(&with(json!({ "nbf": NOW + 30, "iat": NOW + 30 }))).is_ok());
    assert!(verify(&with(json!({ "nbf": NOW - 100_000 }))).is_ok());
    assert_eq!(refusal(json!({ "nbf": NOW + 31 })), Reason::NotYetValid);
    assert_eq!(refusal(json!({ "iat": NOW + 31 })), Reason::IssuedInFuture);
    let earlier = now() - TimeDelta::microseconds(1);
    let token = token(&with(json!({ "nbf": NOW + 30, "iat": null })));
    assert_eq!(hs256().at_once(&token, earlier), Err(Reason::NotYetValid));
}

#[test]
fn a_token_lives_a_day_at_most() {
    let day = 24 * 60 * 60;
    assert!(verify(&with(json!({ "exp": NOW + day }))).is_ok());
    assert_eq!(refusal(json!({ "exp": NOW + day + 1 })), Reason::LifetimeTooLong);
    assert_eq!(refusal(json!({ "iat": NOW - day, "exp": NOW + 1 })), Reason::LifetimeTooLong);
    assert!(verify(&with(json!({ "iat": null, "exp": NOW + day }))).is_ok());
    assert_eq!(refusal(json!({ "iat": null, "exp": NOW + day + 1 })), Reason::LifetimeTooLong);
}

#[test]
fn dates_may_have_fractions_but_no_strange_values() {
    let claims =
        verify(&with(json!({ "exp": NOW as f64 + 60.75, "iat": NOW as f64 + 0.5 }))).expect("a good token");
    assert_eq!(claims.expires_at, now() + TimeDelta::seconds(60));
    for date in
        [json!(-1), json!(-0.5), json!(1e300), json!(253_402_300_800_i64), json!(i64::MIN), json!(u64::MAX)]
    {
        for name in ["exp", "nbf", "iat"] {
            assert_eq!(refusal(json!({ name: date })), Reason::Invalid(name), "{name} {date}");
        }
    }
}

#[test]
fn a_subject_is_not_blank_and_has_no_control_characters() {
    for subject in ["", " ", "\t\n", "a\u{0}b", "a\nb", "\u{85}x"] {
        assert_eq!(refusal(json!({ "sub": subject })), Reason::Invalid("sub"), "{subject:?}");
    }
    assert_eq!(verify(&with(json!({ "sub": "Zoë|42" }))).expect("a good token").subject, "Zoë|42");
}

#[test]
fn organizations_come_from_orgs_or_org_id() {
    let organizations = |changes| verify(&with(changes)).expect("a good token").organizations;
    assert_eq!(organizations(json!({ "orgs": [7, 3, 7, 3] })), [3, 7]);
    assert_eq!(organizations(json!({ "orgs": null, "org_id": 42 })), [42]);
    assert_eq!(organizations(json!({ "orgs": [] })), [0_i64; 0]);
    assert_eq!(organizations(json!({ "orgs": null })), [0_i64; 0]);
    assert_eq!(refusal(json!({ "org_id": 1 })), Reason::Invalid("org_id"));
    assert_eq!(refusal(json!({ "orgs": null, "org_id": 0 })), Reason::Invalid("org_id"));
    assert_eq!(refusal(json!({ "orgs": [1, -2] })), Reason::Invalid("orgs"));
}

#[test]
fn the_header_selects_and_never_grants() {
    let selected = |header: Option<&str>| {
        let number =
            header.map(|text| organization_number(text).ok_or(SelectError::Forbidden)).transpose()?;
        claims(vec![2, 42]).select(number).map(|caller| caller.organization)
    };
    assert_eq!(selected(Some("42")), Ok(Some(42)));
    assert_eq!(selected(Some("org_42")), Ok(Some(42)));
    assert_eq!(selected(None), Ok(None));
    let refused = [
        "3",
        "org_3",
        "",
        " 42",
        "42 ",
        "042",
        "org_042",
        "+42",
        "-42",
        "0",
        "4２",
        "42,2",
        "org_",
        "ORG_42",
        "org_org_42",
        "oc_42",
        "0x2a",
        "42.0",
        "99999999999999999999999",
        "*",
    ];
    for header in refused {
        assert_eq!(selected(Some(header)), Err(SelectError::Forbidden), "{header:?}");
    }
}

#[test]
fn the_only_organization_needs_no_header() {
    assert_eq!(claims(vec![7]).select(None).map(|caller| caller.organization), Ok(Some(7)));
    assert_eq!(claims(vec![]).select(None).map(|caller| caller.organization), Ok(None));
    assert_eq!(claims(vec![]).select(Some(7)), Err(SelectError::Forbidden));
}
