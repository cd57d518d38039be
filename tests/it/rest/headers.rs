//! Headers: tokens, the selected organization, idempotency keys, entity tags, methods, and what pages may read.

use contact_gateway::{
    auth::Scope,
    entity::{internal_contact_assignment::InternalRole, organization_contact::OrganizationContactType},
    service::organization_contact::Card,
};
use reqwest::Method;
use serde_json::json;

use super::{
    Rest,
    documented::{assert_part, assert_status},
};
use crate::support::{HOME, Reply, World, on_both};

on_both!(
    nobody_gets_in_without_a_token,
    scopes_are_the_services,
    an_organization_must_be_selected,
    a_repeated_creation_does_nothing,
    a_change_of_an_old_version_is_refused,
    unknown_methods_are_told,
    pages_of_allowed_origins_may_read,
    a_request_is_told_of_in_metrics_by_its_route,
);

/// A list of each family.
const LISTS: [&str; 3] = ["/v2/internal-contacts", "/v1/accounts/contacts", "/api/v1/organisation/1/contact"];

async fn nobody_gets_in_without_a_token(world: World) {
    let signer = world.writer();
    let forged = format!("{}x", signer.token());
    for actor in [world.anonymous(), world.anonymous().with_token(&forged)] {
        let rest = Rest::of(actor).await;
        let [internal, account, organization] = LISTS.map(|path| rest.get(path));
        let (internal, account, organization) = (internal.await, account.await, organization.await);
        for reply in [&internal, &account, &organization] {
            assert_status(reply, 401);
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
        let item = &internal.body["detail"][0];
        assert_part(item, &json!({ "loc": ["header", "Authorization"], "type": "unauthenticated" }));
        assert_part(&account.body, &json!({ "statusCode": 401, "error": "Unauthorized" }));
        assert_part(&organization.body, &json!({ "error_code": 1102, "error_token": "InvalidToken" }));
    }
    let expired = Rest::of(world.anonymous().with_token(&expired())).await;
    let organization = expired.get(LISTS[2]).await;
    assert_part(&organization.body, &json!({ "error_code": 1103, "error_token": "TokenExpired" }));
    assert_eq!(expired.get(LISTS[0]).await.body["detail"][0]["type"], "token_expired");
}

/// A token that was good an hour ago.
fn expired() -> String {
    let signer =
        contact_gateway::config::development_signer(b"a key that everybody may know...").expect("a signer");
    let past = chrono::Utc::now() - chrono::TimeDelta::hours(2);
    let hour = std::time::Duration::from_hours(1);
    signer.mint("late", &[HOME], Scope::ALL.into_iter().collect(), hour, past).expect("a token")
}

async fn scopes_are_the_services(world: World) {
    let reader = Rest::of(world.reader()).await;
    let creations = [
        ("/v2/internal-contacts", json!({ "email": "a@example.com", "internal_role": "csm" })),
        ("/v1/accounts/contacts", json!({ "email": "a@example.com", "firstName": "A" })),
        ("/api/v1/organisation/1/contact", json!({ "type": { "id": 1 } })),
    ];
    for (path, body) in &creations {
        assert_status(&world.nothing_written(reader.post(path, body.clone())).await, 403);
    }
    // A caller that may only write gets what it has written.
    let writer = Rest::of(world.actor("pen", &[HOME], &[Scope::ContactsWrite])).await;
    for (path, body) in creations {
        assert!(writer.post(path, body).await.status.is_success(), "{path}");
        assert_status(&writer.get(path).await, 403);
    }
}

async fn an_organization_must_be_selected(world: World) {
    let multi = Rest::of(world.multi()).await;
    assert_status(&multi.get(LISTS[0]).await, 422);
    assert_status(&multi.get(LISTS[1]).await, 400);
    for organization in ["org_1", "1"] {
        assert_status(&multi.with("x-org-id", organization).get(LISTS[0]).await, 200);
    }
    for organization in ["org_3", "org_99", "x", ""] {
        assert_status(&multi.with("x-org-id", organization).get(LISTS[0]).await, 403);
    }
}

async fn a_repeated_creation_does_nothing(world: World) {
    let partner = world.rows().partner("Globex", None).await.id;
    let rest = Rest::of(world.admin()).await;
    let add = format!("/v2/partners/{partner}/internal-contacts");
    for (path, body, other) in [
        (
            "/v2/internal-contacts",
            json!({ "email": "a@example.com", "internal_role": "csm" }),
            json!({ "email": "b@example.com", "internal_role": "csm" }),
        ),
        (
            &add,
            json!({ "email": "c@example.com", "internal_role": "csm" }),
            json!({ "email": "c@example.com", "internal_role": "lead" }),
        ),
        (
            "/v1/accounts/contacts",
            json!({ "email": "a@example.com", "firstName": "A" }),
            json!({ "email": "a@example.com", "firstName": "B" }),
        ),
        (
            "/v1/accounts/attributes",
            json!({ "attribute": "contact_type", "value": "A" }),
            json!({ "attribute": "contact_type", "value": "B" }),
        ),
        ("/api/v1/organisation/1/contact", json!({ "type": { "id": 1 } }), json!({ "type": { "id": 2 } })),
    ] {
        let keyed = rest.with("idempotency-key", path);
        let first = keyed.post(path, body.clone()).await;
        assert!(first.status.is_success(), "{path}: {}", first.body);
        let again = world.nothing_written(keyed.post(path, body.clone())).await;
        assert_eq!((again.status, again.body), (first.status, first.body), "{path}");
        assert_status(&world.nothing_written(keyed.post(path, other)).await, 409);
        let bad = rest.with("idempotency-key", &"k".repeat(256));
        let refused = world.nothing_written(bad.post(path, body)).await;
        assert!(refused.body.to_string().contains("Idempotency-Key"), "{}", refused.body);
    }
    // One key means one thing, however it is sent.
    let keyed = rest.with("idempotency-key", "both");
    let input = json!({ "email": "g@example.com", "internalRole": "CSM", "idempotencyKey": "both" });
    let made = world.admin().mutate("createInternalContact", input, "assignment { id }").await;
    let body = json!({ "email": "g@example.com", "internal_role": "csm" });
    let again = keyed.post("/v2/internal-contacts", body).await;
    assert_eq!(&again.body["id"], made.data("/createInternalContact/assignment/id"));
}

async fn a_change_of_an_old_version_is_refused(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", None).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let account_contact = rows.account_contact("grace@example.com", &[]).await.id;
    let card = rows.organization_contact(OrganizationContactType::Technical, Card::default()).await.id.0;
    let rest = Rest::of(world.writer()).await;
    for (path, method, changes) in [
        (
            format!("/v2/partners/{}/internal-contacts/{}", partner.id, assigned.assignment.id),
            Method::PATCH,
            ["internal_role", "lead", "co_lead"],
        ),
        // After their assignment, which is hidden with them.
        (format!("/v2/internal-contacts/{}", assigned.contact.id), Method::PATCH, ["name", "A", "B"]),
        (format!("/v1/accounts/contacts/{account_contact}"), Method::PUT, ["lastName", "A", "B"]),
        (format!("/api/v1/organisation/1/contact/{card}"), Method::PATCH, ["name", "A", "B"]),
    ] {
        let [field, first, second] = changes;
        let change = |value: &str| {
            let mut body = json!({});
            body[field] = json!(value);
            Some(body)
        };
        let read = rest.get(&path).await;
        assert_eq!(read.headers["etag"], "\"1\"");
        let fresh = rest.with("if-match", "\"1\"").call(method.clone(), &path, change(first)).await;
        assert_status(&fresh, 200);
        assert_eq!(fresh.headers["etag"], "\"2\"");
        for stale in ["\"1\"", "W/\"2\"", "2", "\"x\"", "\"1\", \"3\""] {
            let rest = rest.with("if-match", stale);
            let refused = world.nothing_written(rest.call(method.clone(), &path, change(second))).await;
            assert_status(&refused, 412);
            assert_status(&world.nothing_written(rest.delete(&path)).await, 412);
        }
        assert_status(&rest.with("if-match", "*").call(method, &path, change(second)).await, 200);
        assert_status(&rest.with("if-match", "\"3\"").delete(&path).await, 204);
    }
}

async fn unknown_methods_are_told(world: World) {
    let actor = world.writer();
    for (method, path, allow) in [
        (Method::DELETE, LISTS[0], "GET, POST"),
        (Method::PATCH, LISTS[1], "GET, POST"),
        (Method::PUT, LISTS[2], "GET, POST"),
        (Method::POST, "/api/v1/country", "GET"),
    ] {
        let reply = Reply::of(actor.request(method, path)).await;
        assert_status(&reply, 405);
        assert_eq!(reply.headers["allow"], allow);
        assert!(reply.body.is_object(), "{}", reply.body);
    }
    let head = Reply::of(actor.request(Method::HEAD, LISTS[0])).await;
    assert_eq!((head.status.as_u16(), head.body), (200, json!("")));
}

async fn pages_of_allowed_origins_may_read(world: World) {
    let world =
        world.restarted(|config| config.http.allowed_origins = vec!["https://app.example".to_owned()]).await;
    let preflight = world
        .anonymous()
        .with_header("origin", "https://app.example")
        .with_header("access-control-request-method", "PATCH")
        .with_header("access-control-request-headers", "if-match");
    let reply = Reply::of(preflight.request(Method::OPTIONS, LISTS[0])).await;
    assert_status(&reply, 200);
    let methods = reply.headers["access-control-allow-methods"].to_str().expect("a text");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    let reply =
        Reply::of(world.reader().with_header("origin", "https://app.example").request(Method::GET, LISTS[0]));
    let reply = reply.await;
    let exposed = reply.headers["access-control-expose-headers"].to_str().expect("a text");
    for name in ["etag", "location", "link", "x-total-count"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    let foreign = Reply::of(
        world.reader().with_header("origin", "https://evil.example").request(Method::GET, LISTS[0]),
    );
    assert!(!foreign.await.headers.contains_key("access-control-allow-origin"));
}

async fn a_request_is_told_of_in_metrics_by_its_route(world: World) {
    let rest = Rest::of(world.reader()).await;
    rest.get("/v2/internal-contacts/ic_x").await;
    rest.get("/v2/internal-contacts").await;
    let metrics = world.metrics().await;
    for line in [
        r#"field="GET /v2/internal-contacts/{internal_contact_id}",outcome="BAD_REQUEST""#,
        r#"field="GET /v2/internal-contacts",outcome="OK""#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let named = rest.with("x-request-id", "r-1").get(LISTS[0]).await;
    assert_eq!(named.headers["x-request-id"], "r-1");
}
