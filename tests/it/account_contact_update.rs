//! Changing account contacts, and taking them from accounts.

use contact_gateway::entity::account;
use serde_json::{Value, json};

use crate::{
    change::{events, happened},
    mutation::{assert_masked, break_inserts, done, misfit, refused, refused_to, with, without},
    support::{World, on_both},
};

on_both!(
    a_contact_is_taken_from_an_account,
    only_a_link_that_is_there_is_removed,
    links_to_deleted_accounts_stay,
    a_link_without_its_record_is_not_removed,
    one_link_is_removed_once,
);

const LEAVE: &str = "removeAccountContactFromAccount";

async fn accounts_of(world: &World, contact: &Value) -> Vec<Value> {
    let document = "query($id: ID!) { accountContact(id: $id) { accounts { nodes { id } } } }";
    let reply = world.reader().graphql(document, json!({ "id": contact })).await;
    reply.list("/accountContact/accounts/nodes").iter().map(|node| node["id"].clone()).collect()
}

/// The ids of those who are found by a word.
async fn found_by(world: &World, word: &str) -> Vec<Value> {
    let document = "query($word: String!) { accountContacts(filter: { search: $word }) { nodes { id } } }";
    let reply = world.reader().graphql(document, json!({ "word": word })).await;
    reply.list("/accountContacts/nodes").iter().map(|node| node["id"].clone()).collect()
}

fn id_of(account: &account::Model) -> Value {
    json!(account.id.to_string())
}

async fn a_contact_is_taken_from_an_account(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.account("Globex").await, rows.account("Initech").await);
    let contact = json!(rows.account_contact("john@example.com", &[&one, &two]).await.id.to_string());
    let input = json!({ "accountContactId": contact, "accountId": id_of(&one), "expectedVersion": 1 });
    let selection =
        "accountContact { id version accounts { nodes { id } } } account { id contacts { totalCount } }";
    let left = done(&world.writer(), LEAVE, input, selection).await;
    let expected = json!({
        "accountContact": { "id": contact, "version": 2, "accounts": { "nodes": [{ "id": id_of(&two) }] } },
        "account": { "id": id_of(&one), "contacts": { "totalCount": 0 } },
        "userErrors": [],
    });
    assert_eq!(left, expected);
    assert_eq!(found_by(&world, "globex").await, [Value::Null; 0]);
    assert_eq!(found_by(&world, "initech").await, std::slice::from_ref(&contact));
    let fields = json!({ "accountIds": { "old": [id_of(&one), id_of(&two)], "new": [id_of(&two)] } });
    assert_eq!(events(&world).await, [happened("AccountContact", "updated", &contact, fields)]);
}

async fn only_a_link_that_is_there_is_removed(world: World) {
    let (rows, other_rows) = (world.rows(), world.other_rows());
    let (one, two) = (rows.account("One").await, rows.account("Two").await);
    let contact = json!(rows.account_contact("john@example.com", &[&one]).await.id.to_string());
    let elsewhere = other_rows.account("Elsewhere").await;
    let foreign = json!(other_rows.account_contact("john@example.com", &[&elsewhere]).await.id.to_string());
    let both = &["NOT_FOUND accountContactId", "NOT_FOUND accountId"][..];
    for (contact, account, errors) in [
        (&contact, id_of(&two), &both[1..]),
        (&contact, id_of(&elsewhere), &both[1..]),
        (&foreign, id_of(&one), &both[..1]),
        (&foreign, id_of(&elsewhere), both),
        (&json!(""), json!("\0"), both),
    ] {
        let input = json!({ "accountContactId": contact, "accountId": account });
        refused(&world, LEAVE, input, errors).await;
    }
    let input = json!({ "accountContactId": contact, "accountId": id_of(&one) });
    refused_to(&world, &world.other(), LEAVE, input.clone(), both).await;
    let stale = with(input.clone(), json!({ "expectedVersion": 2 }));
    refused(&world, LEAVE, stale, &["CONFLICT expectedVersion"]).await;
    for argument in ["accountContactId", "accountId"] {
        misfit(&world, LEAVE, without(input.clone(), argument), &["input", argument]).await;
    }
}

async fn links_to_deleted_accounts_stay(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (one, two) = (rows.account("One").await, rows.account("Two").await);
    let contact = json!(rows.account_contact("john@example.com", &[&one, &two]).await.id.to_string());
    done(&writer, "deleteAccount", json!({ "id": id_of(&two) }), "account { id }").await;
    let input = |account| json!({ "accountContactId": contact, "accountId": id_of(account) });
    for mutation in ["addAccountContactToAccount", LEAVE] {
        refused(&world, mutation, input(&two), &["NOT_FOUND accountId"]).await;
    }
    let before = events(&world).await.len();
    done(&writer, LEAVE, input(&one), "account { id }").await;
    let fields = json!({ "accountIds": { "old": [id_of(&one)], "new": [] } });
    let left = happened("AccountContact", "updated", &contact, fields);
    assert_eq!(events(&world).await[before..], [left]);
    assert_eq!(accounts_of(&world, &contact).await, [Value::Null; 0]);
    done(&writer, "restoreAccount", json!({ "id": id_of(&two) }), "account { id }").await;
    assert_eq!(accounts_of(&world, &contact).await, [id_of(&two)]);
}

async fn a_link_without_its_record_is_not_removed(world: World) {
    let account = world.rows().account("One").await;
    let contact = world.rows().account_contact("john@example.com", &[&account]).await.id.to_string();
    break_inserts(&world.db, "change").await;
    let input = json!({ "accountContactId": contact, "accountId": id_of(&account) });
    let writer = world.writer();
    let reply = world.nothing_written(writer.mutate(LEAVE, input, "account { id }")).await;
    assert_masked(&reply, LEAVE);
}

async fn one_link_is_removed_once(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let account = rows.account("One").await;
    let contact = rows.account_contact("john@example.com", &[]).await.id.to_string();
    let input = json!({ "accountContactId": contact, "accountId": id_of(&account) });
    for round in 0..20 {
        done(&writer, "addAccountContactToAccount", input.clone(), "account { id }").await;
        let leave = || writer.mutate(LEAVE, input.clone(), "account { id }");
        let (one, two) = tokio::join!(leave(), leave());
        let errors = [one.user_errors(LEAVE), two.user_errors(LEAVE)].concat();
        assert_eq!(errors, ["NOT_FOUND accountId"], "{round}");
        assert_eq!(world.count("account_contact_account").await, 0);
    }
}
