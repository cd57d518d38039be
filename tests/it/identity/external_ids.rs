//! External ids of organizations: who sets them, what they may be, and where they select an organization.

use std::time::{Duration, Instant};

use contact_gateway::{
    auth::Scope,
    service::{
        Patch,
        organization::{self, UpdateOrganization},
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    ask, auth,
    issuer::{Issuer, Signing},
    message, restarted,
};
use crate::support::{HOME, OTHER, Reply, World, on_both};

on_both!(
    they_are_set_at_creation_and_by_update,
    they_are_unique_and_no_ids_of_the_gateway,
    only_administrators_of_the_gateway_set_them,
    tokens_name_them_in_any_unicode_form,
    numbers_are_never_ids_of_the_gateway_at_a_provider,
    the_header_and_the_path_take_them,
    another_instance_sees_a_change_within_seconds,
);

/// Sets the external id of an organization.
pub(super) async fn set(world: &World, organization: i64, external_id: Option<&str>) {
    let rows = if organization == HOME { world.rows() } else { world.other_rows() };
    let external_id = external_id.map_or(Patch::Clear, |id| Patch::Set(id.to_owned()));
    let input = UpdateOrganization { external_id, ..UpdateOrganization::default() };
    organization::update(&world.db, &rows.context(), &input).await.expect("an organization");
}

const ORGANIZATION: &str = "organization { id name externalId }";

async fn they_are_set_at_creation_and_by_update(world: World) {
    let admin = world.admin();
    let input = json!({ "name": "Acme", "externalId": " org_9ybsU1dN2dKfDkBi " });
    let created = admin.mutate("createOrganization", input, ORGANIZATION).await;
    let acme = json!({ "id": "org_3", "name": "Acme", "externalId": "org_9ybsU1dN2dKfDkBi" });
    assert_eq!(created.data("/createOrganization/organization"), &acme);

    let update = async |input| admin.mutate("updateOrganization", input, ORGANIZATION).await;
    let home = |external_id| json!({ "id": "org_1", "name": "Home", "externalId": external_id });
    for (input, expected) in [
        (json!({ "externalId": "home" }), home(json!("home"))),
        (json!({}), home(json!("home"))),
        (json!({ "externalId": null }), home(json!(null))),
    ] {
        assert_eq!(update(input).await.data("/updateOrganization/organization"), &expected);
    }
    assert_eq!(
        update(json!({ "externalId": "42" })).await.data("/updateOrganization/organization"),
        &home(json!("42"))
    );
    update(json!({ "externalId": null })).await;
    let change = "{ changes(last: 4) { nodes { fields } } }";
    let fields = json!({ "externalId": { "old": null, "new": "home" } });
    assert_eq!(admin.query(change).await.data("/changes/nodes/0/fields"), &fields);
}

async fn they_are_unique_and_no_ids_of_the_gateway(world: World) {
    let admin = world.admin();
    set(&world, OTHER, Some("other")).await;
    for (external_id, errors) in [
        ("other", &["TAKEN externalId"][..]),
        ("", &["REQUIRED externalId"]),
        (" ", &["REQUIRED externalId"]),
        ("org_42", &["INVALID externalId"]),
        ("org_007", &["INVALID externalId"]),
        ("a\nb", &["INVALID externalId"]),
        (&*"x".repeat(256), &["TOO_LONG externalId"]),
    ] {
        let update = admin.mutate("updateOrganization", json!({ "externalId": external_id }), ORGANIZATION);
        let update = world.nothing_written(update).await;
        assert_eq!(update.user_errors("updateOrganization"), errors, "{external_id}");
        let input = json!({ "name": "New", "externalId": external_id });
        let create = world.nothing_written(admin.mutate("createOrganization", input, ORGANIZATION)).await;
        assert_eq!(create.user_errors("createOrganization"), errors, "{external_id}");
    }
}

async fn only_administrators_of_the_gateway_set_them(world: World) {
    let scopes = [Scope::ContactsRead, Scope::ContactsWrite, Scope::OrgAdmin];
    let tenant = world.actor("tenant", &[HOME], &scopes);
    for external_id in [json!("acme"), json!(null)] {
        let input = json!({ "name": "Mine", "externalId": external_id });
        let refused = world.nothing_written(tenant.mutate("updateOrganization", input, ORGANIZATION)).await;
        assert_eq!(refused.errors(), ["FORBIDDEN updateOrganization"]);
    }
    let renamed = tenant.mutate("updateOrganization", json!({ "name": "Mine" }), ORGANIZATION).await;
    assert_eq!(renamed.data("/updateOrganization/organization/name"), "Mine");
}

/// A world that accepts the tokens of a provider, and the organization that they are for.
async fn with_provider(world: World, form: &str) -> (World, Issuer) {
    let issuer = Issuer::start("https://login.test/", Signing::Rs).await;
    let settings = format!(
        "[[auth.issuers]]\nissuer = \"{}\"\naudience = \"contacts\"\nalgorithms = [\"RS256\"]\n{form}",
        issuer.name
    );
    (restarted(world, auth(&settings)).await, issuer)
}

async fn organization_of(world: &World, issuer: &Issuer, org_id: Value) -> Reply {
    let now = chrono::Utc::now().timestamp();
    let claims = json!({
        "iss": issuer.name, "aud": "contacts", "sub": "alice", "exp": now + 600, "scope": "contacts:read", "org_id": org_id
    });
    let actor = world.anonymous().with_token(&issuer.sign(&claims));
    ask(&actor, "{ viewer { organization { number } } }").await
}

async fn tokens_name_them_in_any_unicode_form(world: World) {
    let (world, issuer) = with_provider(world, "provider = \"auth0\"\n").await;
    for (stored, named) in [("caf\u{e9}", "cafe\u{301}"), ("cafe\u{301}s", "caf\u{e9}s")] {
        set(&world, HOME, Some(stored)).await;
        for id in [stored, named] {
            let reply = organization_of(&world, &issuer, json!(id)).await;
            assert_eq!(reply.data("/viewer/organization/number"), "1", "{id:?}");
        }
    }
    // Other differences make other ids.
    for id in ["cafes", "CAF\u{c9}S", "caf\u{e9}s ", "caf\u{200b}\u{e9}s"] {
        let reply = organization_of(&world, &issuer, json!(id)).await;
        assert_eq!(reply.status, 403, "{id:?}: {}", reply.body);
    }
    let several = organization_of(&world, &issuer, json!(["x".repeat(150), "y".repeat(150)])).await;
    let text = message(&several);
    assert!(text.contains("for organizations that are unknown here"), "{text}");
    assert!(text.contains(&"x".repeat(150)) && text.contains(&"y".repeat(150)), "{text}");
}

async fn numbers_are_never_ids_of_the_gateway_at_a_provider(mut world: World) {
    set(&world, HOME, Some("2")).await;
    for (form, number) in [("provider = \"auth0\"\n", "1"), ("claims.organizations = [\"org_id\"]\n", "2")] {
        let (provided, issuer) = with_provider(world, form).await;
        for id in [json!(2), json!("2")] {
            let reply = organization_of(&provided, &issuer, id.clone()).await;
            assert_eq!(reply.data("/viewer/organization/number"), number, "{form}{id}");
        }
        world = provided;
    }
}

async fn the_header_and_the_path_take_them(world: World) {
    set(&world, HOME, Some("home")).await;
    set(&world, OTHER, Some("other one")).await;
    let viewer = "{ viewer { organization { number externalId } } }";
    for (selected, number, external_id) in
        [("home", "1", "home"), ("other one", "2", "other one"), ("org_2", "2", "other one")]
    {
        let reply = world.multi().in_organization(selected).query(viewer).await;
        let expected = json!({ "number": number, "externalId": external_id });
        assert_eq!(reply.data("/viewer/organization"), &expected, "{selected}");
    }
    // Foreign and unknown ones are the same.
    let mut answers = Vec::new();
    for selected in ["other one", "org_2", "nobody", "org_77", "Home", "home ,other one", "org_home"] {
        let reply = world.reader().in_organization(selected).query(viewer).await;
        assert_eq!(reply.errors(), ["FORBIDDEN"], "{selected}");
        answers.push(reply.body["errors"][0]["message"].clone());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    let status = async |actor: crate::support::Actor, path: &str| {
        Reply::of(actor.request(Method::GET, &format!("/api/v1/organisation/{path}/contact"))).await
    };
    for path in ["1", "org_1", "home"] {
        let list = status(world.reader(), path).await;
        assert_eq!(list.status, 200, "{path}: {}", list.body);
        let link = list.headers["link"].to_str().expect("a link");
        assert!(link.contains("/api/v1/organisation/1/contact"), "{link}");
    }
    assert_eq!(status(world.multi(), "other%20one").await.status, 200);
    for path in ["2", "other%20one", "nobody"] {
        assert_eq!(status(world.reader(), path).await.status, 403, "{path}");
    }
    let differs = world.multi().in_organization("home");
    assert_eq!(status(differs, "other%20one").await.status, 403);
}

async fn another_instance_sees_a_change_within_seconds(world: World) {
    set(&world, HOME, Some("before")).await;
    let other = world.another_instance().await;
    let number = async |address, external_id: &str| {
        let actor = world.multi().at(address).in_organization(external_id);
        let reply = actor.query("{ viewer { organization { number } } }").await;
        reply.body["data"]["viewer"]["organization"]["number"].as_str().map(str::to_owned)
    };
    assert_eq!(number(other.address, "before").await.as_deref(), Some("1"));
    assert_eq!(number(other.address, "after").await, None);
    set(&world, HOME, Some("after")).await;
    // The instance that wrote it sees it at once.
    assert_eq!(number(world.address(), "after").await.as_deref(), Some("1"));
    assert_eq!(number(world.address(), "before").await, None);
    let begin = Instant::now();
    while number(other.address, "after").await.is_none() || number(other.address, "before").await.is_some() {
        assert!(begin.elapsed() < Duration::from_secs(15), "the change is not seen");
        sleep(Duration::from_millis(100)).await;
    }
}
