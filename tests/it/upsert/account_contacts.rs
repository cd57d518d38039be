//! Account contacts, created and updated by their remote ids, else by their email addresses.

use contact_gateway::entity::{account, account_contact, custom_field::FieldType};
use serde_json::{Value, json};

use super::{Kind, counts, statuses};
use crate::{
    custom_field::field,
    mutation::{done, schema_mismatch, with},
    support::{World, on_both},
};

on_both!(
    everything_is_written_and_read_back,
    what_is_not_given_is_kept,
    what_is_given_is_set,
    empty_text_clears,
    a_contact_without_remote_id_gets_it,
    an_email_of_another_contact_is_taken,
    a_row_must_say_who_it_is,
    rows_exchange_addresses_in_any_order,
    the_same_contact_by_other_names_is_refused,
    accounts_are_replaced_as_a_whole,
    links_to_deleted_accounts_stay,
    values_are_set_field_by_field,
    required_fields_are_asked_of_new_contacts_only,
    refused_values_are_named,
    a_deleted_contact_is_not_found,
    new_contacts_are_found_by_their_accounts,
    everything_beside_the_rows_takes_as_many_statements,
    children_are_read_for_all_rows_at_once,
    writers_of_other_emails_and_the_same_remote_ids_meet,
);

pub(super) const KIND: Kind = Kind {
    mutation: "upsertAccountContacts",
    object: "accountContact",
    table: "account_contact",
    row: |number| {
        let email = format!("Person{number}@example.com");
        json!({ "remoteId": format!("r-{number}"), "email": email, "firstName": "Grace", "phone": "+12025550143" })
    },
    changed: |number| json!({ "remoteId": format!("r-{number}"), "email": format!("person{number}@example.com"), "firstName": "Ada" }),
    refused: (
        |number| json!({ "remoteId": format!("r-{number}"), "email": format!("person{number}@example.com"), "firstName": "A", "phone": "1" }),
        "INVALID phone",
    ),
    identity: "remoteId",
    statements: [5, 5, 3],
};

const CONTACT: &str = "id firstName lastName email phone avatarUrl contactType { name } metadata remoteId version \
                       accounts { nodes { id } } customFieldValues { field { id } value }";

async fn upsert(world: &World, rows: Value) -> Value {
    let selection =
        format!("results {{ status accountContact {{ {CONTACT} }} }} created updated unchanged failed");
    done(&world.writer(), "upsertAccountContacts", json!({ "rows": rows }), &selection).await
}

/// Sends one row, which becomes `status`; gives the contact.
async fn upsert_one(world: &World, row: Value, status: &str) -> Value {
    let payload = upsert(world, json!([row])).await;
    assert_eq!(statuses(&payload), [status], "{payload}");
    payload["results"][0]["accountContact"].clone()
}

async fn everything_is_written_and_read_back(world: World) {
    let rows = world.rows();
    let accounts = [rows.account("One").await.id.to_string(), rows.account("Two").await.id.to_string()];
    let billing = rows.contact_type("Billing").await.id.to_string();
    let size = field(&rows, "size", FieldType::SingleChoice, false).await.to_string();
    let metadata = json!({ "source": "fair", "tags": ["a", 1, 2.5, null, true], "": { "deep": {} } });
    let full = json!({
        "remoteId": " r-1 ", "email": " Grace@Example.com ", "firstName": " Grace ", "lastName": "Hopper",
        "phone": "+1 (202) 555-0143", "avatarUrl": "https://example.com/grace.png", "contactTypeId": billing,
        "accountIds": [accounts[1], accounts[0], accounts[1]], "metadata": metadata,
        "customFieldValues": [{ "customFieldId": size, "value": "L" }],
    });
    let bare = json!({ "email": "ada@example.com", "firstName": "Ada" });
    let payload = upsert(&world, json!([full, bare])).await;
    assert_eq!(statuses(&payload), ["CREATED"; 2]);
    let contacts: Vec<&Value> = (0..2).map(|index| &payload["results"][index]["accountContact"]).collect();
    let expected = json!({
        "id": contacts[0]["id"], "firstName": "Grace", "lastName": "Hopper", "email": "Grace@Example.com",
        "phone": "+12025550143", "avatarUrl": "https://example.com/grace.png", "contactType": { "name": "Billing" },
        "metadata": metadata, "remoteId": "r-1", "version": 1,
        "accounts": { "nodes": [{ "id": accounts[0] }, { "id": accounts[1] }] },
        "customFieldValues": [{ "field": { "id": size }, "value": "L" }],
    });
    assert_eq!(*contacts[0], expected);
    let expected = json!({
        "id": contacts[1]["id"], "firstName": "Ada", "lastName": null, "email": "ada@example.com", "phone": null,
        "avatarUrl": null, "contactType": { "name": "Primary" }, "metadata": {}, "remoteId": null, "version": 1,
        "accounts": { "nodes": [] }, "customFieldValues": [],
    });
    assert_eq!(*contacts[1], expected);
    for contact in contacts {
        let document = format!("query($id: ID!) {{ accountContact(id: $id) {{ {CONTACT} }} }}");
        let reply = world.reader().graphql(&document, json!({ "id": contact["id"] })).await;
        assert_eq!(reply.data("/accountContact"), contact);
    }
    let again = world.nothing_written(upsert(&world, json!([full, bare]))).await;
    assert_eq!(statuses(&again), ["UNCHANGED"; 2]);
}

/// A contact with something in every field.
async fn full(world: &World) -> Value {
    let rows = world.rows();
    let account = rows.account("One").await.id.to_string();
    let size = field(&rows, "size", FieldType::Text, false).await.to_string();
    let row = json!({
        "remoteId": "r-1", "email": "grace@example.com", "firstName": "Grace", "lastName": "Hopper",
        "phone": "+12025550143", "avatarUrl": "https://example.com/grace.png", "accountIds": [account],
        "contactTypeId": rows.contact_type("Billing").await.id.to_string(), "metadata": { "a": 1 },
        "customFieldValues": [{ "customFieldId": size, "value": "L" }],
    });
    upsert_one(world, row, "CREATED").await
}

async fn what_is_not_given_is_kept(world: World) {
    let contact = full(&world).await;
    let nulls = json!({
        "remoteId": "r-1", "email": null, "firstName": null, "lastName": null, "phone": null, "avatarUrl": null,
        "accountIds": null, "contactTypeId": null, "metadata": null, "customFieldValues": null,
    });
    for row in [
        json!({ "remoteId": "r-1" }),
        json!({ "remoteId": "r-1", "firstName": "Grace", "email": "grace@example.com" }),
        json!({ "email": " grace@example.com" }),
        json!({ "email": "grace@example.com", "remoteId": "" }),
        json!({ "remoteId": "r-1", "customFieldValues": [] }),
        nulls,
    ] {
        let kept = world.nothing_written(upsert_one(&world, row, "UNCHANGED")).await;
        assert_eq!(kept, contact);
    }
}

async fn what_is_given_is_set(world: World) {
    let contact = full(&world).await;
    let primary = world.rows().contact_type("Primary").await.id.to_string();
    for (version, (field, value)) in [
        ("firstName", json!("Ada")),
        ("lastName", json!("Lovelace")),
        ("phone", json!("+4930901820")),
        ("avatarUrl", json!("https://example.com/ada.png")),
        ("metadata", json!({ "b": [] })),
        ("email", json!("Grace@example.com")),
        ("email", json!("ada@example.com")),
    ]
    .into_iter()
    .enumerate()
    {
        let row = json!({ "remoteId": "r-1", field: value });
        let changed = upsert_one(&world, row, "UPDATED").await;
        assert_eq!(changed["id"], contact["id"]);
        assert_eq!(changed[field], value, "{field}");
        assert_eq!(changed["version"], version + 2, "{field}");
        assert_eq!(changed["accounts"], contact["accounts"]);
        assert_eq!(changed["customFieldValues"], contact["customFieldValues"]);
    }
    let row = json!({ "email": "ADA@example.com", "contactTypeId": primary });
    let changed = upsert_one(&world, row, "UPDATED").await;
    assert_eq!(changed["contactType"]["name"], "Primary");
    let reply = world.reader().query("{ changes(last: 1) { nodes { fields } } }").await;
    let billing = world.rows().contact_type("Billing").await.id.to_string();
    let expected = json!({
        "contactTypeId": { "old": billing, "new": primary },
        "email": { "old": "ada@example.com", "new": "ADA@example.com" },
    });
    assert_eq!(*reply.data("/changes/nodes/0/fields"), expected);
}

async fn empty_text_clears(world: World) {
    let contact = full(&world).await;
    let row = json!({ "remoteId": "r-1", "lastName": " ", "phone": "", "avatarUrl": "" });
    let cleared = upsert_one(&world, row, "UPDATED").await;
    let nulls = json!({ "lastName": null, "phone": null, "avatarUrl": null, "version": 2 });
    assert_eq!(cleared, with(contact, nulls));
}

async fn a_contact_without_remote_id_gets_it(world: World) {
    let contact = world.rows().account_contact("grace@example.com", &[]).await.id.to_string();
    let row = json!({ "remoteId": "r-1", "email": "GRACE@example.com" });
    let changed = upsert_one(&world, row, "UPDATED").await;
    assert_eq!(changed["id"], contact);
    assert_eq!(changed["remoteId"], "r-1");
    // From now on the remote id identifies this contact.
    let changed =
        upsert_one(&world, json!({ "remoteId": "r-1", "email": "ada@example.com" }), "UPDATED").await;
    assert_eq!(changed["id"], contact);
    assert_eq!(changed["email"], "ada@example.com");
}

async fn an_email_of_another_contact_is_taken(world: World) {
    let one = json!({ "remoteId": "r-1", "email": "grace@example.com", "firstName": "Grace" });
    let two = json!({ "email": "ada@example.com", "firstName": "Ada" });
    upsert(&world, json!([one, two])).await;
    for row in [
        // Of a contact with another remote id.
        json!({ "remoteId": "r-2", "email": "GRACE@example.com", "firstName": "Grace" }),
        // Of another contact than the one with this remote id.
        json!({ "remoteId": "r-1", "email": "ada@example.com" }),
    ] {
        KIND.refused(&world, json!([row]), &["TAKEN rows.0.email"]).await;
    }
}

async fn a_row_must_say_who_it_is(world: World) {
    for (row, errors) in [
        (json!({}), &["REQUIRED rows.0.email"][..]),
        (json!({ "firstName": "A", "remoteId": " " }), &["REQUIRED rows.0.email"]),
        (json!({ "remoteId": "r-1" }), &["REQUIRED rows.0.firstName", "REQUIRED rows.0.email"]),
        (json!({ "remoteId": "r-1", "firstName": "A" }), &["REQUIRED rows.0.email"]),
        (json!({ "email": "a@example.com" }), &["REQUIRED rows.0.firstName"]),
        (json!({ "email": "a@example.com", "firstName": " " }), &["REQUIRED rows.0.firstName"]),
        (json!({ "email": " ", "firstName": "A" }), &["REQUIRED rows.0.email"]),
        (json!({ "email": "a" }), &["INVALID rows.0.email"]),
        (json!({ "remoteId": "\0", "email": "a@example.com" }), &["INVALID rows.0.remoteId"]),
    ] {
        KIND.refused(&world, json!([row]), errors).await;
    }
}

async fn rows_exchange_addresses_in_any_order(world: World) {
    let row = |remote_id: &str, email: &str| json!({ "remoteId": remote_id, "email": format!("{email}@example.com"), "firstName": "A" });
    let first = upsert(&world, json!([row("r-1", "one"), row("r-2", "two")])).await;
    let id = |payload: &Value, index: usize| payload["results"][index]["accountContact"]["id"].clone();

    // What a row gives up, another one takes, be it a known contact or a new one.
    let moved = upsert(&world, json!([row("r-1", "free"), row("r-2", "one"), row("r-3", "two")])).await;
    assert_eq!(statuses(&moved), ["UPDATED", "UPDATED", "CREATED"]);
    assert_eq!((id(&moved, 0), id(&moved, 1)), (id(&first, 0), id(&first, 1)));
    // Swaps, rings, and shifts in the other order.
    let rows = json!([row("r-1", "one"), row("r-2", "free")]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["UPDATED", "UPDATED"]);
    let rows = json!([row("r-1", "two"), row("r-3", "free"), row("r-2", "one")]);
    assert_eq!(statuses(&upsert(&world, rows).await), ["UPDATED"; 3]);
    let rows = json!([row("r-4", "two"), row("r-1", "four"), row("r-2", "free"), row("r-3", "one")]);
    let ring = upsert(&world, rows).await;
    assert_eq!(statuses(&ring), ["CREATED", "UPDATED", "UPDATED", "UPDATED"]);
    assert_eq!(id(&ring, 2), id(&first, 1));
    let list = "{ accountContacts(orderBy: [{ field: CREATED_AT }]) { nodes { email } } }";
    let reply = world.reader().query(list).await;
    let emails: Vec<_> = reply.list("/accountContacts/nodes").iter().map(|it| it["email"].as_str()).collect();
    assert_eq!(
        emails.into_iter().flatten().collect::<Vec<_>>(),
        ["four@example.com", "free@example.com", "one@example.com", "two@example.com"]
    );
    // What is not given up is taken, and so is what a failed row would have given up.
    let refused = with(row("r-2", "other"), json!({ "phone": "1" }));
    let rows = json!([row("r-1", "free"), refused, row("r-3", "four")]);
    let errors = ["TAKEN rows.0.email", "INVALID rows.1.phone", "TAKEN rows.2.email"];
    KIND.refused(&world, rows.clone(), &errors).await;
    let policy = json!({ "rows": rows, "errorPolicy": "REJECT_FAILED_ROWS" });
    let partly = done(&world.writer(), "upsertAccountContacts", policy, "results { status }").await;
    assert_eq!(statuses(&partly), ["FAILED"; 3]);
    let rows = json!([row("r-1", "one"), row("r-3", "four"), refused]);
    let policy = json!({ "rows": rows, "errorPolicy": "REJECT_FAILED_ROWS" });
    let partly = done(&world.writer(), "upsertAccountContacts", policy, "results { status }").await;
    assert_eq!(statuses(&partly), ["UPDATED", "UPDATED", "FAILED"]);
    // No contact has this address after the first row, so the second is a new contact.
    let rows = json!([row("r-1", "other"), { "email": "one@example.com", "firstName": "B" }]);
    let payload = upsert(&world, rows).await;
    assert_eq!(statuses(&payload), ["UPDATED", "CREATED"]);
    assert_eq!(world.count("account_contact").await, 5);
    // The order does not matter either if a row names the contact by its address only.
    let rows = json!([{ "email": "two@example.com", "firstName": "C" }, row("r-4", "five")]);
    let payload = upsert(&world, rows).await;
    assert_eq!(statuses(&payload), ["CREATED", "UPDATED"]);
    assert_eq!(id(&payload, 1), id(&ring, 0));
}

async fn the_same_contact_by_other_names_is_refused(world: World) {
    let row = json!({ "remoteId": "r-1", "email": "grace@example.com", "firstName": "Grace" });
    upsert(&world, json!([row])).await;
    let by_email = json!({ "email": "Grace@example.com", "lastName": "H" });
    let by_remote_id = json!({ "remoteId": "r-1", "lastName": "H" });
    let new = |remote_id: &str| json!({ "remoteId": remote_id, "email": "a@example.com", "firstName": "A" });
    for (rows, errors) in [
        (json!([by_remote_id, by_email]), &["INVALID rows.1.email"][..]),
        (json!([by_email, by_remote_id]), &["INVALID rows.1.remoteId"]),
        (json!([by_email, by_email]), &["INVALID rows.1.email"]),
        (json!([new("r-8"), new("r-9")]), &["INVALID rows.1.email"]),
        (json!([new("r-9"), new("r-9")]), &["INVALID rows.1.remoteId"]),
        // The first is refused, and the second is the same all the same.
        (
            json!([with(new("r-9"), json!({ "phone": "1" })), new("r-9")]),
            &["INVALID rows.0.phone", "INVALID rows.1.remoteId"],
        ),
    ] {
        KIND.refused(&world, rows, errors).await;
    }
}

async fn accounts_are_replaced_as_a_whole(world: World) {
    let rows = world.rows();
    let mut ids = Vec::new();
    for name in ["Globex", "Hooli", "Initech"] {
        ids.push(rows.account(name).await.id.to_string());
    }
    let [one, two, three] = [&ids[0], &ids[1], &ids[2]];
    let row = |accounts: Value| json!({ "email": "grace@example.com", "firstName": "Grace", "accountIds": accounts });
    for (accounts, status, expected, words) in [
        (json!([one, two]), "CREATED", json!([{ "id": one }, { "id": two }]), "globex hooli"),
        (json!([two, one, one]), "UNCHANGED", json!([{ "id": one }, { "id": two }]), "globex hooli"),
        (json!([three, two]), "UPDATED", json!([{ "id": two }, { "id": three }]), "hooli initech"),
        (json!([]), "UPDATED", json!([]), ""),
        (json!([]), "UNCHANGED", json!([]), ""),
        (json!([one]), "UPDATED", json!([{ "id": one }]), "globex"),
    ] {
        let contact = upsert_one(&world, row(accounts), status).await;
        assert_eq!(contact["accounts"]["nodes"], expected);
        assert_eq!(world.words_found("accountContacts", "globex hooli initech").await, words);
    }
    let reply = world.reader().query("{ changes(last: 3) { nodes { fields } } }").await;
    let fields: Vec<&Value> = reply.list("/changes/nodes").iter().map(|it| &it["fields"]).collect();
    let change = |old: Value, new: Value| json!({ "accountIds": { "old": old, "new": new } });
    let expected = [
        change(json!([one, two]), json!([two, three])),
        change(json!([two, three]), json!([])),
        change(json!([]), json!([one])),
    ];
    assert_eq!(fields, expected.iter().collect::<Vec<_>>());

    let deleted = rows.account("Gone").await.id;
    rows.delete::<account::Entity>(deleted).await;
    let elsewhere = world.other_rows().account("Elsewhere").await.id.to_string();
    for (accounts, errors) in [
        (
            json!([one, "acc_1", deleted.to_string()]),
            &["NOT_FOUND rows.0.accountIds.1", "NOT_FOUND rows.0.accountIds.2"][..],
        ),
        (json!([elsewhere]), &["NOT_FOUND rows.0.accountIds.0"]),
        (json!(vec![one; 101]), &["TOO_MANY rows.0.accountIds"]),
    ] {
        KIND.refused(&world, json!([row(accounts)]), errors).await;
    }
    let many = (0..101)
        .map(|number| json!({ "email": format!("many{number}@example.com"), "accountIds": vec![one; 100] }));
    KIND.refused(&world, many.collect(), &["TOO_MANY rows"]).await;
}

async fn links_to_deleted_accounts_stay(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.account("Globex").await, rows.account("Hooli").await);
    rows.account_contact("grace@example.com", &[&one, &two]).await;
    rows.delete::<account::Entity>(one.id).await;
    let row = json!({ "email": "grace@example.com", "accountIds": [two.id.to_string()] });
    world.nothing_written(upsert_one(&world, row, "UNCHANGED")).await;
    upsert_one(&world, json!({ "email": "grace@example.com", "accountIds": [] }), "UPDATED").await;
    assert_eq!(world.count("account_contact_account").await, 1);
}

async fn values_are_set_field_by_field(world: World) {
    let rows = world.rows();
    let size = field(&rows, "size", FieldType::SingleChoice, false).await.to_string();
    let age = field(&rows, "age", FieldType::Integer, false).await.to_string();
    let row = |values: Value| json!({ "email": "grace@example.com", "firstName": "Grace", "customFieldValues": values });
    let value = |field: &str, value: Value| json!({ "customFieldId": field, "value": value });
    for (values, status, expected) in [
        (json!([value(&size, json!("S"))]), "CREATED", json!([[size, "S"]])),
        (json!([value(&age, json!(5))]), "UPDATED", json!([[size, "S"], [age, 5]])),
        (json!([value(&age, json!(5)), value(&size, json!("L"))]), "UPDATED", json!([[size, "L"], [age, 5]])),
        (json!([value(&age, json!(5))]), "UNCHANGED", json!([[size, "L"], [age, 5]])),
        (json!([]), "UNCHANGED", json!([[size, "L"], [age, 5]])),
    ] {
        let contact = upsert_one(&world, row(values), status).await;
        let values = contact["customFieldValues"].as_array().expect("values").iter();
        let values: Value = values.map(|it| json!([it["field"]["id"], it["value"]])).collect();
        assert_eq!(values, expected);
    }
    let reply = world.reader().query("{ changes(last: 3) { nodes { fields } } }").await;
    let fields: Vec<&Value> = reply.list("/changes/nodes").iter().map(|it| &it["fields"]).collect();
    assert_eq!(fields[0]["customFieldValues"], json!({ "new": { &size: "S" } }));
    assert_eq!(*fields[1], json!({ "customFieldValues": { "old": { &age: null }, "new": { &age: 5 } } }));
    assert_eq!(*fields[2], json!({ "customFieldValues": { "old": { &size: "S" }, "new": { &size: "L" } } }));

    for (values, errors) in [
        (json!([value("cf_1", json!(1))]), &["NOT_FOUND rows.0.customFieldValues.0.customFieldId"][..]),
        (json!([value(&size, json!("M"))]), &["INVALID rows.0.customFieldValues.0.value"]),
        (
            json!([value(&age, json!(1)), value(&age, json!(2))]),
            &["INVALID rows.0.customFieldValues.1.customFieldId"],
        ),
    ] {
        KIND.refused(&world, json!([row(values)]), errors).await;
    }
}

async fn required_fields_are_asked_of_new_contacts_only(world: World) {
    world.rows().account_contact("grace@example.com", &[]).await;
    let size = field(&world.rows(), "size", FieldType::Text, true).await.to_string();
    let new = json!({ "email": "ada@example.com", "firstName": "Ada" });
    let known = json!({ "email": "grace@example.com", "lastName": "Hopper" });
    KIND.refused(&world, json!([known, new]), &["REQUIRED rows.1.customFieldValues"]).await;
    let new = with(new, json!({ "customFieldValues": [{ "customFieldId": size, "value": "L" }] }));
    let payload = upsert(&world, json!([known, new])).await;
    assert_eq!(statuses(&payload), ["UPDATED", "CREATED"]);
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    world.rows().account_contact("grace@example.com", &[]).await;
    for (field, value, error) in [
        ("firstName", json!(""), "REQUIRED"),
        ("firstName", json!(long), "TOO_LONG"),
        ("lastName", json!("a\nb"), "INVALID"),
        ("phone", json!("1234567890"), "INVALID"),
        ("avatarUrl", json!("javascript:alert(1)"), "INVALID"),
        ("avatarUrl", json!(format!("https://example.com/{}", "p".repeat(2048))), "TOO_LONG"),
        ("metadata", json!([]), "INVALID"),
        ("metadata", json!({ "a": "x".repeat(16 * 1024) }), "TOO_LONG"),
        ("contactTypeId", json!("ct_1"), "NOT_FOUND"),
    ] {
        for email in ["grace@example.com", "ada@example.com"] {
            let row = with(json!({ "email": email, "firstName": "A" }), json!({ field: value }));
            KIND.refused(&world, json!([row]), &[&format!("{error} rows.0.{field}")]).await;
        }
    }
    let row = json!({ "email": "a@example.com", "customFieldValues": [{ "customFieldId": "cf_1", "value": null }] });
    let path = ["input", "rows", "0", "customFieldValues", "0", "value"];
    schema_mismatch(&world, "upsertAccountContacts", json!({ "rows": [row] }), &path).await;
}

async fn a_deleted_contact_is_not_found(world: World) {
    let row = json!({ "remoteId": "r-1", "email": "grace@example.com", "firstName": "Grace" });
    let first = upsert_one(&world, row.clone(), "CREATED").await;
    let id = first["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    world.rows().delete::<account_contact::Entity>(id).await;
    let second = upsert_one(&world, row, "CREATED").await;
    assert_ne!(first["id"], second["id"]);
}

async fn new_contacts_are_found_by_their_accounts(world: World) {
    let account = world.rows().account("Globex Łódź").await.id.to_string();
    let row = json!({ "email": "grace@example.com", "firstName": "Grace", "accountIds": [account] });
    upsert(&world, json!([row])).await;
    let document = "{ accountContacts(filter: { search: \"LODZ\" }) { nodes { email } } }";
    let reply = world.reader().query(document).await;
    assert_eq!(reply.text("/accountContacts/nodes/0/email"), "grace@example.com");
}

async fn everything_beside_the_rows_takes_as_many_statements(world: World) {
    let world = world.restarted(|config| config.http.body_limit = 1024 * 1024).await;
    let rows = world.rows();
    let accounts = [rows.account("One").await.id.to_string(), rows.account("Two").await.id.to_string()];
    let size = field(&rows, "size", FieldType::Text, false).await.to_string();
    let billing = rows.contact_type("Billing").await.id.to_string();
    let writer = world.writer();
    let mut begin = 0;
    for number in [10, 1_000] {
        let rows = |account: &str, value: &str| -> Value {
            (begin..begin + number)
                .map(|number| json!({
                    "email": format!("p{number}@example.com"), "firstName": "A", "accountIds": [account],
                    "contactTypeId": billing, "customFieldValues": [{ "customFieldId": size, "value": value }],
                }))
                .collect()
        };
        for (what, rows, expected) in [
            ("CREATED", rows(&accounts[0], "S"), 8),
            ("UPDATED", rows(&accounts[1], "L"), 11),
            ("UNCHANGED", rows(&accounts[1], "L"), 6),
        ] {
            let (payload, statements) = world.statements(KIND.done(&writer, rows)).await;
            assert!(
                statuses(&payload).iter().all(|status| *status == what),
                "{what} {number}: {:?}",
                counts(&payload)
            );
            let shown: Vec<_> = statements.iter().map(|sql| sql.get(..120).unwrap_or(sql)).collect();
            assert_eq!(statements.len(), expected, "{number} {what}: {shown:#?}");
        }
        begin += number;
    }
    assert_eq!(world.count("account_contact_account").await, 1_010);
    assert_eq!(world.count("custom_field_value").await, 1_010);
}

async fn children_are_read_for_all_rows_at_once(world: World) {
    let account = world.rows().account("One").await.id.to_string();
    let rows: Value = (0..50)
        .map(|number| json!({ "email": format!("p{number}@example.com"), "firstName": "A", "accountIds": [account] }))
        .collect();
    let writer = world.writer();
    let selection = "results { accountContact { accounts { nodes { name } } contactType { name } } }";
    let bare = done(&writer, "upsertAccountContacts", json!({ "rows": rows }), "created");
    let (_, bare) = world.statements(bare).await;
    let changed: Value = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| with(row.clone(), json!({ "lastName": "B" })))
        .collect();
    let send = done(&writer, "upsertAccountContacts", json!({ "rows": changed }), selection);
    let (payload, statements) = world.statements(send).await;
    assert_eq!(payload["results"][49]["accountContact"]["accounts"]["nodes"][0]["name"], "One");
    let lists = statements.iter().filter(|sql| sql.starts_with("SELECT")).count();
    let before = bare.iter().filter(|sql| sql.starts_with("SELECT")).count();
    // The links of the contacts that were there, and two kinds of children.
    assert_eq!(lists, before + 3, "{statements:#?}");
}

async fn writers_of_other_emails_and_the_same_remote_ids_meet(world: World) {
    let writer = world.writer();
    let rows = |caller: usize| -> Value {
        let row = |number: usize| {
            let email = format!(
                "{}-{caller}@example.com",
                if caller.is_multiple_of(2) { number } else { 99 - number }
            );
            json!({ "remoteId": format!("r-{number}"), "email": email, "firstName": "A" })
        };
        (0..40).map(row).collect()
    };
    let replies = futures_util::future::join_all((0..8).map(|caller| KIND.send(&writer, rows(caller)))).await;
    for reply in &replies {
        let errors = reply.user_errors("upsertAccountContacts");
        if errors.is_empty() {
            let [created, updated, ..] = counts(reply.data("/upsertAccountContacts"));
            assert_eq!(created + updated, 40);
        } else {
            assert_eq!(errors, ["CONFLICT rows"]);
        }
    }
    assert_eq!(world.count("account_contact").await, 40);
}
