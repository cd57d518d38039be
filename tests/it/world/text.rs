//! Names and other texts: composed, trimmed, without hidden characters, and visible.

use contact_gateway::entity::custom_field::FieldType;
use reqwest::Method;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

use super::{
    Outcome::{self, Blank, Kept, Refused},
    Result, count, forms, mutated, rest, upserted,
};
use crate::support::{Chance, World, on_both};

on_both!(
    texts_have_one_form_by_every_way_in,
    required_texts_must_be_visible,
    what_looks_the_same_is_the_same,
    an_option_is_itself_in_every_form,
    a_repeated_call_is_the_same_in_every_form,
    random_texts_are_found_in_every_form,
);

/// What is sent as a text, and what is stored.
const TEXTS: &[(&str, Outcome)] = &[
    // Composed and decomposed: keyboards of phones, file names of macOS, exports of Apple Contacts.
    ("Zoe\u{308}", Kept("Zoë")),
    ("Nguye\u{302}\u{303}n", Kept("Nguyễn")),
    ("Nguyê\u{303}n", Kept("Nguyễn")),
    ("\u{1112}\u{1161}\u{11ab}국", Kept("한국")),
    ("か\u{3099}", Kept("が")),
    ("А\u{306}", Kept("Ӑ")),
    ("\u{212b}ngström", Kept("Ångström")),
    ("\u{958}", Kept("\u{915}\u{93c}")),
    ("ﬁ", Kept("ﬁ")),
    ("①", Kept("①")),
    ("q\u{307}\u{323}", Kept("q\u{323}\u{307}")),
    // Hidden characters that change nothing: web pages, word processors, chat programs.
    ("\u{feff}Ada", Kept("Ada")),
    ("Ada\u{200b}", Kept("Ada")),
    ("Love\u{ad}lace", Kept("Lovelace")),
    ("Ada\u{2060}Byron", Kept("AdaByron")),
    ("\u{202a}Ada\u{202c}", Kept("Ada")),
    ("\u{2068}Ada\u{2069}", Kept("Ada")),
    ("\u{200f}שרה\u{200f}", Kept("שרה")),
    ("محمد\u{61c}", Kept("محمد")),
    ("e\u{34f}\u{301}", Kept("é")),
    ("A\u{200d}da", Kept("Ada")),
    ("Ada\u{fe0f}", Kept("Ada")),
    ("Ada\u{fffc}", Kept("Ada")),
    ("Ada\u{e0041}\u{e007f}", Kept("Ada")),
    ("Ada\u{3164}", Kept("Ada")),
    ("\u{115f}Ada\u{ffa0}", Kept("Ada")),
    ("Ada\u{206a}\u{180e}", Kept("Ada")),
    // Hidden characters that a name needs.
    ("می\u{200c}خواهم", Kept("می\u{200c}خواهم")),
    ("علی\u{200c}رضا", Kept("علی\u{200c}رضا")),
    ("ශ\u{dca}\u{200d}රී", Kept("ශ\u{dca}\u{200d}රී")),
    ("അനില\u{d4d}\u{200d}", Kept("അനില\u{d4d}\u{200d}")),
    ("র\u{200d}\u{9cd}যাব", Kept("র\u{200d}\u{9cd}যাব")),
    ("葛\u{e0100}飾", Kept("葛\u{e0100}飾")),
    ("Rainbow 🏳\u{fe0f}\u{200d}🌈", Kept("Rainbow 🏳\u{fe0f}\u{200d}🌈")),
    // Spaces.
    ("\u{a0}Ada\u{a0}Lovelace\u{2003}", Kept("Ada Lovelace")),
    ("\u{3000}山田\u{3000}太郎\u{3000}", Kept("山田\u{3000}太郎")),
    ("\u{2009}Ada\u{202f}Byron", Kept("Ada Byron")),
    ("\t Ada \r\n", Kept("Ada")),
    ("\u{2028}Ada\u{2029}", Kept("Ada")),
    ("\u{200e} Ada \u{200e}", Kept("Ada")),
    ("Ada  Byron", Kept("Ada  Byron")),
    // What is visible stays.
    ("💥", Kept("💥")),
    ("-", Kept("-")),
    ("X Æ A-12", Kept("X Æ A-12")),
    ("Nin\u{303}o", Kept("Niño")),
    ("ЁЛКА", Kept("ЁЛКА")),
    ("ﷺ", Kept("ﷺ")),
    ("\u{e000}", Kept("\u{e000}")),
    // Nothing is visible.
    ("", Blank),
    (" \t\u{a0}\u{3000}\u{2003}", Blank),
    ("\u{200b}", Refused("Nothing of this text is visible")),
    ("\u{feff} \u{200e}", Refused("Nothing of this text is visible")),
    ("\u{2800}\u{2800}", Refused("Nothing of this text is visible")),
    ("\u{3164}", Refused("Nothing of this text is visible")),
    ("\u{ffa0}", Refused("Nothing of this text is visible")),
    ("\u{115f}\u{1160}", Refused("Nothing of this text is visible")),
    ("\u{301}", Refused("Nothing of this text is visible")),
    (" \u{308} \u{20dd}", Refused("Nothing of this text is visible")),
    ("\u{93f}", Refused("Nothing of this text is visible")),
    ("\u{200d}\u{200c}", Refused("Nothing of this text is visible")),
    ("\u{fe0f}", Refused("Nothing of this text is visible")),
    ("\u{e0001}\u{e0020}", Refused("Nothing of this text is visible")),
    ("\u{1d159}", Refused("Nothing of this text is visible")),
    ("\u{17b4}\u{17b5}", Refused("Nothing of this text is visible")),
    ("\u{180e}", Refused("Nothing of this text is visible")),
    ("\u{fffc}", Refused("Nothing of this text is visible")),
    // Control characters and lines.
    ("Ada\0", Refused("control characters")),
    ("\u{1b}[31mAda", Refused("control characters")),
    ("Ada\u{7f}", Refused("control characters")),
    ("Ada\nLovelace", Refused("line breaks")),
    ("Ada\tLovelace", Refused("control characters")),
    ("Ada\u{85}Lovelace", Refused("control characters")),
    ("Ada\u{2028}Lovelace", Refused("line breaks")),
    ("\u{200b}\u{1}", Refused("control characters")),
];

/// A text by each way in to an optional field.
async fn ways(world: &World, text: &str) -> Vec<(&'static str, Result)> {
    let (writer, rows) = (world.writer(), world.rows());
    let number = world.count("account_contact").await;
    let email = format!("p{number}@example.com");
    let contact = rows.account_contact(&email, &[]).await.id.to_string();
    let person =
        json!({ "email": format!("i{number}@example.com"), "internalRole": "LEAD", "jobTitle": text });
    let update = json!({ "id": contact, "lastName": text });
    let row = json!({ "email": format!("u{number}@example.com"), "firstName": "Ada", "lastName": text });
    let body = json!({ "type": { "id": 1 }, "city": text });
    let posted = rest(&writer, Method::POST, "/api/v1/organisation/1/contact", body).await;
    let posted = match posted {
        Ok(made) => {
            let path =
                format!("/api/v1/organisation/1/contact/{}", made["contact_id"].as_str().expect("an id"));
            let read = rest(&writer, Method::GET, &path, json!({})).await.expect("a contact");
            Ok(read["city"].as_str().map(str::to_owned))
        }
        Err(message) => Err(message),
    };
    vec![
        ("person", mutated(&writer, "createInternalContact", person, "internalContact", "jobTitle").await),
        ("update", mutated(&writer, "updateAccountContact", update, "accountContact", "lastName").await),
        ("bulk", upserted(&writer, "upsertAccountContacts", row, "accountContact", "lastName").await),
        ("REST", posted),
    ]
}

async fn texts_have_one_form_by_every_way_in(world: World) {
    for (text, outcome) in TEXTS {
        for (way, result) in ways(&world, text).await {
            outcome.assert(&result, &format!("{way} {text:?}"));
        }
        let Kept(stored) = outcome else { continue };
        for form in forms(text) {
            for filter in
                [json!({ "jobTitle": { "eq": form } }), json!({ "jobTitle": { "in": ["nobody", form] } })]
            {
                assert!(count(&world, "internalContacts", filter.clone()).await > 0, "{filter} {stored:?}");
            }
        }
        for form in forms(stored) {
            for filter in
                [json!({ "jobTitle": { "startsWith": form } }), json!({ "jobTitle": { "contains": form } })]
            {
                assert!(count(&world, "internalContacts", filter.clone()).await > 0, "{filter} {stored:?}");
            }
        }
    }
}

async fn required_texts_must_be_visible(world: World) {
    let (writer, admin) = (world.writer(), world.admin());
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let field = world.rows().custom_field("note", FieldType::Text, &[]).await.id.to_string();
    let contact = world.rows().account_contact("ada@example.com", &[]).await.id.to_string();
    for (at, (text, outcome)) in TEXTS.iter().enumerate() {
        let outcome = if *outcome == Blank { Refused("must not be blank") } else { *outcome };
        let name = json!({ "name": text });
        let created = mutated(&writer, "createPartner", name, "partner", "name").await;
        outcome.assert(&created, &format!("createPartner {text:?}"));
        let update = json!({ "id": partner, "name": text });
        let updated = mutated(&writer, "updatePartner", update, "partner", "name").await;
        outcome.assert(&updated, &format!("updatePartner {text:?}"));
        let row = json!({ "remoteId": format!("r{at}"), "name": text });
        let upserted = upserted(&writer, "upsertPartners", row, "partner", "name").await;
        outcome.assert(&upserted, &format!("upsertPartners {text:?}"));
        if text.trim() == *text {
            let named = json!({ "name": format!("{at} {text}") });
            let named = mutated(&admin, "createContactType", named, "contactType", "name").await;
            assert_eq!(
                named.is_err(),
                matches!(outcome, Refused("control characters" | "line breaks")),
                "{text:?}"
            );
        }
        let value =
            json!({ "id": contact, "customFieldValues": [{ "customFieldId": field, "value": text }] });
        let value = mutated(&writer, "updateAccountContact", value, "accountContact", "id").await;
        assert_eq!(value.is_err(), matches!(outcome, Refused(_)), "{text:?} {value:?}");
        if let Err(message) = value {
            super::assert_plain(&message);
        }
    }
}

/// Pairs of remote ids, and whether they are one.
const PAIRS: &[(&str, &str, bool)] = &[
    ("Zoë", "Zoe\u{308}", true),
    ("r-1", "r-1\u{200b}", true),
    ("r-2", "\u{feff}r-2", true),
    ("r 3", "r\u{a0}3", true),
    ("r\u{ad}4", "r4", true),
    ("Å5", "\u{212b}5", true),
    ("\u{1112}\u{1161}\u{11ab}6", "한6", true),
    ("r7 ", " r7", true),
    ("R8", "r8", false),
    ("می\u{200c}خ9", "میخ9", false),
    ("①0", "10", false),
    ("ＡＢ", "AB", false),
    ("а1", "a1", false),
    ("r-11", "r\u{2010}11", false),
];

async fn what_looks_the_same_is_the_same(world: World) {
    let (writer, admin) = (world.writer(), world.admin());
    for (one, other, is_same) in PAIRS {
        let input = |id| json!({ "name": "A", "remoteId": id });
        assert!(mutated(&writer, "createPartner", input(one), "partner", "id").await.is_ok(), "{one:?}");
        let before = world.count("partner").await;
        let created = mutated(&writer, "createPartner", input(other), "partner", "id").await;
        assert_eq!(created.is_err(), *is_same, "{one:?} {other:?} {created:?}");
        assert!(
            upserted(&writer, "upsertPartners", input(other), "partner", "id").await.is_ok(),
            "{other:?}"
        );
        let made = usize::from(!is_same);
        assert_eq!(world.count("partner").await, before + made, "{one:?} {other:?}");
        for id in [one, other] {
            for form in forms(id) {
                assert_eq!(
                    count(&world, "partners", json!({ "remoteId": { "eq": form } })).await,
                    1,
                    "{form:?}"
                );
            }
        }
        let name = |name| json!({ "name": name });
        assert!(
            mutated(&admin, "createContactType", name(one), "contactType", "id").await.is_ok(),
            "{one:?}"
        );
        let created = mutated(&admin, "createContactType", name(other), "contactType", "id").await;
        assert_eq!(created.is_err(), *is_same, "{one:?} {other:?} {created:?}");
        let key = |key| json!({ "key": key, "label": "A", "fieldType": "TEXT" });
        assert!(mutated(&admin, "createCustomField", key(one), "customField", "id").await.is_ok(), "{one:?}");
        let created = mutated(&admin, "createCustomField", key(other), "customField", "id").await;
        assert_eq!(created.is_err(), *is_same, "{one:?} {other:?} {created:?}");
    }
}

async fn an_option_is_itself_in_every_form(world: World) {
    let field = world
        .rows()
        .custom_field("size", FieldType::SingleChoice, &["Große", "Cafe\u{301}"])
        .await
        .id
        .to_string();
    let many = world
        .rows()
        .custom_field("sizes", FieldType::MultiChoice, &["Gro\u{200b}ß", "Café"])
        .await
        .id
        .to_string();
    let contact = world.rows().account_contact("ada@example.com", &[]).await.id.to_string();
    for (value, values, expected, all) in [
        ("Café", json!(["Cafe\u{301}", "Café"]), "Café", json!(["Café"])),
        ("Cafe\u{301}", json!(["Groß\u{ad}", "Café"]), "Café", json!(["Groß", "Café"])),
        (" Große\u{200e}", json!(["Groß"]), "Große", json!(["Groß"])),
    ] {
        let values = [
            json!({ "customFieldId": field, "value": value }),
            json!({ "customFieldId": many, "value": values }),
        ];
        let input = json!({ "id": contact, "customFieldValues": values });
        let reply = world
            .writer()
            .mutate("updateAccountContact", input, "accountContact { customFieldValues { value } }")
            .await;
        assert_eq!(reply.user_errors("updateAccountContact"), [""; 0], "{value:?}");
        let stored = reply.list("/updateAccountContact/accountContact/customFieldValues");
        assert_eq!([&stored[0]["value"], &stored[1]["value"]], [&json!(expected), &all], "{value:?}");
        for form in forms(value) {
            let filter = json!({ "customFieldValues": [{ "customFieldId": field, "eq": form }] });
            assert_eq!(count(&world, "accountContacts", filter).await, 1, "{form:?}");
        }
        let filter = json!({ "customFieldValues": [{ "customFieldId": many, "contains": all[0].as_str().expect("a text").nfd().collect::<String>() }] });
        assert_eq!(count(&world, "accountContacts", filter).await, 1, "{value:?}");
    }
}

async fn a_repeated_call_is_the_same_in_every_form(world: World) {
    for (key, id, again, name) in [
        ("k-1", "r-1", "r-1", "Zoe\u{308}"),
        ("k-2", "Schlu\u{308}ssel", "Schlüssel\u{200b}", "Zoë "),
        ("k-3", "r-3", " r-3\u{a0}", "\u{feff}Zoë"),
    ] {
        let input = |name, id| json!({ "name": name, "remoteId": id, "idempotencyKey": key });
        let first = mutated(&world.writer(), "createPartner", input("Zoë", id), "partner", "id").await;
        assert!(first.is_ok(), "{first:?}");
        let second = mutated(&world.writer(), "createPartner", input(name, again), "partner", "id").await;
        assert_eq!(second, first, "{key}");
        let upsert = async |row: serde_json::Value, key: Option<String>| {
            let input = json!({ "rows": [row], "idempotencyKey": key });
            let reply = world.writer().mutate("upsertPartners", input, "results { status }").await;
            reply.text("/upsertPartners/results/0/status").to_owned()
        };
        let (bulk, new) = (format!("bulk {key}"), format!("{id} new"));
        assert_eq!(upsert(json!({ "remoteId": new, "name": "Zoë" }), Some(bulk.clone())).await, "CREATED");
        let row = json!({ "remoteId": format!(" {}\u{200b} new\u{a0}", again.trim()), "name": name });
        assert_eq!(upsert(row.clone(), Some(bulk)).await, "CREATED", "the first result");
        assert_eq!(upsert(row, None).await, "UNCHANGED", "{again:?}");
    }
    for key in ["\u{200b}", "", "a\u{2028}b"] {
        let reply = world
            .writer()
            .mutate("createPartner", json!({ "name": "A", "idempotencyKey": key }), "partner { id }")
            .await;
        assert_eq!(reply.user_errors("createPartner"), ["INVALID idempotencyKey"], "{key:?}");
    }
}

/// Pieces of names in many scripts, some of them decomposed, hidden or both.
const PIECES: [&str; 24] = [
    "Zoe\u{308}",
    "Ångström",
    "\u{212b}",
    "한",
    "\u{1112}\u{1161}",
    "か\u{3099}",
    "ガ",
    "\u{200b}",
    "\u{ad}",
    "\u{202e}",
    "Nguyễn",
    "हिन्दी",
    "\u{958}",
    "ไทย",
    "محمّد",
    "שָׁלוֹם",
    "Й",
    "\u{200d}",
    "\u{200c}",
    " ",
    "\u{a0}",
    "ς",
    "İ",
    "ß",
];

async fn random_texts_are_found_in_every_form(world: World) {
    let mut chance = Chance::seeded(11);
    for number in 0..40 {
        let count_of = 1 + chance.below(5);
        let pieces: String = (0..count_of).map(|_| *chance.pick(&PIECES)).collect();
        let name = format!("x{number:02}{pieces}");
        let stored =
            mutated(&world.writer(), "createPartner", json!({ "name": name }), "partner", "name").await;
        let stored = stored.expect("a name").expect("a name");
        let again = mutated(
            &world.writer(),
            "createPartner",
            json!({ "name": stored, "remoteId": format!("{number}") }),
            "partner",
            "name",
        )
        .await;
        assert_eq!(again.as_ref(), Ok(&Some(stored.clone())), "{name:?}");
        for form in forms(&name).into_iter().chain(forms(&stored)) {
            assert_eq!(count(&world, "partners", json!({ "name": { "eq": form } })).await, 2, "{form:?}");
            assert_eq!(count(&world, "partners", json!({ "search": form })).await, 2, "{form:?}");
        }
        let compatible: String = stored.nfkc().collect();
        assert_eq!(count(&world, "partners", json!({ "search": compatible })).await, 2, "{compatible:?}");
    }
}
