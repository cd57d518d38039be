//! From the head of an HTTP request to its caller: request id, token, selected organization.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use chrono::{DateTime, Utc};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    auth::{Caller, Claims, RequestContext, SelectError, TokenError, TokenVerifier},
    error::{AppError, AppResult, Code, NO_ORGANIZATION},
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
    verifier: &TokenVerifier,
    headers: &HeaderMap,
    request_id: String,
) -> AppResult<RequestContext> {
    let now = Utc::now();
    let claims = claims(verifier, headers, now).await?;
    let caller = select(claims, selected(headers)?)?;
    Ok(RequestContext::new(request_id, now, caller))
}

/// How often the token of somebody who stays is looked at again: keys are taken back too.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Waits until the token of a long-lived connection is no longer valid; returns the reason.
pub(super) async fn until_refused(
    verifier: &TokenVerifier,
    headers: &HeaderMap,
    expires_at: DateTime<Utc>,
) -> AppError {
    loop {
        let left = (expires_at - Utc::now()).to_std().unwrap_or_default();
        // The clocks of two machines may differ: a token is good for some seconds more.
        sleep(left.clamp(Duration::from_secs(1), LOOK_AGAIN)).await;
        match claims(verifier, headers, Utc::now()).await {
            Ok(_) | Err(AuthenticationError::Token(TokenError::KeysUnavailable)) => {}
            Err(not_authenticated) => return not_authenticated.into(),
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
    Ok(single(headers, &ORGANIZATION)?.map(|value| value.to_str().unwrap_or_default()))
}

/// The caller in the organization that is named, or in the token's only one.
pub(super) fn select(claims: Claims, organization: Option<&str>) -> AppResult<Caller> {
    claims.select(organization).map_err(|error| match error {
        SelectError::Forbidden => AppError::request(Code::Forbidden, NO_ORGANIZATION),
    })
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
