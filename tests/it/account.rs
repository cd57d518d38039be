//! Accounts: making them.

use contact_gateway::entity::{account, id::AccountId};
use serde_json::{Value, json};

use crate::{
    mutation::{assert_masked, assert_refused, break_inserts, done, misfit, refused},
    support::{World, on_both},
};

on_both!(
    what_is_created_is_read_back,
    refused_values_are_named,
    a_remote_id_is_taken_once,
    only_one_of_two_wins_a_remote_id,
    an_account_without_its_record_is_not_made,
);

const ACCOUNT: &str =
    "id name primaryDomain remoteId version createdAt updatedAt deletedAt contacts { totalCount }";

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("account {{ {ACCOUNT} }}");
    done(&world.writer(), "createAccount", input, &selection).await["account"].clone()
}

async fn what_is_created_is_read_back(world: World) {
    let longest = "ü".repeat(255);
    for (input, [name, domain, remote_id]) in [
        (
            json!({ "name": "Initech", "primaryDomain": "initech.example", "remoteId": "r-1" }),
            [json!("Initech"), json!("initech.example"), json!("r-1")],
        ),
        (
            json!({ "name": " Initech ", "primaryDomain": " initech.example ", "remoteId": " r-2 " }),
            [json!("Initech"), json!("initech.example"), json!("r-2")],
        ),
        (json!({ "name": "Initech" }), [json!("Initech"), Value::Null, Value::Null]),
        (
            json!({ "name": "Initech", "primaryDomain": null, "remoteId": null }),
            [json!("Initech"), Value::Null, Value::Null],
        ),
        (
            json!({ "name": longest, "primaryDomain": "", "remoteId": " " }),
            [json!(longest), Value::Null, Value::Null],
        ),
    ] {
        let created = create(&world, input).await;
        let expected = json!({
            "id": created["id"], "name": name, "primaryDomain": domain, "remoteId": remote_id, "version": 1,
            "createdAt": created["createdAt"], "updatedAt": created["createdAt"], "deletedAt": null,
            "contacts": { "totalCount": 0 },
        });
        assert_eq!(created, expected);
        let document = format!("query($id: ID!) {{ account(id: $id) {{ {ACCOUNT} }} }}");
        let reply = world.reader().graphql(&document, json!({ "id": created["id"] })).await;
        assert_eq!(*reply.data("/account"), created);
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (input, errors) in [
        (json!({ "name": "" }), &["REQUIRED name"][..]),
        (json!({ "name": "\n", "primaryDomain": "a\0" }), &["REQUIRED name", "INVALID primaryDomain"]),
        (
            json!({ "name": long, "primaryDomain": long, "remoteId": long }),
            &["TOO_LONG name", "TOO_LONG primaryDomain", "TOO_LONG remoteId"],
        ),
        (json!({ "name": "Ini\ttech", "remoteId": "a\rb" }), &["INVALID name", "INVALID remoteId"]),
    ] {
        refused(&world, "createAccount", input, errors).await;
    }
    misfit(&world, "createAccount", json!({ "remoteId": "r-1" }), &["input", "name"]).await;
    misfit(&world, "createAccount", json!({ "name": null }), &["input", "name"]).await;
    misfit(&world, "createAccount", json!({ "name": "A", "domain": "a.example" }), &["input", "domain"])
        .await;
}

async fn a_remote_id_is_taken_once(world: World) {
    let input = json!({ "name": "Initech", "primaryDomain": "initech.example", "remoteId": "r-1" });
    done(&world.other(), "createAccount", input.clone(), "account { id }").await;
    world.rows().partner("Globex", Some("r-1")).await;
    let deleted = create(&world, input.clone()).await;
    let id: AccountId = deleted["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    world.rows().delete::<account::Entity>(id).await;
    create(&world, input).await;
    let input = json!({ "name": " ", "remoteId": " r-1 " });
    refused(&world, "createAccount", input, &["REQUIRED name", "TAKEN remoteId"]).await;
    // Names, domains and other remote ids are free.
    create(&world, json!({ "name": "Initech", "primaryDomain": "initech.example", "remoteId": "R-1" })).await;
}

async fn only_one_of_two_wins_a_remote_id(world: World) {
    let writer = world.writer();
    for round in 1..=20 {
        let create = || {
            let input = json!({ "name": "Initech", "remoteId": format!("r-{round}") });
            writer.mutate("createAccount", input, "account { id }")
        };
        let (one, two) = tokio::join!(create(), create());
        let lost = if one.user_errors("createAccount").is_empty() { two } else { one };
        assert_refused(&lost, "createAccount", &["TAKEN remoteId"], "the second");
        assert_eq!(world.count("account").await, round);
    }
}

async fn an_account_without_its_record_is_not_made(world: World) {
    break_inserts(&world.db, "change").await;
    let writer = world.writer();
    let input = json!({ "name": "Initech", "idempotencyKey": "k" });
    let reply = world.nothing_written(writer.mutate("createAccount", input, "account { id }")).await;
    assert_masked(&reply, "createAccount");
}
