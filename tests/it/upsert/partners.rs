//! Partners, created and updated by their remote ids.

use contact_gateway::entity::{id::PartnerId, internal_contact_assignment::InternalRole, partner};
use serde_json::{Value, json};

use super::{Kind, statuses};
use crate::{
    mutation::{done, schema_mismatch},
    support::{World, on_both},
};

on_both!(
    what_is_not_given_is_kept,
    refused_values_are_named,
    a_deleted_partner_is_not_found_by_its_remote_id,
    people_are_found_by_the_new_names_of_their_partners,
    a_row_that_is_gone_leaves_its_place_in_repeated_results,
);

pub(super) const KIND: Kind = Kind {
    mutation: "upsertPartners",
    object: "partner",
    table: "partner",
    row: |number| json!({ "remoteId": format!("r-{number}"), "name": format!("Globex {number}") }),
    changed: |number| json!({ "remoteId": format!("r-{number}"), "name": format!("Initech {number}") }),
    refused: (|number| json!({ "remoteId": format!("r-{number}"), "name": " " }), "REQUIRED name"),
    identity: "remoteId",
    statements: [3, 3, 1],
};

async fn what_is_not_given_is_kept(world: World) {
    let partner = world.rows().partner("Globex", Some("r-1")).await;
    for row in [
        json!({ "remoteId": "r-1" }),
        json!({ "remoteId": " r-1 ", "name": null }),
        json!({ "remoteId": "r-1", "name": " Globex " }),
    ] {
        let payload = world.nothing_written(KIND.done(&world.writer(), json!([row]))).await;
        assert_eq!(statuses(&payload), ["UNCHANGED"]);
        assert_eq!(payload["results"][0]["partner"]["id"], partner.id.to_string());
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    world.rows().partner("Globex", Some("r-1")).await;
    for (row, errors) in [
        (json!({ "remoteId": "r-1", "name": "" }), &["REQUIRED rows.0.name"][..]),
        (json!({ "remoteId": "r-1", "name": long }), &["TOO_LONG rows.0.name"]),
        (json!({ "remoteId": "r-1", "name": "a\nb" }), &["INVALID rows.0.name"]),
        (json!({ "remoteId": "r-2" }), &["REQUIRED rows.0.name"]),
        (json!({ "remoteId": "r-2", "name": null }), &["REQUIRED rows.0.name"]),
        (json!({ "remoteId": " ", "name": "Globex" }), &["REQUIRED rows.0.remoteId"]),
        (json!({ "remoteId": long, "name": "" }), &["REQUIRED rows.0.name", "TOO_LONG rows.0.remoteId"]),
        (json!({ "remoteId": "\0" }), &["INVALID rows.0.remoteId"]),
    ] {
        let reply = world.nothing_written(KIND.send(&world.writer(), json!([row]))).await;
        let mut found = reply.user_errors("upsertPartners");
        found.sort();
        assert_eq!(found, errors, "{row}");
    }
    let row = json!([{ "name": "Globex" }]);
    schema_mismatch(&world, "upsertPartners", json!({ "rows": row }), &["input", "rows", "0", "remoteId"])
        .await;
    schema_mismatch(&world, "upsertPartners", json!({ "rows": null }), &["input", "rows"]).await;
    let input = json!({ "rows": [{ "remoteId": "r-1" }], "errorPolicy": null });
    schema_mismatch(&world, "upsertPartners", input, &["input", "errorPolicy"]).await;
}

async fn a_deleted_partner_is_not_found_by_its_remote_id(world: World) {
    let partner = world.rows().partner("Globex", Some("r-1")).await;
    world.rows().delete::<partner::Entity>(partner.id).await;
    let payload = KIND.done(&world.writer(), json!([{ "remoteId": "r-1", "name": "Globex" }])).await;
    assert_eq!(statuses(&payload), ["CREATED"]);
    assert_ne!(payload["results"][0]["partner"]["id"], partner.id.to_string());
}

async fn people_are_found_by_the_new_names_of_their_partners(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (one, two) = (rows.partner("Globex", Some("r-1")).await, rows.partner("Hooli", Some("r-2")).await);
    rows.assignment("ada@example.com", InternalRole::Lead, &one).await;
    rows.assignment("ada@example.com", InternalRole::Lead, &two).await;
    let renamed =
        json!([{ "remoteId": "r-1", "name": "Initech" }, { "remoteId": "r-2", "name": "Vandelay" }]);
    KIND.done(&writer, renamed).await;
    let words = world.words_found("internalContacts", "globex hooli initech vandelay").await;
    assert_eq!(words, "initech vandelay");
    assert_eq!(world.found("internalContacts", "vandelay ada initech").await, 1);
}

async fn a_row_that_is_gone_leaves_its_place_in_repeated_results(world: World) {
    let rows = json!([{ "remoteId": "r-1", "name": "Globex" }, { "remoteId": "r-2", "name": "Hooli" }]);
    let input = json!({ "rows": rows, "idempotencyKey": "k" });
    let selection = "results { status partner { id name deletedAt } }";
    let writer = world.writer();
    let first = done(&writer, "upsertPartners", input.clone(), selection).await;
    let id: PartnerId =
        first["results"][0]["partner"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    world.rows().delete::<partner::Entity>(id).await;
    let again = world.nothing_written(done(&writer, "upsertPartners", input, selection)).await;
    assert_eq!(statuses(&again), ["CREATED"; 2]);
    assert_eq!(again["results"][0]["partner"]["id"], id.to_string());
    assert_ne!(again["results"][0]["partner"]["deletedAt"], Value::Null);
    assert_eq!(again["results"][1], first["results"][1]);
}
