//! Partners: making, changing, deleting and restoring them, and what that means for assignments.

use contact_gateway::entity::{internal_contact_assignment::InternalRole, partner};
use serde_json::json;

use crate::{
    change::{events, happened},
    mutation::{assert_masked, break_inserts, done, one_of_two_wins, refused, schema_mismatch, with},
    support::{World, on_both},
};

on_both!(
    what_is_created_is_read_back,
    refused_values_are_named,
    a_remote_id_is_taken_once,
    only_one_of_two_wins_a_remote_id,
    a_partner_without_its_record_is_not_made,
    an_update_is_a_patch,
    an_update_keeps_the_rules,
    assignments_are_hidden_with_their_partner,
    a_remote_id_that_an_assignment_lost_is_told,
    people_are_found_by_the_partners_that_live,
    nobody_is_added_to_a_partner_that_goes,
);

const PARTNER: &str = "id name remoteId version createdAt updatedAt deletedAt assignments { totalCount }";

async fn what_is_created_is_read_back(world: World) {
    let longest = "ü".repeat(255);
    for (input, name, remote_id) in [
        (json!({ "name": "Globex", "remoteId": "r-1" }), "Globex", json!("r-1")),
        (json!({ "name": " Globex ", "remoteId": " r-2 " }), "Globex", json!("r-2")),
        (json!({ "name": "Globex" }), "Globex", json!(null)),
        (json!({ "name": "Globex", "remoteId": null }), "Globex", json!(null)),
        (json!({ "name": "Globex", "remoteId": " " }), "Globex", json!(null)),
        (json!({ "name": longest }), &longest, json!(null)),
    ] {
        let selection = format!("partner {{ {PARTNER} }}");
        let created = done(&world.writer(), "createPartner", input, &selection).await["partner"].clone();
        let expected = json!({
            "id": created["id"], "name": name, "remoteId": remote_id, "version": 1,
            "createdAt": created["createdAt"], "updatedAt": created["createdAt"], "deletedAt": null,
            "assignments": { "totalCount": 0 },
        });
        assert_eq!(created, expected);
        let document = format!("query($id: ID!) {{ partner(id: $id) {{ {PARTNER} }} }}");
        let reply = world.reader().graphql(&document, json!({ "id": created["id"] })).await;
        assert_eq!(*reply.data("/partner"), created);
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (input, errors) in [
        (json!({ "name": "" }), &["REQUIRED name"][..]),
        (json!({ "name": " \t" }), &["REQUIRED name"]),
        (json!({ "name": long }), &["TOO_LONG name"]),
        (json!({ "name": "Glo\0bex" }), &["INVALID name"]),
        (json!({ "name": "Glo\nbex", "remoteId": long }), &["INVALID name", "TOO_LONG remoteId"]),
        (json!({ "name": "Globex", "remoteId": "\0" }), &["INVALID remoteId"]),
    ] {
        refused(&world, "createPartner", input, errors).await;
    }
    schema_mismatch(&world, "createPartner", json!({ "remoteId": "r-1" }), &["input", "name"]).await;
    schema_mismatch(&world, "createPartner", json!({ "name": null }), &["input", "name"]).await;
    schema_mismatch(&world, "createPartner", json!({ "name": ["Globex", "Initech"] }), &["input", "name"])
        .await;
}

async fn a_remote_id_is_taken_once(world: World) {
    world.other_rows().partner("Elsewhere", Some("r-1")).await;
    let deleted = world.rows().partner("Gone", Some("r-1")).await;
    world.rows().delete::<partner::Entity>(deleted.id).await;
    world.rows().partner("Globex", Some("r-1")).await;
    let input = json!({ "name": " ", "remoteId": " r-1 " });
    refused(&world, "createPartner", input, &["REQUIRED name", "TAKEN remoteId"]).await;
    // Names and other remote ids are free.
    let input = json!({ "name": "Globex", "remoteId": "R-1" });
    done(&world.writer(), "createPartner", input, "partner { id }").await;
}

async fn only_one_of_two_wins_a_remote_id(world: World) {
    let writer = world.writer();
    for round in 1..=20 {
        let input = json!({ "name": "Globex", "remoteId": format!("r-{round}") });
        let inputs = [input.clone(), input];
        one_of_two_wins(&writer, "createPartner", inputs, "partner { id }", "TAKEN remoteId").await;
        assert_eq!(world.count("partner").await, round);
    }
}

async fn a_partner_without_its_record_is_not_made(world: World) {
    break_inserts(&world.db, "change").await;
    let input = json!({ "name": "Globex", "idempotencyKey": "k" });
    let writer = world.writer();
    let reply = world.nothing_written(writer.mutate("createPartner", input, "partner { id }")).await;
    assert_masked(&reply, "createPartner");
}

async fn an_update_is_a_patch(world: World) {
    let selection = format!("partner {{ {PARTNER} }}");
    let writer = world.writer();
    let input = json!({ "name": "Globex", "remoteId": "r-1" });
    let mut expected = done(&writer, "createPartner", input, &selection).await["partner"].clone();
    for (fields, stored) in [
        (json!({ "name": " Initech " }), json!({ "name": "Initech" })),
        (json!({ "remoteId": null }), json!({ "remoteId": null })),
        (json!({ "remoteId": " r-2 " }), json!({ "remoteId": "r-2" })),
        (json!({ "remoteId": " " }), json!({ "remoteId": null })),
        (json!({ "name": "globex", "remoteId": "r-1" }), json!({ "name": "globex", "remoteId": "r-1" })),
    ] {
        let version = expected["version"].as_i64().expect("a number");
        let input = with(fields.clone(), json!({ "id": expected["id"], "expectedVersion": version }));
        let updated = done(&writer, "updatePartner", input, &selection).await["partner"].clone();
        assert!(updated["updatedAt"].as_str() > expected["updatedAt"].as_str(), "{fields}");
        let counted = json!({ "version": version + 1, "updatedAt": updated["updatedAt"] });
        expected = with(with(expected, stored), counted);
        assert_eq!(updated, expected, "{fields}");
    }
    // What it has already is no change.
    for fields in
        [json!({}), json!({ "name": " globex" }), json!({ "remoteId": "r-1 ", "expectedVersion": 6 })]
    {
        let input = with(fields, json!({ "id": expected["id"] }));
        let same = world.nothing_written(done(&writer, "updatePartner", input, &selection)).await;
        assert_eq!(same["partner"], expected);
    }
}

async fn an_update_keeps_the_rules(world: World) {
    let rows = world.rows();
    rows.partner("Initech", Some("r-2")).await;
    world.other_rows().partner("Elsewhere", Some("r-3")).await;
    let id = rows.partner("Globex", Some("r-1")).await.id.to_string();
    let long = "x".repeat(256);
    for (fields, errors) in [
        (json!({ "name": null }), &["REQUIRED name"][..]),
        (json!({ "name": " " }), &["REQUIRED name"]),
        (json!({ "name": long, "remoteId": "a\nb" }), &["TOO_LONG name", "INVALID remoteId"]),
        (json!({ "name": "\0", "remoteId": " r-2 " }), &["INVALID name", "TAKEN remoteId"]),
        (json!({ "name": "A", "expectedVersion": 2 }), &["CONFLICT expectedVersion"]),
    ] {
        refused(&world, "updatePartner", with(fields, json!({ "id": id })), errors).await;
    }
    let foreign = world.other_rows().partner("Elsewhere", None).await.id.to_string();
    for id in [&foreign, "ptn_1", ""] {
        refused(&world, "updatePartner", json!({ "id": id, "name": "A" }), &["NOT_FOUND id"]).await;
    }
    schema_mismatch(&world, "updatePartner", json!({ "name": "A" }), &["input", "id"]).await;
    let input = json!({ "id": id, "remoteId": "r-3" });
    done(&world.writer(), "updatePartner", input, "partner { id }").await;
    let fields = json!({ "remoteId": { "old": "r-1", "new": "r-3" } });
    assert_eq!(events(&world).await, [happened("Partner", "updated", &json!(id), fields)]);
}

/// The assignments that are seen by way of a person.
async fn held(world: &World, person: &str) -> Vec<String> {
    let document = "query($id: ID!) { internalContact(id: $id) {
        assignments { totalCount nodes { id } } partners { nodes { id } } } }";
    let reply = world.reader().graphql(document, json!({ "id": person })).await;
    let nodes = reply.list("/internalContact/assignments/nodes");
    assert_eq!(*reply.data("/internalContact/assignments/totalCount"), nodes.len());
    nodes.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

async fn assignments_are_hidden_with_their_partner(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
    let of_globex = rows.assignment("ada@example.com", InternalRole::Csm, &globex).await;
    let of_initech = rows.assignment("ada@example.com", InternalRole::Csm, &initech).await;
    let person = of_globex.contact.id.to_string();
    let (of_globex, of_initech) = (of_globex.assignment.id.to_string(), of_initech.assignment.id.to_string());
    let read = async || {
        let document = "query($id: ID!) { internalContactAssignment(id: $id) { id version updatedAt } node(id: $id) { id } }";
        let reply = world.reader().graphql(document, json!({ "id": of_globex })).await;
        assert_eq!(reply.data("/internalContactAssignment/id"), reply.data("/node/id"));
        reply.data("/internalContactAssignment").clone()
    };
    let before = read().await;
    let selection = "partner { assignments { totalCount } internalContacts { totalCount } }";
    let id = json!({ "id": globex.id.to_string() });
    let deleted = done(&writer, "deletePartner", id.clone(), selection).await;
    let none = json!({ "assignments": { "totalCount": 0 }, "internalContacts": { "totalCount": 0 } });
    assert_eq!(deleted["partner"], none);
    assert_eq!(held(&world, &person).await, std::slice::from_ref(&of_initech));
    let document = "query($id: ID!) { internalContactAssignment(id: $id) { id } node(id: $id) { id } }";
    let reply = world.reader().graphql(document, json!({ "id": of_globex })).await;
    assert_eq!(*reply.data(""), json!({ "internalContactAssignment": null, "node": null }));
    let input =
        json!({ "partnerId": initech.id.to_string(), "assignmentId": of_globex, "internalRole": "LEAD" });
    refused(&world, "updateInternalContactRole", input, &["NOT_FOUND assignmentId"]).await;

    let restored = done(&writer, "restorePartner", id, selection).await;
    let one = json!({ "assignments": { "totalCount": 1 }, "internalContacts": { "totalCount": 1 } });
    assert_eq!(restored["partner"], one);
    assert_eq!(held(&world, &person).await, [of_globex.clone(), of_initech]);
    assert_eq!(read().await, before);
}

async fn a_remote_id_that_an_assignment_lost_is_told(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partners =
        [rows.partner("One", None).await.id.to_string(), rows.partner("Two", None).await.id.to_string()];
    let add = async |partner: usize| {
        let input = json!({
            "partnerId": partners[partner], "email": "ada@example.com", "internalRole": "CSM", "remoteId": "r-1",
        });
        done(&writer, "addInternalContactToPartner", input, "assignment { id }").await
    };
    add(0).await;
    done(&writer, "deletePartner", json!({ "id": partners[0] }), "partner { id }").await;
    add(1).await;
    refused(&world, "restorePartner", json!({ "id": partners[0] }), &["CONFLICT id"]).await;
    done(&writer, "deletePartner", json!({ "id": partners[1] }), "partner { id }").await;
    done(&writer, "restorePartner", json!({ "id": partners[0] }), "partner { id }").await;
    refused(&world, "restorePartner", json!({ "id": partners[1] }), &["CONFLICT id"]).await;
}

async fn people_are_found_by_the_partners_that_live(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await;
    rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    rows.assignment("grace@example.com", InternalRole::Csm, &partner).await;
    rows.internal_contact("nobody@example.com", InternalRole::Csm).await;
    let id = json!({ "id": partner.id.to_string() });
    let steps = [
        ("updatePartner", json!({ "name": "Initéch" }), 2),
        ("updatePartner", json!({ "remoteId": "r-1" }), 2),
        ("deletePartner", json!({}), 0),
        ("restorePartner", json!({}), 2),
    ];
    for (mutation, fields, count) in steps {
        done(&writer, mutation, with(fields, id.clone()), "partner { id }").await;
        assert_eq!(world.found("internalContacts", "initech").await, count, "{mutation}");
        assert_eq!(world.found("internalContacts", "globex").await, 0, "{mutation}");
    }
}

async fn nobody_is_added_to_a_partner_that_goes(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    for round in 0..20 {
        let partner = rows.partner("Globex", None).await.id.to_string();
        let email = format!("ada{round}@example.com");
        let floating = rows.internal_contact(&email, InternalRole::Lead).await.assignment.id.to_string();
        let add = json!({ "partnerId": partner, "email": email, "internalRole": "CSM" });
        let attach = json!({ "partnerId": partner, "assignmentId": floating });
        let (added, attached, _) = tokio::join!(
            writer.mutate("addInternalContactToPartner", add, "assignment { id }"),
            writer.mutate("attachInternalContactAssignment", attach, "assignment { id }"),
            done(&writer, "deletePartner", json!({ "id": partner }), "partner { id }"),
        );
        for (reply, mutation) in
            [(added, "addInternalContactToPartner"), (attached, "attachInternalContactAssignment")]
        {
            let errors = reply.user_errors(mutation);
            assert!(errors.is_empty() || errors == ["NOT_FOUND partnerId"], "{mutation}: {errors:?}");
        }
        // Whatever came first: nothing of the partner is seen.
        let document = "query($id: ID!) { node(id: $id) { ... on Partner { assignments { totalCount } } } }";
        let reply = world.reader().graphql(document, json!({ "id": partner })).await;
        assert_eq!(*reply.data("/node/assignments/totalCount"), 0);
        assert_eq!(world.found("internalContacts", "globex").await, 0);
    }
}
