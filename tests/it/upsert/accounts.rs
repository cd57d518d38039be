//! Accounts, created and updated by their remote ids.

use serde_json::json;

use super::{Kind, statuses};
use crate::{
    mutation::done,
    support::{World, on_both},
};

on_both!(
    what_is_not_given_is_kept,
    refused_values_are_named,
    contacts_are_found_by_the_new_names_of_their_accounts,
);

pub(super) const KIND: Kind = Kind {
    mutation: "upsertAccounts",
    object: "account",
    table: "account",
    row: |number| {
        let domain = format!("globex{number}.example");
        json!({ "remoteId": format!("r-{number}"), "name": "Globex", "primaryDomain": domain })
    },
    changed: |number| json!({ "remoteId": format!("r-{number}"), "primaryDomain": "initech.example", "name": "Globex" }),
    refused: (|number| json!({ "remoteId": format!("r-{number}"), "name": "a\nb" }), "INVALID name"),
    identity: "remoteId",
    statements: [3, 3, 1],
};

const SELECTION: &str = "results { status account { id name primaryDomain remoteId version } }";

async fn what_is_not_given_is_kept(world: World) {
    let writer = world.writer();
    let row = json!({ "remoteId": " r-1 ", "name": " Globex ", "primaryDomain": "globex.example" });
    let created = done(&writer, "upsertAccounts", json!({ "rows": [row] }), SELECTION).await;
    let account = created["results"][0]["account"].clone();
    let expected = json!({
        "id": account["id"], "name": "Globex", "primaryDomain": "globex.example", "remoteId": "r-1", "version": 1,
    });
    assert_eq!(account, expected);
    for row in [
        json!({ "remoteId": "r-1" }),
        json!({ "remoteId": "r-1", "name": null, "primaryDomain": null }),
        json!({ "remoteId": "r-1", "name": "Globex", "primaryDomain": " globex.example" }),
    ] {
        let again = done(&writer, "upsertAccounts", json!({ "rows": [row] }), SELECTION);
        let again = world.nothing_written(again).await;
        assert_eq!(again["results"][0], json!({ "status": "UNCHANGED", "account": account }));
    }
    // Empty text is a value: there is nothing.
    let row = json!({ "remoteId": "r-1", "primaryDomain": "" });
    let cleared = done(&writer, "upsertAccounts", json!({ "rows": [row] }), SELECTION).await;
    assert_eq!(statuses(&cleared), ["UPDATED"]);
    assert_eq!(cleared["results"][0]["account"]["primaryDomain"], json!(null));
    assert_eq!(cleared["results"][0]["account"]["name"], "Globex");
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (row, errors) in [
        (json!({ "remoteId": "r-1" }), &["REQUIRED rows.0.name"][..]),
        (
            json!({ "remoteId": "r-1", "name": "A", "primaryDomain": long }),
            &["TOO_LONG rows.0.primaryDomain"],
        ),
        (
            json!({ "remoteId": "", "name": long, "primaryDomain": "\0" }),
            &["REQUIRED rows.0.remoteId", "TOO_LONG rows.0.name", "INVALID rows.0.primaryDomain"],
        ),
    ] {
        KIND.refused(&world, json!([row]), errors).await;
    }
}

async fn contacts_are_found_by_the_new_names_of_their_accounts(world: World) {
    let writer = world.writer();
    let account = json!({ "remoteId": "r-1", "name": "Globex" });
    let created = KIND.done(&writer, json!([account])).await;
    let contact = json!({
        "firstName": "Grace", "email": "grace@example.com",
        "accountIds": [created["results"][0]["account"]["id"]],
    });
    done(&writer, "createAccountContact", contact, "accountContact { id }").await;
    assert_eq!(world.words_found("accountContacts", "globex initech").await, "globex");
    let renamed = json!({ "remoteId": "r-1", "name": "Initech", "primaryDomain": "initech.example" });
    KIND.done(&writer, json!([renamed])).await;
    assert_eq!(world.words_found("accountContacts", "globex initech").await, "initech");
}
