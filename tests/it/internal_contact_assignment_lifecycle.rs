//! Moving assignments to other partners, and removing them.

use contact_gateway::entity::{internal_contact_assignment::InternalRole, partner};
use serde_json::{Value, json};

use crate::{
    change::{events, happened},
    mutation::{assert_masked, assert_refused, break_inserts, done, refused, refused_to, schema_mismatch},
    support::{Outcomes, World, on_both, race},
};

on_both!(
    an_assignment_is_moved,
    with_its_own_partner_nothing_changes,
    a_floating_assignment_is_not_moved,
    moving_does_not_double_a_role,
    an_assignment_is_removed_for_good,
    a_floating_assignment_is_removed,
    what_is_out_of_reach_is_not_found,
    inputs_must_fit,
    expected_versions_must_be_the_assignments,
    a_change_without_its_record_is_not_made,
    of_all_that_happens_at_once_each_sees_the_other,
);

const MOVE: &str = "moveInternalContactAssignment";
const REMOVE: &str = "removeInternalContactAssignment";
const ASSIGNMENT: &str = "id internalRole remoteId version createdAt updatedAt partner { id }";

async fn read(world: &World, id: &Value) -> Value {
    let document = format!("query($id: ID!) {{ internalContactAssignment(id: $id) {{ {ASSIGNMENT} }} }}");
    world.reader().graphql(&document, json!({ "id": id })).await.data("/internalContactAssignment").clone()
}

/// The ids of the contacts that a search for a word finds.
async fn found_by(world: &World, word: &str) -> Vec<Value> {
    let document = "query($word: String!) { internalContacts(filter: { search: $word }) { nodes { id } } }";
    let reply = world.reader().graphql(document, json!({ "word": word })).await;
    reply.list("/internalContacts/nodes").iter().map(|node| node["id"].clone()).collect()
}

async fn an_assignment_is_moved(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (one, two) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &one).await;
    let (id, person) = (json!(assigned.assignment.id.to_string()), json!(assigned.contact.id.to_string()));
    let (one, two) = (one.id.to_string(), two.id.to_string());
    let before = read(&world, &id).await;
    let input = json!({ "assignmentId": id, "partnerId": two, "expectedVersion": 1 });
    let selection = format!("assignment {{ {ASSIGNMENT} }}");
    let moved = done(&writer, MOVE, input, &selection).await["assignment"].clone();
    let mut expected = before.clone();
    expected["partner"]["id"] = json!(two);
    expected["version"] = json!(2);
    expected["updatedAt"] = moved["updatedAt"].clone();
    assert_eq!(moved, expected);
    assert!(moved["updatedAt"].as_str() > before["updatedAt"].as_str());
    assert_eq!(read(&world, &id).await, moved);
    assert_eq!(found_by(&world, "globex").await, [Value::Null; 0]);
    assert_eq!(found_by(&world, "initech").await, [person]);
    let fields = json!({ "partnerId": { "old": one, "new": two } });
    assert_eq!(events(&world).await, [happened("InternalContactAssignment", "updated", &id, fields)]);
}

async fn with_its_own_partner_nothing_changes(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let id = world.rows().assignment("ada@example.com", InternalRole::Csm, &partner).await.assignment.id;
    let before = read(&world, &json!(id.to_string())).await;
    let input = json!({ "assignmentId": id.to_string(), "partnerId": partner.id.to_string() });
    let (writer, selection) = (world.writer(), format!("assignment {{ {ASSIGNMENT} }}"));
    let moved = world.nothing_written(done(&writer, MOVE, input, &selection)).await;
    assert_eq!(moved["assignment"], before);
}

async fn a_floating_assignment_is_not_moved(world: World) {
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.assignment.id;
    let partner = world.rows().partner("Globex", None).await.id;
    let input = json!({ "assignmentId": floating.to_string(), "partnerId": partner.to_string() });
    refused(&world, MOVE, input, &["NOT_ALLOWED assignmentId"]).await;
}

async fn moving_does_not_double_a_role(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.partner("One", None).await, rows.partner("Two", None).await);
    let id = rows.assignment("ada@example.com", InternalRole::Csm, &one).await.assignment.id.to_string();
    rows.assignment("ada@example.com", InternalRole::Csm, &two).await;
    let input = json!({ "assignmentId": id, "partnerId": two.id.to_string() });
    refused(&world, MOVE, input, &["TAKEN partnerId"]).await;
    // Neither another role nor another person's is in the way.
    let three = rows.partner("Three", None).await;
    rows.assignment("ada@example.com", InternalRole::Lead, &three).await;
    rows.assignment("grace@example.com", InternalRole::Csm, &three).await;
    let input = json!({ "assignmentId": id, "partnerId": three.id.to_string() });
    done(&world.writer(), MOVE, input, "assignment { id }").await;
}

async fn an_assignment_is_removed_for_good(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await.id.to_string();
    let add = json!({
        "partnerId": partner, "email": "ada@example.com", "internalRole": "CSM", "remoteId": "r-1",
    });
    let selection = "assignment { id } internalContact { id version updatedAt }";
    let added = done(&writer, "addInternalContactToPartner", add.clone(), selection).await;
    let (id, person) = (&added["assignment"]["id"], &added["internalContact"]);
    let before = events(&world).await.len();
    let input = json!({ "assignmentId": id, "expectedVersion": 1 });
    let selection = "removedAssignmentId internalContact { id version updatedAt assignments { totalCount } }";
    let removed = done(&writer, REMOVE, input.clone(), selection).await;
    assert_eq!(removed["removedAssignmentId"], *id);
    let mut expected = person.clone();
    expected["assignments"] = json!({ "totalCount": 0 });
    assert_eq!(removed["internalContact"], expected);
    assert_eq!(read(&world, id).await, Value::Null);
    assert_eq!(world.count("internal_contact_assignment").await, 0);
    assert_eq!(found_by(&world, "globex").await, [Value::Null; 0]);
    let fields = json!({
        "internalContactId": { "old": person["id"] }, "partnerId": { "old": partner },
        "internalRole": { "old": "CSM" }, "remoteId": { "old": "r-1" },
    });
    let deleted = happened("InternalContactAssignment", "deleted", id, fields);
    assert_eq!(events(&world).await[before..], [deleted]);
    refused(&world, REMOVE, input, &["NOT_FOUND assignmentId"]).await;
    // Role and remote id are free.
    done(&writer, "addInternalContactToPartner", add, "assignment { id }").await;
}

async fn a_floating_assignment_is_removed(world: World) {
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await;
    let input = json!({ "assignmentId": floating.assignment.id.to_string() });
    let removed = done(&world.writer(), REMOVE, input, "internalContact { id }").await;
    assert_eq!(removed["internalContact"]["id"], floating.contact.id.to_string());
    let fields = json!({
        "internalContactId": { "old": floating.contact.id.to_string() }, "internalRole": { "old": "CSM" },
    });
    let id = json!(floating.assignment.id.to_string());
    assert_eq!(events(&world).await, [happened("InternalContactAssignment", "deleted", &id, fields)]);
}

async fn what_is_out_of_reach_is_not_found(world: World) {
    let (rows, other_rows) = (world.rows(), world.other_rows());
    let (partner, gone) = (rows.partner("One", None).await, rows.partner("Gone", None).await);
    let own = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await.assignment.id.to_string();
    let hidden = rows.assignment("ada@example.com", InternalRole::Csm, &gone).await.assignment.id.to_string();
    let elsewhere = other_rows.partner("Elsewhere", None).await;
    let foreign = other_rows.assignment("ada@example.com", InternalRole::Csm, &elsewhere).await.assignment.id;
    let (gone, foreign, elsewhere) = (gone.id.to_string(), foreign.to_string(), elsewhere.id.to_string());
    done(&world.writer(), "deletePartner", json!({ "id": gone }), "partner { id }").await;
    let both = &["NOT_FOUND assignmentId", "NOT_FOUND partnerId"][..];
    let partner = partner.id.to_string();
    for (assignment, partner, errors) in [
        (&own, &elsewhere, &both[1..]),
        (&own, &gone, &both[1..]),
        (&hidden, &partner, &both[..1]),
        (&foreign, &partner, &both[..1]),
        (&partner, &own, both),
    ] {
        let input = json!({ "assignmentId": assignment, "partnerId": partner, "expectedVersion": 7 });
        refused(&world, MOVE, input, errors).await;
    }
    for id in [&hidden, &foreign, &partner, "", "ica_1"] {
        let input = json!({ "assignmentId": id, "expectedVersion": 7 });
        refused(&world, REMOVE, input, &both[..1]).await;
    }
    let input = json!({ "assignmentId": own, "partnerId": partner });
    refused_to(&world, &world.other(), MOVE, input, both).await;
    refused_to(&world, &world.other(), REMOVE, json!({ "assignmentId": own }), &both[..1]).await;
}

async fn inputs_must_fit(world: World) {
    schema_mismatch(&world, MOVE, json!({ "partnerId": "ptn_1" }), &["input", "assignmentId"]).await;
    schema_mismatch(&world, MOVE, json!({ "assignmentId": "ica_1" }), &["input", "partnerId"]).await;
    schema_mismatch(&world, REMOVE, json!({}), &["input", "assignmentId"]).await;
    schema_mismatch(&world, REMOVE, json!({ "assignmentId": null }), &["input", "assignmentId"]).await;
}

async fn expected_versions_must_be_the_assignments(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.partner("One", None).await, rows.partner("Two", None).await);
    let id = rows.assignment("ada@example.com", InternalRole::Csm, &one).await.assignment.id.to_string();
    for version in [0, 2] {
        // Also where nothing would change.
        for partner in [&one, &two] {
            let input = json!({
                "assignmentId": id, "partnerId": partner.id.to_string(), "expectedVersion": version,
            });
            refused(&world, MOVE, input, &["CONFLICT expectedVersion"]).await;
        }
        let input = json!({ "assignmentId": id, "expectedVersion": version });
        refused(&world, REMOVE, input, &["CONFLICT expectedVersion"]).await;
    }
}

async fn a_change_without_its_record_is_not_made(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.partner("One", None).await, rows.partner("Two", None).await);
    let id = rows.assignment("ada@example.com", InternalRole::Csm, &one).await.assignment.id.to_string();
    break_inserts(&world.db, "change").await;
    let to_two = json!({ "assignmentId": id, "partnerId": two.id.to_string() });
    for (mutation, input) in [(MOVE, to_two), (REMOVE, json!({ "assignmentId": id }))] {
        let writer = world.writer();
        let reply = world.nothing_written(writer.mutate(mutation, input, "__typename")).await;
        assert_masked(&reply, mutation);
    }
}

async fn of_all_that_happens_at_once_each_sees_the_other(world: World) {
    let (rows, writer, mut outcomes) = (world.rows(), world.writer(), Outcomes::default());
    let (one, two) = (rows.partner("One", None).await, rows.partner("Two", None).await);
    for round in 0..20 {
        let email = format!("ada{round}@example.com");
        let id = rows.assignment(&email, InternalRole::Csm, &one).await.assignment.id.to_string();
        let other = rows.assignment(&email, InternalRole::Lead, &one).await.assignment.id.to_string();
        let moved = |assignment: &str, partner: &partner::Model| {
            let input = json!({ "assignmentId": assignment, "partnerId": partner.id.to_string() });
            writer.mutate(MOVE, input, "assignment { id }")
        };
        let role = json!({ "partnerId": one.id.to_string(), "assignmentId": other, "internalRole": "CSM" });
        let ((to_two, removed), (role, to_two_again)) = race(
            round / 4,
            race(
                round,
                moved(&id, &two),
                writer.mutate(REMOVE, json!({ "assignmentId": id }), "internalContact { id }"),
            ),
            race(
                round / 2,
                writer.mutate("updateInternalContactRole", role, "assignment { id }"),
                moved(&other, &two),
            ),
        )
        .await;
        outcomes.record(if to_two.user_errors(MOVE).is_empty() { "moved" } else { "removed" });
        let is_changed = role.user_errors("updateInternalContactRole").is_empty();
        outcomes.record(if is_changed { "role changed" } else { "role refused" });
        assert_eq!(removed.user_errors(REMOVE), [""; 0]);
        for (reply, mutation, allowed) in [
            (&to_two, MOVE, &["NOT_FOUND assignmentId", "TAKEN partnerId"][..]),
            (&role, "updateInternalContactRole", &["NOT_FOUND assignmentId", "TAKEN internalRole"]),
            (&to_two_again, MOVE, &["TAKEN partnerId"]),
        ] {
            let errors = reply.user_errors(mutation);
            assert!(errors.iter().all(|error| allowed.contains(&error.as_str())), "{errors:?}");
            if !errors.is_empty() {
                assert_refused(reply, mutation, &[&*errors[0]], "the second request");
            }
        }
        assert_eq!(world.count("internal_contact_assignment").await, round + 1);
    }
    outcomes.assert(&["moved", "removed", "role changed", "role refused"]);
}
