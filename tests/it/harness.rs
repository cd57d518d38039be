//! Tests of the test support itself: an observer that misses writes or statements would let every test pass.

use std::sync::Arc;

use contact_gateway::{
    auth::Scope,
    entity::organization_contact::OrganizationContactType,
    entity::{custom_field::FieldType, internal_contact_assignment::InternalRole, partner},
    service::organization_contact::Card,
};
use reqwest::Method;
use serde_json::json;

use crate::support::{HOME, Reply, World, on_both};

on_both!(
    actors_are_who_they_say,
    each_row_is_made,
    many_rows_are_linked_evenly,
    statements_are_seen,
    a_restart_keeps_the_data_and_changes_the_configuration,
    writes_are_seen,
);

async fn actors_are_who_they_say(world: World) {
    let whoami = "{ viewer { subject scopes organization { id } } }";
    let scopes = |reply: &Reply| reply.list("/viewer/scopes").len();

    let reply = world.anonymous().query(whoami).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.errors(), ["UNAUTHENTICATED"]);
    assert_eq!(reply.headers["www-authenticate"], "Bearer");

    for (actor, subject, organization, count) in [
        (world.reader(), "reader", "org_1", 1),
        (world.writer(), "writer", "org_1", 2),
        (world.admin(), "admin", "org_1", 4),
        (world.other(), "other", "org_2", 4),
        (world.multi().in_organization("org_2"), "multi", "org_2", 4),
        (world.actor("somebody", &[HOME], &[Scope::ContactsRead]), "somebody", "org_1", 1),
    ] {
        let reply = actor.query(whoami).await;
        assert_eq!(reply.text("/viewer/subject"), subject);
        assert_eq!(reply.text("/viewer/organization/id"), organization);
        assert_eq!(scopes(&reply), count);
    }
}

async fn each_row_is_made(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", Some("r-1")).await;
    let floating = rows.internal_contact("ada@example.com", InternalRole::Lead).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    assert_eq!(assigned.contact.id, floating.contact.id);
    let account = rows.account("Initech").await;
    let contact = rows.account_contact("grace@example.com", &[&account]).await;
    assert_eq!(contact.contact_type_id, rows.contact_type("Primary").await.id);
    rows.custom_field("size", FieldType::SingleChoice, &["S", "L"]).await;
    rows.organization_contact(OrganizationContactType::Technical, Card::default()).await;
    let elsewhere = world.other_rows().account("Elsewhere").await;
    assert_ne!(elsewhere.org_id, account.org_id);
    for (table, count) in [
        ("organization", 2),
        ("partner", 1),
        ("internal_contact", 1),
        ("internal_contact_assignment", 2),
        ("account", 2),
        ("account_contact", 1),
        ("account_contact_account", 1),
        ("contact_type", 10),
        ("custom_field", 1),
        ("organization_contact", 1),
    ] {
        assert_eq!(world.count(table).await, count, "{table}");
    }

    rows.delete::<partner::Entity>(partner.id).await;
    let reply = world.reader().query("{ partners { nodes { id } } }").await;
    assert_eq!(reply.data("/partners/nodes"), &json!([]));
}

async fn many_rows_are_linked_evenly(world: World) {
    let (partners, people) = world.rows().partners_and_people(100, 5).await;
    let (accounts, contacts) = world.rows().accounts_and_contacts(100, 5).await;
    assert_eq!([partners.len(), people.len(), accounts.len(), contacts.len()], [100; 4]);

    let document = "{
        partners(first: 100) { nodes { below: assignments { totalCount } } }
        internalContacts(first: 100) { nodes { below: assignments { totalCount } } }
        accounts(first: 100) { nodes { below: contacts { totalCount } } }
        accountContacts(first: 100) { nodes { below: accounts { totalCount } } }
    }";
    let reply = world.reader().query(document).await;
    for list in ["partners", "internalContacts", "accounts", "accountContacts"] {
        let nodes = reply.list(&format!("/{list}/nodes"));
        assert_eq!(nodes.len(), 100, "{list}");
        assert!(nodes.iter().all(|node| node["below"]["totalCount"] == 5), "{list}");
    }
}

async fn statements_are_seen(world: World) {
    let writer = world.writer();
    let create = writer.mutate("createPartner", json!({ "name": "Globex" }), "partner { id }");
    let (created, statements) = world.statements(create).await;
    assert_eq!(created.user_errors("createPartner"), [""; 0]);
    let inserts = |table: &str| {
        let insert = format!("INSERT INTO \"{table}\"");
        statements.iter().filter(|sql| sql.contains(&insert)).count()
    };
    assert_eq!((inserts("partner"), inserts("change")), (1, 1), "{statements:#?}");

    let (_, statements) = world.statements(writer.query("{ partners { nodes { name } } }")).await;
    assert!(matches!(&*statements, [one] if one.starts_with("SELECT")), "{statements:#?}");
    let (_, statements) = world.statements(writer.query("{ __typename }")).await;
    assert_eq!(statements, [""; 0]);
}

async fn a_restart_keeps_the_data_and_changes_the_configuration(world: World) {
    world.rows().partner("Globex", None).await;
    let world = world.restarted(|config| config.http.introspection = false).await;
    let reply = world.reader().query("{ partners { nodes { name } } }").await;
    assert_eq!(reply.text("/partners/nodes/0/name"), "Globex");
    let schema = world.anonymous().request(Method::GET, "/schema.graphql").send().await.expect("an answer");
    assert_eq!(schema.status(), 404);
}

async fn writes_are_seen(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let reply = world.nothing_written(world.reader().query("{ partners { nodes { name } } }")).await;
    assert_eq!(reply.text("/partners/nodes/0/name"), "Globex");

    let world = Arc::new(world);
    let writing = Arc::clone(&world);
    let insert = async move { writing.nothing_written(writing.rows().account("Initech")).await };
    assert!(tokio::spawn(insert).await.is_err(), "an insert was not seen");
    let update =
        async move { world.nothing_written(world.rows().delete::<partner::Entity>(partner.id)).await };
    assert!(tokio::spawn(update).await.is_err(), "an update was not seen");
}
