//! Organization contacts: cards of a fixed type, their address and their purchase order number.

use contact_gateway::{
    entity::{organization_contact, organization_contact::OrganizationContactType},
    service::organization_contact::Card,
};
use serde_json::{Value, json};

use crate::{
    mutation::{assert_masked, break_inserts, done, refused, refused_to, schema_mismatch, with, without},
    support::{World, on_both},
};

on_both!(
    the_documented_creation_is_read_back,
    a_type_is_enough,
    values_are_cleaned,
    what_is_missing_does_not_fit,
    refused_values_are_named,
    all_errors_are_told_together,
    a_country_is_one_of_iso_3166,
    a_purchase_order_number_is_for_invoices,
    cards_share_everything,
    an_update_is_a_patch,
    an_update_without_change_writes_nothing,
    an_update_keeps_the_rules,
    an_expected_version_must_be_the_rows,
    what_is_out_of_reach_is_not_found,
    a_card_without_its_record_is_not_changed,
);

const CARD: &str = "id number kind displayName type name title department email phone mobile purchaseOrderNumber \
                    address { street secondaryAddress zipcode city state country { id name isoCode callingCode } } \
                    organization { id number } version createdAt updatedAt deletedAt";
const TYPES: [&str; 6] =
    ["COMMERCIAL", "TECHNICAL", "FINANCE", "SHIPPING_ADDRESS", "COMPANY_ADDRESS", "INVOICE_ADDRESS"];

/// Every documented field.
fn invoice() -> Value {
    json!({
        "type": "INVOICE_ADDRESS",
        "name": "Erika Mustermann",
        "title": "Dr",
        "department": "Accounting",
        "street": "Würzburger Straße 1",
        "secondaryAddress": "Building 2",
        "zipcode": "10789",
        "city": "Berlin",
        "state": "Berlin",
        "countryId": "276",
        "email": "Erika@example.com",
        "phone": "030 / 90 18 20 (office)",
        "mobile": "0170-1234567",
        "purchaseOrderNumber": "PO-2026/1",
    })
}

fn card(r#type: &str) -> Value {
    json!({ "type": r#type })
}

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("organizationContact {{ {CARD} }}");
    let payload = done(&world.writer(), "createOrganizationContact", input, &selection).await;
    payload["organizationContact"].clone()
}

async fn update(world: &World, input: Value) -> Value {
    let selection = format!("organizationContact {{ {CARD} }}");
    let payload = done(&world.writer(), "updateOrganizationContact", input, &selection).await;
    payload["organizationContact"].clone()
}

async fn read(world: &World, id: &Value) -> Value {
    let document = format!("query($id: ID!) {{ organizationContact(id: $id) {{ {CARD} }} }}");
    world.reader().graphql(&document, json!({ "id": id })).await.data("/organizationContact").clone()
}

async fn the_documented_creation_is_read_back(world: World) {
    let created = create(&world, invoice()).await;
    let expected = json!({
        "id": created["id"], "number": created["number"], "kind": "ORGANIZATION",
        "displayName": "Erika Mustermann", "type": "INVOICE_ADDRESS", "name": "Erika Mustermann", "title": "Dr",
        "department": "Accounting", "email": "Erika@example.com", "phone": "030 / 90 18 20 (office)",
        "mobile": "0170-1234567", "purchaseOrderNumber": "PO-2026/1",
        "address": {
            "street": "Würzburger Straße 1", "secondaryAddress": "Building 2", "zipcode": "10789",
            "city": "Berlin", "state": "Berlin",
            "country": { "id": "276", "name": "Germany", "isoCode": "DE", "callingCode": "49" },
        },
        "organization": { "id": "org_1", "number": "1" }, "version": 1, "createdAt": created["createdAt"],
        "updatedAt": created["createdAt"], "deletedAt": null,
    });
    assert_eq!(created, expected);
    assert_eq!(created["id"], format!("oc_{}", created["number"].as_str().expect("a BigInt")));
    assert_eq!(read(&world, &created["id"]).await, created);
}

async fn a_type_is_enough(world: World) {
    for r#type in TYPES {
        let fields = without(without(invoice(), "type"), "purchaseOrderNumber");
        let fields = fields.as_object().expect("fields");
        let null = fields.keys().map(|field| (field.clone(), Value::Null)).collect();
        let blank = fields.keys().filter(|field| *field != "countryId");
        let blank = blank.map(|field| (field.clone(), json!("  "))).collect();
        for rest in [json!({}), Value::Object(null), Value::Object(blank)] {
            let created = create(&world, with(card(r#type), rest)).await;
            let expected = json!({
                "id": created["id"], "number": created["number"], "kind": "ORGANIZATION",
                "displayName": created["displayName"], "type": r#type, "name": null, "title": null,
                "department": null, "email": null, "phone": null, "mobile": null, "purchaseOrderNumber": null,
                "address": {
                    "street": null, "secondaryAddress": null, "zipcode": null, "city": null, "state": null,
                    "country": null,
                },
                "organization": { "id": "org_1", "number": "1" }, "version": 1, "createdAt": created["createdAt"],
                "updatedAt": created["createdAt"], "deletedAt": null,
            });
            assert_eq!(created, expected);
            assert!(created["displayName"].as_str().is_some_and(|name| !name.is_empty()));
            assert_eq!(read(&world, &created["id"]).await, created);
        }
    }
}

async fn values_are_cleaned(world: World) {
    let input = with(
        card("INVOICE_ADDRESS"),
        json!({
            "name": "  Erika ", "street": "ü".repeat(255), "email": " Erika@example.com\n",
            "phone": " ask for  Erika ", "mobile": "n/a", "purchaseOrderNumber": format!(" {} ", "№".repeat(50)),
        }),
    );
    let created = create(&world, input.clone()).await;
    assert_eq!(created["name"], "Erika");
    assert_eq!(created["address"]["street"], input["street"]);
    assert_eq!(created["email"], "Erika@example.com");
    assert_eq!((&created["phone"], &created["mobile"]), (&json!("ask for  Erika"), &json!("n/a")));
    assert_eq!(created["purchaseOrderNumber"], "№".repeat(50));
    assert_eq!(read(&world, &created["id"]).await, created);
}

async fn what_is_missing_does_not_fit(world: World) {
    for (input, argument) in [
        (without(invoice(), "type"), "type"),
        (json!({}), "type"),
        (with(invoice(), json!({ "type": null })), "type"),
        (with(invoice(), json!({ "type": 7 })), "type"),
        (with(invoice(), json!({ "type": 6 })), "type"),
        (with(invoice(), json!({ "type": "7" })), "type"),
        (with(invoice(), json!({ "type": { "id": 6 } })), "type"),
        (with(invoice(), json!({ "type": "SHIPPING" })), "type"),
        (with(invoice(), json!({ "email": 1 })), "email"),
        (with(invoice(), json!({ "phone": 4930 })), "phone"),
        (with(invoice(), json!({ "id": "oc_1" })), "id"),
        (with(invoice(), json!({ "organisationId": 1 })), "organisationId"),
        (with(invoice(), json!({ "address": { "city": "Berlin" } })), "address"),
    ] {
        schema_mismatch(&world, "createOrganizationContact", input, &["input", argument]).await;
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for field in [
        "name",
        "title",
        "department",
        "street",
        "secondaryAddress",
        "zipcode",
        "city",
        "state",
        "phone",
        "mobile",
        "purchaseOrderNumber",
    ] {
        for (value, code) in
            [(long.as_str(), "TOO_LONG"), ("a\0b", "INVALID"), ("a\nb", "INVALID"), ("\u{1b}[m", "INVALID")]
        {
            let input = with(card("INVOICE_ADDRESS"), json!({ field: value }));
            refused(&world, "createOrganizationContact", input, &[&format!("{code} {field}")]).await;
        }
    }
    for (value, error) in [
        ("erika", "INVALID email"),
        ("Erika <erika@example.com>", "INVALID email"),
        ("e\0@example.com", "INVALID email"),
        (&format!("{}@example.com", "x".repeat(250)), "TOO_LONG email"),
    ] {
        let input = with(card("FINANCE"), json!({ "email": value }));
        refused(&world, "createOrganizationContact", input, &[error]).await;
    }
}

async fn all_errors_are_told_together(world: World) {
    let long = "x".repeat(256);
    let fields = json!({
        "name": "\0", "title": long, "department": "\u{7}x", "street": long, "secondaryAddress": "a\nb",
        "zipcode": long, "city": "a\0", "state": long, "countryId": "0", "email": "erika", "phone": long,
        "mobile": "a\tb", "purchaseOrderNumber": "1",
    });
    let errors = [
        "INVALID name",
        "TOO_LONG title",
        "INVALID department",
        "TOO_LONG street",
        "INVALID secondaryAddress",
        "TOO_LONG zipcode",
        "INVALID city",
        "TOO_LONG state",
        "NOT_FOUND countryId",
        "INVALID email",
        "TOO_LONG phone",
        "INVALID mobile",
        "NOT_ALLOWED purchaseOrderNumber",
    ];
    let input = with(fields.clone(), card("COMPANY_ADDRESS"));
    refused(&world, "createOrganizationContact", input, &errors).await;
    let created = create(&world, card("COMPANY_ADDRESS")).await;
    let input = with(fields, json!({ "id": created["id"] }));
    refused(&world, "updateOrganizationContact", input, &errors).await;
}

async fn a_country_is_one_of_iso_3166(world: World) {
    for id in ["0", "999", "1000000", "-276", "DE", "Germany", "276.0", "", " 276", "\0"] {
        let input = with(card("COMPANY_ADDRESS"), json!({ "countryId": id }));
        refused(&world, "createOrganizationContact", input, &["NOT_FOUND countryId"]).await;
    }
    for (id, iso_code, calling_code) in
        [(json!("840"), "US", json!("1")), (json!(276), "DE", json!("49")), (json!("004"), "AF", json!("93"))]
    {
        let created = create(&world, with(card("COMPANY_ADDRESS"), json!({ "countryId": id }))).await;
        let country = &created["address"]["country"];
        assert_eq!((&country["isoCode"], &country["callingCode"]), (&json!(iso_code), &calling_code));
    }
}

async fn a_purchase_order_number_is_for_invoices(world: World) {
    let number = |text: &str| json!({ "purchaseOrderNumber": text });
    let fifty = "x".repeat(50);
    for r#type in TYPES {
        let existing = create(&world, card(r#type)).await["id"].clone();
        let update_input = |text: &str| with(number(text), json!({ "id": existing }));
        if r#type == "INVOICE_ADDRESS" {
            assert_eq!(
                create(&world, with(card(r#type), number(&fifty))).await["purchaseOrderNumber"],
                fifty
            );
            assert_eq!(update(&world, update_input(&fifty)).await["purchaseOrderNumber"], fifty);
            let error = ["TOO_LONG purchaseOrderNumber"];
            for long in ["x".repeat(51), "№".repeat(51)] {
                let input = with(card(r#type), number(&long));
                refused(&world, "createOrganizationContact", input, &error).await;
                refused(&world, "updateOrganizationContact", update_input(&long), &error).await;
            }
        } else {
            let error = ["NOT_ALLOWED purchaseOrderNumber"];
            for text in ["PO-1".to_owned(), "x".repeat(51)] {
                let input = with(card(r#type), number(&text));
                refused(&world, "createOrganizationContact", input, &error).await;
                refused(&world, "updateOrganizationContact", update_input(&text), &error).await;
            }
            // All forms of an absent number are equal.
            for none in [json!({ "purchaseOrderNumber": null }), number(" ")] {
                create(&world, with(card(r#type), none.clone())).await;
                let same = update(&world, with(none, json!({ "id": existing })));
                assert_eq!(world.nothing_written(same).await["version"], 1);
            }
        }
    }
}

async fn cards_share_everything(world: World) {
    let (one, two) = (create(&world, invoice()).await, create(&world, invoice()).await);
    assert_ne!(one["id"], two["id"]);
    assert_eq!(one["email"], two["email"]);
    done(&world.other(), "createOrganizationContact", invoice(), "organizationContact { id }").await;
    assert_eq!(world.count("organization_contact").await, 3);
}

async fn an_update_is_a_patch(world: World) {
    let created = create(&world, invoice()).await;
    let mut expected = created.clone();
    let address = |fields: Value| json!({ "address": with(created["address"].clone(), fields) });
    let number = |version: i32| json!({ "version": version });
    for (version, fields, stored) in [
        (2, json!({ "name": "Erika M." }), json!({ "name": "Erika M.", "displayName": "Erika M." })),
        (3, json!({ "name": null }), json!({ "name": null, "displayName": "Erika@example.com" })),
        (4, json!({ "email": " " }), json!({ "email": null, "displayName": "Accounting" })),
        (5, json!({ "title": "", "mobile": null }), json!({ "title": null, "mobile": null })),
        (6, json!({ "phone": "none" }), json!({ "phone": "none" })),
        (7, json!({ "purchaseOrderNumber": "7" }), json!({ "purchaseOrderNumber": "7" })),
        (8, json!({ "purchaseOrderNumber": null }), json!({ "purchaseOrderNumber": null })),
        (9, json!({ "city": " Bonn ", "state": null }), address(json!({ "city": "Bonn", "state": null }))),
        (
            10,
            json!({ "countryId": null }),
            address(json!({ "city": "Bonn", "state": null, "country": null })),
        ),
    ] {
        let before = expected["updatedAt"].clone();
        let updated = update(&world, with(fields.clone(), json!({ "id": created["id"] }))).await;
        expected = with(with(expected, stored), number(version));
        expected = with(expected, json!({ "updatedAt": updated["updatedAt"] }));
        assert_eq!(updated, expected, "{fields}");
        assert!(updated["updatedAt"].as_str() > before.as_str(), "{fields}");
        assert_eq!(read(&world, &created["id"]).await, expected, "{fields}");
    }
}

async fn an_update_without_change_writes_nothing(world: World) {
    let created = create(&world, without(invoice(), "title")).await;
    let same = without(without(invoice(), "title"), "type");
    for fields in [
        json!({}),
        json!({ "expectedVersion": 1 }),
        json!({ "expectedVersion": null, "title": null }),
        json!({ "title": "  ", "name": " Erika Mustermann " }),
        same,
    ] {
        let updated = update(&world, with(fields, json!({ "id": created["id"] })));
        assert_eq!(world.nothing_written(updated).await, created);
    }
}

async fn an_update_keeps_the_rules(world: World) {
    let id = create(&world, invoice()).await["id"].clone();
    for r#type in [json!("INVOICE_ADDRESS"), json!("TECHNICAL"), json!(7), Value::Null] {
        let input = json!({ "id": id, "type": r#type });
        schema_mismatch(&world, "updateOrganizationContact", input, &["input", "type"]).await;
    }
    schema_mismatch(&world, "updateOrganizationContact", json!({ "name": "A" }), &["input", "id"]).await;
    for (fields, error) in [
        (json!({ "name": "x".repeat(256) }), "TOO_LONG name"),
        (json!({ "email": "erika" }), "INVALID email"),
        (json!({ "countryId": "1" }), "NOT_FOUND countryId"),
        (json!({ "mobile": "\0" }), "INVALID mobile"),
    ] {
        refused(&world, "updateOrganizationContact", with(fields, json!({ "id": id })), &[error]).await;
    }
}

async fn an_expected_version_must_be_the_rows(world: World) {
    let id = create(&world, card("FINANCE")).await["id"].clone();
    let input = |version: i32| json!({ "id": id, "name": "A", "expectedVersion": version });
    for version in [0, 2, i32::MIN] {
        refused(&world, "updateOrganizationContact", input(version), &["CONFLICT expectedVersion"]).await;
    }
    assert_eq!(update(&world, input(1)).await["version"], 2);
    refused(&world, "updateOrganizationContact", input(1), &["CONFLICT expectedVersion"]).await;
}

async fn what_is_out_of_reach_is_not_found(world: World) {
    let (kind, card) = (OrganizationContactType::Finance, Card::default);
    let gone = world.rows().organization_contact(kind, card()).await.id;
    world.rows().delete::<organization_contact::Entity>(gone).await;
    let elsewhere = world.other_rows().organization_contact(kind, card()).await.id;
    let here = world.rows().organization_contact(kind, card()).await.id;
    for id in [
        gone.to_string(),
        elsewhere.to_string(),
        here.0.to_string(),
        format!("oc_0{}", here.0),
        format!("oc_+{}", here.0),
        format!("OC_{}", here.0),
        format!("oc_-{}", here.0),
        "oc_9223372036854775808".to_owned(),
        "oc_".to_owned(),
        String::new(),
    ] {
        let input = json!({ "id": id, "name": "A" });
        refused(&world, "updateOrganizationContact", input, &["NOT_FOUND id"]).await;
    }
    let input = json!({ "id": here.to_string(), "name": "A" });
    refused_to(&world, &world.other(), "updateOrganizationContact", input, &["NOT_FOUND id"]).await;
}

async fn a_card_without_its_record_is_not_changed(world: World) {
    let id = create(&world, card("FINANCE")).await["id"].clone();
    break_inserts(&world.db, "change").await;
    let writer = world.writer();
    for (mutation, input) in [
        ("createOrganizationContact", with(invoice(), json!({ "idempotencyKey": "k" }))),
        ("updateOrganizationContact", json!({ "id": id, "name": "A" })),
    ] {
        let mutate = writer.mutate(mutation, input, "organizationContact { id }");
        assert_masked(&world.nothing_written(mutate).await, mutation);
    }
}
