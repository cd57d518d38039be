//! What a token says, and which of it is believed.
//!
//! [`ClaimRules`] turn the payload of a token whose signature is good into [`Claims`]. Times are compared with a `now` that
//! the caller gives. May import the other files of `auth` that know tokens.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Caller;
use super::mapping::{ClaimMapping, ClaimsRead, NamedOrganizations};
use super::payload::{ClaimPath, Payload};
use super::provider::id_token_claim;
use super::scope::Scopes;
use super::token_error::{TokenError, quoted};

/// How far two clocks may be apart, in seconds.
pub(super) const LEEWAY: i64 = 30;
/// The longest lifetime of a token, where the issuer's settings do not say otherwise.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(24);
/// The last second of the year 9999: no sum of two such dates overflows.
const MAX_DATE: f64 = 253_402_300_799.0;

const DATE: &str = "a number: seconds since 1970, not milliseconds";
const AUDIENCE: &str = "a string or a list of strings";
const NO_AUDIENCE: &str = "let the issuer add it (Keycloak: an audience mapper of the client), set audience_claim of the issuer \
                           to the claim that has the audience, or accept_any_audience to true if its tokens have none";

/// Who a token must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// One of these names is in the claim.
    Named {
        /// The claim.
        claim: ClaimPath,
        /// The names.
        names: Vec<String>,
    },
    /// Anybody: the issuer's tokens have no audience.
    Any,
}

/// What the claims of an issuer's tokens must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    /// The audience.
    pub audience: Audience,
    /// The longest lifetime; without one, a token may live for any time.
    pub max_lifetime: Option<Duration>,
    /// The subject, the scopes and the organizations.
    pub mapping: ClaimMapping,
}

/// The dates of a token in whole seconds.
pub(super) struct Dates {
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
}

impl ClaimRules {
    /// Believes the claims of a token whose signature is good, if they say what a token must say.
    pub(super) fn check(&self, payload: &Payload, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        self.check_audience(payload)?;
        let expires_at = self.check_times(payload, now)?;
        let NamedOrganizations { numbers, external_ids } = self.mapping.organizations(payload)?;
        let scopes = self.mapping.scopes(payload)?;
        Ok(Claims {
            subject: self.mapping.subject(payload)?,
            scopes,
            organizations: numbers,
            external_organizations: external_ids,
            expires_at,
            claims_read: Some(Arc::new(self.mapping.claims_read(payload))),
        })
    }

    pub(super) fn check_audience(&self, payload: &Payload) -> Result<(), TokenError> {
        let Audience::Named { claim, names } = &self.audience else { return Ok(()) };
        let values = claim.find(payload);
        let Some(first) = values.first() else {
            let missing = || TokenError::missing(claim.as_str()).with_remedy(NO_AUDIENCE);
            return Err(id_token_claim(payload).map_or_else(missing, TokenError::IdToken));
        };
        let mut found = Vec::new();
        for value in &values {
            match value {
                Value::String(text) => found.push(text.as_str()),
                Value::Array(items) if items.iter().all(Value::is_string) => {
                    found.extend(items.iter().filter_map(Value::as_str));
                }
                _ => return Err(TokenError::invalid(claim.as_str(), first, AUDIENCE)),
            }
        }
        if found.iter().any(|name| names.iter().any(|allowed| allowed == name)) {
            return Ok(());
        }
        // Whoever added the audience of ID tokens would accept tokens that were never meant for an API.
        if let Some(claim) = id_token_claim(payload) {
            return Err(TokenError::IdToken(claim));
        }
        Err(TokenError::WrongAudience {
            claim: claim.to_string(),
            found: if found.is_empty() { "an empty list".to_owned() } else { quoted(&found.join(", ")) },
            allowed: names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" or "),
        })
    }

    pub(super) fn check_times(
        &self,
        payload: &Payload,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, TokenError> {
        let Dates { exp, iat, nbf } = Dates::of(payload)?;
        let now = now.timestamp();
        if now >= exp + LEEWAY {
            return Err(TokenError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > now + LEEWAY) {
            return Err(TokenError::NotYetValid);
        }
        if iat.is_some_and(|iat| iat > now + LEEWAY) {
            return Err(TokenError::IssuedInFuture);
        }
        let begin = iat.unwrap_or(now);
        if let Some(most) =
            self.max_lifetime.filter(|most| exp > begin.saturating_add_unsigned(most.as_secs()))
        {
            return Err(TokenError::LifetimeTooLong(most));
        }
        DateTime::from_timestamp(exp, 0).ok_or_else(|| TokenError::missing("exp"))
    }
}

impl Dates {
    pub(super) fn of(payload: &Payload) -> Result<Self, TokenError> {
        let exp = date("exp", payload)?.ok_or_else(|| TokenError::missing("exp"))?;
        Ok(Self { exp, iat: date("iat", payload)?, nbf: date("nbf", payload)? })
    }
}

/// A date of the token in whole seconds. Issuers may write fractions.
pub(super) fn date(claim: &'static str, payload: &Payload) -> Result<Option<i64>, TokenError> {
    let Some(value) = payload.get(claim) else { return Ok(None) };
    let date = value.as_f64().filter(|date| (0.0..=MAX_DATE).contains(date));
    date.map(|date| Some(date as i64)).ok_or_else(|| TokenError::invalid(claim, value, DATE))
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
    /// The external ids of more organizations, whose numbers only the database has.
    pub external_organizations: Vec<String>,
    /// When it ends. Until half a minute later it is still accepted.
    pub expires_at: DateTime<Utc>,
    /// The claims that scopes and organizations were read from.
    pub claims_read: Option<Arc<ClaimsRead>>,
}

/// Why an organization could not be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The token does not name the organization. The error does not reveal whether it exists.
    #[error("the token does not allow this organization")]
    Forbidden,
}

impl Claims {
    /// The same claims with the numbers of those external ids that organizations have. The others are dropped.
    pub fn with_numbers(mut self, numbers: impl IntoIterator<Item = i64>) -> Self {
        self.organizations.extend(numbers);
        self.organizations.sort_unstable();
        self.organizations.dedup();
        self.external_organizations.clear();
        self
    }

    /// Selects the organization to work in by the number that the `x-org-id` header stands for, which selects but never
    /// grants. Without the header it is the token's only organization, or none when the token has several.
    pub fn select(self, number: Option<i64>) -> Result<Caller, SelectError> {
        let organization = match (number, self.organizations.as_slice()) {
            (Some(number), numbers) if numbers.contains(&number) => Some(number),
            (Some(_), _) => return Err(SelectError::Forbidden),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let Self { subject, scopes, organizations, expires_at, claims_read, .. } = self;
        Ok(Caller { subject, scopes, organizations, organization, expires_at, claims_read })
    }
}

/// Reads the number of an organization, written `org_42` or `42`: one spelling each, no sign and no leading zero.
pub fn organization_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix("org_").unwrap_or(text);
    let canonical = digits.starts_with(|first: char| matches!(first, '1'..='9'))
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { digits.parse().ok() } else { None }
}
