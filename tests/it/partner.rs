//! Partners: making them.

use contact_gateway::entity::partner;
use serde_json::json;

use crate::{
    mutation::{assert_masked, assert_refused, break_inserts, done, misfit, refused},
    support::{World, on_both},
};

on_both!(
    what_is_created_is_read_back,
    refused_values_are_named,
    a_remote_id_is_taken_once,
    only_one_of_two_wins_a_remote_id,
    a_partner_without_its_record_is_not_made,
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
    misfit(&world, "createPartner", json!({ "remoteId": "r-1" }), &["input", "name"]).await;
    misfit(&world, "createPartner", json!({ "name": null }), &["input", "name"]).await;
    misfit(&world, "createPartner", json!({ "name": ["Globex", "Initech"] }), &["input", "name"]).await;
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
        let create = || {
            let input = json!({ "name": "Globex", "remoteId": format!("r-{round}") });
            writer.mutate("createPartner", input, "partner { id }")
        };
        let (one, two) = tokio::join!(create(), create());
        let lost = if one.user_errors("createPartner").is_empty() { two } else { one };
        assert_refused(&lost, "createPartner", &["TAKEN remoteId"], "the second");
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
