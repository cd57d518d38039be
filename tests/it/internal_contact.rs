//! Internal contacts: creating, changing and reading the organization's own people.

use contact_gateway::entity::{internal_contact, internal_contact_assignment::InternalRole};
use serde_json::{Value, json};

use crate::{
    mutation::{
        assert_masked, assert_refused, break_inserts, done, one_of_two_wins, refused, refused_to,
        schema_mismatch, with, without,
    },
    support::{Outcomes, World, on_both, race},
};

on_both!(
    the_documented_creation_is_read_back,
    the_documented_update_is_read_back,
    email_and_role_are_enough,
    every_role_is_taken,
    values_are_cleaned,
    what_is_missing_does_not_fit,
    refused_values_are_named,
    all_errors_are_told_together,
    an_email_is_taken_once,
    another_organization_and_deleted_people_take_no_email,
    person_and_assignment_are_made_both_or_neither,
    only_one_of_two_wins_an_email,
    an_update_is_a_patch,
    an_update_without_change_writes_nothing,
    an_update_keeps_the_rules,
    an_expected_version_must_be_the_rows,
    two_updates_cannot_take_one_email,
    who_is_out_of_reach_is_not_found,
);

const PERSON: &str = "id kind email givenName familyName name phone jobTitle version";

pub(crate) fn ada() -> Value {
    json!({
        "email": "Ada.Lovelace@example.com",
        "internalRole": "ACCOUNT_MANAGER",
        "givenName": "Ada",
        "familyName": "Lovelace",
        "name": "Ada Lovelace",
        "phone": "+1234567890",
        "jobTitle": "Analyst",
    })
}

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("internalContact {{ {PERSON} createdAt updatedAt }}");
    done(&world.writer(), "createInternalContact", input, &selection).await["internalContact"].clone()
}

async fn read(world: &World, person: &Value) -> Value {
    let document =
        format!("query($id: ID!) {{ internalContact(id: $id) {{ {PERSON} createdAt updatedAt }} }}");
    let reply = world.reader().graphql(&document, json!({ "id": person["id"] })).await;
    reply.data("/internalContact").clone()
}

async fn update(world: &World, input: Value) -> Value {
    let selection = format!("internalContact {{ {PERSON} createdAt updatedAt }}");
    done(&world.writer(), "updateInternalContact", input, &selection).await["internalContact"].clone()
}

async fn the_documented_creation_is_read_back(world: World) {
    let selection = format!(
        "assignment {{ id internalRole version remoteId createdAt updatedAt partner {{ id }} \
         internalContact {{ {PERSON} createdAt updatedAt }} }} internalContact {{ {PERSON} createdAt updatedAt }}"
    );
    let payload = done(&world.writer(), "createInternalContact", ada(), &selection).await;
    let (assignment, person) = (&payload["assignment"], &payload["internalContact"]);
    let expected = with(
        without(ada(), "internalRole"),
        json!({
            "id": person["id"], "kind": "INTERNAL", "version": 1,
            "createdAt": person["createdAt"], "updatedAt": person["createdAt"],
        }),
    );
    assert_eq!(*person, expected);
    let expected = json!({
        "id": assignment["id"], "internalRole": "ACCOUNT_MANAGER", "version": 1, "remoteId": null,
        "createdAt": person["createdAt"], "updatedAt": person["createdAt"],
        "partner": null, "internalContact": person,
    });
    assert_eq!(*assignment, expected);

    assert_eq!(read(&world, person).await, *person);
    let document = "query($id: ID!) {
        internalContact(id: $id) { displayName assignments { nodes { id internalRole partner { id } } } }
    }";
    let reply = world.reader().graphql(document, json!({ "id": person["id"] })).await;
    assert_eq!(reply.text("/internalContact/displayName"), "Ada Lovelace");
    let floating = json!([{ "id": assignment["id"], "internalRole": "ACCOUNT_MANAGER", "partner": null }]);
    assert_eq!(*reply.data("/internalContact/assignments/nodes"), floating);
    let document = "query($id: ID!) { internalContactAssignment(id: $id) { id internalRole } }";
    let reply = world.reader().graphql(document, json!({ "id": assignment["id"] })).await;
    assert_eq!(reply.text("/internalContactAssignment/internalRole"), "ACCOUNT_MANAGER");
}

async fn the_documented_update_is_read_back(world: World) {
    let created = create(&world, json!({ "email": "a@example.com", "internalRole": "CSM" })).await;
    let fields = without(ada(), "internalRole");
    let updated = update(&world, with(fields.clone(), json!({ "id": created["id"] }))).await;
    let unchanging = json!({
        "id": created["id"], "kind": "INTERNAL", "version": 2,
        "createdAt": created["createdAt"], "updatedAt": updated["updatedAt"],
    });
    assert_eq!(updated, with(fields, unchanging));
    assert_eq!(read(&world, &created).await, updated);
    assert!(updated["updatedAt"].as_str() > created["updatedAt"].as_str());
}

async fn email_and_role_are_enough(world: World) {
    let absent = json!({ "email": "a@example.com", "internalRole": "LEAD" });
    let null = json!({
        "email": "b@example.com", "internalRole": "LEAD", "givenName": null, "familyName": null, "name": null,
        "phone": null, "jobTitle": null, "idempotencyKey": null,
    });
    for input in [absent, null] {
        let person = create(&world, input.clone()).await;
        assert_eq!(person["email"], input["email"]);
        for field in ["givenName", "familyName", "name", "phone", "jobTitle"] {
            assert_eq!(person[field], Value::Null, "{field}");
        }
    }
}

async fn every_role_is_taken(world: World) {
    for role in ["ACCOUNT_MANAGER", "ACCOUNT_EXECUTIVE", "CSM", "LEAD", "CO_LEAD", "PRACTICE_LEAD"] {
        let input = json!({ "email": format!("{role}@example.com"), "internalRole": role });
        let payload =
            done(&world.writer(), "createInternalContact", input, "assignment { internalRole }").await;
        assert_eq!(payload["assignment"]["internalRole"], role);
    }
}

async fn values_are_cleaned(world: World) {
    let person = create(
        &world,
        json!({
            "email": "  Ada@Example.COM ", "internalRole": "CSM", "givenName": "  Ada\t", "familyName": "   ",
            "name": "", "phone": " +1 (202) 555-0143 ", "jobTitle": " Chief  Analyst\n",
        }),
    )
    .await;
    let expected = json!({
        "id": person["id"], "kind": "INTERNAL", "email": "Ada@Example.COM", "givenName": "Ada",
        "familyName": null, "name": null, "phone": "+12025550143", "jobTitle": "Chief  Analyst", "version": 1,
        "createdAt": person["createdAt"], "updatedAt": person["updatedAt"],
    });
    assert_eq!(person, expected);
    let longest = json!({
        "email": format!("{}@{}.example.com", "l".repeat(64), "d".repeat(63)),
        "internalRole": "CSM", "jobTitle": "ü".repeat(255), "phone": "",
    });
    let person = create(&world, longest.clone()).await;
    assert_eq!((&person["jobTitle"], &person["phone"]), (&longest["jobTitle"], &Value::Null));
}

async fn what_is_missing_does_not_fit(world: World) {
    for (mutation, input, argument) in [
        ("createInternalContact", without(ada(), "email"), ["input", "email"]),
        ("createInternalContact", with(ada(), json!({ "email": null })), ["input", "email"]),
        ("createInternalContact", with(ada(), json!({ "email": 7 })), ["input", "email"]),
        ("createInternalContact", without(ada(), "internalRole"), ["input", "internalRole"]),
        ("createInternalContact", with(ada(), json!({ "internalRole": null })), ["input", "internalRole"]),
        ("createInternalContact", with(ada(), json!({ "internalRole": "CEO" })), ["input", "internalRole"]),
        ("createInternalContact", with(ada(), json!({ "internalRole": "csm" })), ["input", "internalRole"]),
        ("createInternalContact", with(ada(), json!({ "given_name": "Ada" })), ["input", "given_name"]),
        ("createInternalContact", with(ada(), json!({ "phone": 1_234_567_890 })), ["input", "phone"]),
        ("updateInternalContact", json!({ "givenName": "Ada" }), ["input", "id"]),
        (
            "addInternalContactToPartner",
            json!({ "email": "a@example.com", "internalRole": "CSM" }),
            ["input", "partnerId"],
        ),
    ] {
        schema_mismatch(&world, mutation, input, &argument).await;
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (field, value, error) in [
        ("email", "", "REQUIRED email"),
        ("email", "  \t", "REQUIRED email"),
        ("email", "ada", "INVALID email"),
        ("email", "ada@", "INVALID email"),
        ("email", "ada@example.com, bob@example.com", "INVALID email"),
        ("email", "Ada <ada@example.com>", "INVALID email"),
        ("email", "ada@example.com\nbcc:all@example.com", "INVALID email"),
        ("email", "ada\0@example.com", "INVALID email"),
        ("email", &format!("{}@example.com", "x".repeat(250)), "TOO_LONG email"),
        ("phone", "not a phone", "INVALID phone"),
        ("phone", "030 901820", "INVALID phone"),
        ("phone", "+999 123456", "INVALID phone"),
        ("phone", "+1 202 555 0143 ext. 5", "INVALID phone"),
        ("phone", "+", "INVALID phone"),
        ("phone", "\0", "INVALID phone"),
        ("phone", &"9".repeat(5000), "INVALID phone"),
        ("givenName", &long, "TOO_LONG givenName"),
        ("familyName", &long, "TOO_LONG familyName"),
        ("name", &long, "TOO_LONG name"),
        ("jobTitle", &long, "TOO_LONG jobTitle"),
        ("givenName", "A\0da", "INVALID givenName"),
        ("familyName", "Love\nlace", "INVALID familyName"),
        ("name", "\u{7}Ada", "INVALID name"),
        ("jobTitle", "a\u{85}b", "INVALID jobTitle"),
        ("idempotencyKey", "", "INVALID idempotencyKey"),
    ] {
        refused(&world, "createInternalContact", with(ada(), json!({ field: value })), &[error]).await;
    }
}

async fn all_errors_are_told_together(world: World) {
    create(&world, ada()).await;
    let input = json!({
        "email": "ADA.lovelace@example.com", "internalRole": "CSM", "givenName": "\0", "familyName": "a\nb",
        "name": "x".repeat(256), "phone": "1", "jobTitle": "x".repeat(300),
    });
    let errors = [
        "TAKEN email",
        "INVALID givenName",
        "INVALID familyName",
        "TOO_LONG name",
        "INVALID phone",
        "TOO_LONG jobTitle",
    ];
    refused(&world, "createInternalContact", input.clone(), &errors).await;
    let other = create(&world, json!({ "email": "b@example.com", "internalRole": "CSM" })).await;
    let input = with(without(input, "internalRole"), json!({ "id": other["id"] }));
    refused(&world, "updateInternalContact", input.clone(), &errors).await;
    let input =
        with(without(input, "id"), json!({ "partnerId": "ptn_x", "internalRole": "CSM", "remoteId": "\0" }));
    let errors = [&["NOT_FOUND partnerId", "INVALID remoteId"], &errors[1..]].concat();
    refused(&world, "addInternalContactToPartner", input, &errors).await;
}

async fn an_email_is_taken_once(world: World) {
    create(&world, ada()).await;
    for email in ["Ada.Lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM", "  ada.lovelace@example.com\t"] {
        let input = json!({ "email": email, "internalRole": "LEAD" });
        refused(&world, "createInternalContact", input, &["TAKEN email"]).await;
    }
    // Case is ignored beyond ASCII too.
    create(&world, json!({ "email": "ada@jürgen.example", "internalRole": "LEAD" })).await;
    let input = json!({ "email": "ADA@JÜRGEN.example", "internalRole": "LEAD" });
    refused(&world, "createInternalContact", input, &["TAKEN email"]).await;
}

async fn another_organization_and_deleted_people_take_no_email(world: World) {
    world.other_rows().internal_contact("ada.lovelace@example.com", InternalRole::Csm).await;
    let first = world.rows().internal_contact("ada.lovelace@example.com", InternalRole::Csm).await;
    world.rows().delete::<internal_contact::Entity>(first.contact.id).await;
    let second = create(&world, ada()).await;
    assert_ne!(second["id"], first.contact.id.to_string());
    refused(&world, "createInternalContact", ada(), &["TAKEN email"]).await;
}

async fn person_and_assignment_are_made_both_or_neither(world: World) {
    let (writer, partner) = (world.writer(), world.rows().partner("Globex", None).await.id.to_string());
    break_inserts(&world.db, "internal_contact_assignment").await;
    let input = with(ada(), json!({ "idempotencyKey": "k" }));
    let create = writer.mutate("createInternalContact", input, "assignment { id }");
    assert_masked(&world.nothing_written(create).await, "createInternalContact");
    let input = with(ada(), json!({ "partnerId": partner }));
    let add = writer.mutate("addInternalContactToPartner", input, "assignment { id }");
    assert_masked(&world.nothing_written(add).await, "addInternalContactToPartner");
}

async fn only_one_of_two_wins_an_email(world: World) {
    let (writer, changes) = (world.writer(), world.count("change").await);
    for round in 1..=20 {
        let inputs = [format!("ada{round}@example.com"), format!("ADA{round}@example.com")]
            .map(|email| json!({ "email": email, "internalRole": "CSM" }));
        let selection = "assignment { id } internalContact { id }";
        one_of_two_wins(&writer, "createInternalContact", inputs, selection, "TAKEN email").await;
        assert_eq!(world.count("internal_contact").await, round);
        assert_eq!(world.count("internal_contact_assignment").await, round);
        assert_eq!(world.count("change").await, changes + 2 * round);
    }
}

async fn an_update_is_a_patch(world: World) {
    let created = create(&world, ada()).await;
    let id = &created["id"];
    let mut expected = created.clone();
    for (version, fields, stored) in [
        (2, json!({ "jobTitle": "Countess" }), json!({ "jobTitle": "Countess" })),
        (3, json!({ "givenName": null }), json!({ "givenName": null })),
        (4, json!({ "familyName": "  " }), json!({ "familyName": null })),
        (5, json!({ "phone": null, "name": " Ada " }), json!({ "phone": null, "name": "Ada" })),
        (6, json!({ "phone": "+49 30 901820" }), json!({ "phone": "+4930901820" })),
        (7, json!({ "phone": "" }), json!({ "phone": null })),
        (8, json!({ "email": " ada@example.com " }), json!({ "email": "ada@example.com" })),
        // The spelling is a change, though the address stays the same.
        (9, json!({ "email": "ADA@example.com" }), json!({ "email": "ADA@example.com" })),
        (10, json!({ "jobTitle": null, "name": null }), json!({ "jobTitle": null, "name": null })),
    ] {
        let before = expected["updatedAt"].clone();
        let updated = update(&world, with(fields.clone(), json!({ "id": id }))).await;
        expected = with(expected, stored);
        expected = with(expected, json!({ "version": version, "updatedAt": updated["updatedAt"] }));
        assert_eq!(updated, expected, "{fields}");
        assert!(updated["updatedAt"].as_str() > before.as_str(), "{fields}");
        assert_eq!(read(&world, &created).await, expected, "{fields}");
    }
    // What was left behind is free again, what was taken is taken.
    create(&world, ada()).await;
    let input = json!({ "email": "ada@EXAMPLE.com", "internalRole": "CSM" });
    refused(&world, "createInternalContact", input, &["TAKEN email"]).await;
}

async fn an_update_without_change_writes_nothing(world: World) {
    let created = create(&world, without(ada(), "name")).await;
    let same = without(without(ada(), "internalRole"), "name");
    for fields in [
        json!({}),
        json!({ "expectedVersion": 1 }),
        json!({ "expectedVersion": null }),
        json!({ "name": null }),
        json!({ "name": "  " }),
        json!({ "phone": "+1 23 45 67 89 0", "givenName": " Ada " }),
        same,
    ] {
        let input = with(fields, json!({ "id": created["id"] }));
        let selection = format!("internalContact {{ {PERSON} createdAt updatedAt }}");
        let writer = world.writer();
        let updated = world.nothing_written(done(&writer, "updateInternalContact", input, &selection)).await;
        assert_eq!(updated["internalContact"], created);
    }
}

async fn an_update_keeps_the_rules(world: World) {
    let created = create(&world, ada()).await;
    create(&world, json!({ "email": "Grace@example.com", "internalRole": "CSM" })).await;
    let long = "x".repeat(256);
    for (fields, error) in [
        (json!({ "email": null }), "REQUIRED email"),
        (json!({ "email": "" }), "REQUIRED email"),
        (json!({ "email": " " }), "REQUIRED email"),
        (json!({ "email": "ada" }), "INVALID email"),
        (json!({ "email": "grace@EXAMPLE.com" }), "TAKEN email"),
        (json!({ "phone": "12" }), "INVALID phone"),
        (json!({ "givenName": long }), "TOO_LONG givenName"),
        (json!({ "familyName": "a\u{1b}b" }), "INVALID familyName"),
        (json!({ "name": "a\0b" }), "INVALID name"),
        (json!({ "jobTitle": long }), "TOO_LONG jobTitle"),
    ] {
        let input = with(fields, json!({ "id": created["id"] }));
        refused(&world, "updateInternalContact", input, &[error]).await;
    }
    schema_mismatch(
        &world,
        "updateInternalContact",
        json!({ "id": created["id"], "internalRole": "CSM" }),
        &["input", "internalRole"],
    )
    .await;
}

async fn an_expected_version_must_be_the_rows(world: World) {
    let created = create(&world, ada()).await;
    let input = |version: i32| json!({ "id": created["id"], "name": "A", "expectedVersion": version });
    for version in [0, 2, -1, i32::MAX] {
        refused(&world, "updateInternalContact", input(version), &["CONFLICT expectedVersion"]).await;
    }
    assert_eq!(update(&world, input(1)).await["version"], 2);
    // Even where nothing would change.
    refused(&world, "updateInternalContact", input(1), &["CONFLICT expectedVersion"]).await;
    schema_mismatch(
        &world,
        "updateInternalContact",
        with(input(1), json!({ "expectedVersion": "2" })),
        &["input", "expectedVersion"],
    )
    .await;
}

async fn two_updates_cannot_take_one_email(world: World) {
    let people =
        [create(&world, ada()).await, create(&world, with(ada(), json!({ "email": "b@example.com" }))).await];
    let writer = world.writer();
    let mut outcomes = Outcomes::default();
    for round in 0..20 {
        let update = |person: &Value| {
            let input = json!({ "id": person["id"], "email": format!("wanted{round}@example.com") });
            writer.mutate("updateInternalContact", input, "internalContact { id }")
        };
        let (one, two) = race(round, update(&people[0]), update(&people[1])).await;
        let is_one = one.user_errors("updateInternalContact").is_empty();
        let lost = if is_one { two } else { one };
        assert_refused(&lost, "updateInternalContact", &["TAKEN email"], "the second");
        outcomes.record(is_one);
    }
    outcomes.assert(&["false", "true"]);
}

async fn who_is_out_of_reach_is_not_found(world: World) {
    let rows = world.rows();
    let deleted = rows.internal_contact("gone@example.com", InternalRole::Csm).await;
    rows.delete::<internal_contact::Entity>(deleted.contact.id).await;
    let elsewhere = world.other_rows().internal_contact("ada@example.com", InternalRole::Csm).await;
    let active = rows.internal_contact("here@example.com", InternalRole::Csm).await;
    let upper_case = active.contact.id.to_string().to_uppercase();
    for id in [
        deleted.contact.id.to_string(),
        elsewhere.contact.id.to_string(),
        deleted.assignment.id.to_string(),
        "ic_00000000000000000000000000".to_owned(),
        "ic_".to_owned(),
        upper_case,
        format!(" {}", active.contact.id),
        String::new(),
        "\0".to_owned(),
        "1".repeat(10_000),
    ] {
        let input = json!({ "id": id, "name": "A", "expectedVersion": 9 });
        refused(&world, "updateInternalContact", input, &["NOT_FOUND id"]).await;
    }
    let input = json!({ "id": active.contact.id.to_string(), "name": "A" });
    refused_to(&world, &world.other(), "updateInternalContact", input, &["NOT_FOUND id"]).await;
}
