//! Internal contacts, created and updated by their remote ids or email addresses.

use contact_gateway::entity::{internal_contact, internal_contact_assignment::InternalRole};
use serde_json::json;

use super::{Kind, statuses};
use crate::support::{World, on_both};

on_both!(
    a_contact_is_found_by_remote_id_else_by_email,
    what_is_not_given_is_kept,
    values_of_other_contacts_are_refused,
    a_deleted_contact_is_not_found,
);

pub(super) const KIND: Kind = Kind {
    mutation: "upsertInternalContacts",
    object: "internalContact",
    table: "internal_contact",
    row: |number| {
        let email = format!("ada{number}@example.com");
        json!({ "remoteId": format!("r-{number}"), "email": email, "givenName": "Ada" })
    },
    changed: |number| {
        let email = format!("ada{number}@example.com");
        json!({ "remoteId": format!("r-{number}"), "email": email, "givenName": "Grace" })
    },
    refused: (|number| json!({ "remoteId": format!("r-{number}"), "email": "nobody" }), "INVALID email"),
    identity: "remoteId",
    statements: [3, 3, 1],
};

async fn a_contact_is_found_by_remote_id_else_by_email(world: World) {
    let person = world.rows().internal_contact("ada@example.com", InternalRole::Lead).await.contact;
    let writer = world.writer();
    for (row, status) in [
        // The contact that has the address takes the remote id.
        (json!({ "remoteId": "r-1", "email": "Ada@example.com" }), "UPDATED"),
        (json!({ "remoteId": "r-1", "email": "ada.lee@example.com" }), "UPDATED"),
        (json!({ "remoteId": "r-1" }), "UNCHANGED"),
        (json!({ "email": "ada.lee@example.com" }), "UNCHANGED"),
        (json!({ "email": "ADA.LEE@example.com" }), "UPDATED"),
    ] {
        let payload = KIND.done(&writer, json!([row])).await;
        assert_eq!(statuses(&payload), [status], "{row}");
        assert_eq!(payload["results"][0]["internalContact"]["id"], person.id.to_string(), "{row}");
    }
    let payload = KIND.done(&writer, json!([{ "email": "ada@example.com" }])).await;
    assert_eq!(statuses(&payload), ["CREATED"]);
    let query =
        "{ internalContacts(orderBy: [{ field: EMAIL, direction: ASC }]) { nodes { email remoteId } } }";
    let contacts = world.reader().query(query).await.data("/internalContacts/nodes").clone();
    let expected = json!([
        { "email": "ADA.LEE@example.com", "remoteId": "r-1" },
        { "email": "ada@example.com", "remoteId": null },
    ]);
    assert_eq!(contacts, expected);
}

async fn what_is_not_given_is_kept(world: World) {
    let writer = world.writer();
    let row = json!({ "email": "ada@example.com", "givenName": "Ada", "jobTitle": "Boss", "phone": "+49 30 901820" });
    KIND.done(&writer, json!([row])).await;
    for row in [
        json!({ "email": "ada@example.com" }),
        json!({ "email": "ada@example.com", "givenName": null, "jobTitle": " Boss ", "phone": "+4930901820" }),
    ] {
        let payload = world.nothing_written(KIND.done(&writer, json!([row]))).await;
        assert_eq!(statuses(&payload), ["UNCHANGED"], "{row}");
    }
    let payload = KIND.done(&writer, json!([{ "email": "ada@example.com", "jobTitle": "" }])).await;
    assert_eq!(statuses(&payload), ["UPDATED"]);
}

async fn values_of_other_contacts_are_refused(world: World) {
    let writer = world.writer();
    let rows = json!([
        { "remoteId": "r-1", "email": "one@example.com" },
        { "remoteId": "r-2", "email": "two@example.com" },
    ]);
    KIND.done(&writer, rows).await;
    for (rows, errors) in [
        (json!([{ "remoteId": "r-1", "email": "two@example.com" }]), &["TAKEN rows.0.email"][..]),
        (json!([{ "remoteId": "r-3", "email": "two@example.com" }]), &["TAKEN rows.0.email"]),
        // An address that another row of the call gives up is taken until the call is over.
        (
            json!([{ "remoteId": "r-1", "email": "new@example.com" }, { "remoteId": "r-3", "email": "one@example.com" }]),
            &["TAKEN rows.1.email"],
        ),
        (json!([{ "remoteId": "r-3" }]), &["REQUIRED rows.0.email"]),
        (json!([{ "givenName": "Ada" }]), &["REQUIRED rows.0.email"]),
        (json!([{ "remoteId": "r-1" }, { "email": "one@example.com" }]), &["INVALID rows.1.email"]),
    ] {
        let reply = world.nothing_written(KIND.send(&writer, rows.clone())).await;
        assert_eq!(reply.user_errors("upsertInternalContacts"), errors, "{rows}");
    }
}

async fn a_deleted_contact_is_not_found(world: World) {
    let person = world.rows().internal_contact("ada@example.com", InternalRole::Lead).await.contact;
    world.rows().delete::<internal_contact::Entity>(person.id).await;
    let payload = KIND.done(&world.writer(), json!([{ "email": "ada@example.com" }])).await;
    assert_eq!(statuses(&payload), ["CREATED"]);
    assert_ne!(payload["results"][0]["internalContact"]["id"], person.id.to_string());
}
