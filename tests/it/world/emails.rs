//! Email addresses: what HTML takes, compared in lower case with their domain in the ASCII form.

use contact_gateway::entity::custom_field::FieldType;
use reqwest::Method;
use serde_json::json;

use super::{
    Outcome::{self, Kept, Refused},
    count, mutated, rest, upserted,
};
use crate::support::{World, on_both};

on_both!(
    addresses_are_what_html_takes_by_every_way_in,
    addresses_are_one_in_every_spelling_of_the_domain,
    letters_beyond_ascii_need_the_setting,
    domains_of_accounts_are_one_in_every_spelling,
);

/// What is sent as an address, and what is stored.
const ADDRESSES: &[(&str, Outcome)] = &[
    ("ada@example.com", Kept("ada@example.com")),
    ("Ada.Lovelace+crm@Example.COM", Kept("Ada.Lovelace+crm@Example.COM")),
    (" \u{200e}ada2@example.com\u{feff}\n", Kept("ada2@example.com")),
    ("ada@localhost", Kept("ada@localhost")),
    ("ada@b.c", Kept("ada@b.c")),
    (".ada.@example.com", Kept(".ada.@example.com")),
    ("a..da@example.com", Kept("a..da@example.com")),
    ("o'neil@example.com", Kept("o'neil@example.com")),
    ("!#$%&'*+/=?^_`{|}~-@example.com", Kept("!#$%&'*+/=?^_`{|}~-@example.com")),
    ("ada@192.168.0.1", Kept("ada@192.168.0.1")),
    ("ada@a--b.example", Kept("ada@a--b.example")),
    ("ada@xn--bcher-kva.example", Kept("ada@xn--bcher-kva.example")),
    ("info@dömäin.com", Kept("info@dömäin.com")),
    ("info@do\u{308}ma\u{308}in.example", Kept("info@dömäin.example")),
    ("test@skólabær.is", Kept("test@skólabær.is")),
    ("info@яндекс.рф", Kept("info@яндекс.рф")),
    ("info@例え.テスト", Kept("info@例え.テスト")),
    ("info@ابجدهوز.مصر", Kept("info@ابجدهوز.مصر")),
    ("info@उदाहरण.भारत", Kept("info@उदाहरण.भारत")),
    ("info@한국.example", Kept("info@한국.example")),
    ("info@straße.example", Kept("info@straße.example")),
    ("info@trinkwasser-für-alle.example", Kept("info@trinkwasser-für-alle.example")),
    ("ada", Refused("has no @")),
    ("ada.example.com", Refused("has no @")),
    ("@example.com", Refused("before the @")),
    ("ada@", Refused("domain name")),
    ("ada@b@example.com", Refused("more than one @")),
    ("ada@example.com, bob@example.com", Refused("spaces")),
    ("ada@example.com;bob@example.com", Refused("more than one @")),
    ("Ada Lovelace <ada@example.com>", Refused("spaces")),
    ("<ada@example.com>", Refused("must not contain \"<\"")),
    ("mailto:ada@example.com", Refused("must not contain \":\"")),
    ("\"ada\"@example.com", Refused("quotation marks")),
    ("\"ada lovelace\"@example.com", Refused("spaces")),
    ("\"a@b\"@example.com", Refused("quotation marks")),
    ("ada(work)@example.com", Refused("must not contain \"(\"")),
    ("ada\\@example.com", Refused("must not contain")),
    ("ada lovelace@example.com", Refused("spaces")),
    ("ada@exam ple.com", Refused("spaces")),
    ("ada@example..com", Refused("domain name")),
    ("ada@.example.com", Refused("domain name")),
    ("ada@example.com.", Refused("domain name")),
    ("ada@-example.com", Refused("domain name")),
    ("ada@example-.com", Refused("domain name")),
    ("ada@exa_mple.com", Refused("domain name")),
    ("ada@[192.168.0.1]", Refused("domain name")),
    ("ada@example.com/path", Refused("domain name")),
    ("ada\u{200b}@example.com", Refused("hidden character after its first 3 characters")),
    ("ada@exam\u{ad}ple.com", Refused("hidden character after its first 8 characters")),
    ("ada@\u{200c}example.com", Refused("hidden character after its first 4 characters")),
    ("ad\0a@example.com", Refused("hidden character after its first 2 characters")),
    ("jürgen@example.com", Refused("\"ü\" is another character")),
    ("аda@example.com", Refused("\"а\" is another character")),
    ("ａda@example.com", Refused("\"ａ\" is another character")),
    ("ada＠example.com", Refused("has no @")),
    ("ada@exаmple.com", Refused("\"а\" only looks like")),
    ("ada@ｅxample.com", Refused("\"ｅ\" only looks like")),
    ("ada@\u{212a}elvin.example", Kept("ada@Kelvin.example")),
    ("ada@example。com", Refused("\"。\" only looks like")),
    ("ada@bücher。de", Refused("\"。\" only looks like")),
    ("ada@büｃher.example", Refused("\"ｃ\" only looks like")),
    ("ada@bü①.example", Refused("\"①\" only looks like")),
    ("ada@straße.example", Kept("ada@straße.example")),
    ("ada@exampleο.com", Refused("\"ο\" only looks like")),
];

async fn addresses_are_what_html_takes_by_every_way_in(world: World) {
    let writer = world.writer();
    let field = world.rows().custom_field("second", FieldType::Email, &[]).await.id.to_string();
    let person = world.rows().account_contact("first@example.com", &[]).await.id.to_string();
    for (at, (address, outcome)) in ADDRESSES.iter().enumerate() {
        let input = json!({ "email": address, "internalRole": "LEAD" });
        let created = mutated(&writer, "createInternalContact", input, "internalContact", "email").await;
        outcome.assert(&created, &format!("createInternalContact {address:?}"));
        let input = json!({ "id": person, "email": address });
        let updated = mutated(&writer, "updateAccountContact", input, "accountContact", "email").await;
        outcome.assert(&updated, &format!("updateAccountContact {address:?}"));
        let row = json!({ "remoteId": format!("r{at}"), "email": format!("{address}"), "firstName": "Ada" });
        let other = json!({ "id": person, "email": format!("free{at}@example.com") });
        assert!(mutated(&writer, "updateAccountContact", other, "accountContact", "id").await.is_ok());
        let upserted = upserted(&writer, "upsertAccountContacts", row, "accountContact", "email").await;
        outcome.assert(&upserted, &format!("upsertAccountContacts {address:?}"));
        let body = json!({ "type": { "id": 1 }, "email": address });
        let posted = rest(&writer, Method::POST, "/api/v1/organisation/1/contact", body).await;
        match outcome {
            Refused(_) => outcome.assert(&posted.map(|_| None), &format!("REST {address:?}")),
            _ => assert!(posted.is_ok(), "REST {address:?} {posted:?}"),
        }
        let value =
            json!({ "id": person, "customFieldValues": [{ "customFieldId": field, "value": address }] });
        let valued = mutated(&writer, "updateAccountContact", value, "accountContact", "id").await;
        assert_eq!(valued.is_err(), matches!(outcome, Refused(_)), "{address:?} {valued:?}");
        let Kept(stored) = outcome else { continue };
        for list in ["internalContacts", "accountContacts", "organizationContacts"] {
            for spelling in [address.to_string(), stored.to_ascii_uppercase()] {
                assert_eq!(
                    count(&world, list, json!({ "email": { "eq": spelling } })).await,
                    1,
                    "{list} {spelling}"
                );
            }
            assert!(count(&world, list, json!({ "search": stored })).await >= 1, "{list} {stored}");
        }
        let filter = json!({ "customFieldValues": [{ "customFieldId": field, "eq": stored }] });
        assert_eq!(count(&world, "accountContacts", filter).await, 1, "{stored}");
    }
}

/// Two spellings of addresses, and whether they are one.
const PAIRS: &[(&str, &str, bool)] = &[
    ("ada@bücher.example", "ADA@xn--bcher-kva.example", true),
    ("bob@BÜCHER.example", "bob@bu\u{308}cher.EXAMPLE", true),
    ("eva@xn--r8jz45g.jp", "eva@例え.jp", true),
    ("max@яндекс.рф", "max@XN--D1ACPJX3F.XN--P1AI", true),
    ("zoe@faß.example", "zoe@xn--fa-hia.example", true),
    ("tim@faß.example", "tim@fass.example", false),
    ("a.b@example.com", "ab@example.com", false),
    ("cd+x@example.com", "cd@example.com", false),
    ("kim@example.com", "kim@example.com ", true),
    ("leo@mail.example", "leo@example", false),
];

async fn addresses_are_one_in_every_spelling_of_the_domain(world: World) {
    let writer = world.writer();
    let field = world.rows().custom_field("second", FieldType::Email, &[]).await.id.to_string();
    for (one, other, is_same) in PAIRS {
        let input = |email| json!({ "email": email, "firstName": "A" });
        let values = json!([{ "customFieldId": field, "value": one }]);
        let first = json!({ "email": one, "firstName": "A", "customFieldValues": values });
        let created = mutated(&writer, "createAccountContact", first, "accountContact", "email").await;
        assert_eq!(created, Ok(Some((*one).to_owned())));
        let before = world.count("account_contact").await;
        for (list, filter) in [
            ("accountContacts", json!({ "email": { "eq": other } })),
            ("contacts", json!({ "email": { "in": [other] } })),
            ("accountContacts", json!({ "customFieldValues": [{ "customFieldId": field, "eq": other }] })),
        ] {
            assert_eq!(count(&world, list, filter.clone()).await, usize::from(*is_same), "{one} {filter}");
        }
        if *is_same {
            let domain = other.trim().split_once('@').expect("a domain").1;
            for filter in [
                json!({ "email": { "contains": format!("@{domain}") } }),
                json!({ "search": other }),
                json!({ "search": domain }),
            ] {
                assert!(count(&world, "accountContacts", filter.clone()).await >= 1, "{one} {filter}");
            }
        }
        let created = mutated(&writer, "createAccountContact", input(other), "accountContact", "id").await;
        assert_eq!(created.is_err(), *is_same, "{one} {other} {created:?}");
        assert!(
            upserted(&writer, "upsertAccountContacts", input(other), "accountContact", "id").await.is_ok()
        );
        assert_eq!(world.count("account_contact").await, before + usize::from(!is_same), "{one} {other}");
    }
}

async fn letters_beyond_ascii_need_the_setting(world: World) {
    let world = world.restarted(|config| config.contacts.smtputf8 = true).await;
    let writer = world.writer();
    for (address, outcome) in [
        ("jürgen@example.com", Kept("jürgen@example.com")),
        ("zoe\u{308}@example.com", Kept("zoë@example.com")),
        ("用户@例え.テスト", Kept("用户@例え.テスト")),
        ("अजय@उदाहरण.भारत", Kept("अजय@उदाहरण.भारत")),
        ("ada@example.com", Kept("ada@example.com")),
        ("\"ü\"@example.com", Refused("quotation marks")),
        ("аda@example.com", Refused("another character")),
        ("zo\u{200b}ë@example.com", Refused("hidden character")),
        ("☃@example.com", Refused("another character")),
        ("ü ü@example.com", Refused("spaces")),
    ] {
        let input = json!({ "email": address, "internalRole": "LEAD" });
        let created = mutated(&writer, "createInternalContact", input, "internalContact", "email").await;
        outcome.assert(&created, address);
        let row = json!({ "email": address, "firstName": "A" });
        let upserted = upserted(&writer, "upsertAccountContacts", row, "accountContact", "email").await;
        outcome.assert(&upserted, address);
        let body = json!({ "type": { "id": 1 }, "email": address });
        let posted = rest(&writer, Method::POST, "/api/v1/organisation/1/contact", body).await;
        assert_eq!(posted.is_err(), matches!(outcome, Refused(_)), "{address}");
    }
    let input = json!({ "email": "JU\u{308}RGEN@EXAMPLE.COM", "internalRole": "LEAD" });
    assert!(mutated(&writer, "createInternalContact", input, "internalContact", "email").await.is_err());
    assert_eq!(
        count(&world, "internalContacts", json!({ "email": { "eq": "JÜRGEN@example.com" } })).await,
        1
    );
}

async fn domains_of_accounts_are_one_in_every_spelling(world: World) {
    let writer = world.writer();
    for (at, (written, found, not_found)) in [
        (
            "bücher.example",
            &["xn--bcher-kva.example", "BÜCHER.EXAMPLE", "bu\u{308}cher.example"][..],
            "bucher.example",
        ),
        ("xn--r8jz45g.jp", &["例え.jp", "XN--R8JZ45G.JP"], "例.jp"),
        ("Example.COM", &["example.com", "EXAMPLE.com", " example.com"], "example.co"),
        ("яндекс.рф", &["xn--d1acpjx3f.xn--p1ai"], "yandex.ru"),
        ("no domain, but kept", &["No Domain, but kept"], "no domain"),
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({ "name": "A", "primaryDomain": written, "remoteId": format!("r{at}") });
        let created = mutated(&writer, "createAccount", input, "account", "primaryDomain").await;
        assert_eq!(created, Ok(Some(written.to_owned())), "shown as written");
        for spelling in found {
            assert_eq!(
                count(&world, "accounts", json!({ "primaryDomain": { "eq": spelling } })).await,
                1,
                "{spelling}"
            );
            assert_eq!(
                count(&world, "accounts", json!({ "primaryDomain": { "contains": spelling.trim() } })).await,
                1,
                "{spelling}"
            );
            assert!(count(&world, "accounts", json!({ "search": spelling })).await >= 1, "{spelling}");
        }
        assert_eq!(
            count(&world, "accounts", json!({ "primaryDomain": { "eq": not_found } })).await,
            0,
            "{not_found}"
        );
        let row = json!({ "remoteId": format!("r{at}"), "primaryDomain": format!("{at}.example") });
        assert!(upserted(&writer, "upsertAccounts", row, "account", "id").await.is_ok());
        assert_eq!(
            count(&world, "accounts", json!({ "primaryDomain": { "eq": written } })).await,
            0,
            "{written}"
        );
    }
}
