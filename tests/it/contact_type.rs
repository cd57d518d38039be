//! Contact types: creating, renaming and deleting them, and that exactly one is the default, also under concurrency.

use std::time::Duration;

use contact_gateway::entity::{
    Scoped, account_contact, contact_type, custom_field::FieldType, id::AccountContactId,
};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{
    change::constant,
    mutation::{assert_masked, assert_refused, break_inserts, done, refused_to, schema_mismatch},
    support::{Actor, Outcomes, World, on_both, race},
};

on_both!(
    a_type_is_made_and_read_back,
    refused_values_are_named,
    a_name_is_taken_once,
    only_one_of_two_wins_a_name,
    a_key_makes_repetitions_harmless,
    a_type_is_renamed,
    an_update_that_changes_nothing_leaves_no_trace,
    another_type_becomes_the_default,
    of_many_new_defaults_one_stays,
    an_unused_type_goes,
    the_default_stays,
    a_type_in_use_needs_a_replacement,
    a_replacement_is_another_type_of_the_organization,
    contacts_get_the_replacement,
    a_stale_version_is_a_conflict,
    a_type_without_its_record_stays_as_it_is,
    a_type_that_goes_meanwhile_is_not_found,
    contacts_are_made_while_types_come_and_go,
    two_removals_at_once_leave_one_of_two_types,
);

const TYPE: &str = "contactType { id name isDefault version createdAt updatedAt }";

/// The types of the actor's organization, as `name version`, the default with a star.
async fn types(actor: &Actor) -> Vec<String> {
    let reply = actor.query("{ contactTypes { nodes { name isDefault version } } }").await;
    let line = |node: &Value| {
        let star = if node["isDefault"] == json!(true) { "*" } else { "" };
        format!("{star}{} {}", node["name"].as_str().expect("a name"), node["version"])
    };
    reply.list("/contactTypes/nodes").iter().map(line).collect()
}

async fn id(world: &World, name: &str) -> String {
    world.rows().contact_type(name).await.id.to_string()
}

/// The last changes: kind, action, id and fields of each.
async fn changes(world: &World, count: usize) -> Vec<Value> {
    let document = format!("{{ changes(last: {count}) {{ nodes {{ kind action entityId fields }} }} }}");
    let reply = world.admin().query(&document).await;
    reply.list("/changes/nodes").to_vec()
}

fn change(kind: &str, action: &str, id: &str, fields: Value) -> Value {
    json!({ "kind": constant(kind), "action": constant(action), "entityId": id, "fields": fields })
}

async fn refused(world: &World, mutation: &str, input: Value, errors: &[&str]) {
    refused_to(world, &world.admin(), mutation, input, errors).await;
}

/// A contact of this type; gives its id.
async fn contact(world: &World, email: &str, contact_type: &str) -> String {
    let input = json!({ "firstName": "Grace", "email": email, "contactTypeId": contact_type });
    let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
    made["accountContact"]["id"].as_str().expect("an id").to_owned()
}

async fn a_type_is_made_and_read_back(world: World) {
    let made = done(&world.admin(), "createContactType", json!({ "name": " Purchasing " }), TYPE).await;
    let made = &made["contactType"];
    let expected = json!({
        "id": made["id"], "name": "Purchasing", "isDefault": false, "version": 1,
        "createdAt": made["createdAt"], "updatedAt": made["createdAt"],
    });
    assert_eq!(*made, expected);
    let all = ["*Primary 1", "Billing 1", "Legal 1", "Executive 1", "Other 1", "Purchasing 1"];
    assert_eq!(types(&world.reader()).await, all);
    assert_eq!(types(&world.other()).await, all[..5]);
    let type_id = made["id"].as_str().expect("an id");
    let fields = json!({ "name": { "new": "Purchasing" }, "isDefault": { "new": false } });
    assert_eq!(changes(&world, 1).await, [change("ContactType", "created", type_id, fields)]);
    contact(&world, "grace@example.com", type_id).await;
}

async fn refused_values_are_named(world: World) {
    for (name, error) in [
        (json!(""), "REQUIRED name"),
        (json!(" \t"), "REQUIRED name"),
        (json!("x".repeat(256)), "TOO_LONG name"),
        (json!("Bil\nling"), "INVALID name"),
        (json!("a\0"), "INVALID name"),
    ] {
        refused(&world, "createContactType", json!({ "name": name }), &[error]).await;
        let update = json!({ "id": id(&world, "Legal").await, "name": name });
        refused(&world, "updateContactType", update, &[error]).await;
    }
    let input = json!({ "id": id(&world, "Legal").await, "name": null });
    refused(&world, "updateContactType", input, &["REQUIRED name"]).await;
    schema_mismatch(&world, "createContactType", json!({}), &["input", "name"]).await;
    schema_mismatch(&world, "createContactType", json!({ "name": null }), &["input", "name"]).await;
    schema_mismatch(
        &world,
        "createContactType",
        json!({ "name": "A", "isDefault": true }),
        &["input", "isDefault"],
    )
    .await;
    for mutation in ["updateContactType", "setDefaultContactType", "deleteContactType"] {
        schema_mismatch(&world, mutation, json!({}), &["input", "id"]).await;
        for id in ["", "ct_1", "ct_00000000000000000000000000", "org_1"] {
            refused(&world, mutation, json!({ "id": id }), &["NOT_FOUND id"]).await;
        }
    }
}

async fn a_name_is_taken_once(world: World) {
    refused(&world, "createContactType", json!({ "name": " Billing " }), &["TAKEN name"]).await;
    let input = json!({ "id": id(&world, "Legal").await, "name": "Billing" });
    refused(&world, "updateContactType", input, &["TAKEN name"]).await;
    // Elsewhere it is free.
    done(&world.admin(), "createContactType", json!({ "name": "Purchasing" }), TYPE).await;
    done(&world.other(), "createContactType", json!({ "name": "Purchasing" }), TYPE).await;
}

async fn only_one_of_two_wins_a_name(world: World) {
    let (admin, renamed) = (world.admin(), id(&world, "Other").await);
    for round in 1..=15 {
        let name = format!("Type {round}");
        let create = admin.mutate("createContactType", json!({ "name": name }), TYPE);
        let rename = admin.mutate("updateContactType", json!({ "id": renamed, "name": name }), TYPE);
        let (made, renamed) = tokio::join!(create, rename);
        match (made.user_errors("createContactType"), renamed.user_errors("updateContactType")) {
            (errors, renamed) if errors.is_empty() => assert_eq!(renamed, ["TAKEN name"]),
            (made, errors) => assert_eq!((made, errors), (vec!["TAKEN name".to_owned()], Vec::new())),
        }
    }
}

async fn a_key_makes_repetitions_harmless(world: World) {
    let (admin, input) = (world.admin(), json!({ "name": "Purchasing", "idempotencyKey": "k" }));
    let first = done(&admin, "createContactType", input.clone(), TYPE).await;
    let again = join_all((0..10).map(|_| done(&admin, "createContactType", input.clone(), TYPE)));
    assert_eq!(world.nothing_written(again).await, vec![first.clone(); 10]);
    let other = json!({ "name": "Sales", "idempotencyKey": "k" });
    refused(&world, "createContactType", other, &["CONFLICT idempotencyKey"]).await;
    let gone = json!({ "id": first["contactType"]["id"] });
    done(&admin, "deleteContactType", gone, TYPE).await;
    refused(&world, "createContactType", input, &["CONFLICT idempotencyKey"]).await;
}

async fn a_type_is_renamed(world: World) {
    let billing = id(&world, "Billing").await;
    let input = json!({ "id": billing, "name": " Invoices ", "expectedVersion": 1 });
    let updated = done(&world.admin(), "updateContactType", input, TYPE).await["contactType"].clone();
    assert_eq!((&updated["name"], &updated["version"]), (&json!("Invoices"), &json!(2)));
    assert_ne!(updated["updatedAt"], updated["createdAt"]);
    assert_eq!(types(&world.reader()).await[..3], ["*Primary 1", "Invoices 2", "Legal 1"]);
    let fields = json!({ "name": { "old": "Billing", "new": "Invoices" } });
    assert_eq!(changes(&world, 1).await, [change("ContactType", "updated", &billing, fields)]);
}

async fn an_update_that_changes_nothing_leaves_no_trace(world: World) {
    let (admin, primary) = (world.admin(), id(&world, "Primary").await);
    for (mutation, input) in [
        ("updateContactType", json!({ "id": primary })),
        ("updateContactType", json!({ "id": primary, "name": " Primary " })),
        ("setDefaultContactType", json!({ "id": primary })),
        ("setDefaultContactType", json!({ "id": primary, "expectedVersion": 1 })),
    ] {
        let update = done(&admin, mutation, input, "contactType { version isDefault }");
        let unchanged = json!({ "version": 1, "isDefault": true });
        assert_eq!(world.nothing_written(update).await["contactType"], unchanged);
    }
}

async fn another_type_becomes_the_default(world: World) {
    let (primary, legal) = (id(&world, "Primary").await, id(&world, "Legal").await);
    let input = json!({ "id": legal, "expectedVersion": 1 });
    let set = done(&world.admin(), "setDefaultContactType", input, TYPE).await["contactType"].clone();
    assert_eq!((&set["id"], &set["isDefault"], &set["version"]), (&json!(legal), &json!(true), &json!(2)));
    let all = ["Primary 2", "Billing 1", "*Legal 2", "Executive 1", "Other 1"];
    assert_eq!(types(&world.reader()).await, all);
    assert_eq!(types(&world.other()).await[0], "*Primary 1");
    let expected = [
        change("ContactType", "updated", &primary, json!({ "isDefault": { "old": true, "new": false } })),
        change("ContactType", "updated", &legal, json!({ "isDefault": { "old": false, "new": true } })),
    ];
    assert_eq!(changes(&world, 2).await, expected);
    let contact = world.rows().account_contact("grace@example.com", &[]).await;
    assert_eq!(contact.contact_type_id.to_string(), legal);
}

async fn of_many_new_defaults_one_stays(world: World) {
    let admin = world.admin();
    let mut ids = Vec::new();
    for name in ["Primary", "Billing", "Legal", "Executive", "Other"] {
        ids.push(id(&world, name).await);
    }
    for _ in 0..5 {
        let calls = ids.iter().chain(ids.iter().rev()).map(|id| {
            admin.mutate("setDefaultContactType", json!({ "id": id }), "contactType { isDefault }")
        });
        for reply in join_all(calls).await {
            assert_eq!(reply.data("/setDefaultContactType/contactType/isDefault"), &json!(true));
        }
        let defaults = types(&admin).await.iter().filter(|it| it.starts_with('*')).count();
        assert_eq!(defaults, 1);
    }
    // Each change is one of two: a new default and a former one.
    let version = |line: &String| line.rsplit(' ').next().and_then(|it| it.parse::<usize>().ok());
    let changed: usize = types(&admin).await.iter().filter_map(version).map(|version| version - 1).sum();
    assert_eq!(changed % 2, 0);
    let recorded = changes(&world, 100).await.into_iter().filter(|it| it["action"] == "UPDATED").count();
    assert_eq!(recorded, changed);
}

async fn an_unused_type_goes(world: World) {
    let billing = id(&world, "Billing").await;
    let input = json!({ "id": billing, "expectedVersion": 1 });
    let gone = done(&world.admin(), "deleteContactType", input.clone(), TYPE).await["contactType"].clone();
    assert_eq!(
        (&gone["id"], &gone["name"], &gone["version"]),
        (&json!(billing), &json!("Billing"), &json!(1))
    );
    assert_eq!(types(&world.reader()).await, ["*Primary 1", "Legal 1", "Executive 1", "Other 1"]);
    assert_eq!(types(&world.other()).await.len(), 5);
    let fields = json!({ "name": { "old": "Billing", "new": null } });
    assert_eq!(changes(&world, 1).await, [change("ContactType", "deleted", &billing, fields)]);
    refused(&world, "deleteContactType", input, &["NOT_FOUND id"]).await;
    // Its name is free.
    done(&world.admin(), "createContactType", json!({ "name": "Billing" }), TYPE).await;
}

async fn the_default_stays(world: World) {
    let (primary, legal) = (id(&world, "Primary").await, id(&world, "Legal").await);
    for (input, errors) in [
        (json!({ "id": primary }), &["NOT_ALLOWED id"][..]),
        (json!({ "id": primary, "replacementId": legal }), &["NOT_ALLOWED id"]),
        (json!({ "id": primary, "replacementId": "ct_1" }), &["NOT_ALLOWED id", "NOT_FOUND replacementId"]),
    ] {
        refused(&world, "deleteContactType", input, errors).await;
    }
}

async fn a_type_in_use_needs_a_replacement(world: World) {
    let rows = world.rows();
    for (name, is_deleted) in [("Billing", false), ("Legal", true)] {
        let type_id = id(&world, name).await;
        let contact = contact(&world, &format!("{name}@example.com"), &type_id).await;
        if is_deleted {
            rows.delete::<account_contact::Entity>(contact.parse().expect("an id")).await;
        }
        refused(&world, "deleteContactType", json!({ "id": type_id }), &["IN_USE id"]).await;
        let input = json!({ "id": type_id, "replacementId": null });
        refused(&world, "deleteContactType", input, &["IN_USE id"]).await;
    }
}

async fn a_replacement_is_another_type_of_the_organization(world: World) {
    let billing = id(&world, "Billing").await;
    contact(&world, "grace@example.com", &billing).await;
    let elsewhere = world.other_rows().contact_type("Legal").await.id.to_string();
    let field = world.rows().custom_field("size", FieldType::Text, &[]).await;
    for (replacement, error) in [
        (billing.clone(), "INVALID replacementId"),
        (elsewhere, "NOT_FOUND replacementId"),
        (field.id.to_string(), "NOT_FOUND replacementId"),
        ("ct_00000000000000000000000000".to_owned(), "NOT_FOUND replacementId"),
        (String::new(), "NOT_FOUND replacementId"),
    ] {
        let input = json!({ "id": billing, "replacementId": replacement });
        refused(&world, "deleteContactType", input, &[error]).await;
    }
}

async fn contacts_get_the_replacement(world: World) {
    let (rows, billing, legal) = (world.rows(), id(&world, "Billing").await, id(&world, "Legal").await);
    let first = contact(&world, "first@example.com", &billing).await;
    let gone = contact(&world, "gone@example.com", &billing).await;
    let second = contact(&world, "second@example.com", &billing).await;
    let other = rows.account_contact("other@example.com", &[]).await;
    rows.delete::<account_contact::Entity>(gone.parse().expect("an id")).await;
    let input = json!({ "id": billing, "replacementId": legal, "expectedVersion": 1 });
    let (reply, statements) =
        world.statements(done(&world.admin(), "deleteContactType", input, "contactType { name }")).await;
    assert_eq!(reply["contactType"]["name"], "Billing");
    // Types, contacts, two updates, the type, all changes: however many contacts there are.
    assert_eq!(statements.len(), 6, "{statements:#?}");

    let fields = json!({ "contactTypeId": { "old": billing, "new": legal } });
    let mut contacts = [&first, &second];
    contacts.sort();
    let mut expected = Vec::from(contacts.map(|id| change("AccountContact", "updated", id, fields.clone())));
    expected.push(change(
        "ContactType",
        "deleted",
        &billing,
        json!({ "name": { "old": "Billing", "new": null } }),
    ));
    assert_eq!(changes(&world, 3).await, expected);
    let document = "query($ids: [ID!]!) {
        nodes(ids: $ids) { ... on AccountContact { id version createdAt updatedAt contactType { name } } }
    }";
    let ids = json!([first, second, other.id.to_string()]);
    let reply = world.reader().graphql(document, json!({ "ids": ids })).await;
    let nodes = reply.list("/nodes");
    for node in &nodes[..2] {
        assert_eq!((&node["version"], &node["contactType"]["name"]), (&json!(2), &json!("Legal")));
        assert_ne!(node["updatedAt"], node["createdAt"]);
    }
    assert_eq!((&nodes[2]["version"], &nodes[2]["contactType"]["name"]), (&json!(1), &json!("Primary")));
    let (gone, legal) = (gone.parse().expect("an id"), legal.parse().expect("an id"));
    let row = contact_row(&world, gone).await;
    assert_eq!((row.contact_type_id, row.version), (legal, 1));
}

async fn contact_row(world: &World, id: AccountContactId) -> account_contact::Model {
    let rows = account_contact::Entity::find_in_with_deleted(world.rows().organization);
    let row = rows.filter(account_contact::Column::Id.eq(id)).one(world.db.connection()).await;
    row.expect("a row").expect("a contact")
}

async fn a_stale_version_is_a_conflict(world: World) {
    let (primary, billing) = (id(&world, "Primary").await, id(&world, "Billing").await);
    for id in [primary, billing] {
        for mutation in ["updateContactType", "setDefaultContactType", "deleteContactType"] {
            let input = json!({ "id": id, "expectedVersion": 2 });
            refused(&world, mutation, input, &["CONFLICT expectedVersion"]).await;
        }
    }
    let admin = world.admin();
    let legal = id(&world, "Legal").await;
    for version in 1..=15 {
        let rename = |name: &str| {
            let input =
                json!({ "id": legal, "name": format!("{name} {version}"), "expectedVersion": version });
            admin.mutate("updateContactType", input, TYPE)
        };
        let (one, two) = tokio::join!(rename("One"), rename("Two"));
        let lost = if one.user_errors("updateContactType").is_empty() { two } else { one };
        assert_refused(&lost, "updateContactType", &["CONFLICT expectedVersion"], "the second");
    }
}

async fn a_type_without_its_record_stays_as_it_is(world: World) {
    let (admin, billing, legal) = (world.admin(), id(&world, "Billing").await, id(&world, "Legal").await);
    contact(&world, "grace@example.com", &billing).await;
    break_inserts(&world.db, "change").await;
    for (mutation, input) in [
        ("createContactType", json!({ "name": "Purchasing", "idempotencyKey": "k" })),
        ("updateContactType", json!({ "id": billing, "name": "Invoices" })),
        ("setDefaultContactType", json!({ "id": billing })),
        ("deleteContactType", json!({ "id": billing, "replacementId": legal })),
    ] {
        let reply = world.nothing_written(admin.mutate(mutation, input, TYPE)).await;
        assert_masked(&reply, mutation);
    }
}

async fn a_type_that_goes_meanwhile_is_not_found(world: World) {
    let (organization, billing) = (world.rows().organization, world.rows().contact_type("Billing").await.id);
    let removal = world.db.begin().await.expect("a write");
    let named = contact_type::Entity::delete_in(organization).filter(contact_type::Column::Id.eq(billing));
    named.exec(&removal).await.expect("a removal");
    let input =
        json!({ "firstName": "Grace", "email": "grace@example.com", "contactTypeId": billing.to_string() });
    let writer = world.writer();
    let creation = writer.mutate("createAccountContact", input, "accountContact { id }");
    let removal = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        removal.commit().await.expect("a commit");
    };
    let (reply, ()) = tokio::join!(creation, removal);
    assert_refused(&reply, "createAccountContact", &["NOT_FOUND contactTypeId"], "a type that goes");
}

async fn contacts_are_made_while_types_come_and_go(world: World) {
    let (admin, writer) = (world.admin(), world.writer());
    let (mut doomed, primary) = (id(&world, "Billing").await, id(&world, "Primary").await);
    for round in 0..10 {
        let create = |number: usize, type_id: Value| {
            let email = format!("contact{number}-{round}@example.com");
            let input = json!({ "firstName": "Grace", "email": email, "contactTypeId": type_id });
            writer.mutate("createAccountContact", input, "accountContact { contactType { id } }")
        };
        // The type becomes the default, is one no more, and goes; contacts of it and of the default are made meanwhile.
        let administration = async {
            for default in [&doomed, &primary] {
                done(&admin, "setDefaultContactType", json!({ "id": default }), TYPE).await;
            }
            let input = json!({ "id": doomed, "replacementId": primary });
            done(&admin, "deleteContactType", input, TYPE).await;
        };
        let creations = join_all(
            (0..12).map(|number| create(number, if number % 2 == 0 { json!(doomed) } else { Value::Null })),
        );
        // Concurrent reads find a type with each contact.
        let reading = async {
            for _ in 0..5 {
                let document = "{ accountContacts(last: 100) { nodes { contactType { name } } } }";
                world.reader().query(document).await.list("/accountContacts/nodes");
            }
        };
        let (replies, (), ()) = tokio::join!(creations, administration, reading);
        for (number, reply) in replies.iter().enumerate() {
            let errors = reply.user_errors("createAccountContact");
            let is_fine = errors.is_empty() || (number % 2 == 0 && errors == ["NOT_FOUND contactTypeId"]);
            assert!(is_fine, "{number}: {reply:?}");
        }
        let input = json!({ "name": format!("Type {round}") });
        let made = done(&admin, "createContactType", input, "contactType { id }").await;
        doomed = made["contactType"]["id"].as_str().expect("an id").to_owned();
    }
    let defaults = types(&admin).await.into_iter().filter(|it| it.starts_with('*'));
    assert_eq!(defaults.count(), 1);
}

async fn two_removals_at_once_leave_one_of_two_types(world: World) {
    let (admin, mut outcomes) = (world.admin(), Outcomes::default());
    for round in 0..10 {
        let mut ids = Vec::new();
        for name in ["one", "two"] {
            let input = json!({ "name": format!("{name} {round}") });
            let made = done(&admin, "createContactType", input, "contactType { id }").await;
            ids.push(made["contactType"]["id"].as_str().expect("an id").to_owned());
        }
        for (number, id) in ids.iter().enumerate() {
            contact(&world, &format!("contact{number}-{round}@example.com"), id).await;
        }
        // Each is to take the place of the other.
        let remove = |gone: &str, replacement: &str| {
            let input = json!({ "id": gone, "replacementId": replacement });
            admin.mutate("deleteContactType", input, TYPE)
        };
        let (one, two) = race(round, remove(&ids[0], &ids[1]), remove(&ids[1], &ids[0])).await;
        let is_one = one.user_errors("deleteContactType").is_empty();
        let lost = if is_one { two } else { one };
        outcomes.record(is_one);
        assert_refused(&lost, "deleteContactType", &["NOT_FOUND replacementId"], "the second");
    }
    outcomes.assert(&["false", "true"]);
    assert_eq!(world.count("contact_type").await, 2 * 5 + 10);
}
