//! Custom fields themselves: making, changing and archiving them, and that no value loses its meaning by it.

use std::time::Duration;

use contact_gateway::entity::{Scoped, account_contact, custom_field, custom_field::FieldType};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, sea_query::Expr};
use serde_json::{Value, json};

use crate::{
    mutation::{
        assert_masked, assert_refused, break_inserts, done, one_of_two_wins, refused_to, schema_mismatch,
        with,
    },
    support::{World, on_both},
};

on_both!(
    fields_of_all_types_are_made_and_read_back,
    refused_values_are_named,
    options_are_for_choices,
    a_key_is_taken_once,
    only_one_of_two_wins_a_key,
    an_idempotency_key_makes_repetitions_harmless,
    label_options_and_requirement_are_changed,
    an_update_that_changes_nothing_leaves_no_trace,
    an_option_in_use_stays,
    an_option_that_goes_meanwhile_is_not_taken,
    archived_fields_keep_their_values_and_take_no_more,
    a_stale_version_is_a_conflict,
    a_field_without_its_record_stays_as_it_is,
);

const FIELD: &str =
    "customField { id key label fieldType options isRequired archivedAt version createdAt updatedAt }";

const TYPES: [&str; 12] = [
    "TEXT",
    "LONG_TEXT",
    "INTEGER",
    "DECIMAL",
    "BOOLEAN",
    "DATE",
    "DATE_TIME",
    "SINGLE_CHOICE",
    "MULTI_CHOICE",
    "URL",
    "EMAIL",
    "PHONE",
];

/// A new single choice of S, M and L.
fn size() -> Value {
    json!({ "key": "size", "label": "Size", "fieldType": "SINGLE_CHOICE", "options": ["S", "M", "L"] })
}

async fn create(world: &World, input: Value) -> Value {
    done(&world.admin(), "createCustomField", input, FIELD).await["customField"].clone()
}

async fn update(world: &World, input: Value) -> Value {
    done(&world.admin(), "updateCustomField", input, FIELD).await["customField"].clone()
}

async fn archive(world: &World, input: Value) -> Value {
    done(&world.admin(), "archiveCustomField", input, FIELD).await["customField"].clone()
}

async fn refused(world: &World, mutation: &str, input: Value, errors: &[&str]) {
    refused_to(world, &world.admin(), mutation, input, errors).await;
}

/// The fields of the organization.
async fn fields(world: &World) -> Vec<Value> {
    let selection = FIELD.trim_start_matches("customField ");
    let reply = world.reader().query(&format!("{{ customFields {{ nodes {selection} }} }}")).await;
    reply.list("/customFields/nodes").to_vec()
}

/// The last change: kind, action, id and fields.
async fn last_change(world: &World) -> Value {
    let reply = world.admin().query("{ changes(last: 1) { nodes { kind action entityId fields } } }").await;
    reply.data("/changes/nodes/0").clone()
}

fn change(action: &str, field: &Value, fields: Value) -> Value {
    json!({ "kind": "CUSTOM_FIELD", "action": action, "entityId": field["id"], "fields": fields })
}

/// A contact with this value in the field; gives its id.
async fn contact(world: &World, email: &str, field: &Value, value: Value) -> Value {
    let values = json!([{ "customFieldId": field["id"], "value": value }]);
    let input = json!({ "firstName": "Grace", "email": email, "customFieldValues": values });
    let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    made["accountContact"]["id"].clone()
}

async fn fields_of_all_types_are_made_and_read_back(world: World) {
    let mut all = Vec::new();
    for field_type in TYPES {
        let is_choice = field_type.ends_with("CHOICE");
        let given = if is_choice { json!([" S ", "L", "S"]) } else { Value::Null };
        let input = json!({ "key": field_type, "label": format!(" {field_type} "), "fieldType": field_type, "options": given });
        let made = create(&world, input).await;
        let expected = json!({
            "id": made["id"], "key": field_type, "label": field_type, "fieldType": field_type,
            "options": if is_choice { json!(["S", "L"]) } else { json!([]) }, "isRequired": false,
            "archivedAt": null, "version": 1, "createdAt": made["createdAt"], "updatedAt": made["createdAt"],
        });
        assert_eq!(made, expected);
        all.push(made);
    }
    assert_eq!(fields(&world).await, all);
    let made = create(&world, with(size(), json!({ "isRequired": true }))).await;
    assert_eq!(made["isRequired"], json!(true));
    let fields = json!({
        "key": { "new": "size" }, "label": { "new": "Size" }, "fieldType": { "new": "SINGLE_CHOICE" },
        "options": { "new": ["S", "M", "L"] }, "isRequired": { "new": true },
    });
    assert_eq!(last_change(&world).await, change("CREATED", &made, fields));
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (fields, errors) in [
        (json!({ "key": " ", "label": "" }), &["REQUIRED key", "REQUIRED label"][..]),
        (json!({ "key": long, "label": long }), &["TOO_LONG key", "TOO_LONG label"]),
        (json!({ "key": "a\0", "label": "a\nb" }), &["INVALID key", "INVALID label"]),
    ] {
        refused(&world, "createCustomField", with(size(), fields), errors).await;
    }
    let id = create(&world, size()).await["id"].clone();
    for (fields, errors) in [
        (json!({ "label": " " }), &["REQUIRED label"][..]),
        (json!({ "label": long }), &["TOO_LONG label"]),
        (
            json!({ "label": null, "options": null, "isRequired": null }),
            &["REQUIRED label", "REQUIRED options", "REQUIRED isRequired"],
        ),
    ] {
        refused(&world, "updateCustomField", with(json!({ "id": id }), fields), errors).await;
    }
    for (input, argument) in [
        (json!({ "label": "A", "fieldType": "TEXT" }), "key"),
        (json!({ "key": "a", "fieldType": "TEXT" }), "label"),
        (json!({ "key": "a", "label": "A" }), "fieldType"),
        (json!({ "key": "a", "label": "A", "fieldType": "NUMBER" }), "fieldType"),
    ] {
        schema_mismatch(&world, "createCustomField", input, &["input", argument]).await;
    }
    for (fields, argument) in [
        (json!({ "key": "colour" }), "key"),
        (json!({ "fieldType": "TEXT" }), "fieldType"),
        (json!({ "archivedAt": null }), "archivedAt"),
    ] {
        schema_mismatch(&world, "updateCustomField", with(json!({ "id": id }), fields), &["input", argument])
            .await;
    }
    schema_mismatch(
        &world,
        "archiveCustomField",
        json!({ "id": id, "archived": null }),
        &["input", "archived"],
    )
    .await;
    for mutation in ["updateCustomField", "archiveCustomField"] {
        schema_mismatch(&world, mutation, json!({}), &["input", "id"]).await;
        for id in ["", "cf_1", "cf_00000000000000000000000000", "org_1"] {
            refused(&world, mutation, json!({ "id": id }), &["NOT_FOUND id"]).await;
        }
    }
}

async fn options_are_for_choices(world: World) {
    let many = |count: usize| (0..count).map(|number| json!(number.to_string())).collect::<Value>();
    for field_type in TYPES {
        let is_choice = field_type.ends_with("CHOICE");
        let input = json!({ "key": field_type, "label": "A", "fieldType": field_type });
        let cases = if is_choice {
            vec![
                (Value::Null, vec!["REQUIRED options"]),
                (json!([]), vec!["REQUIRED options"]),
                (json!([" ", "S", "a\nb"]), vec!["REQUIRED options.0", "INVALID options.2"]),
                (json!(["x".repeat(256)]), vec!["TOO_LONG options.0"]),
                (many(251), vec!["TOO_MANY options"]),
            ]
        } else {
            vec![(json!(["S"]), vec!["NOT_ALLOWED options"]), (json!([""]), vec!["NOT_ALLOWED options"])]
        };
        for (options, errors) in &cases {
            let input = with(input.clone(), json!({ "options": options }));
            refused(&world, "createCustomField", input, errors).await;
        }
        let options = if is_choice { many(250) } else { json!([]) };
        let made = create(&world, with(input, json!({ "options": options }))).await;
        for (options, errors) in cases.iter().filter(|(options, _)| !options.is_null()) {
            let input = json!({ "id": made["id"], "options": options });
            refused(&world, "updateCustomField", input, errors).await;
        }
    }
}

async fn a_key_is_taken_once(world: World) {
    let made = create(&world, size()).await;
    let again = with(size(), json!({ "key": " size ", "label": " " }));
    refused(&world, "createCustomField", again, &["TAKEN key", "REQUIRED label"]).await;
    // By archived fields too: their values are still shown under it.
    archive(&world, json!({ "id": made["id"] })).await;
    refused(&world, "createCustomField", size(), &["TAKEN key"]).await;
    done(&world.other(), "createCustomField", size(), FIELD).await;
}

async fn only_one_of_two_wins_a_key(world: World) {
    let admin = world.admin();
    for round in 1..=20 {
        let input = with(size(), json!({ "key": format!("size_{round}") }));
        let inputs = [input.clone(), input];
        one_of_two_wins(&admin, "createCustomField", inputs, FIELD, "TAKEN key").await;
        assert_eq!(world.count("custom_field").await, round);
    }
}

async fn an_idempotency_key_makes_repetitions_harmless(world: World) {
    let (admin, input) = (world.admin(), with(size(), json!({ "idempotencyKey": "k" })));
    let first = create(&world, input.clone()).await;
    let again = join_all((0..10).map(|_| done(&admin, "createCustomField", input.clone(), FIELD)));
    for again in world.nothing_written(again).await {
        assert_eq!(again["customField"], first);
    }
    for other in [json!({ "key": "colour" }), json!({ "options": ["S"] }), json!({ "isRequired": true })] {
        let other = with(input.clone(), other);
        refused(&world, "createCustomField", other, &["CONFLICT idempotencyKey"]).await;
    }
}

async fn label_options_and_requirement_are_changed(world: World) {
    let made = create(&world, size()).await;
    contact(&world, "grace@example.com", &made, json!("S")).await;
    let input = json!({
        "id": made["id"], "label": " T-shirt ", "options": ["XL", "S", "XL"], "isRequired": true, "expectedVersion": 1,
    });
    let updated = update(&world, input).await;
    assert_ne!(updated["updatedAt"], updated["createdAt"]);
    let expected = json!({
        "label": "T-shirt", "options": ["XL", "S"], "isRequired": true, "version": 2,
        "updatedAt": updated["updatedAt"],
    });
    assert_eq!(updated, with(made.clone(), expected));
    assert_eq!(fields(&world).await, [updated]);
    let fields = json!({
        "label": { "old": "Size", "new": "T-shirt" }, "isRequired": { "old": false, "new": true },
        "options": { "old": ["S", "M", "L"], "new": ["XL", "S"] },
    });
    assert_eq!(last_change(&world).await, change("UPDATED", &made, fields));
    // What is not named stays.
    let updated = update(&world, json!({ "id": made["id"], "isRequired": false })).await;
    assert_eq!((&updated["label"], &updated["options"]), (&json!("T-shirt"), &json!(["XL", "S"])));
}

async fn an_update_that_changes_nothing_leaves_no_trace(world: World) {
    let made = create(&world, size()).await;
    for fields in [
        json!({}),
        json!({ "label": " Size ", "isRequired": false, "expectedVersion": 1 }),
        json!({ "options": ["S", "M", " L ", "S"] }),
    ] {
        let input = with(json!({ "id": made["id"] }), fields);
        assert_eq!(world.nothing_written(update(&world, input)).await, made);
    }
    let input = json!({ "id": made["id"], "archived": false });
    assert_eq!(world.nothing_written(archive(&world, input)).await, made);
    let archived = archive(&world, json!({ "id": made["id"] })).await;
    let again = archive(&world, json!({ "id": made["id"], "expectedVersion": 2 }));
    assert_eq!(world.nothing_written(again).await, archived);
}

async fn an_option_in_use_stays(world: World) {
    let single = create(&world, size()).await;
    let multi = with(size(), json!({ "key": "sizes", "fieldType": "MULTI_CHOICE" }));
    let multi = create(&world, multi).await;
    contact(&world, "one@example.com", &single, json!("S")).await;
    let deleted = contact(&world, "two@example.com", &single, json!("S")).await;
    let deleted = deleted.as_str().and_then(|id| id.parse().ok()).expect("an id");
    world.rows().delete::<account_contact::Entity>(deleted).await;
    contact(&world, "three@example.com", &single, json!("M")).await;
    contact(&world, "four@example.com", &multi, json!(["S", "L"])).await;
    contact(&world, "five@example.com", &multi, json!(["L"])).await;
    let admin = world.admin();
    for (field, options, expected) in [
        (
            &single,
            json!(["M", "L"]),
            &["2 contacts have the option \"S\", including soft-deleted ones. Keep the option."][..],
        ),
        (
            &single,
            json!(["L"]),
            &[
                "2 contacts have the option \"S\", including soft-deleted ones. Keep the option.",
                "1 contact has the option \"M\", including soft-deleted ones. Keep the option.",
            ],
        ),
        (
            &multi,
            json!(["S", "M"]),
            &["2 contacts have the option \"L\", including soft-deleted ones. Keep the option."],
        ),
        (
            &multi,
            json!(["L", "M"]),
            &["1 contact has the option \"S\", including soft-deleted ones. Keep the option."],
        ),
    ] {
        let input = json!({ "id": field["id"], "options": options, "label": "New" });
        let reply = world.nothing_written(admin.mutate("updateCustomField", input, FIELD)).await;
        assert_refused(&reply, "updateCustomField", &vec!["IN_USE options"; expected.len()], "options");
        let errors = reply.list("/updateCustomField/userErrors");
        let messages: Vec<_> = errors.iter().map(|error| error["message"].clone()).collect();
        assert_eq!(messages, expected);
    }
    let updated = update(&world, json!({ "id": single["id"], "options": ["M", "S"] })).await;
    assert_eq!(updated["options"], json!(["M", "S"]));
    update(&world, json!({ "id": multi["id"], "options": ["L", "S"] })).await;
}

/// A write of a value waits for a concurrent change of its field, and then follows the changed field.
async fn an_option_that_goes_meanwhile_is_not_taken(world: World) {
    let field = world.rows().custom_field("size", FieldType::SingleChoice, &["S", "L"]).await;
    let update = world.db.begin().await.expect("a write");
    let named = custom_field::Column::Id.eq(field.id);
    let held =
        custom_field::Entity::find_in(world.rows().organization).filter(named.clone()).lock_exclusive();
    held.one(&update).await.expect("a field");
    let row = custom_field::Entity::update_in(world.rows().organization).filter(named);
    let row = row.col_expr(custom_field::Column::Options, Expr::value(json!(["L"])));
    row.exec(&update).await.expect("an update");
    let values = json!([{ "customFieldId": field.id.to_string(), "value": "S" }]);
    let input = json!({ "firstName": "Grace", "email": "grace@example.com", "customFieldValues": values });
    let writer = world.writer();
    let creation = writer.mutate("createAccountContact", input, "accountContact { id }");
    let update = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        update.commit().await.expect("a commit");
    };
    let (reply, ()) = tokio::join!(creation, update);
    assert_refused(
        &reply,
        "createAccountContact",
        &["INVALID customFieldValues.0.value"],
        "an option that goes",
    );
}

async fn archived_fields_keep_their_values_and_take_no_more(world: World) {
    let made = create(&world, with(size(), json!({ "isRequired": true }))).await;
    let contact = contact(&world, "grace@example.com", &made, json!("S")).await;
    let archived = archive(&world, json!({ "id": made["id"], "expectedVersion": 1 })).await;
    let archived_at = &archived["archivedAt"];
    assert_ne!(archived_at, &Value::Null);
    let expected = json!({ "archivedAt": archived_at, "version": 2, "updatedAt": archived_at });
    assert_eq!(archived, with(made.clone(), expected));
    assert_eq!(fields(&world).await, std::slice::from_ref(&archived));
    let recorded = last_change(&world).await;
    assert_eq!(recorded["fields"]["archivedAt"]["old"], Value::Null);
    assert_eq!((&recorded["action"], &recorded["entityId"]), (&json!("UPDATED"), &made["id"]));

    let document = "query($id: ID!) { accountContact(id: $id) {
        customFieldValues { value displayValue field { key archivedAt } }
    } }";
    let reply = world.reader().graphql(document, json!({ "id": contact })).await;
    let field = json!({ "key": "size", "archivedAt": archived_at });
    let value = json!({ "value": "S", "displayValue": "S", "field": field });
    assert_eq!(reply.data("/accountContact/customFieldValues"), &json!([value]));
    let values = json!([{ "customFieldId": made["id"], "value": "S" }]);
    let input = json!({ "firstName": "Ada", "email": "ada@example.com", "customFieldValues": values });
    let errors = ["NOT_FOUND customFieldValues.0.customFieldId"];
    refused(&world, "createAccountContact", input.clone(), &errors).await;
    // It can still be corrected, and its options are in use as before.
    update(&world, json!({ "id": made["id"], "label": "Old size" })).await;
    let removal = json!({ "id": made["id"], "options": ["L"] });
    refused(&world, "updateCustomField", removal, &["IN_USE options"]).await;

    let back = archive(&world, json!({ "id": made["id"], "archived": false, "expectedVersion": 3 })).await;
    assert_eq!((&back["archivedAt"], &back["version"]), (&Value::Null, &json!(4)));
    done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
}

async fn a_stale_version_is_a_conflict(world: World) {
    let (admin, made) = (world.admin(), create(&world, size()).await);
    for mutation in ["updateCustomField", "archiveCustomField"] {
        let input = json!({ "id": made["id"], "expectedVersion": 2 });
        refused(&world, mutation, input, &["CONFLICT expectedVersion"]).await;
    }
    for version in 1..=15 {
        let rename = |label: &str| {
            let label = format!("{label} {version}");
            let input = json!({ "id": made["id"], "label": label, "expectedVersion": version });
            admin.mutate("updateCustomField", input, FIELD)
        };
        let (one, two) = tokio::join!(rename("One"), rename("Two"));
        let lost = if one.user_errors("updateCustomField").is_empty() { two } else { one };
        assert_refused(&lost, "updateCustomField", &["CONFLICT expectedVersion"], "the second");
    }
}

async fn a_field_without_its_record_stays_as_it_is(world: World) {
    let made = create(&world, size()).await;
    break_inserts(&world.db, "change").await;
    for (mutation, input) in [
        ("createCustomField", with(size(), json!({ "key": "colour", "idempotencyKey": "k" }))),
        ("updateCustomField", json!({ "id": made["id"], "label": "New" })),
        ("archiveCustomField", json!({ "id": made["id"] })),
    ] {
        let reply = world.nothing_written(world.admin().mutate(mutation, input, FIELD)).await;
        assert_masked(&reply, mutation);
    }
}
