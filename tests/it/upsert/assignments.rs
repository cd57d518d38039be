//! Assignments, created and updated by their remote ids, else by person, partner and role.

use contact_gateway::entity::{internal_contact_assignment::InternalRole, partner};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Kind, counts, statuses};
use crate::{
    mutation::{done, schema_mismatch, with},
    support::{World, on_both},
};

on_both!(
    people_are_found_or_made,
    a_person_comes_with_the_first_row,
    what_is_not_given_is_kept,
    an_assignment_is_moved_by_its_remote_id,
    an_assignment_without_remote_id_gets_it,
    a_role_that_is_held_is_taken,
    rows_exchange_roles_in_any_order,
    the_same_assignment_by_other_names_is_refused,
    partners_are_those_of_the_organization,
    refused_values_are_named,
    what_is_deleted_is_not_found,
    people_are_found_by_their_partners,
    partners_take_as_many_statements,
    people_who_come_at_once_are_made_once,
    a_hidden_assignment_is_not_given_again,
);

pub(super) const KIND: Kind = Kind {
    mutation: "upsertInternalContactAssignments",
    object: "assignment",
    table: "internal_contact_assignment",
    row: |number| json!({ "remoteId": format!("r-{number}"), "email": format!("Person{number}@example.com"), "internalRole": "CSM" }),
    changed: |number| json!({ "remoteId": format!("r-{number}"), "email": format!("person{number}@example.com"), "internalRole": "LEAD" }),
    refused: (
        |number| json!({ "remoteId": format!("r-{number}"), "email": format!("person{number}@example.com"), "internalRole": "CSM", "phone": "1" }),
        "INVALID phone",
    ),
    identity: "remoteId",
    statements: [6, 5, 3],
};

const ASSIGNMENT: &str = "id internalRole remoteId version partner { id } \
                          internalContact { id email givenName familyName name phone jobTitle version }";

async fn upsert(world: &World, rows: Value) -> Value {
    let selection =
        format!("results {{ status assignment {{ {ASSIGNMENT} }} }} created updated unchanged failed");
    done(&world.writer(), KIND.mutation, json!({ "rows": rows }), &selection).await
}

async fn upsert_one(world: &World, row: Value, status: &str) -> Value {
    let payload = upsert(world, json!([row])).await;
    assert_eq!(statuses(&payload), [status], "{payload}");
    payload["results"][0]["assignment"].clone()
}

fn row(email: &str, role: &str) -> Value {
    json!({ "email": format!("{email}@example.com"), "internalRole": role })
}

async fn people_are_found_or_made(world: World) {
    let rows = world.rows();
    let ada = rows.internal_contact("ada@example.com", InternalRole::Lead).await.contact;
    let partner = rows.partner("Globex", None).await.id.to_string();
    let profile = json!({
        "partnerId": partner, "givenName": " Grace ", "familyName": "Hopper", "name": "G", "phone": "+1 202 555 0143",
        "jobTitle": "Admiral", "remoteId": "r-1",
    });
    let made = upsert_one(&world, with(row(" Grace", "CSM"), profile.clone()), "CREATED").await;
    let expected = json!({
        "id": made["id"], "internalRole": "CSM", "remoteId": "r-1", "version": 1, "partner": { "id": partner },
        "internalContact": {
            "id": made["internalContact"]["id"], "email": "Grace@example.com", "givenName": "Grace",
            "familyName": "Hopper", "name": "G", "phone": "+12025550143", "jobTitle": "Admiral", "version": 1,
        },
    });
    assert_eq!(made, expected);
    // An existing person keeps every field.
    let found =
        upsert_one(&world, with(row("ADA", "CSM"), with(profile, json!({ "remoteId": "r-2" }))), "CREATED")
            .await;
    assert_eq!(found["internalContact"]["id"], ada.id.to_string());
    for field in ["givenName", "familyName", "name", "phone", "jobTitle"] {
        assert_eq!(found["internalContact"][field], Value::Null, "{field}");
    }
    assert_eq!(found["internalContact"]["email"], "ada@example.com");
    assert_eq!(world.count("internal_contact").await, 2);
    let reply = world.reader().query("{ changes(last: 3) { nodes { entityId action } } }").await;
    let recorded: Vec<_> = reply.list("/changes/nodes").iter().map(|it| &it["entityId"]).collect();
    assert_eq!(recorded, [&made["internalContact"]["id"], &made["id"], &found["id"]]);
}

async fn a_person_comes_with_the_first_row(world: World) {
    let rows = json!([
        with(row("grace", "CSM"), json!({ "name": "First" })),
        with(row("Grace", "LEAD"), json!({ "name": "Second" })),
        row("ada", "CSM"),
    ]);
    let payload = upsert(&world, rows).await;
    assert_eq!(statuses(&payload), ["CREATED"; 3]);
    let people: Vec<_> =
        (0..3).map(|index| &payload["results"][index]["assignment"]["internalContact"]).collect();
    assert_eq!(people[0], people[1]);
    assert_eq!((&people[0]["name"], &people[0]["email"]), (&json!("First"), &json!("grace@example.com")));
    assert_eq!(world.count("internal_contact").await, 2);

    // A rejected row creates no person.
    let rows = json!([
        with(row("bob", "CSM"), json!({ "name": "First", "partnerId": "ptn_1" })),
        with(row("bob", "LEAD"), json!({ "name": "Second" })),
    ]);
    let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS" });
    let reply = KIND.send_with(&world.writer(), rows, fields).await;
    let payload = reply.data(&format!("/{}", KIND.mutation));
    assert_eq!(statuses(payload), ["FAILED", "CREATED"]);
    let reply = world.reader().query("{ internalContacts(last: 1) { nodes { name } } }").await;
    assert_eq!(reply.text("/internalContacts/nodes/0/name"), "Second");
}

async fn what_is_not_given_is_kept(world: World) {
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let full = with(row("grace", "CSM"), json!({ "partnerId": partner, "remoteId": "r-1" }));
    let made = upsert_one(&world, full.clone(), "CREATED").await;
    for row in [
        full,
        with(row("GRACE", "CSM"), json!({ "remoteId": " r-1 " })),
        with(
            row("grace", "CSM"),
            json!({ "remoteId": "r-1", "partnerId": null, "name": null, "phone": null }),
        ),
        with(row("grace", "CSM"), json!({ "partnerId": partner })),
        with(
            row("grace", "CSM"),
            json!({ "partnerId": partner, "remoteId": "", "name": "Grace", "jobTitle": "A" }),
        ),
    ] {
        let kept = world.nothing_written(upsert_one(&world, row, "UNCHANGED")).await;
        assert_eq!(kept, made);
    }
    // Without its remote id and its partner it is another one.
    let floating = upsert_one(&world, row("grace", "CSM"), "CREATED").await;
    assert_eq!(floating["partner"], Value::Null);
}

async fn an_assignment_is_moved_by_its_remote_id(world: World) {
    let rows = world.rows();
    let (one, two) =
        (rows.partner("Globex", None).await.id.to_string(), rows.partner("Hooli", None).await.id.to_string());
    let made = upsert_one(&world, with(row("grace", "CSM"), json!({ "remoteId": "r-1" })), "CREATED").await;
    let grace = made["internalContact"]["id"].clone();
    let mut version = 1;
    for (change, fields) in [
        (
            with(row("grace", "CSM"), json!({ "partnerId": one })),
            json!({ "partnerId": { "old": null, "new": one } }),
        ),
        (row("grace", "LEAD"), json!({ "internalRole": { "old": "CSM", "new": "LEAD" } })),
        (
            with(row("grace", "LEAD"), json!({ "partnerId": two })),
            json!({ "partnerId": { "old": one, "new": two } }),
        ),
    ] {
        version += 1;
        let moved = upsert_one(&world, with(change, json!({ "remoteId": "r-1" })), "UPDATED").await;
        assert_eq!((&moved["id"], &moved["version"]), (&made["id"], &json!(version)));
        let reply = world.reader().query("{ changes(last: 1) { nodes { fields } } }").await;
        assert_eq!(*reply.data("/changes/nodes/0/fields"), fields);
    }
    assert_eq!(world.words_found("internalContacts", "globex hooli").await, "hooli");
    // To another person, too.
    let moved = upsert_one(&world, with(row("ada", "LEAD"), json!({ "remoteId": "r-1" })), "UPDATED").await;
    let ada = moved["internalContact"]["id"].clone();
    assert_eq!((&moved["id"], &moved["partner"]["id"]), (&made["id"], &json!(two)));
    let reply = world.reader().query("{ changes(last: 1) { nodes { fields } } }").await;
    let fields = json!({ "internalContactId": { "old": grace, "new": ada } });
    assert_eq!(*reply.data("/changes/nodes/0/fields"), fields);
    assert_eq!(world.found("internalContacts", "hooli").await, 1);
}

async fn an_assignment_without_remote_id_gets_it(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let made = world.rows().assignment("grace@example.com", InternalRole::Csm, &partner).await.assignment;
    let fields = json!({ "partnerId": partner.id.to_string(), "remoteId": "r-1" });
    let changed = upsert_one(&world, with(row("grace", "CSM"), fields), "UPDATED").await;
    assert_eq!((&changed["id"], &changed["remoteId"]), (&json!(made.id.to_string()), &json!("r-1")));
    let changed =
        upsert_one(&world, with(row("grace", "LEAD"), json!({ "remoteId": "r-1" })), "UPDATED").await;
    assert_eq!(changed["id"], made.id.to_string());
}

async fn a_role_that_is_held_is_taken(world: World) {
    let numbered =
        |email: &str, role: &str, remote_id: &str| with(row(email, role), json!({ "remoteId": remote_id }));
    upsert(&world, json!([numbered("grace", "CSM", "r-1"), row("grace", "LEAD"), row("ada", "CSM")])).await;
    for row in [
        // By an assignment with another remote id.
        numbered("GRACE", "CSM", "r-2"),
        // By another assignment than the one with this remote id.
        numbered("grace", "LEAD", "r-1"),
        numbered("ada", "CSM", "r-1"),
    ] {
        KIND.refused(&world, json!([row]), &["TAKEN rows.0.internalRole"]).await;
    }
}

async fn rows_exchange_roles_in_any_order(world: World) {
    let numbered =
        |email: &str, role: &str, remote_id: &str| with(row(email, role), json!({ "remoteId": remote_id }));
    let first =
        upsert(&world, json!([numbered("grace", "CSM", "r-1"), numbered("grace", "LEAD", "r-2")])).await;
    let id = |payload: &Value, index: usize| payload["results"][index]["assignment"]["id"].clone();
    let rows = json!([
        numbered("grace", "CO_LEAD", "r-1"),
        numbered("grace", "CSM", "r-2"),
        numbered("grace", "LEAD", "r-3")
    ]);
    let moved = upsert(&world, rows).await;
    assert_eq!(statuses(&moved), ["UPDATED", "UPDATED", "CREATED"]);
    assert_eq!((id(&moved, 0), id(&moved, 1)), (id(&first, 0), id(&first, 1)));
    // Swaps, rings, and shifts in the other order.
    let rows = json!([numbered("grace", "CSM", "r-1"), numbered("grace", "CO_LEAD", "r-2")]);
    let swapped = upsert(&world, rows).await;
    assert_eq!(statuses(&swapped), ["UPDATED", "UPDATED"]);
    assert_eq!((id(&swapped, 0), id(&swapped, 1)), (id(&first, 0), id(&first, 1)));
    let rows = json!([
        numbered("grace", "CO_LEAD", "r-1"),
        numbered("grace", "LEAD", "r-2"),
        numbered("grace", "CSM", "r-3")
    ]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["UPDATED"; 3]);
    let rows = json!([
        numbered("grace", "CSM", "r-4"),
        numbered("grace", "CO_LEAD", "r-3"),
        numbered("ada", "LEAD", "r-1")
    ]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["CREATED", "UPDATED", "UPDATED"]);
    // The order does not matter either if a row names the assignment by its role only.
    let rows = json!([row("ada", "LEAD"), numbered("ada", "CSM", "r-1")]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["CREATED", "UPDATED"]);
    // What is not given up is taken, and so is what a failed row would have given up.
    let refused = with(numbered("grace", "PRACTICE_LEAD", "r-2"), json!({ "partnerId": "ptn_1" }));
    let rows = json!([numbered("grace", "LEAD", "r-3"), refused, numbered("grace", "CSM", "r-1")]);
    let errors = ["TAKEN rows.0.internalRole", "NOT_FOUND rows.1.partnerId", "TAKEN rows.2.internalRole"];
    KIND.refused(&world, rows, &errors).await;
}

async fn the_same_assignment_by_other_names_is_refused(world: World) {
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let numbered = |remote_id: &str| with(row("grace", "CSM"), json!({ "remoteId": remote_id }));
    upsert(&world, json!([with(numbered("r-1"), json!({ "partnerId": partner }))])).await;
    let by_role = with(row("Grace", "CSM"), json!({ "partnerId": partner }));
    for (rows, errors) in [
        (json!([numbered("r-1"), by_role]), &["INVALID rows.1.internalRole"][..]),
        (json!([by_role, numbered("r-1")]), &["INVALID rows.1.internalRole"]),
        (json!([row("ada", "CSM"), row("Ada", "CSM")]), &["INVALID rows.1.internalRole"]),
        (json!([numbered("r-8"), numbered("r-9")]), &["INVALID rows.1.internalRole"]),
        (json!([numbered("r-9"), numbered("r-9")]), &["INVALID rows.1.remoteId"]),
    ] {
        KIND.refused(&world, rows, errors).await;
    }
    let rows = json!([
        row("ada", "CSM"),
        row("ada", "LEAD"),
        with(row("ada", "CSM"), json!({ "partnerId": partner }))
    ]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["CREATED"; 3]);
}

async fn partners_are_those_of_the_organization(world: World) {
    let rows = world.rows();
    let deleted = rows.partner("Gone", None).await.id;
    rows.delete::<partner::Entity>(deleted).await;
    let elsewhere = world.other_rows().partner("Elsewhere", None).await.id.to_string();
    let account = rows.account("Globex").await.id.to_string();
    for id in [&elsewhere, &deleted.to_string(), &account, "ptn_1", "", "\0"] {
        let row = with(row("grace", "CSM"), json!({ "partnerId": id, "phone": "1" }));
        KIND.refused(&world, json!([row]), &["INVALID rows.0.phone", "NOT_FOUND rows.0.partnerId"]).await;
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (field, value, error) in [
        ("email", "", "REQUIRED"),
        ("email", "grace", "INVALID"),
        ("remoteId", "a\nb", "INVALID"),
        ("remoteId", &long, "TOO_LONG"),
        ("givenName", &long, "TOO_LONG"),
        ("familyName", "\0", "INVALID"),
        ("name", &long, "TOO_LONG"),
        ("phone", "030 901820", "INVALID"),
        ("jobTitle", &long, "TOO_LONG"),
    ] {
        let row = with(row("grace", "CSM"), json!({ field: value }));
        KIND.refused(&world, json!([row]), &[&format!("{error} rows.0.{field}")]).await;
    }
    for (row, argument) in [
        (json!({ "internalRole": "CSM" }), "email"),
        (json!({ "email": null, "internalRole": "CSM" }), "email"),
        (json!({ "email": "a@example.com" }), "internalRole"),
        (json!({ "email": "a@example.com", "internalRole": "BOSS" }), "internalRole"),
    ] {
        schema_mismatch(&world, KIND.mutation, json!({ "rows": [row] }), &["input", "rows", "0", argument])
            .await;
    }
}

async fn what_is_deleted_is_not_found(world: World) {
    let writer = world.writer();
    let numbered = with(row("grace", "CSM"), json!({ "remoteId": "r-1" }));
    let first = upsert_one(&world, numbered.clone(), "CREATED").await;
    let person = json!({ "id": first["internalContact"]["id"] });
    done(&writer, "deleteInternalContact", person, "internalContact { id }").await;
    let second = upsert_one(&world, numbered, "CREATED").await;
    assert_ne!(first["id"], second["id"]);
    assert_ne!(first["internalContact"]["id"], second["internalContact"]["id"]);
    assert_eq!(world.count("internal_contact").await, 2);
}

async fn people_are_found_by_their_partners(world: World) {
    let rows = world.rows();
    let (one, two) =
        (rows.partner("Globex", None).await.id.to_string(), rows.partner("Łódź", None).await.id.to_string());
    let rows = json!([
        with(row("grace", "CSM"), json!({ "partnerId": one })),
        with(row("grace", "LEAD"), json!({ "partnerId": two })),
    ]);
    upsert(&world, rows).await;
    assert_eq!(world.words_found("internalContacts", "globex lodz").await, "globex lodz");
}

async fn partners_take_as_many_statements(world: World) {
    let world = world.restarted(|config| config.http.body_limit = 1024 * 1024).await;
    let rows = world.rows();
    let partners =
        [rows.partner("One", None).await.id.to_string(), rows.partner("Two", None).await.id.to_string()];
    let writer = world.writer();
    let mut begin = 0;
    for number in [10, 1_000] {
        let rows =
            |partner: &str| -> Value {
                (begin..begin + number)
                .map(|number| json!({
                    "remoteId": format!("r-{number}"), "email": format!("p{}@example.com", number / 2),
                    "internalRole": if number % 2 == 0 { "CSM" } else { "LEAD" }, "partnerId": partner,
                }))
                .collect()
            };
        for (what, rows, expected) in [
            ("CREATED", rows(&partners[0]), 7),
            ("UPDATED", rows(&partners[1]), 6),
            ("UNCHANGED", rows(&partners[1]), 4),
        ] {
            let (payload, statements) = world.statements(KIND.done(&writer, rows)).await;
            assert!(
                statuses(&payload).iter().all(|status| *status == what),
                "{what} {number}: {:?}",
                counts(&payload)
            );
            let shown: Vec<_> = statements.iter().map(|sql| sql.get(..120).unwrap_or(sql)).collect();
            assert_eq!(statements.len(), expected, "{number} {what}: {shown:#?}");
        }
        begin += number;
    }
    assert_eq!(world.count("internal_contact").await, 505);
}

async fn people_who_come_at_once_are_made_once(world: World) {
    let writer = world.writer();
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let rows = |caller: usize| -> Value {
        let roles = ["CSM", "LEAD", "CO_LEAD", "PRACTICE_LEAD"];
        let number = |position: usize| if caller.is_multiple_of(2) { position } else { 29 - position };
        let row = |position| {
            with(row(&format!("p{}", number(position)), roles[caller % 4]), json!({ "partnerId": partner }))
        };
        (0..30).map(row).collect()
    };
    let single = |caller: usize| {
        let input = json!({ "partnerId": partner, "email": format!("p{caller}@example.com"), "internalRole": "ACCOUNT_MANAGER" });
        writer.mutate("addInternalContactToPartner", input, "assignment { id }")
    };
    let (replies, singles) = tokio::join!(
        join_all((0..8).map(|caller| KIND.send(&writer, rows(caller)))),
        join_all((0..8).map(single))
    );
    for reply in &replies {
        let errors = reply.user_errors(KIND.mutation);
        assert!(errors.is_empty() || errors == ["CONFLICT rows"], "{errors:?}");
    }
    for reply in &singles {
        assert_eq!(reply.user_errors("addInternalContactToPartner"), [""; 0]);
    }
    assert_eq!(world.count("internal_contact").await, 30);
    assert_eq!(world.found("internalContacts", "globex").await, 30);
}

async fn a_hidden_assignment_is_not_given_again(world: World) {
    let writer = world.writer();
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let row = with(row("grace", "CSM"), json!({ "partnerId": partner }));
    let input = json!({ "rows": [row], "idempotencyKey": "k" });
    let selection = "results { status assignment { id } }";
    let first = done(&writer, KIND.mutation, input.clone(), selection).await;
    done(&writer, "deletePartner", json!({ "id": partner }), "partner { id }").await;
    let again = world.nothing_written(done(&writer, KIND.mutation, input.clone(), selection)).await;
    assert_eq!(again["results"], json!([{ "status": "CREATED", "assignment": null }]));
    done(&writer, "restorePartner", json!({ "id": partner }), "partner { id }").await;
    let again = world.nothing_written(done(&writer, KIND.mutation, input, selection)).await;
    assert_eq!(again, first);
}
