//! Changing account contacts, and removing them from accounts.

use contact_gateway::entity::{account, custom_field::FieldType};
use serde_json::{Value, json};

use crate::{
    change::{events, happened},
    mutation::{
        assert_masked, assert_refused, break_inserts, done, refused, refused_to, schema_mismatch, with,
        without,
    },
    support::{Outcomes, World, on_both, race},
};

on_both!(
    a_contact_is_taken_from_an_account,
    only_a_link_that_is_there_is_removed,
    links_to_deleted_accounts_stay,
    a_link_without_its_record_is_not_removed,
    one_link_is_removed_once,
    an_update_is_a_patch,
    what_it_has_already_is_no_change,
    what_cannot_be_null_is_told,
    an_update_keeps_the_rules,
    all_errors_are_told_together,
    accounts_are_replaced_as_a_whole,
    values_are_patched_by_field,
    an_update_is_made_whole_or_not,
    two_updates_cannot_take_one_email,
    what_is_updated_by_many_ways_at_once_is_whole,
);

const UPDATE: &str = "updateAccountContact";
const CONTACT: &str = "id firstName lastName email phone avatarUrl contactType { name } metadata remoteId \
                       version createdAt updatedAt accounts { nodes { id } } customFieldValues { field { id } value }";
const LEAVE: &str = "removeAccountContactFromAccount";

async fn accounts_of(world: &World, contact: &Value) -> Vec<Value> {
    let document = "query($id: ID!) { accountContact(id: $id) { accounts { nodes { id } } } }";
    let reply = world.reader().graphql(document, json!({ "id": contact })).await;
    reply.list("/accountContact/accounts/nodes").iter().map(|node| node["id"].clone()).collect()
}

/// The ids of the contacts that a search for a word finds.
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
        schema_mismatch(&world, LEAVE, without(input.clone(), argument), &["input", argument]).await;
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

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("accountContact {{ {CONTACT} }}");
    done(&world.writer(), "createAccountContact", input, &selection).await["accountContact"].clone()
}

async fn update(world: &World, input: Value) -> Value {
    let selection = format!("accountContact {{ {CONTACT} }}");
    done(&world.writer(), UPDATE, input, &selection).await["accountContact"].clone()
}

async fn read(world: &World, contact: &Value) -> Value {
    let document = format!("query($id: ID!) {{ accountContact(id: $id) {{ {CONTACT} }} }}");
    let reply = world.reader().graphql(&document, json!({ "id": contact["id"] })).await;
    reply.data("/accountContact").clone()
}

fn john() -> Value {
    json!({
        "firstName": "John", "lastName": "Doe", "email": "john.doe@example.com", "phone": "+1234567890",
        "avatarUrl": "https://example.com/avatar.png", "metadata": { "a": 1 }, "remoteId": "r-1",
    })
}

async fn an_update_is_a_patch(world: World) {
    let billing = world.rows().contact_type("Billing").await.id.to_string();
    let mut expected = create(&world, john()).await;
    let id = expected["id"].clone();
    for (fields, stored) in [
        (json!({ "firstName": " Jane " }), json!({ "firstName": "Jane" })),
        (json!({ "lastName": null }), json!({ "lastName": null })),
        (json!({ "lastName": " ", "phone": null }), json!({ "phone": null })),
        (json!({ "phone": "+49 30 901820" }), json!({ "phone": "+4930901820" })),
        (json!({ "email": " Jane@Example.com " }), json!({ "email": "Jane@Example.com" })),
        // The spelling is a change, though the address stays the same.
        (json!({ "email": "jane@example.com" }), json!({ "email": "jane@example.com" })),
        (json!({ "avatarUrl": null, "remoteId": "" }), json!({ "avatarUrl": null, "remoteId": null })),
        (json!({ "contactTypeId": billing }), json!({ "contactType": { "name": "Billing" } })),
        (json!({ "metadata": { "b": [2] } }), json!({ "metadata": { "b": [2] } })),
        (json!({ "metadata": null }), json!({ "metadata": {} })),
        (
            json!({ "avatarUrl": "http://example.com", "remoteId": "r-1" }),
            json!({ "avatarUrl": "http://example.com", "remoteId": "r-1" }),
        ),
    ] {
        let version = expected["version"].as_i64().expect("a number");
        let input = with(fields.clone(), json!({ "id": id, "expectedVersion": version }));
        let updated = update(&world, input).await;
        assert!(updated["updatedAt"].as_str() > expected["updatedAt"].as_str(), "{fields}");
        let counted = json!({ "version": version + 1, "updatedAt": updated["updatedAt"] });
        expected = with(with(expected, stored), counted);
        assert_eq!(updated, expected, "{fields}");
        assert_eq!(read(&world, &updated).await, expected, "{fields}");
    }
    // What it is found by follows.
    assert_eq!(found_by(&world, "jane").await, [id]);
    assert_eq!(found_by(&world, "john").await, [Value::Null; 0]);
}

async fn what_it_has_already_is_no_change(world: World) {
    let rows = world.rows();
    let accounts = [id_of(&rows.account("One").await), id_of(&rows.account("Two").await)];
    let size = rows.custom_field("size", FieldType::Text, &[]).await.id.to_string();
    let values = json!([{ "customFieldId": size, "value": "L" }]);
    let input = with(john(), json!({ "accountIds": accounts, "customFieldValues": values }));
    let contact = create(&world, input).await;
    let primary = rows.contact_type("Primary").await.id.to_string();
    let other = rows.custom_field("other", FieldType::Text, &[]).await.id.to_string();
    for fields in [
        json!({}),
        john(),
        json!({ "accountIds": [accounts[1], accounts[0], accounts[1]], "contactTypeId": primary }),
        json!({ "customFieldValues": values, "expectedVersion": 1 }),
        json!({ "customFieldValues": [{ "customFieldId": other, "value": null }] }),
        json!({ "customFieldValues": [], "phone": " +1 23 45 67 89 0 " }),
    ] {
        let input = with(fields.clone(), json!({ "id": contact["id"] }));
        assert_eq!(world.nothing_written(update(&world, input)).await, contact, "{fields}");
    }
}

async fn what_cannot_be_null_is_told(world: World) {
    let contact = create(&world, john()).await;
    for field in ["firstName", "email", "contactTypeId", "accountIds", "customFieldValues"] {
        let input = json!({ "id": contact["id"], field: null });
        refused(&world, UPDATE, input, &[&*format!("REQUIRED {field}")]).await;
    }
    let id = world.rows().custom_field("size", FieldType::Text, &[]).await.id.to_string();
    let input = json!({ "id": contact["id"], "customFieldValues": [{ "customFieldId": id }] });
    refused(&world, UPDATE, input.clone(), &["REQUIRED customFieldValues.0.value"]).await;
    // By way of a variable that is left out as well.
    let document = "mutation($id: ID!, $field: ID!, $value: JSON) { updateAccountContact(input: {
        id: $id, customFieldValues: [{ customFieldId: $field, value: $value }] }) { userErrors { code field } } }";
    let variables = json!({ "id": contact["id"], "field": id });
    let reply = world.writer().graphql(document, variables).await;
    assert_eq!(reply.user_errors(UPDATE), ["REQUIRED customFieldValues.0.value"]);
    for (input, argument) in [
        (json!({ "firstName": "A" }), &["input", "id"][..]),
        (json!({ "id": "", "accountIds": [null] }), &["input", "accountIds", "0"]),
        (
            json!({ "id": "", "customFieldValues": [{}] }),
            &["input", "customFieldValues", "0", "customFieldId"],
        ),
        (json!({ "id": "", "type": "A" }), &["input", "type"]),
    ] {
        schema_mismatch(&world, UPDATE, input, argument).await;
    }
}

async fn an_update_keeps_the_rules(world: World) {
    let contact = create(&world, john()).await;
    create(&world, json!({ "firstName": "B", "email": "Grace@example.com", "remoteId": "r-2" })).await;
    let foreign = world.other_rows().contact_type("Billing").await.id.to_string();
    let long = "x".repeat(256);
    for (fields, error) in [
        (json!({ "firstName": " " }), "REQUIRED firstName"),
        (json!({ "firstName": long }), "TOO_LONG firstName"),
        (json!({ "lastName": "a\nb" }), "INVALID lastName"),
        (json!({ "email": "" }), "REQUIRED email"),
        (json!({ "email": "john" }), "INVALID email"),
        (json!({ "email": "grace@EXAMPLE.com" }), "TAKEN email"),
        (json!({ "phone": "12" }), "INVALID phone"),
        (json!({ "avatarUrl": "javascript:alert(1)" }), "INVALID avatarUrl"),
        (json!({ "contactTypeId": foreign }), "NOT_FOUND contactTypeId"),
        (json!({ "contactTypeId": "Billing" }), "NOT_FOUND contactTypeId"),
        (json!({ "metadata": [] }), "INVALID metadata"),
        (json!({ "metadata": { "a": "\0" } }), "INVALID metadata.a"),
        (json!({ "remoteId": " r-2" }), "TAKEN remoteId"),
        (json!({ "accountIds": vec![""; 101] }), "TOO_MANY accountIds"),
        (json!({ "firstName": "A", "expectedVersion": 2 }), "CONFLICT expectedVersion"),
    ] {
        refused(&world, UPDATE, with(fields, json!({ "id": contact["id"] })), &[error]).await;
    }
    let elsewhere = world.other_rows().account_contact("a@example.com", &[]).await.id.to_string();
    for id in [&elsewhere, "ac_1", "", "\0"] {
        refused(&world, UPDATE, json!({ "id": id, "firstName": "A" }), &["NOT_FOUND id"]).await;
    }
    let input = json!({ "id": contact["id"], "firstName": "A" });
    refused_to(&world, &world.other(), UPDATE, input, &["NOT_FOUND id"]).await;
}

async fn all_errors_are_told_together(world: World) {
    create(&world, json!({ "firstName": "B", "email": "b@example.com", "remoteId": "r-2" })).await;
    let contact = create(&world, john()).await;
    let rows = world.rows();
    let account = id_of(&rows.account("One").await);
    let age = rows.custom_field("age", FieldType::Integer, &[]).await.id.to_string();
    let input = json!({
        "id": contact["id"], "firstName": null, "lastName": "\0", "email": "B@example.com", "phone": "1",
        "avatarUrl": "x", "contactTypeId": "ct_1", "accountIds": ["acc_1", account, "acc_2"],
        "customFieldValues": [
            { "customFieldId": "cf_1", "value": 1 }, { "customFieldId": age, "value": "one" }, { "customFieldId": age },
        ],
        "metadata": 1, "remoteId": "r-2",
    });
    let errors = [
        "REQUIRED firstName",
        "INVALID lastName",
        "TAKEN email",
        "INVALID phone",
        "INVALID avatarUrl",
        "NOT_FOUND contactTypeId",
        "NOT_FOUND accountIds.0",
        "NOT_FOUND accountIds.2",
        "NOT_FOUND customFieldValues.0.customFieldId",
        "INVALID customFieldValues.1.value",
        "INVALID customFieldValues.2.customFieldId",
        "REQUIRED customFieldValues.2.value",
        "INVALID metadata",
        "TAKEN remoteId",
    ];
    refused(&world, UPDATE, input, &errors).await;
}

async fn accounts_are_replaced_as_a_whole(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let accounts = [rows.account("One").await, rows.account("Two").await, rows.account("Three").await];
    let [one, two, three] = [0, 1, 2].map(|number| id_of(&accounts[number]));
    let contact =
        json!(rows.account_contact("john@example.com", &[&accounts[0], &accounts[1]]).await.id.to_string());
    let before = events(&world).await.len();
    for (version, ids, after) in [
        (2, json!([three, two, three]), vec![two.clone(), three.clone()]),
        (3, json!([one]), vec![one.clone()]),
        (4, json!([]), vec![]),
        (5, json!([one, two]), vec![one.clone(), two.clone()]),
    ] {
        let updated = update(&world, json!({ "id": contact, "accountIds": ids })).await;
        assert_eq!(updated["version"], version);
        assert_eq!(accounts_of(&world, &contact).await, after);
        assert_eq!(found_by(&world, "three").await.len(), usize::from(after.contains(&three)));
    }
    let changed = |old: &[&Value], new: &[&Value]| {
        let fields = json!({ "accountIds": { "old": old, "new": new } });
        happened("AccountContact", "updated", &contact, fields)
    };
    let expected = [
        changed(&[&one, &two], &[&two, &three]),
        changed(&[&two, &three], &[&one]),
        changed(&[&one], &[]),
        changed(&[], &[&one, &two]),
    ];
    assert_eq!(events(&world).await[before..], expected);

    // A deleted account is neither seen nor touched.
    done(&writer, "deleteAccount", json!({ "id": two }), "account { id }").await;
    refused(&world, UPDATE, json!({ "id": contact, "accountIds": [one, two] }), &["NOT_FOUND accountIds.1"])
        .await;
    let same = update(&world, json!({ "id": contact, "accountIds": [one] }));
    assert_eq!(world.nothing_written(same).await["version"], 5);
    update(&world, json!({ "id": contact, "accountIds": [three] })).await;
    done(&writer, "restoreAccount", json!({ "id": two }), "account { id }").await;
    assert_eq!(accounts_of(&world, &contact).await, [two, three]);
}

async fn values_are_patched_by_field(world: World) {
    let rows = world.rows();
    let size = rows.custom_field("size", FieldType::SingleChoice, &["S", "L"]).await.id.to_string();
    let age = rows.custom_field("age", FieldType::Integer, &[]).await.id.to_string();
    let value = |id: &str, value: Value| json!({ "customFieldId": id, "value": value });
    let shown = |id: &str, value: Value| json!({ "field": { "id": id }, "value": value });
    let input = with(john(), json!({ "customFieldValues": [value(&size, json!("S"))] }));
    let contact = create(&world, input).await["id"].clone();
    let before = events(&world).await.len();
    for (version, values, after) in [
        (2, json!([value(&age, json!(7))]), json!([shown(&size, json!("S")), shown(&age, json!(7))])),
        (3, json!([value(&size, json!("L")), value(&age, Value::Null)]), json!([shown(&size, json!("L"))])),
    ] {
        let updated = update(&world, json!({ "id": contact, "customFieldValues": values })).await;
        assert_eq!((&updated["version"], &updated["customFieldValues"]), (&json!(version), &after));
    }
    let changed = |old: Value, new: Value| {
        let fields = json!({ "customFieldValues": { "old": old, "new": new } });
        happened("AccountContact", "updated", &contact, fields)
    };
    let expected = [
        changed(json!({ &age: null }), json!({ &age: 7 })),
        changed(json!({ &size: "S", &age: 7 }), json!({ &size: "L", &age: null })),
    ];
    assert_eq!(events(&world).await[before..], expected);
}

async fn an_update_is_made_whole_or_not(world: World) {
    let rows = world.rows();
    let account = id_of(&rows.account("One").await);
    let age = rows.custom_field("age", FieldType::Integer, &[]).await.id.to_string();
    let contact = create(&world, john()).await["id"].clone();
    break_inserts(&world.db, "custom_field_value").await;
    let input = json!({
        "id": contact, "firstName": "A", "accountIds": [account],
        "customFieldValues": [{ "customFieldId": age, "value": 1 }],
    });
    let writer = world.writer();
    let reply = world.nothing_written(writer.mutate(UPDATE, input, "accountContact { id }")).await;
    assert_masked(&reply, UPDATE);
}

async fn two_updates_cannot_take_one_email(world: World) {
    let rows = world.rows();
    let people = [
        rows.account_contact("a@example.com", &[]).await.id.to_string(),
        rows.account_contact("b@example.com", &[]).await.id.to_string(),
    ];
    let writer = world.writer();
    let mut outcomes = Outcomes::default();
    for round in 0..20 {
        let update = |person: usize| {
            let input = json!({ "id": people[person], "email": format!("wanted{round}@example.com") });
            writer.mutate(UPDATE, input, "accountContact { id }")
        };
        let (one, two) = race(round, update(0), update(1)).await;
        let is_one = one.user_errors(UPDATE).is_empty();
        let lost = if is_one { two } else { one };
        assert_refused(&lost, UPDATE, &["TAKEN email"], "the second");
        outcomes.record(is_one);
    }
    outcomes.assert(&["false", "true"]);
}

async fn what_is_updated_by_many_ways_at_once_is_whole(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let accounts = [rows.account("One").await, rows.account("Two").await];
    let [one, two] = [0, 1].map(|number| id_of(&accounts[number]));
    let billing = rows.contact_type("Billing").await.id.to_string();
    for round in 0..20 {
        let email = format!("john{round}@example.com");
        let contact = json!(rows.account_contact(&email, &[&accounts[0]]).await.id.to_string());
        let link = json!({ "accountContactId": contact, "accountId": two });
        let all = json!({ "id": contact, "accountIds": [two, one], "contactTypeId": billing });
        let none = json!({ "id": contact, "accountIds": [] });
        tokio::join!(
            done(&writer, "addAccountContactToAccount", link, "account { id }"),
            done(&writer, UPDATE, all, "accountContact { id }"),
            done(&writer, UPDATE, none, "accountContact { id }"),
            done(
                &writer,
                "updateAccount",
                json!({ "id": one, "name": format!("Name{round}") }),
                "account { id }"
            ),
            done(
                &writer,
                "updateAccount",
                json!({ "id": two, "name": format!("Two{round}") }),
                "account { id }"
            ),
        );
        let seen = accounts_of(&world, &contact).await;
        for (account, word) in [(&one, format!("name{round}")), (&two, format!("two{round}"))] {
            let is_found = found_by(&world, &word).await.contains(&contact);
            assert_eq!(is_found, seen.contains(account), "{word}");
        }
        done(&writer, "deleteAccountContact", json!({ "id": contact }), "accountContact { id }").await;
    }
}
