//! Idempotency keys: a creation that is repeated with its key returns the first result and writes nothing.

use contact_gateway::entity::{id::PartnerId, partner};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    mutation::{done, refused, refused_to, with},
    support::{Reply, World, on_both},
};

on_both!(
    a_repeated_creation_does_nothing,
    another_input_is_a_conflict,
    another_operation_is_a_conflict,
    a_refused_creation_leaves_its_key_free,
    keys_of_organizations_are_their_own,
    without_a_key_nothing_is_remembered,
    a_key_is_checked,
    a_bad_key_is_told_with_everything_else,
    what_was_deleted_is_not_given_again,
    the_first_result_is_given_as_it_is_now,
    a_hundred_at_once_make_one,
    many_other_inputs_at_once_make_one,
);

/// Every creation: an input, another one, what the first makes in which table.
fn creations() -> [(&'static str, Value, Value, &'static str, &'static str); 5] {
    [
        (
            "createInternalContact",
            json!({ "email": "ada@example.com", "internalRole": "CSM", "name": "Ada" }),
            json!({ "email": "ada@example.com", "internalRole": "LEAD", "name": "Ada" }),
            "assignment { id internalRole createdAt } internalContact { id name email version createdAt }",
            "internal_contact_assignment",
        ),
        (
            "createPartner",
            json!({ "name": "Globex", "remoteId": "r-1" }),
            json!({ "name": "Globex" }),
            "partner { id name version createdAt }",
            "partner",
        ),
        (
            "createAccount",
            json!({ "name": "Initech", "remoteId": "r-1" }),
            json!({ "name": "Initrode", "remoteId": "r-1" }),
            "account { id name version createdAt }",
            "account",
        ),
        (
            "createAccountContact",
            json!({ "firstName": "Grace", "email": "grace@example.com", "metadata": { "b": 1, "a": [2] } }),
            json!({ "firstName": "Grace", "email": "grace@example.com", "metadata": { "b": 1, "a": [3] } }),
            "accountContact { id firstName metadata version createdAt }",
            "account_contact",
        ),
        (
            "createOrganizationContact",
            json!({ "type": "FINANCE", "name": "Erika" }),
            json!({ "type": "TECHNICAL", "name": "Erika" }),
            "organizationContact { id type name version createdAt }",
            "organization_contact",
        ),
    ]
}

fn keyed(input: &Value, key: &str) -> Value {
    with(input.clone(), json!({ "idempotencyKey": key }))
}

async fn a_repeated_creation_does_nothing(world: World) {
    let writer = world.writer();
    for (mutation, input, _, selection, table) in creations() {
        let input = keyed(&input, mutation);
        let first = done(&writer, mutation, input.clone(), selection).await;
        for _ in 0..2 {
            let again = done(&writer, mutation, input.clone(), selection);
            assert_eq!(world.nothing_written(again).await, first);
        }
        assert_eq!(world.count(table).await, 1, "{table}");
    }
}

async fn another_input_is_a_conflict(world: World) {
    for (mutation, input, other, selection, _) in creations() {
        done(&world.writer(), mutation, keyed(&input, mutation), selection).await;
        let other = keyed(&other, mutation);
        refused(&world, mutation, other, &["CONFLICT idempotencyKey"]).await;
    }
}

async fn another_operation_is_a_conflict(world: World) {
    let input = json!({ "name": "Globex", "idempotencyKey": "k" });
    done(&world.writer(), "createPartner", input.clone(), "partner { id }").await;
    refused(&world, "createAccount", input, &["CONFLICT idempotencyKey"]).await;
}

async fn a_refused_creation_leaves_its_key_free(world: World) {
    let invalid = [
        ("createInternalContact", json!({ "email": "ada" }), "INVALID email"),
        ("createPartner", json!({ "name": " " }), "REQUIRED name"),
        ("createAccount", json!({ "name": " " }), "REQUIRED name"),
        ("createAccountContact", json!({ "firstName": " " }), "REQUIRED firstName"),
        ("createOrganizationContact", json!({ "countryId": "0" }), "NOT_FOUND countryId"),
    ];
    for ((mutation, input, _, selection, _), (_, fields, error)) in creations().into_iter().zip(invalid) {
        let input = keyed(&input, mutation);
        refused(&world, mutation, with(input.clone(), fields), &[error]).await;
        done(&world.writer(), mutation, input, selection).await;
    }
    assert_eq!(world.count("idempotency_key").await, 5);
}

async fn keys_of_organizations_are_their_own(world: World) {
    let (multi, writer) = (world.multi(), world.writer());
    for (mutation, input, other, selection, table) in creations() {
        let home =
            done(&multi.clone().in_organization("org_1"), mutation, keyed(&input, mutation), selection).await;
        let there = multi.clone().in_organization("org_2");
        let elsewhere = done(&there, mutation, keyed(&other, mutation), selection).await;
        assert_ne!(home, elsewhere);
        assert_eq!(world.count(table).await, 2, "{table}");
        refused_to(&world, &there, mutation, keyed(&input, mutation), &["CONFLICT idempotencyKey"]).await;
        // Every subject that repeats it in the organization gets the first result.
        let again = done(&writer, mutation, keyed(&input, mutation), selection);
        assert_eq!(world.nothing_written(again).await, home);
    }
}

async fn without_a_key_nothing_is_remembered(world: World) {
    for input in [json!({ "name": "Globex" }), json!({ "name": "Globex", "idempotencyKey": null })] {
        for _ in 0..2 {
            done(&world.writer(), "createPartner", input.clone(), "partner { id }").await;
        }
    }
    assert_eq!(world.count("partner").await, 4);
    assert_eq!(world.count("idempotency_key").await, 0);
}

async fn a_key_is_checked(world: World) {
    for (mutation, input, _, selection, _) in creations() {
        for key in ["", "  ", "\t", "a\0b", "a\nb", &"k".repeat(256), &"ü".repeat(256)] {
            refused(&world, mutation, keyed(&input, key), &["INVALID idempotencyKey"]).await;
        }
        // The longest. Keys are compared as written.
        let key = format!("{mutation:ü<255}");
        done(&world.writer(), mutation, keyed(&input, &key), selection).await;
    }
    let input = json!({ "name": "Globex" });
    for key in ["k", "K", " k"] {
        done(&world.writer(), "createPartner", keyed(&input, key), "partner { id }").await;
    }
    assert_eq!(world.count("partner").await, 4);
}

async fn a_bad_key_is_told_with_everything_else(world: World) {
    for (mutation, input, error) in [
        ("createInternalContact", json!({ "email": "ada", "internalRole": "CSM" }), "INVALID email"),
        ("createPartner", json!({ "name": " " }), "REQUIRED name"),
        ("createAccount", json!({ "name": " " }), "REQUIRED name"),
        ("createAccountContact", json!({ "firstName": " ", "email": "g@example.com" }), "REQUIRED firstName"),
        ("createOrganizationContact", json!({ "type": "FINANCE", "email": "erika" }), "INVALID email"),
    ] {
        let input = keyed(&input, " ");
        refused(&world, mutation, input, &[error, "INVALID idempotencyKey"]).await;
    }
}

async fn what_was_deleted_is_not_given_again(world: World) {
    let input = json!({ "name": "Globex", "idempotencyKey": "k" });
    let created = done(&world.writer(), "createPartner", input.clone(), "partner { id }").await;
    let id: PartnerId = created["partner"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    world.rows().delete::<partner::Entity>(id).await;
    refused(&world, "createPartner", input, &["CONFLICT idempotencyKey"]).await;
}

async fn the_first_result_is_given_as_it_is_now(world: World) {
    let input = json!({ "email": "ada@example.com", "internalRole": "CSM", "idempotencyKey": "k" });
    let selection = "internalContact { id email version }";
    let writer = world.writer();
    let created = done(&writer, "createInternalContact", input.clone(), selection).await;
    let update = json!({ "id": created["internalContact"]["id"], "email": "grace@example.com" });
    let updated = done(&writer, "updateInternalContact", update, selection).await;
    let again = done(&writer, "createInternalContact", input, selection);
    let again = world.nothing_written(again).await;
    assert_eq!(again["internalContact"], updated["internalContact"]);
}

async fn a_hundred_at_once_make_one(world: World) {
    let writer = world.writer();
    for (mutation, input, _, selection, table) in creations() {
        let changes = world.count("change").await;
        let calls = (0..100).map(|_| done(&writer, mutation, keyed(&input, mutation), selection));
        let answers = join_all(calls).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{mutation}");
        assert_eq!(world.count(table).await, 1, "{table}");
        let made = if mutation == "createInternalContact" { 2 } else { 1 };
        assert_eq!(world.count("change").await, changes + made, "{mutation}");
    }
}

async fn many_other_inputs_at_once_make_one(world: World) {
    let writer = world.writer();
    let calls = (0..30).map(|number| {
        let input = json!({ "name": format!("Globex {number}"), "idempotencyKey": "k" });
        writer.mutate("createPartner", input, "partner { id }")
    });
    let answers: Vec<Reply> = join_all(calls).await;
    let won = answers.iter().filter(|answer| answer.user_errors("createPartner").is_empty()).count();
    let conflict = |answer: &&Reply| answer.user_errors("createPartner") == ["CONFLICT idempotencyKey"];
    assert_eq!((won, answers.iter().filter(conflict).count()), (1, 29));
    assert_eq!(world.count("partner").await, 1);
}
