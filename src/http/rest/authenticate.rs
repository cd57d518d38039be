//! Exchange of application tokens for short-lived tokens: `/api/v1/authenticate`.

use axum::Extension;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::{PreAuthExtension, ValidatedBody},
    error_body::ApiError,
    problem::{Problem, ProblemKind},
    response::{RestResponse, RestResult},
};
use crate::service::app_token;

/// The routes.
pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(authenticate))
}

/// Credentials.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// An application token, issued by an administrator.
    application_token: String,
}

/// A short-lived token.
#[derive(Debug, Serialize, ToSchema)]
struct AuthToken {
    /// Token for the header `Authorization: Bearer`.
    auth_token: String,
}

/// Exchange an application token
///
/// Exchanges an application token for a short-lived token. The short-lived token stays valid until it expires, even
/// if the application token is revoked.
#[utoipa::path(
    post,
    path = "/api/v1/authenticate",
    tag = "Authentication",
    operation_id = "authenticate",
    security(()),
    request_body = Credentials,
    responses(
        (status = 200, description = "The token.", body = AuthToken),
        (status = 404, description = "Token exchange is not configured.", body = ApiError),
    )
)]
async fn authenticate(
    Extension(pre_auth): PreAuthExtension,
    ValidatedBody(body): ValidatedBody<Credentials>,
) -> RestResult {
    let Some(exchange) = &pre_auth.app.exchange else {
        let message = "Token exchange is not configured on this server. Set app_tokens.issuer.";
        return Err(Problem::new(ProblemKind::NotFound, message));
    };
    let unknown =
        || Problem::new(ProblemKind::BadCredentials, "The application token is unknown, expired or revoked.");
    let token = app_token::exchange(&pre_auth.app.db, exchange, &body.application_token, Utc::now()).await?;
    RestResponse::ok(&AuthToken { auth_token: token.ok_or_else(unknown)? })
}
