//! Organizations: changing the selected one.

use contact_gateway::auth::Scope;
use serde_json::{Value, json};

use crate::{
    mutation::{assert_refused, done, refused_to, schema_mismatch},
    support::{HOME, World, on_both},
};

on_both!(
    the_selected_organization_is_changed,
    refused_values_are_named,
    only_one_of_two_changes_to_a_version_wins,
    an_update_that_changes_nothing_leaves_no_trace,
    an_organization_that_is_not_there_is_forbidden,
    a_write_to_an_unknown_organization_says_so,
    who_makes_organizations_needs_none_and_gets_into_none,
);

const ORGANIZATION: &str = "organization { id name version createdAt updatedAt }";

async fn names(world: &World) -> Value {
    let reply = world.multi().in_organization("1").query("{ organizations { nodes { name } } }").await;
    reply.list("/organizations/nodes").iter().map(|node| node["name"].clone()).collect()
}

async fn the_selected_organization_is_changed(world: World) {
    let admin = world.multi().in_organization("org_2");
    let input = json!({ "name": " Elsewhere ", "expectedVersion": 1 });
    let updated = done(&admin, "updateOrganization", input, ORGANIZATION).await["organization"].clone();
    assert_eq!(
        (&updated["id"], &updated["name"], &updated["version"]),
        (&json!("org_2"), &json!("Elsewhere"), &json!(2))
    );
    assert_ne!(updated["updatedAt"], updated["createdAt"]);
    assert_eq!(names(&world).await, json!(["Home", "Elsewhere"]));
    let document = "{ changes(last: 1) { nodes { kind action entityId fields actor } } }";
    let change = json!({
        "kind": "ORGANIZATION", "action": "UPDATED", "entityId": "org_2", "actor": "multi",
        "fields": { "name": { "old": "Other", "new": "Elsewhere" } },
    });
    assert_eq!(admin.query(document).await.data("/changes/nodes/0"), &change);
}

async fn refused_values_are_named(world: World) {
    let admin = world.admin();
    for (input, errors) in [
        (json!({ "name": null }), &["REQUIRED name"][..]),
        (json!({ "name": " " }), &["REQUIRED name"]),
        (json!({ "name": "x".repeat(256) }), &["TOO_LONG name"]),
        (json!({ "name": "Ho\nme" }), &["INVALID name"]),
        (json!({ "name": "Home", "expectedVersion": 2 }), &["CONFLICT expectedVersion"]),
    ] {
        refused_to(&world, &admin, "updateOrganization", input, errors).await;
    }
    schema_mismatch(&world, "updateOrganization", json!({ "id": "org_1", "name": "Home" }), &["input", "id"])
        .await;
}

async fn only_one_of_two_changes_to_a_version_wins(world: World) {
    let admin = world.admin();
    for version in 1..=20 {
        let rename = |name: &str| {
            let input = json!({ "name": format!("{name} {version}"), "expectedVersion": version });
            admin.mutate("updateOrganization", input, ORGANIZATION)
        };
        let (one, two) = tokio::join!(rename("One"), rename("Two"));
        let lost = if one.user_errors("updateOrganization").is_empty() { two } else { one };
        assert_refused(&lost, "updateOrganization", &["CONFLICT expectedVersion"], "the second");
    }
}

async fn an_update_that_changes_nothing_leaves_no_trace(world: World) {
    let admin = world.admin();
    for input in [json!({}), json!({ "name": "Home" }), json!({ "name": " Home ", "expectedVersion": 1 })] {
        let update = done(&admin, "updateOrganization", input, "organization { version }");
        assert_eq!(world.nothing_written(update).await["organization"], json!({ "version": 1 }));
    }
}

async fn an_organization_that_is_not_there_is_forbidden(world: World) {
    let gone = HOME + 10;
    let actor = world.actor("admin", &[gone], &Scope::ALL);
    let update = actor.mutate("updateOrganization", json!({ "name": "Gone" }), "organization { id }");
    assert_eq!(world.nothing_written(update).await.errors(), ["FORBIDDEN updateOrganization"]);
}

async fn a_write_to_an_unknown_organization_says_so(world: World) {
    let actor = world.actor("admin", &[HOME + 10], &Scope::ALL);
    for (mutation, input, selection) in [
        ("createPartner", json!({ "name": "New" }), "partner { id }"),
        ("createAccount", json!({ "name": "New" }), "account { id }"),
        ("createContactType", json!({ "name": "New" }), "contactType { id }"),
        ("updateOrganization", json!({ "name": "Gone" }), "organization { id }"),
    ] {
        let refused = world.nothing_written(actor.mutate(mutation, input, selection)).await;
        assert_eq!(refused.errors(), [format!("FORBIDDEN {mutation}")]);
        let message = refused.body["errors"][0]["message"].as_str().expect("a message");
        assert!(message.starts_with("The token is for an organization that is unknown here. "), "{message}");
    }
}

async fn who_makes_organizations_needs_none_and_gets_into_none(world: World) {
    let maker = world.actor("maker", &[], &[Scope::GatewayAdmin, Scope::ContactsRead]);
    let made =
        done(&maker, "createOrganization", json!({ "name": "Third" }), "organization { id name }").await;
    assert_eq!(made["organization"]["name"], "Third");
    let id = made["organization"]["id"].as_str().expect("an id");
    let listed = maker.query("{ organizations { nodes { id } } }").await;
    assert!(listed.list("/organizations/nodes").is_empty());
    assert_eq!(maker.in_organization(id).query("{ partners { nodes { id } } }").await.status, 403);

    // Nor does the administrator of an organization make others.
    let others: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::GatewayAdmin).collect();
    let admin = world.actor("admin", &[HOME], &others);
    let create = admin.mutate("createOrganization", json!({ "name": "Fourth" }), "organization { id }");
    assert_eq!(world.nothing_written(create).await.errors(), ["FORBIDDEN createOrganization"]);
}
