//! Account contacts: people of customers, their accounts, custom field values and metadata.

use contact_gateway::entity::{account, account_contact, custom_field::FieldType};
use serde_json::{Value, json};

use crate::{
    custom_field::field,
    mutation::{
        assert_masked, assert_refused, break_inserts, done, one_of_two_wins, refused, refused_to,
        schema_mismatch, with, without,
    },
    support::{World, on_both},
};

on_both!(
    the_documented_creation_is_read_back,
    first_name_and_email_are_enough,
    values_are_cleaned,
    what_is_missing_does_not_fit,
    refused_values_are_named,
    all_errors_are_told_together,
    an_email_is_taken_once,
    a_remote_id_is_taken_once,
    a_contact_type_is_one_of_the_organization,
    accounts_are_those_of_the_organization,
    metadata_is_an_object_of_bounded_size,
    everything_is_made_or_nothing,
    only_one_of_two_wins_an_email,
    a_contact_is_added_to_an_account_once,
    only_what_is_in_reach_is_added,
    an_expected_version_must_be_the_contacts,
    only_one_of_two_additions_to_a_version_wins,
);

const CONTACT: &str = "id kind firstName lastName email phone avatarUrl contactType { name } metadata remoteId \
                       version createdAt updatedAt accounts { nodes { id } } \
                       customFieldValues { field { id } value displayValue }";

fn john() -> Value {
    json!({
        "firstName": "John",
        "lastName": "Doe",
        "email": "john.doe@example.com",
        "phone": "+1234567890",
        "avatarUrl": "https://example.com/avatar.png",
    })
}

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("accountContact {{ {CONTACT} }}");
    done(&world.writer(), "createAccountContact", input, &selection).await["accountContact"].clone()
}

async fn read(world: &World, contact: &Value) -> Value {
    let document = format!("query($id: ID!) {{ accountContact(id: $id) {{ {CONTACT} }} }}");
    let reply = world.reader().graphql(&document, json!({ "id": contact["id"] })).await;
    reply.data("/accountContact").clone()
}

async fn the_documented_creation_is_read_back(world: World) {
    let rows = world.rows();
    let accounts = [rows.account("A123").await.id.to_string(), rows.account("A456").await.id.to_string()];
    let contact_type = rows.contact_type("Billing").await.id.to_string();
    let size = field(&rows, "size", FieldType::SingleChoice, false).await.to_string();
    let metadata = json!({ "source": "fair", "tags": ["a", 1, 2.5, null, true], "": { "deep": {} } });
    let input = with(
        john(),
        json!({
            "accountIds": accounts, "contactTypeId": contact_type, "metadata": metadata, "remoteId": "r-1",
            "customFieldValues": [{ "customFieldId": size, "value": "L" }],
        }),
    );
    let contact = create(&world, input).await;
    let expected = with(
        john(),
        json!({
            "id": contact["id"], "kind": "ACCOUNT", "contactType": { "name": "Billing" }, "metadata": metadata,
            "remoteId": "r-1", "version": 1, "createdAt": contact["createdAt"], "updatedAt": contact["createdAt"],
            "accounts": { "nodes": [{ "id": accounts[0] }, { "id": accounts[1] }] },
            "customFieldValues": [{ "field": { "id": size }, "value": "L", "displayValue": "L" }],
        }),
    );
    assert_eq!(contact, expected);
    assert_eq!(read(&world, &contact).await, contact);
    let document = "query($id: ID!) { account(id: $id) { contacts { nodes { id displayName } } } }";
    let reply = world.reader().graphql(document, json!({ "id": accounts[1] })).await;
    let there = json!([{ "id": contact["id"], "displayName": "John Doe" }]);
    assert_eq!(*reply.data("/account/contacts/nodes"), there);
}

async fn first_name_and_email_are_enough(world: World) {
    let absent = json!({ "firstName": "A", "email": "a@example.com" });
    let null = json!({
        "firstName": "B", "email": "b@example.com", "lastName": null, "phone": null, "contactTypeId": null,
        "avatarUrl": null, "accountIds": null, "customFieldValues": null, "metadata": null, "remoteId": null,
        "idempotencyKey": null,
    });
    let empty = json!({
        "firstName": "C", "email": "c@example.com", "lastName": "", "phone": " ", "avatarUrl": "",
        "accountIds": [], "customFieldValues": [], "metadata": {}, "remoteId": "",
    });
    for input in [absent, null, empty] {
        let contact = create(&world, input.clone()).await;
        let expected = json!({
            "id": contact["id"], "kind": "ACCOUNT", "firstName": input["firstName"], "lastName": null,
            "email": input["email"], "phone": null, "avatarUrl": null, "contactType": { "name": "Primary" },
            "metadata": {}, "remoteId": null, "version": 1, "createdAt": contact["createdAt"],
            "updatedAt": contact["createdAt"], "accounts": { "nodes": [] }, "customFieldValues": [],
        });
        assert_eq!(contact, expected);
        assert_eq!(read(&world, &contact).await, contact);
    }
}

async fn values_are_cleaned(world: World) {
    let contact = create(
        &world,
        json!({
            "firstName": " John\n", "lastName": " Doe ", "email": " John@Example.com ", "phone": "+1 (202) 555-0143",
            "avatarUrl": " HTTP://example.com/a b ", "remoteId": " r-1 ",
        }),
    )
    .await;
    for (field, value) in [
        ("firstName", "John"),
        ("lastName", "Doe"),
        ("email", "John@Example.com"),
        ("phone", "+12025550143"),
        ("avatarUrl", "HTTP://example.com/a b"),
        ("remoteId", "r-1"),
    ] {
        assert_eq!(contact[field], value, "{field}");
    }
    let (name, path) = ("日".repeat(255), "p".repeat(2048 - "https://example.com/".len()));
    let input = json!({
        "firstName": name, "email": "long@example.com", "avatarUrl": format!("https://example.com/{path}"),
    });
    assert_eq!(create(&world, input.clone()).await["avatarUrl"], input["avatarUrl"]);
}

async fn what_is_missing_does_not_fit(world: World) {
    let values = |value: Value| with(john(), json!({ "customFieldValues": value }));
    for (input, argument) in [
        (without(john(), "firstName"), &["input", "firstName"][..]),
        (with(john(), json!({ "firstName": null })), &["input", "firstName"]),
        (with(john(), json!({ "firstName": 1 })), &["input", "firstName"]),
        (without(john(), "email"), &["input", "email"]),
        (with(john(), json!({ "email": null })), &["input", "email"]),
        (with(john(), json!({ "avatarUrl": true })), &["input", "avatarUrl"]),
        (with(john(), json!({ "phoneNumber": "+1234567890" })), &["input", "phoneNumber"]),
        (with(john(), json!({ "accountIds": [null] })), &["input", "accountIds", "0"]),
        (values(json!([{}])), &["input", "customFieldValues", "0", "customFieldId"]),
        (values(json!([{ "customFieldId": "cf_1" }])), &["input", "customFieldValues", "0", "value"]),
        (
            values(json!([{ "customFieldId": "cf_1", "value": null }])),
            &["input", "customFieldValues", "0", "value"],
        ),
    ] {
        schema_mismatch(&world, "createAccountContact", input, argument).await;
    }
}

async fn refused_values_are_named(world: World) {
    let long = "x".repeat(256);
    for (field, value, error) in [
        ("firstName", "", "REQUIRED firstName"),
        ("firstName", " \t\n", "REQUIRED firstName"),
        ("firstName", &long, "TOO_LONG firstName"),
        ("firstName", "Jo\0hn", "INVALID firstName"),
        ("firstName", "Jo\nhn", "INVALID firstName"),
        ("lastName", &long, "TOO_LONG lastName"),
        ("lastName", "\u{1b}[31mDoe", "INVALID lastName"),
        ("email", "", "REQUIRED email"),
        ("email", "john.doe", "INVALID email"),
        ("email", &format!("{}@example.com", "x".repeat(250)), "TOO_LONG email"),
        ("phone", "1234567890", "INVALID phone"),
        ("phone", "call me", "INVALID phone"),
        ("avatarUrl", "javascript:alert(1)", "INVALID avatarUrl"),
        ("avatarUrl", " JavaScript:alert(1)//http://example.com", "INVALID avatarUrl"),
        ("avatarUrl", "java\nscript:alert(1)", "INVALID avatarUrl"),
        ("avatarUrl", "data:image/png;base64,AAAA", "INVALID avatarUrl"),
        ("avatarUrl", "ftp://example.com/avatar.png", "INVALID avatarUrl"),
        ("avatarUrl", "//example.com/avatar.png", "INVALID avatarUrl"),
        ("avatarUrl", "avatar.png", "INVALID avatarUrl"),
        ("avatarUrl", "https://", "INVALID avatarUrl"),
        ("avatarUrl", "https://example.com/\0", "INVALID avatarUrl"),
        ("avatarUrl", "https://example.com/a\nb", "INVALID avatarUrl"),
        ("avatarUrl", "ht\ttps://example.com/", "INVALID avatarUrl"),
        ("avatarUrl", &format!("https://example.com/{}", "p".repeat(2048)), "TOO_LONG avatarUrl"),
        ("remoteId", &long, "TOO_LONG remoteId"),
        ("remoteId", "\0", "INVALID remoteId"),
    ] {
        refused(&world, "createAccountContact", with(john(), json!({ field: value })), &[error]).await;
    }
}

async fn all_errors_are_told_together(world: World) {
    let rows = world.rows();
    let integer = field(&rows, "age", FieldType::Integer, false).await;
    let size = field(&rows, "size", FieldType::SingleChoice, true).await;
    create(
        &world,
        with(
            john(),
            json!({
                "remoteId": "r-1",
                "customFieldValues": [{ "customFieldId": size.to_string(), "value": "S" }],
            }),
        ),
    )
    .await;
    let good = rows.account("Initech").await.id.to_string();
    let input = json!({
        "firstName": " ", "lastName": "x".repeat(256), "email": "JOHN.doe@example.com", "phone": "12",
        "avatarUrl": "javascript:alert(1)", "contactTypeId": "ct_1", "accountIds": ["acc_1", good, "acc_2"],
        "customFieldValues": [
            { "customFieldId": "cf_1", "value": 1 },
            { "customFieldId": integer.to_string(), "value": "one" },
        ],
        "metadata": [], "remoteId": "r-1",
    });
    let errors = [
        "REQUIRED firstName",
        "TOO_LONG lastName",
        "TAKEN email",
        "INVALID phone",
        "INVALID avatarUrl",
        "NOT_FOUND contactTypeId",
        "NOT_FOUND accountIds.0",
        "NOT_FOUND accountIds.2",
        "NOT_FOUND customFieldValues.0.customFieldId",
        "INVALID customFieldValues.1.value",
        "REQUIRED customFieldValues",
        "INVALID metadata",
        "TAKEN remoteId",
    ];
    refused(&world, "createAccountContact", input, &errors).await;
}

async fn an_email_is_taken_once(world: World) {
    world.other_rows().account_contact("john.doe@example.com", &[]).await;
    let deleted = world.rows().account_contact("john.doe@example.com", &[]).await;
    world.rows().delete::<account_contact::Entity>(deleted.id).await;
    create(&world, john()).await;
    for email in ["john.doe@example.com", "John.DOE@Example.COM", " john.doe@example.com "] {
        let input = with(john(), json!({ "email": email }));
        refused(&world, "createAccountContact", input, &["TAKEN email"]).await;
    }
    // The other kinds of contacts have emails of their own.
    let input = json!({ "email": "john.doe@example.com", "internalRole": "CSM" });
    done(&world.writer(), "createInternalContact", input, "assignment { id }").await;
}

async fn a_remote_id_is_taken_once(world: World) {
    create(&world, with(john(), json!({ "remoteId": "r-1" }))).await;
    let input = json!({ "firstName": "B", "email": "b@example.com", "remoteId": " r-1" });
    refused(&world, "createAccountContact", input.clone(), &["TAKEN remoteId"]).await;
    done(&world.other(), "createAccountContact", input.clone(), "accountContact { id }").await;
    // Remote ids are compared as written.
    create(&world, with(input, json!({ "remoteId": "R-1" }))).await;
}

async fn a_contact_type_is_one_of_the_organization(world: World) {
    let elsewhere = world.other_rows().contact_type("Billing").await.id.to_string();
    let home = world.rows().contact_type("Billing").await.id.to_string();
    for id in
        [&elsewhere, "ct_00000000000000000000000000", "CT123", "Billing", "", "\0", &home.to_uppercase()]
    {
        let input = with(john(), json!({ "contactTypeId": id }));
        refused(&world, "createAccountContact", input, &["NOT_FOUND contactTypeId"]).await;
    }
}

async fn accounts_are_those_of_the_organization(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.account("One").await.id.to_string(), rows.account("Two").await.id.to_string());
    let deleted = rows.account("Gone").await.id;
    rows.delete::<account::Entity>(deleted).await;
    let elsewhere = world.other_rows().account("Elsewhere").await.id.to_string();
    let partner = rows.partner("Globex", None).await.id.to_string();
    for (ids, errors) in [
        (json!([elsewhere]), &["NOT_FOUND accountIds.0"][..]),
        (json!([one, "A123", deleted.to_string()]), &["NOT_FOUND accountIds.1", "NOT_FOUND accountIds.2"]),
        (json!([one, one, elsewhere, two]), &["NOT_FOUND accountIds.2"]),
        (json!([partner]), &["NOT_FOUND accountIds.0"]),
        (json!(vec![one.clone(); 101]), &["TOO_MANY accountIds"]),
    ] {
        refused(&world, "createAccountContact", with(john(), json!({ "accountIds": ids })), errors).await;
    }
    let input = with(john(), json!({ "accountIds": [one, two, one, one] }));
    let contact = create(&world, input).await;
    assert_eq!(contact["accounts"]["nodes"], json!([{ "id": one }, { "id": two }]));
    assert_eq!(world.count("account_contact_account").await, 2);
    let input = json!({ "firstName": "A", "email": "a@example.com", "accountIds": vec![one.clone(); 100] });
    assert_eq!(create(&world, input).await["accounts"]["nodes"], json!([{ "id": one }]));
}

/// An object of so many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |below, _| json!({ "d": below }))
}

async fn metadata_is_an_object_of_bounded_size(world: World) {
    let sized = |bytes: usize| json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) });
    let wide = json!({ "a": "ü".repeat(8 * 1024) });
    let deepest = format!("INVALID metadata{}", ".d".repeat(32));
    for (metadata, error) in [
        (json!([]), "INVALID metadata"),
        (json!("{}"), "INVALID metadata"),
        (json!(1), "INVALID metadata"),
        (json!(false), "INVALID metadata"),
        (sized(16 * 1024 + 1), "TOO_LONG metadata"),
        (wide, "TOO_LONG metadata"),
        (json!({ "a": vec![1e308; 60] }), "TOO_LONG metadata"),
        (json!({ "a": [{ "b": "\0" }] }), "INVALID metadata.a.0.b"),
        (json!({ "\0": 1 }), "INVALID metadata"),
        (nested(33), &deepest),
    ] {
        let input = with(john(), json!({ "metadata": metadata }));
        refused(&world, "createAccountContact", input, &[error]).await;
    }
    let numbers =
        json!({ "n": [i64::MIN, u64::MAX, 0.1, 1e300, -0.5], "text": "\u{1f600}\u{202e}\\u0000\n\t\u{1}" });
    for (number, metadata) in [sized(16 * 1024), nested(32), numbers].into_iter().enumerate() {
        let input =
            json!({ "firstName": "A", "email": format!("{number}@example.com"), "metadata": metadata });
        let contact = create(&world, input.clone()).await;
        assert_eq!(contact["metadata"], input["metadata"]);
        assert_eq!(read(&world, &contact).await["metadata"], input["metadata"]);
    }
}

async fn everything_is_made_or_nothing(world: World) {
    let rows = world.rows();
    let account = rows.account("Initech").await.id.to_string();
    let age = field(&rows, "age", FieldType::Integer, false).await.to_string();
    break_inserts(&world.db, "custom_field_value").await;
    let input = with(
        john(),
        json!({
            "accountIds": [account], "idempotencyKey": "k", "customFieldValues": [{ "customFieldId": age, "value": 1 }],
        }),
    );
    let writer = world.writer();
    let create = writer.mutate("createAccountContact", input, "accountContact { id }");
    assert_masked(&world.nothing_written(create).await, "createAccountContact");
}

async fn only_one_of_two_wins_an_email(world: World) {
    let writer = world.writer();
    for round in 1..=20 {
        let inputs = [format!("john{round}@example.com"), format!("JOHN{round}@example.com")]
            .map(|email| with(john(), json!({ "email": email })));
        let selection = "accountContact { id }";
        one_of_two_wins(&writer, "createAccountContact", inputs, selection, "TAKEN email").await;
        assert_eq!(world.count("account_contact").await, round);
    }
}

async fn a_contact_is_added_to_an_account_once(world: World) {
    let rows = world.rows();
    let (one, two) = (rows.account("One").await, rows.account("Two").await);
    let contact = rows.account_contact("john.doe@example.com", &[&one]).await;
    let before = read(&world, &json!({ "id": contact.id.to_string() })).await;
    let input = |account: &account::Model| json!({ "accountContactId": contact.id.to_string(), "accountId": account.id.to_string() });
    let selection = format!("accountContact {{ {CONTACT} }} account {{ id name contacts {{ totalCount }} }}");
    let writer = world.writer();
    let added = done(&writer, "addAccountContactToAccount", input(&two), &selection).await;
    let expected = with(
        before,
        json!({
            "accounts": { "nodes": [{ "id": one.id.to_string() }, { "id": two.id.to_string() }] },
            "version": 2, "updatedAt": added["accountContact"]["updatedAt"],
        }),
    );
    assert_eq!(added["accountContact"], expected);
    assert!(expected["updatedAt"].as_str() > expected["createdAt"].as_str());
    let account = json!({ "id": two.id.to_string(), "name": "Two", "contacts": { "totalCount": 1 } });
    assert_eq!(added["account"], account);
    for account in [&one, &two] {
        let again = done(&writer, "addAccountContactToAccount", input(account), &selection);
        let again = world.nothing_written(again).await;
        assert_eq!(again["accountContact"], expected);
        assert_eq!(again["account"]["name"], account.name);
    }
}

async fn only_what_is_in_reach_is_added(world: World) {
    let (rows, other_rows) = (world.rows(), world.other_rows());
    let (account, contact) =
        (rows.account("One").await.id, rows.account_contact("a@example.com", &[]).await.id);
    let other_account = other_rows.account("Other").await.id.to_string();
    let other_contact = other_rows.account_contact("a@example.com", &[]).await.id.to_string();
    let (gone_account, gone) =
        (rows.account("Gone").await.id, rows.account_contact("b@example.com", &[]).await.id);
    rows.delete::<account::Entity>(gone_account).await;
    rows.delete::<account_contact::Entity>(gone).await;
    let (account, contact) = (account.to_string(), contact.to_string());
    let (gone_account, gone) = (gone_account.to_string(), gone.to_string());
    let both = &["NOT_FOUND accountContactId", "NOT_FOUND accountId"][..];
    for (contact, account, errors) in [
        (&other_contact, &account, &both[..1]),
        (&contact, &other_account, &both[1..]),
        (&other_contact, &other_account, both),
        (&gone, &account, &both[..1]),
        (&contact, &gone_account, &both[1..]),
        (&account, &contact, both),
        (&String::new(), &"\0".to_owned(), both),
    ] {
        let input = json!({ "accountContactId": contact, "accountId": account, "expectedVersion": 1 });
        refused(&world, "addAccountContactToAccount", input, errors).await;
    }
    let input = json!({ "accountContactId": contact, "accountId": account });
    refused_to(&world, &world.other(), "addAccountContactToAccount", input, both).await;
    for argument in ["accountContactId", "accountId"] {
        let input = without(json!({ "accountContactId": contact, "accountId": account }), argument);
        schema_mismatch(&world, "addAccountContactToAccount", input, &["input", argument]).await;
    }
}

async fn an_expected_version_must_be_the_contacts(world: World) {
    let (account, contact) =
        (world.rows().account("One").await, world.rows().account_contact("a@example.com", &[]).await);
    let input = |version: i32| {
        json!({
            "accountContactId": contact.id.to_string(), "accountId": account.id.to_string(), "expectedVersion": version,
        })
    };
    refused(&world, "addAccountContactToAccount", input(2), &["CONFLICT expectedVersion"]).await;
    done(&world.writer(), "addAccountContactToAccount", input(1), "account { id }").await;
    refused(&world, "addAccountContactToAccount", input(1), &["CONFLICT expectedVersion"]).await;
}

async fn only_one_of_two_additions_to_a_version_wins(world: World) {
    let contact = world.rows().account_contact("a@example.com", &[]).await.id.to_string();
    let (accounts, _) = world.rows().accounts_and_contacts(100, 0).await;
    let writer = world.writer();
    for (round, pair) in accounts.chunks(2).enumerate() {
        let add = |account: usize| {
            let input = json!({
                "accountContactId": contact, "accountId": pair[account].to_string(), "expectedVersion": round + 1,
            });
            writer.mutate("addAccountContactToAccount", input, "accountContact { id } account { id }")
        };
        let (one, two) = tokio::join!(add(0), add(1));
        let lost = if one.user_errors("addAccountContactToAccount").is_empty() { two } else { one };
        assert_refused(&lost, "addAccountContactToAccount", &["CONFLICT expectedVersion"], "the second");
        assert_eq!(world.count("account_contact_account").await, round + 1);
    }
}
