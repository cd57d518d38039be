//! Deleting and restoring people, and what that means for their assignments.

use contact_gateway::entity::{internal_contact_assignment::InternalRole, partner};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    mutation::{done, refused},
    support::{Outcomes, World, on_both, race},
};

on_both!(
    assignments_are_hidden_with_their_person,
    an_assignment_is_seen_while_person_and_partner_live,
    a_remote_id_that_an_assignment_lost_is_told,
    whoever_goes_or_comes_at_once_is_seen_or_not,
);

/// The ids of the assignments that a person holds, floating ones included.
async fn held(world: &World, person: &Value) -> Vec<Value> {
    let document = "query($id: ID!) { internalContact(id: $id) { assignments { nodes { id } } } }";
    let reply = world.reader().graphql(document, json!({ "id": person })).await;
    reply.list("/internalContact/assignments/nodes").iter().map(|node| node["id"].clone()).collect()
}

/// The ids of the people with an assignment to a partner.
async fn looking_after(world: &World, partner: &partner::Model) -> Vec<Value> {
    let document = "query($id: ID!) { partner(id: $id) { internalContacts { nodes { id } } } }";
    let reply = world.reader().graphql(document, json!({ "id": partner.id.to_string() })).await;
    reply.list("/partner/internalContacts/nodes").iter().map(|node| node["id"].clone()).collect()
}

async fn assignments_are_hidden_with_their_person(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await;
    let floating = rows.internal_contact("ada@example.com", InternalRole::Lead).await;
    let attached = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await.assignment.id;
    let other = rows.assignment("grace@example.com", InternalRole::Csm, &partner).await.contact.id;
    let (id, other) = (floating.contact.id, json!(other.to_string()));
    let person = json!(id.to_string());
    let both = [json!(floating.assignment.id.to_string()), json!(attached.to_string())];
    assert_eq!(held(&world, &person).await, both);

    let selection = "internalContact { assignments { totalCount } partners { totalCount } }";
    let input = json!({ "id": person });
    let deleted = done(&writer, "deleteInternalContact", input.clone(), selection).await;
    let none = json!({ "assignments": { "totalCount": 0 }, "partners": { "totalCount": 0 } });
    assert_eq!(deleted["internalContact"], none);
    assert_eq!(looking_after(&world, &partner).await, std::slice::from_ref(&other));
    assert_eq!(world.found("internalContacts", "ada globex").await, 0);
    for assignment in &both {
        let document = "query($id: ID!) { internalContactAssignment(id: $id) { id } node(id: $id) { id } }";
        let reply = world.reader().graphql(document, json!({ "id": assignment })).await;
        assert_eq!(*reply.data(""), json!({ "internalContactAssignment": null, "node": null }));
    }
    // Another person may get the same email address, and is a different contact.
    let add = json!({
        "partnerId": partner.id.to_string(), "email": "ada@example.com", "internalRole": "CSM",
    });
    let added = done(&writer, "addInternalContactToPartner", add, "internalContact { id }").await;
    let namesake = &added["internalContact"]["id"];
    assert_ne!(*namesake, person);
    refused(&world, "restoreInternalContact", input.clone(), &["CONFLICT id"]).await;
    done(&writer, "deleteInternalContact", json!({ "id": namesake }), "internalContact { id }").await;

    let restored = done(&writer, "restoreInternalContact", input, selection).await;
    let all = json!({ "assignments": { "totalCount": 2 }, "partners": { "totalCount": 1 } });
    assert_eq!(restored["internalContact"], all);
    assert_eq!(held(&world, &person).await, both);
    assert_eq!(looking_after(&world, &partner).await, [person, other]);
    assert_eq!(world.found("internalContacts", "ada globex").await, 1);
}

async fn an_assignment_is_seen_while_person_and_partner_live(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let inputs = |kind| match kind {
        "Partner" => json!({ "id": partner.id.to_string() }),
        _ => json!({ "id": assigned.contact.id.to_string() }),
    };
    for steps in [
        [
            ("delete", "Partner"),
            ("delete", "InternalContact"),
            ("restore", "Partner"),
            ("restore", "InternalContact"),
        ],
        [
            ("delete", "Partner"),
            ("delete", "InternalContact"),
            ("restore", "InternalContact"),
            ("restore", "Partner"),
        ],
        [
            ("delete", "InternalContact"),
            ("delete", "Partner"),
            ("restore", "InternalContact"),
            ("restore", "Partner"),
        ],
    ] {
        for (step, (verb, kind)) in steps.into_iter().enumerate() {
            done(&writer, &format!("{verb}{kind}"), inputs(kind), "__typename").await;
            let reply = world.reader().query("{ internalContactAssignments { totalCount } }").await;
            let seen = u64::from(step == 3);
            assert_eq!(*reply.data("/internalContactAssignments/totalCount"), seen, "{steps:?} {step}");
            let found = world.found("internalContacts", "globex").await;
            assert_eq!(found, usize::from(step == 3), "{steps:?} {step}");
        }
    }
}

async fn a_remote_id_that_an_assignment_lost_is_told(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await.id.to_string();
    let add = async |email: &str| {
        let input = json!({ "partnerId": partner, "email": email, "internalRole": "CSM", "remoteId": "r-1" });
        let added = done(&writer, "addInternalContactToPartner", input, "internalContact { id }").await;
        json!({ "id": added["internalContact"]["id"] })
    };
    let ada = add("ada@example.com").await;
    done(&writer, "deleteInternalContact", ada.clone(), "__typename").await;
    let grace = add("grace@example.com").await;
    refused(&world, "restoreInternalContact", ada.clone(), &["CONFLICT id"]).await;
    done(&writer, "deleteInternalContact", grace, "__typename").await;
    done(&writer, "restoreInternalContact", ada, "__typename").await;
}

/// How many assignments are seen although their person or their partner is deleted, or hidden although both live.
pub(crate) async fn inconsistencies(world: &World) -> i64 {
    let sql = "
        SELECT count(*) FROM internal_contact_assignment a JOIN internal_contact c ON c.id = a.internal_contact_id
        LEFT JOIN partner p ON p.id = a.partner_id
        WHERE (a.deleted_at IS NULL) <> (c.deleted_at IS NULL AND (p.id IS NULL OR p.deleted_at IS NULL))";
    let connection = world.db.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.expect(sql).expect("a row");
    row.try_get_by_index(0).expect("a number")
}

async fn whoever_goes_or_comes_at_once_is_seen_or_not(world: World) {
    let (rows, writer, mut outcomes) = (world.rows(), world.writer(), Outcomes::default());
    for round in 0..20 {
        let partner = rows.partner("Globex", None).await;
        let email = format!("ada{round}@example.com");
        let floating = rows.internal_contact(&email, InternalRole::Lead).await;
        rows.assignment(&email, InternalRole::CoLead, &partner).await;
        let partner = partner.id.to_string();
        let add = json!({ "partnerId": partner, "email": email, "internalRole": "CSM" });
        let attach = json!({ "partnerId": partner, "assignmentId": floating.assignment.id.to_string() });
        let (partner, person) = (json!({ "id": partner }), json!({ "id": floating.contact.id.to_string() }));
        let ((added, _), (attached, _)) = race(
            round / 4,
            race(
                round,
                writer.mutate("addInternalContactToPartner", add, "internalContact { id }"),
                done(&writer, "deletePartner", partner.clone(), "__typename"),
            ),
            race(
                round / 2,
                writer.mutate("attachInternalContactAssignment", attach, "assignment { id }"),
                done(&writer, "deleteInternalContact", person.clone(), "__typename"),
            ),
        )
        .await;
        let is_added = added.user_errors("addInternalContactToPartner").is_empty();
        outcomes.record(if is_added { "added" } else { "not added" });
        let is_attached = attached.user_errors("attachInternalContactAssignment").is_empty();
        outcomes.record(if is_attached { "attached" } else { "not attached" });
        for (reply, mutation, errors) in [
            (&added, "addInternalContactToPartner", &["NOT_FOUND partnerId"][..]),
            (
                &attached,
                "attachInternalContactAssignment",
                &["NOT_FOUND assignmentId", "NOT_FOUND partnerId"],
            ),
        ] {
            let refusals = reply.user_errors(mutation);
            assert!(
                refusals.iter().all(|error| errors.contains(&error.as_str())),
                "{mutation}: {refusals:?}"
            );
        }
        assert_eq!(inconsistencies(&world).await, 0);
        let (restored, _) = tokio::join!(
            writer.mutate("restoreInternalContact", person, "__typename"),
            done(&writer, "restorePartner", partner, "__typename"),
        );
        // A new contact has the address if the person was added after the deletion.
        let refusals = restored.user_errors("restoreInternalContact");
        assert!(refusals.is_empty() || refusals == ["CONFLICT id"], "{refusals:?}");
        assert_eq!(inconsistencies(&world).await, 0);
    }
    outcomes.assert(&["added", "attached", "not added", "not attached"]);
}
