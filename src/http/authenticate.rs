//! From the head of an HTTP request to its caller: request id, token, selected organization.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use chrono::{DateTime, Utc};
use tokio::time::sleep;
use uuid::Uuid;

use super::state::AppState;
use crate::{
    auth::{Caller, Claims, OPERATORS, RequestContext, Scope, SelectError, TokenError, TokenVerifier},
    error::{AppError, AppResult, Code, NO_ORGANIZATION},
    service::{Database, external_ids},
};

/// Names a request in the answer and in the log; taken from the caller when it has a plain form.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Asks, as `true`, what the request costs.
pub(super) const COST: HeaderName = HeaderName::from_static("x-graphql-cost");
/// Selects the organization to act in.
pub(super) const ORGANIZATION: HeaderName = HeaderName::from_static("x-org-id");

/// The longest request id that is taken from a caller.
const MAX_REQUEST_ID: usize = 64;

/// The id of a request.
#[derive(Clone, Debug)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The caller's, or a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let plain = |id: &str| {
            (1..=MAX_REQUEST_ID).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| plain(id));
        given.map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// A new one.
    pub(super) fn new() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The id as it is logged and returned.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The caller of a verified token, in the selected organization.
pub(super) async fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    request_id: String,
) -> AppResult<RequestContext> {
    let now = Utc::now();
    let claims = claims(&state.verifier, headers, now).await?;
    let caller = select(&state.db, claims, selected(headers)?).await?;
    Ok(RequestContext::new(request_id, now, caller))
}

/// How often the token of somebody who stays is looked at again: keys are taken back too.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// What a long-lived connection was opened with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    /// The organization that it works in.
    organization: Option<i64>,
    /// When its token ends.
    expires_at: DateTime<Utc>,
}

impl From<&Caller> for Opening {
    fn from(caller: &Caller) -> Self {
        Self { organization: caller.organization, expires_at: caller.expires_at }
    }
}

/// Waits until the token of a long-lived connection is no longer valid, or no longer for the organization that the
/// connection works in; returns the reason.
pub(super) async fn until_refused(state: &AppState, headers: &HeaderMap, opening: Opening) -> AppError {
    loop {
        let left = (opening.expires_at - Utc::now()).to_std().unwrap_or_default();
        // The clocks of two machines may differ: a token is good for some seconds more.
        sleep(left.clamp(Duration::from_secs(1), LOOK_AGAIN)).await;
        match authenticate(state, headers, String::new()).await {
            Ok(context) if context.caller.organization == opening.organization => {}
            Ok(_) => return forbidden(),
            Err(error) if matches!(error.code(), Code::Unauthenticated | Code::Forbidden) => return error,
            // Keys or the database are not available: whether the token is good is not known.
            Err(_) => {}
        }
    }
}

/// Why there are no claims to believe.
pub(super) enum AuthenticationError {
    /// The header with the token is not there, or not good.
    Header(AppError),
    /// The token is not good.
    Token(TokenError),
}

impl From<AuthenticationError> for AppError {
    fn from(not_authenticated: AuthenticationError) -> Self {
        match not_authenticated {
            AuthenticationError::Header(error) => error,
            AuthenticationError::Token(error) => refused(error),
        }
    }
}

/// What the request's token says.
pub(super) async fn claims(
    verifier: &TokenVerifier,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Result<Claims, AuthenticationError> {
    let token = bearer_token(headers).map_err(AuthenticationError::Header)?;
    verifier.verify(token, now).await.map_err(AuthenticationError::Token)
}

/// The organization that the request's header selects.
pub(super) fn selected(headers: &HeaderMap) -> AppResult<Option<&str>> {
    let value = single(headers, &ORGANIZATION)?;
    Ok(value.map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or_default()))
}

/// The caller in the organization that is named, or in the token's only one.
pub(super) async fn select(db: &Database, claims: Claims, organization: Option<&str>) -> AppResult<Caller> {
    let claims = find_organizations(db, claims).await?;
    let number = match organization {
        Some(text) => Some(external_ids::number(db, text).await?.ok_or_else(forbidden)?),
        None => None,
    };
    claims.select(number).map_err(|SelectError::Forbidden| forbidden())
}

fn forbidden() -> AppError {
    AppError::request(Code::Forbidden, NO_ORGANIZATION)
}

/// Finds the organizations that the token names by external ids. It may name others than those that are here; without any,
/// only an administrator of the gateway can go on, who may be about to create it.
async fn find_organizations(db: &Database, claims: Claims) -> AppResult<Claims> {
    if claims.external_organizations.is_empty() {
        return Ok(claims);
    }
    let names = claims.external_organizations.clone();
    let numbers = external_ids::numbers(db, &claims.external_organizations).await?;
    let claims = claims.with_numbers(numbers);
    if claims.organizations.is_empty() && !claims.scopes.contains(Scope::GatewayAdmin) {
        return Err(AppError::request(Code::Forbidden, unknown_organizations(&names)));
    }
    Ok(claims)
}

fn unknown_organizations(external_ids: &[String]) -> String {
    let command = "to an organization with `contact-gateway org set-external-id`";
    match external_ids {
        [id] => format!(
            "The token is for an organization that is unknown here. Get a token for another one.{OPERATORS}its external id is \
             {id}; give it {command}."
        ),
        ids => format!(
            "The token is for organizations that are unknown here. Get a token for another one.{OPERATORS}their external ids are \
             {}; give one of them {command}.",
            ids.join(", ")
        ),
    }
}

/// Says why a token is refused. Whether it is good may be unknown: then the client is asked to retry, not to get
/// another one.
fn refused(error: TokenError) -> AppError {
    let code = match error {
        TokenError::KeysUnavailable => Code::Unavailable,
        _ => Code::Unauthenticated,
    };
    AppError::request(code, error.to_string())
}

fn bearer_token(headers: &HeaderMap) -> AppResult<&str> {
    let Some(value) = single(headers, &header::AUTHORIZATION)? else {
        let message = "No token. Send one in the header Authorization: Bearer <token>.";
        return Err(AppError::request(Code::Unauthenticated, message));
    };
    let parts = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token =
        parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.ok_or_else(|| {
        let message =
            "The header Authorization has another form than Bearer <token>. Send the token in this form.";
        AppError::request(Code::Unauthenticated, message)
    })
}

/// A header that must not come twice: two values would let two readers see two different requests.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> AppResult<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => {
            Err(AppError::request(Code::BadRequest, format!("Duplicate header {name}. Send it once.")))
        }
    }
}
