//! Phone numbers as people paste them, and the reasons why some are refused.

use contact_gateway::{
    entity::{custom_field::FieldType, organization_contact::OrganizationContactType},
    service::{Patch, organization_contact::Card},
};
use reqwest::Method;
use serde_json::json;

use super::{
    Outcome::{self, Blank, Kept, Refused},
    count, mutated, rest, upserted,
};
use crate::support::{World, on_both};

on_both!(
    numbers_become_one_form_by_every_way_in,
    numbers_are_searched_as_they_are_pasted,
    cards_keep_what_was_written
);

/// What is sent as a number of a person, and what is stored.
const NUMBERS: &[(&str, Outcome)] = &[
    ("+1 202 555 0143", Kept("+12025550143")),
    ("+1 (202) 555-0143", Kept("+12025550143")),
    ("+1.202.555.0143", Kept("+12025550143")),
    ("+1/202/555/0143", Kept("+12025550143")),
    // Apple Contacts puts the number between marks of direction, Windows and Word replace hyphens and spaces.
    ("\u{202a}+1 202 555 0143\u{202c}", Kept("+12025550143")),
    ("\u{202d}+44 7976 399087\u{202c}", Kept("+447976399087")),
    ("\u{200e}+972 3 123 4567", Kept("+97231234567")),
    ("\u{2066}+972\u{a0}3\u{a0}123\u{a0}4567\u{2069}", Kept("+97231234567")),
    ("+1\u{2011}202\u{2011}555\u{2011}0143", Kept("+12025550143")),
    ("+1\u{2013}202\u{2014}555\u{2012}0143", Kept("+12025550143")),
    ("+1\u{2212}202\u{fe63}555\u{ff0d}0143", Kept("+12025550143")),
    ("+1\u{ad}202\u{200b}555\u{2060}0143", Kept("+12025550143")),
    ("+49\u{202f}30\u{2009}901820", Kept("+4930901820")),
    ("+49\u{3000}30\u{2007}901820", Kept("+4930901820")),
    ("☎\u{fe0f} +1 202 555 0143", Refused("\"☎\" cannot be part")),
    ("+1\u{fe0f} 202 555 0143", Kept("+12025550143")),
    ("\u{feff}+49 30 901820", Kept("+4930901820")),
    // Digits and signs of other scripts.
    ("＋４９　３０　９０１８２０", Kept("+4930901820")),
    ("＋81ー3ー1234ー5678", Kept("+81312345678")),
    ("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", Kept("+966501234567")),
    ("+۹۸ ۲۱ ۱۲۳۴ ۵۶۷۸", Kept("+982112345678")),
    ("+९१ ९८७६५ ४३२१०", Kept("+919876543210")),
    ("+৮৮০ ১৭১২ ৩৪৫৬৭৮", Kept("+8801712345678")),
    ("+๖๖ ๒ ๑๒๓ ๔๕๖๗", Kept("+6621234567")),
    ("+𝟏 𝟐𝟎𝟐 𝟓𝟓𝟓 𝟎𝟏𝟒𝟑", Kept("+12025550143")),
    ("（＋49）30 901820", Kept("+4930901820")),
    ("(+1) 202 555 0143", Kept("+12025550143")),
    // The library takes the 8 of these for what is dialled within the country.
    ("+7 (800) 555-35-35", Kept("+78005553535")),
    ("+7 8 (495) 123-45-67", Kept("+74951234567")),
    ("+375 801 123 4567", Kept("+3758011234567")),
    ("+370 800 12 345", Kept("+37080012345")),
    ("+49 (030) 901820", Kept("+4930901820")),
    ("+90 0212 123 45 67", Kept("+902121234567")),
    ("\u{feff}\n+1 202 555 0143\r\n", Kept("+12025550143")),
    ("+49（30）901820", Kept("+4930901820")),
    // The zero that is dialled within a country.
    ("+49 (0)30 901820", Kept("+4930901820")),
    ("+49(0) 30 901820", Kept("+4930901820")),
    ("+44 (0)20 7946 0958", Kept("+442079460958")),
    ("+41 (0)44 668 18 00", Kept("+41446681800")),
    ("+1 (0)202 555 0143", Kept("+12025550143")),
    ("+39 (0)6 1234567", Kept("+39061234567")),
    ("+39 06 1234567", Kept("+39061234567")),
    ("tel:+1-202-555-0143", Kept("+12025550143")),
    ("TEL:+49-30-901820", Kept("+4930901820")),
    ("+1234567890", Kept("+1234567890")),
    ("", Blank),
    (" \u{a0}", Blank),
    // The country code is missing.
    ("030 901820", Refused("country code is missing")),
    ("0049 30 901820", Refused("country code is missing")),
    ("(202) 555-0143", Refused("country code is missing")),
    ("٠٥٠١٢٣٤٥٦٧", Refused("country code is missing")),
    ("4930901820", Refused("country code is missing")),
    ("\u{200e}", Refused("country code is missing")),
    // Hidden characters that no program leaves by itself.
    ("+1 202\0 555 0143", Refused("hidden character after its first 6 characters")),
    ("+1 202\t555 0143", Refused("hidden character after its first 6 characters")),
    ("+1 202 555 0143\n+1 202 555 0144", Refused("hidden character")),
    ("\u{1}+1 202 555 0143", Refused("hidden character at its beginning")),
    // Numbers that nobody has.
    ("+999 123456", Refused("No country has a code that +999 begins with")),
    ("+0 123456", Refused("No country")),
    ("+1", Refused("so few digits")),
    ("+49 1", Refused("so few digits")),
    ("+1234567890123456789", Refused("so many digits")),
    ("+49 30 9018 2090 1820 90", Refused("so many digits")),
    // Extensions and words.
    ("+1 202 555 0143 ext. 5", Refused("\"e\" cannot be part")),
    ("+1 202 555 0143x5", Refused("without extension")),
    ("+1 202 555 0143#5", Refused("\"#\" cannot be part")),
    ("+1 202 555 0143;ext=5", Refused("\";\" cannot be part")),
    ("+1 202 555 0143 or 5", Refused("\"o\" cannot be part")),
    ("+1 800 FLOWERS", Refused("\"F\" cannot be part")),
    ("+1 2O2 555 0143", Refused("\"O\" cannot be part")),
    ("+1 ²02 555 0143", Refused("\"²\" cannot be part")),
    ("++1 202 555 0143", Refused("more than one +")),
    ("+1 202 555 0143 / +1 202 555 0144", Refused("more than one +")),
    ("none", Refused("\"n\" cannot be part")),
];

async fn numbers_become_one_form_by_every_way_in(world: World) {
    let writer = world.writer();
    let field = world.rows().custom_field("second", FieldType::Phone, &[]).await.id.to_string();
    let person = world.rows().account_contact("first@example.com", &[]).await.id.to_string();
    for (at, (number, outcome)) in NUMBERS.iter().enumerate() {
        let email = format!("p{at}@example.com");
        let input = json!({ "email": email, "internalRole": "LEAD", "phone": number });
        let created = mutated(&writer, "createInternalContact", input, "internalContact", "phone").await;
        outcome.assert(&created, &format!("createInternalContact {number:?}"));
        let input = json!({ "id": person, "phone": number });
        let updated = mutated(&writer, "updateAccountContact", input, "accountContact", "phone").await;
        outcome.assert(&updated, &format!("updateAccountContact {number:?}"));
        let row = json!({ "email": email, "firstName": "Ada", "phone": number });
        let upserted = upserted(&writer, "upsertAccountContacts", row, "accountContact", "phone").await;
        outcome.assert(&upserted, &format!("upsertAccountContacts {number:?}"));
        let body =
            json!({ "firstName": "Ada", "email": format!("r{at}@example.com"), "phoneNumber": number });
        let posted = rest(&writer, Method::POST, "/v1/accounts/contacts", body).await;
        let posted = posted
            .map(|body| body["phoneNumber"].as_str().filter(|phone| !phone.is_empty()).map(str::to_owned));
        outcome.assert(&posted, &format!("REST {number:?}"));
        if *outcome != Blank {
            let value =
                json!({ "id": person, "customFieldValues": [{ "customFieldId": field, "value": number }] });
            let valued = mutated(&writer, "updateAccountContact", value, "accountContact", "id").await;
            assert_eq!(valued.is_err(), matches!(outcome, Refused(_)), "{number:?} {valued:?}");
        }
        let Kept(stored) = outcome else { continue };
        for phone in [number, stored] {
            let filter = json!({ "phone": { "eq": phone }, "email": { "eq": email } });
            assert_eq!(count(&world, "internalContacts", filter.clone()).await, 1, "{filter}");
            assert_eq!(count(&world, "contacts", filter.clone()).await, 2, "{filter}");
            let filter = json!({ "customFieldValues": [{ "customFieldId": field, "eq": phone }] });
            assert_eq!(count(&world, "accountContacts", filter.clone()).await, 1, "{filter}");
        }
        assert!(count(&world, "internalContacts", json!({ "search": number })).await >= 1, "{number:?}");
    }
}

async fn numbers_are_searched_as_they_are_pasted(world: World) {
    let writer = world.writer();
    for (name, phone) in [
        ("American", "+12025550143"),
        ("German", "+4930901820"),
        ("Italian", "+39061234567"),
        ("Saudi", "+966501234567"),
    ] {
        let input = json!({ "firstName": name, "email": format!("{name}@example.com"), "phone": phone });
        assert!(mutated(&writer, "createAccountContact", input, "accountContact", "id").await.is_ok());
    }
    for (query, is_found) in [
        ("+1 202 555", true),
        ("\u{202a}+1 202 555 0143\u{202c}", true),
        ("(202)\u{a0}555\u{2011}0143", true),
        ("２０２５５５０１４３", true),
        ("٢٠٢٥٥٥٠١٤٣", true),
        ("001 202 555 0143", true),
        ("+49 (0)30 901820", true),
        ("030\u{2013}9018", true),
        ("0049 (0) 30 9018", true),
        ("+39 (0)6 123", true),
        ("06 1234567", true),
        ("+٩٦٦ ٥٠ ١٢٣", true),
        ("٠٥٠ ١٢٣ ٤٥٦٧", true),
        ("tel:+1-202-555-0143", true),
        ("+1 202 556", false),
        ("+49 31", false),
    ] {
        assert_eq!(
            count(&world, "accountContacts", json!({ "search": query })).await,
            usize::from(is_found),
            "{query:?}"
        );
    }
    assert_eq!(count(&world, "accountContacts", json!({ "search": "american ２０２５５５" })).await, 1);
}

async fn cards_keep_what_was_written(world: World) {
    for (written, stored, query) in [
        ("030 / 90 18 20", "030 / 90 18 20", "03090"),
        ("+49 (0)30 901821 ext. 5", "+49 (0)30 901821 ext. 5", "+49 30 901821"),
        ("\u{202a}+1 202 555 0143\u{202c}", "+1 202 555 0143", "+12025550143"),
        ("٠٣٠ ٩٠١٨٢٢", "٠٣٠ ٩٠١٨٢٢", "030 901822"),
        ("ask\u{a0}Ada", "ask Ada", ""),
    ] {
        let card = Card { phone: Patch::Set(written.to_owned()), ..Card::default() };
        let card = world.rows().organization_contact(OrganizationContactType::Technical, card).await;
        assert_eq!(card.phone.as_deref(), Some(stored), "{written:?}");
        assert_eq!(
            count(&world, "organizationContacts", json!({ "phone": { "eq": written } })).await,
            1,
            "{written:?}"
        );
        if !query.is_empty() {
            assert_eq!(count(&world, "organizationContacts", json!({ "search": query })).await, 1, "{query}");
        }
    }
}
