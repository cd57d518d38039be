//! What a token says, and which of it is believed.
//!
//! [`RawClaims`] is the payload as it came; [`RawClaims::check`] turns it into [`Claims`] once the signature is known
//! to be good. Times are compared with a `now` that the caller gives. May import only the scopes.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Caller;
use super::scope::Scopes;

/// How far two clocks may be apart, in seconds.
pub(super) const LEEWAY: i64 = 30;
/// The longest life of a token.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);
/// The last second of the year 9999: no sum of two such dates overflows.
const MAX_DATE: f64 = 253_402_300_799.0;

/// Why a token is refused, as clients read it: with the claim or header, and short enough for the reason of a closed
/// WebSocket. Before the signature is known to be good, only its form and its issuer are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than a token may have.
    #[error("The token is longer than 8 KiB. Get one with fewer claims.")]
    TooLong,
    /// Not three parts of base64url with the JSON of a token in them.
    #[error(
        "The token is malformed. Send a JWT as it was issued: three parts in base64url, with alg and kid as strings."
    )]
    Malformed,
    /// No key is configured for the `iss` claim.
    #[error(
        "The claim iss of the token names an unknown issuer. Get a token from an issuer that is configured here."
    )]
    UnknownIssuer,
    /// The `kid` header names no key of the issuer's, or there is none and the issuer has several keys.
    #[error("The header kid of the token names no signing key of its issuer. Get a new token.")]
    UnknownKey,
    /// The keys of the issuer are not available, so the token cannot be verified.
    #[error("The keys of the token's issuer are not available. Try again later.")]
    KeysUnavailable,
    /// A `crit` header: an extension that must be understood, and none is.
    #[error("The header crit of the token names an extension that is not supported. Get a token without it.")]
    CriticalHeader,
    /// The header names another algorithm than the one configured for the issuer.
    #[error(
        "The header alg of the token is not the algorithm of its issuer. Get a token that is signed with that one."
    )]
    WrongAlgorithm,
    /// The signature does not fit.
    #[error("The signature of the token is invalid. Send the token as its issuer signed it.")]
    BadSignature,
    /// A required claim is absent.
    #[error("The token has no claim {0}. Get a token that has it.")]
    Missing(&'static str),
    /// A claim has a value that it must not have.
    #[error("The claim {0} of the token must be {rule}.", rule = claim_rule(.0))]
    Invalid(&'static str),
    /// `aud` does not name this service.
    #[error("The claim aud of the token does not name this service. Get a token for this service.")]
    WrongAudience,
    /// `exp` is past.
    #[error("The token has expired (claim exp). Get a new one.")]
    Expired,
    /// `nbf` is to come.
    #[error(
        "The token is not valid yet (claim nbf). Send it later, or synchronize the clocks of issuer and server."
    )]
    NotYetValid,
    /// `iat` is to come.
    #[error("The token was issued in the future (claim iat). Synchronize the clocks of issuer and server.")]
    IssuedInFuture,
    /// The token lives longer than a token may.
    #[error("The token is valid for more than 24 hours (claims iat and exp). Request a shorter lifetime.")]
    LifetimeTooLong,
}

/// What a claim must be.
fn claim_rule(claim: &str) -> &'static str {
    match claim {
        "aud" => "a string or a list of strings",
        "sub" => "a string with something to see and without control characters",
        "exp" | "nbf" | "iat" => "a number: seconds since 1970, not milliseconds",
        "orgs" => "a list of positive whole numbers",
        "org_id" => "a positive whole number, and absent beside orgs",
        _ => "a string",
    }
}

/// Whether a claim may have a value.
type TypeCheck = fn(&Value) -> bool;

/// The claims that are read.
const CLAIM_TYPES: [(&str, TypeCheck); 9] = [
    ("iss", Value::is_string),
    ("aud", |aud| aud.is_string() || aud.as_array().is_some_and(|it| it.iter().all(Value::is_string))),
    ("sub", Value::is_string),
    ("exp", Value::is_number),
    ("nbf", Value::is_number),
    ("iat", Value::is_number),
    ("scope", Value::is_string),
    ("orgs", |orgs| orgs.as_array().is_some_and(|it| it.iter().all(Value::is_i64))),
    ("org_id", Value::is_i64),
];

/// The claim of a payload that has a value of another type.
pub(super) fn wrong_claim(payload: &[u8]) -> Option<&'static str> {
    let claims: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    let is_wrong = |name, fits: TypeCheck| claims.get(name).is_some_and(|it| !it.is_null() && !fits(it));
    CLAIM_TYPES.into_iter().find_map(|(name, fits)| is_wrong(name, fits).then_some(name))
}

/// The payload of a token, not to be believed yet.
#[derive(Deserialize)]
pub(super) struct RawClaims<'a> {
    #[serde(borrow)]
    pub(super) iss: Option<Cow<'a, str>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    #[serde(borrow)]
    sub: Option<Cow<'a, str>>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    #[serde(borrow)]
    scope: Option<Cow<'a, str>>,
    orgs: Option<Vec<i64>>,
    org_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    #[serde(borrow)]
    One(Cow<'a, str>),
    Many(Vec<String>),
}

impl Audience<'_> {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(name) => name == audience,
            Self::Many(names) => names.iter().any(|name| name == audience),
        }
    }
}

impl RawClaims<'_> {
    /// Believes the claims of a token whose signature is good, if they say what a token must say.
    pub(super) fn check(self, audience: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        if !self.aud.as_ref().ok_or(TokenError::Missing("aud"))?.names(audience) {
            return Err(TokenError::WrongAudience);
        }
        let expires_at = self.check_times(now.timestamp())?;
        let organizations = self.organizations()?;
        let scopes = self.scope.as_deref().map(Scopes::parse).unwrap_or_default();
        Ok(Claims { subject: self.subject()?, scopes, organizations, expires_at })
    }

    fn check_times(&self, now: i64) -> Result<DateTime<Utc>, TokenError> {
        let exp = seconds("exp", self.exp)?.ok_or(TokenError::Missing("exp"))?;
        let iat = seconds("iat", self.iat)?;
        let nbf = seconds("nbf", self.nbf)?;
        if now >= exp + LEEWAY {
            return Err(TokenError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > now + LEEWAY) {
            return Err(TokenError::NotYetValid);
        }
        if iat.is_some_and(|iat| iat > now + LEEWAY) {
            return Err(TokenError::IssuedInFuture);
        }
        if exp > iat.unwrap_or(now).saturating_add_unsigned(MAX_TOKEN_LIFETIME.as_secs()) {
            return Err(TokenError::LifetimeTooLong);
        }
        DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid("exp"))
    }

    /// The organizations, each once. Saying both `orgs` and `org_id` is refused: which of them grants would be a guess.
    fn organizations(&self) -> Result<Vec<i64>, TokenError> {
        let mut numbers = match (&self.orgs, self.org_id) {
            (Some(_), Some(_)) => return Err(TokenError::Invalid("org_id")),
            (Some(numbers), None) => numbers.clone(),
            (None, Some(number)) => vec![number],
            (None, None) => Vec::new(),
        };
        if numbers.iter().any(|number| *number <= 0) {
            return Err(TokenError::Invalid(if self.orgs.is_some() { "orgs" } else { "org_id" }));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// The subject, which becomes the actor of changes: no blank, and nothing that a database or a log can't keep.
    fn subject(self) -> Result<String, TokenError> {
        let subject = self.sub.ok_or(TokenError::Missing("sub"))?;
        if subject.trim().is_empty() || subject.chars().any(char::is_control) {
            return Err(TokenError::Invalid("sub"));
        }
        Ok(subject.into_owned())
    }
}

/// A date of the token in whole seconds. Issuers may write fractions.
fn seconds(claim: &'static str, date: Option<f64>) -> Result<Option<i64>, TokenError> {
    match date {
        Some(date) if !(0.0..=MAX_DATE).contains(&date) => Err(TokenError::Invalid(claim)),
        date => Ok(date.map(|date| date as i64)),
    }
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whom the token speaks for; never blank.
    pub subject: String,
    /// What it allows.
    pub scopes: Scopes,
    /// The numbers of the organizations in which it allows that, ascending.
    pub organizations: Vec<i64>,
    /// When it ends. Until half a minute later it is still accepted.
    pub expires_at: DateTime<Utc>,
}

/// Why an organization could not be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The token does not name the organization. The error does not reveal whether it exists.
    #[error("the token does not allow this organization")]
    Forbidden,
}

impl Claims {
    /// Selects the organization to work in by the `x-org-id` header (`org_42` or `42`), which selects but never
    /// grants. Without the header it is the token's only organization, or none when the token has several.
    pub fn select(self, header: Option<&str>) -> Result<Caller, SelectError> {
        let organization = match (header, self.organizations.as_slice()) {
            (Some(text), _) => Some(self.granted(text).ok_or(SelectError::Forbidden)?),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let Self { subject, scopes, organizations, expires_at } = self;
        Ok(Caller { subject, scopes, organizations, organization, expires_at })
    }

    fn granted(&self, text: &str) -> Option<i64> {
        organization_number(text).filter(|number| self.organizations.contains(number))
    }
}

/// Reads the number of an organization, written `org_42` or `42`: one spelling each, no sign and no leading zero.
pub fn organization_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("org_").unwrap_or(text);
    let canonical = digits.starts_with(|first: char| matches!(first, '1'..='9'))
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { digits.parse().ok() } else { None }
}
