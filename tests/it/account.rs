//! Accounts: making, changing, deleting and restoring them, and what that means for their people.

use contact_gateway::entity::{account, id::AccountId};
use serde_json::{Value, json};

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
    an_account_without_its_record_is_not_made,
    an_update_is_a_patch,
    an_update_keeps_the_rules,
    people_stay_and_are_found_by_the_accounts_that_live,
    nobody_is_found_by_an_account_that_goes,
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
    schema_mismatch(&world, "createAccount", json!({ "remoteId": "r-1" }), &["input", "name"]).await;
    schema_mismatch(&world, "createAccount", json!({ "name": null }), &["input", "name"]).await;
    schema_mismatch(
        &world,
        "createAccount",
        json!({ "name": "A", "domain": "a.example" }),
        &["input", "domain"],
    )
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
        let input = json!({ "name": "Initech", "remoteId": format!("r-{round}") });
        let inputs = [input.clone(), input];
        one_of_two_wins(&writer, "createAccount", inputs, "account { id }", "TAKEN remoteId").await;
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

async fn an_update_is_a_patch(world: World) {
    let input = json!({ "name": "Initech", "primaryDomain": "initech.example", "remoteId": "r-1" });
    let mut expected = create(&world, input).await;
    let selection = format!("account {{ {ACCOUNT} }}");
    let writer = world.writer();
    for (fields, stored) in [
        (json!({ "name": " Initrode " }), json!({ "name": "Initrode" })),
        (json!({ "primaryDomain": null }), json!({ "primaryDomain": null })),
        (json!({ "remoteId": "" }), json!({ "remoteId": null })),
        (
            json!({ "primaryDomain": " initrode.example ", "remoteId": "r-1" }),
            json!({ "primaryDomain": "initrode.example", "remoteId": "r-1" }),
        ),
    ] {
        let version = expected["version"].as_i64().expect("a number");
        let input = with(fields.clone(), json!({ "id": expected["id"], "expectedVersion": version }));
        let updated = done(&writer, "updateAccount", input, &selection).await["account"].clone();
        assert!(updated["updatedAt"].as_str() > expected["updatedAt"].as_str(), "{fields}");
        let counted = json!({ "version": version + 1, "updatedAt": updated["updatedAt"] });
        expected = with(with(expected, stored), counted);
        assert_eq!(updated, expected, "{fields}");
    }
    for fields in
        [json!({}), json!({ "name": "Initrode", "primaryDomain": "initrode.example", "remoteId": "r-1" })]
    {
        let input = with(fields, json!({ "id": expected["id"] }));
        let same = world.nothing_written(done(&writer, "updateAccount", input, &selection)).await;
        assert_eq!(same["account"], expected);
    }
}

async fn an_update_keeps_the_rules(world: World) {
    create(&world, json!({ "name": "Initrode", "remoteId": "r-2" })).await;
    let id = create(&world, json!({ "name": "Initech", "remoteId": "r-1" })).await["id"].clone();
    let long = "x".repeat(256);
    for (fields, errors) in [
        (json!({ "name": null, "remoteId": "r-2" }), &["REQUIRED name", "TAKEN remoteId"][..]),
        (json!({ "name": "" }), &["REQUIRED name"]),
        (json!({ "name": "a\nb", "primaryDomain": long }), &["INVALID name", "TOO_LONG primaryDomain"]),
        (json!({ "primaryDomain": "\0", "remoteId": long }), &["INVALID primaryDomain", "TOO_LONG remoteId"]),
        (json!({ "name": "A", "expectedVersion": 0 }), &["CONFLICT expectedVersion"]),
    ] {
        refused(&world, "updateAccount", with(fields, json!({ "id": id })), errors).await;
    }
    let foreign = world.other_rows().account("Elsewhere").await.id.to_string();
    for id in [&foreign, "acc_1", ""] {
        refused(&world, "updateAccount", json!({ "id": id, "name": "A" }), &["NOT_FOUND id"]).await;
    }
    schema_mismatch(&world, "updateAccount", json!({ "name": "A" }), &["input", "id"]).await;
    let before = events(&world).await.len();
    let input = json!({ "id": id, "remoteId": null, "primaryDomain": "initech.example" });
    done(&world.writer(), "updateAccount", input, "account { id }").await;
    let fields = json!({
        "remoteId": { "old": "r-1", "new": null }, "primaryDomain": { "old": null, "new": "initech.example" },
    });
    assert_eq!(events(&world).await[before..], [happened("Account", "updated", &id, fields)]);
}

async fn people_stay_and_are_found_by_the_accounts_that_live(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (one, two) = (rows.account("One").await, rows.account("Two").await);
    let contact = rows.account_contact("grace@example.com", &[&one, &two]).await.id;
    let id = json!({ "id": one.id.to_string() });
    let document =
        "query($id: ID!) { accountContact(id: $id) { version accounts { totalCount nodes { id } } } }";
    let (one, two) = (json!({ "id": one.id.to_string() }), json!({ "id": two.id.to_string() }));
    for (mutation, fields, found_by, accounts) in [
        ("updateAccount", json!({ "name": "Uné" }), "two une", vec![&one, &two]),
        ("updateAccount", json!({ "primaryDomain": "globex.test" }), "two une globex", vec![&one, &two]),
        ("updateAccount", json!({ "remoteId": "r-1" }), "two une globex", vec![&one, &two]),
        ("deleteAccount", json!({}), "two", vec![&two]),
        ("restoreAccount", json!({}), "two une globex", vec![&one, &two]),
    ] {
        done(&writer, mutation, with(fields, id.clone()), "account { id }").await;
        let words = world.words_found("accountContacts", "one two une globex").await;
        assert_eq!(words, found_by, "{mutation}");
        let reply = world.reader().graphql(document, json!({ "id": contact.to_string() })).await;
        let list = json!({ "totalCount": accounts.len(), "nodes": accounts });
        assert_eq!(*reply.data("/accountContact"), json!({ "version": 1, "accounts": list }), "{mutation}");
    }
}

async fn nobody_is_found_by_an_account_that_goes(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    for round in 0..20 {
        let account = rows.account("Initech").await.id.to_string();
        let contact = rows.account_contact(&format!("grace{round}@example.com"), &[]).await.id;
        let add = json!({ "accountContactId": contact.to_string(), "accountId": account });
        let create = json!({ "firstName": "Ada", "email": format!("ada{round}@example.com"), "accountIds": [account] });
        let (added, created, _) = tokio::join!(
            writer.mutate("addAccountContactToAccount", add, "account { id }"),
            writer.mutate("createAccountContact", create, "accountContact { id }"),
            done(&writer, "deleteAccount", json!({ "id": account }), "account { id }"),
        );
        for (reply, mutation, error) in [
            (&added, "addAccountContactToAccount", "NOT_FOUND accountId"),
            (&created, "createAccountContact", "NOT_FOUND accountIds.0"),
        ] {
            let errors = reply.user_errors(mutation);
            assert!(errors.is_empty() || errors == [error], "{mutation}: {errors:?}");
        }
        assert_eq!(world.found("accountContacts", "initech").await, 0);
    }
}
