//! Application tokens become tokens of a short life: `/api/v1/authenticate`.

use axum::Extension;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Answer, Answered},
    call::{Given, Knocked},
    problem::{Kind, Problem},
    refusal::ApiError,
};
use crate::service::app_token;

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(authenticate))
}

/// What shows who asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// An application token, made by an administrator.
    application_token: String,
}

/// A token of a short life.
#[derive(Debug, Serialize, ToSchema)]
struct AuthToken {
    /// To be sent in the header Authorization: Bearer.
    auth_token: String,
}

/// Exchange an application token
///
/// The token that it is exchanged for is valid until its own end, even where the application token is revoked meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/authenticate",
    tag = "Authentication",
    operation_id = "authenticate",
    security(()),
    request_body = Credentials,
    responses(
        (status = 200, description = "The token.", body = AuthToken),
        (status = 404, description = "This gateway exchanges no tokens.", body = ApiError),
    )
)]
async fn authenticate(Extension(door): Knocked, Given(body): Given<Credentials>) -> Answered {
    let Some(exchange) = &door.app.exchange else {
        let message = "This gateway exchanges no application tokens: app_tokens.issuer is not configured.";
        return Err(Problem::new(Kind::NotFound, message));
    };
    let unknown =
        || Problem::new(Kind::BadCredentials, "This is no application token that can be exchanged.");
    let token = app_token::exchange(&door.app.db, exchange, &body.application_token, Utc::now()).await?;
    Answer::ok(&AuthToken { auth_token: token.ok_or_else(unknown)? })
}
