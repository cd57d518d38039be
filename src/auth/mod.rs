//! The caller of a request: subject, organization and scopes.
//!
//! [`RequestContext`] travels through every layer below the transport: it answers "may this caller do that",
//! "in which organization", "what time is it" and "give me a new id", so that tests can hold all of them still.
//! This layer imports nothing of the crate but itself and knows neither HTTP nor the database.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, SubsecRound, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

pub use self::algorithm::{Algorithm, Algorithms, UnknownAlgorithm};
pub use self::claims::{Audience, ClaimRules, Claims, MAX_TOKEN_LIFETIME, SelectError, organization_number};
pub use self::exchange::{Exchange, Grant};
pub use self::inspect::{InspectedClaim, Inspection};
pub use self::issuer::{IssuerConfig, KeyError, KeyMaterial};
pub use self::jwt::TokenVerifier;
pub use self::key_set::KeySetError;
pub use self::key_source::{FetchError, SourceError, without_query};
pub use self::mapping::{ClaimMapping, ClaimsRead, OrganizationName, Organizations, TokenForm};
pub use self::payload::ClaimPath;
pub use self::provider::Provider;
pub use self::scope::{Scope, Scopes, UnknownScope};
pub use self::signer::Signer;
pub use self::token_error::{OPERATORS, TokenError};

mod algorithm;
mod claims;
mod discovery;
mod exchange;
mod inspect;
mod issuer;
mod jwt;
mod key_ring;
mod key_set;
mod key_source;
mod mapping;
mod memory;
mod payload;
mod provider;
mod scope;
mod signer;
#[cfg(test)]
mod tests;
mod token_error;

/// How many bits of an id hold the microseconds within its millisecond.
const MICROSECOND_BITS: usize = 10;

/// The facts of one request.
#[derive(Debug)]
pub struct RequestContext {
    /// The request's id, as it stands in the log and in the answer.
    pub request_id: String,
    /// The time at which the request came in, in microseconds: what both databases can keep.
    pub now: DateTime<Utc>,
    /// The caller.
    pub caller: Caller,
    /// Whether email addresses may have letters beyond ASCII in front of the `@`.
    pub smtputf8: bool,
    ids: Mutex<ContextV7>,
}

impl RequestContext {
    /// The facts of a request that came in at `now`.
    pub fn new(request_id: impl Into<String>, now: DateTime<Utc>, caller: Caller) -> Self {
        let ids = Mutex::new(ContextV7::new().with_additional_precision_bits(MICROSECOND_BITS));
        Self { request_id: request_id.into(), now: now.trunc_subsecs(6), caller, smtputf8: false, ids }
    }

    /// The same of a gateway that takes such email addresses, or not.
    pub fn with_smtputf8(self, smtputf8: bool) -> Self {
        Self { smtputf8, ..self }
    }

    /// A new row id: version 7, made at [`now`](Self::now), greater than those this request made before and those that
    /// were made a microsecond before, so that rows sort by their ids in the order of their creation.
    pub fn new_id(&self) -> Uuid {
        let seconds = u64::try_from(self.now.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&self.ids, seconds, self.now.timestamp_subsec_nanos()))
    }

    /// Refuses a caller whose token lacks `scope`.
    pub fn require(&self, scope: Scope) -> Result<(), Denied> {
        if self.caller.scopes.contains(scope) {
            return Ok(());
        }
        Err(Denied::MissingScope(scope, self.caller.claims_read.clone()))
    }

    /// The number of the organization that the request works in.
    pub fn organization(&self) -> Result<i64, Denied> {
        self.caller.organization.ok_or_else(|| Denied::NoOrganization(self.caller.claims_read.clone()))
    }
}

/// A caller: the claims of a verified token and the organization that was selected with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's subject.
    pub subject: String,
    /// What the token allows.
    pub scopes: Scopes,
    /// The numbers of the organizations in which it allows that, ascending.
    pub organizations: Vec<i64>,
    /// The one that this request works in.
    pub organization: Option<i64>,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
    /// The claims that scopes and organizations were read from; absent where there was no token.
    pub claims_read: Option<Arc<ClaimsRead>>,
}

/// Why a caller may not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token lacks a scope.
    #[error("This needs the scope {0}. Get a token that has it{read}", read = scopes_read(.1))]
    MissingScope(Scope, Option<Arc<ClaimsRead>>),
    /// The token allows several organizations, or none, and the request selects none.
    #[error("No organization is selected. {}", organizations_read(.0))]
    NoOrganization(Option<Arc<ClaimsRead>>),
}

fn scopes_read(claims: &Option<Arc<ClaimsRead>>) -> String {
    let read = |claims: &Arc<ClaimsRead>| {
        let remedy = "set provider, claims.scopes or scope_map of the issuer if that is wrong";
        format!("; scopes are read from {}.{OPERATORS}{remedy}.", claims.scopes)
    };
    claims.as_ref().map_or_else(|| ".".to_owned(), read)
}

fn organizations_read(claims: &Option<Arc<ClaimsRead>>) -> String {
    match claims.as_deref() {
        Some(ClaimsRead { organization: None, organizations, .. }) => format!(
            "The token names none; organizations are read from {organizations}. Get a token that names one.{OPERATORS}set \
             provider, claims.organizations or organization of the issuer if that is wrong."
        ),
        Some(ClaimsRead { organization: Some(claim), .. }) => {
            format!("Send x-org-id with one of the organizations in {claim} of the token.")
        }
        None => "Send x-org-id with one of the token's organizations, for example org_42.".to_owned(),
    }
}
