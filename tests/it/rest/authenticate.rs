//! Application tokens: created by the command, exchanged by the route.

use contact_gateway::{
    auth::{Scope, Scopes},
    error::{AppError, InputErrorCode},
    service::app_token::{self, CreateAppToken},
};
use serde_json::json;

use super::{
    Rest,
    documented::{assert_part, assert_status},
    text,
};
use crate::support::{World, on_both};

on_both!(
    a_token_is_exchanged_for_what_it_allows,
    a_token_that_is_revoked_or_over_is_exchanged_no_more,
    only_hashes_are_kept,
    attempts_are_limited,
    without_an_issuer_nothing_is_exchanged,
    gateway_admin_is_no_scope_of_an_application_token,
);

const PATH: &str = "/api/v1/authenticate";

/// Makes a token in the home organization; gives its id and its text.
async fn token(world: &World, scopes: &[Scope], hours: Option<i64>) -> (String, String) {
    let ctx = world.rows().context();
    let scopes: Scopes = scopes.iter().copied().collect();
    let expires_at = hours.map(|hours| ctx.now + chrono::TimeDelta::hours(hours));
    let input = CreateAppToken { description: "billing import".to_owned(), scopes, expires_at };
    let (row, text) = app_token::create(&world.db, &ctx, &input).await.expect("a token");
    (row.id.to_string(), text)
}

async fn a_token_is_exchanged_for_what_it_allows(world: World) {
    let (id, app_token) = token(&world, &[Scope::ContactsRead], None).await;
    let rest = Rest::of(world.anonymous()).await;
    let answer = rest.post(PATH, json!({ "application_token": app_token })).await;
    assert_status(&answer, 200);
    let actor = world.anonymous().with_token(&text(&answer, "/auth_token"));
    let viewer = actor.query("{ viewer { subject scopes organization { id } } }").await;
    let expected = json!({
        "subject": format!("app_token:{id}"), "scopes": ["contacts:read"], "organization": { "id": "org_1" },
    });
    assert_eq!(viewer.data("/viewer"), &expected);
    let rest = Rest::of(actor).await;
    assert_status(&rest.get("/api/v1/organisation/1/contact").await, 200);
    assert_status(&rest.post("/api/v1/organisation/1/contact", json!({ "type": { "id": 1 } })).await, 403);
    assert_status(&rest.get("/api/v1/organisation/2/contact").await, 403);
}

async fn a_token_that_is_revoked_or_over_is_exchanged_no_more(world: World) {
    let rest = Rest::of(world.anonymous()).await;
    let (id, revoked) = token(&world, &[Scope::ContactsRead], None).await;
    let ctx = world.rows().context();
    app_token::revoke(&world.db, &world.other_rows().context(), &id)
        .await
        .expect_err("another organization's");
    assert_status(&rest.post(PATH, json!({ "application_token": revoked })).await, 200);
    app_token::revoke(&world.db, &ctx, &id).await.expect("revoked");
    for text in [&*revoked, "cgat_", "cgat_AAAA", "", "x"] {
        let refused = rest.post(PATH, json!({ "application_token": text })).await;
        assert_status(&refused, 401);
        assert_part(&refused.body, &json!({ "error_code": 1101, "error_token": "InvalidCredentials" }));
    }
    let (_, over) = token(&world, &[Scope::ContactsRead], Some(1)).await;
    let exchange = world.config.exchange().expect("a key").expect("an issuer");
    let at = async |hours| {
        let now = ctx.now + chrono::TimeDelta::hours(hours);
        app_token::exchange(&world.db, &exchange, &over, now).await.expect("an answer")
    };
    assert!(at(0).await.is_some());
    assert!(at(2).await.is_none());
    for body in [json!({}), json!({ "username": "u", "password": "p" }), json!({ "application_token": 1 })] {
        assert_status(&rest.post(PATH, body).await, 422);
    }
}

async fn only_hashes_are_kept(world: World) {
    let (_, text) = token(&world, &[Scope::ContactsRead], None).await;
    assert_eq!(world.count("app_token").await, 1);
    let rows = format!("{:?}", world.contents().await);
    assert!(!rows.contains(&text), "the token stands in the database");
    let ctx = world.rows().context();
    assert_eq!(app_token::list(&world.db, &ctx).await.expect("tokens").len(), 1);
    let other = world.other_rows().context();
    assert!(app_token::list(&world.db, &other).await.expect("tokens").is_empty());
}

async fn attempts_are_limited(world: World) {
    let world = world.restarted(|config| config.app_tokens.attempts_per_minute = 3).await;
    let rest = Rest::of(world.anonymous()).await;
    for _ in 0..3 {
        assert_status(&rest.post(PATH, json!({ "application_token": "cgat_x" })).await, 401);
    }
    let refused = rest.post(PATH, json!({ "application_token": "cgat_x" })).await;
    assert_status(&refused, 429);
    assert_part(&refused.body, &json!({ "error_code": 1105, "error_token": "TooManyRequests" }));
    assert!(refused.headers.contains_key("retry-after"));
    // Other routes are not concerned.
    assert_status(&Rest::of(world.reader()).await.get("/api/v1/organisation/1/contact").await, 200);
}

async fn without_an_issuer_nothing_is_exchanged(world: World) {
    let (_, app_token) = token(&world, &[Scope::ContactsRead], None).await;
    let world = world.restarted(|config| config.app_tokens.issuer = None).await;
    let refused =
        Rest::of(world.anonymous()).await.post(PATH, json!({ "application_token": app_token })).await;
    assert_status(&refused, 404);
    assert!(text(&refused, "/message").contains("app_tokens.issuer"), "{}", refused.body);
}

async fn gateway_admin_is_no_scope_of_an_application_token(world: World) {
    let input =
        CreateAppToken { description: "everything".to_owned(), scopes: Scopes::all(), expires_at: None };
    let refused = app_token::create(&world.db, &world.rows().context(), &input).await;
    let Err(AppError::Input(errors)) = refused else { panic!("{refused:?}") };
    let errors: Vec<_> = errors.iter().map(|error| (error.code, error.path.join("."))).collect();
    assert_eq!(errors, [(InputErrorCode::NotAllowed, "scopes".to_owned())]);
    assert_eq!(world.count("app_token").await, 0);
}
