//! The caller of a request: subject, organization and scopes.
//!
//! [`RequestContext`] travels through every layer below the transport: it answers "may this caller do that",
//! "in which organization", "what time is it" and "give me a new id", so that tests can hold all of them still.
//! This layer imports nothing of the crate but itself and knows neither HTTP nor the database.

use std::sync::Mutex;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

pub use self::claims::{Claims, MAX_TOKEN_LIFETIME, SelectError, TokenError, organization_number};
pub use self::exchange::{Exchange, Grant};
pub use self::jwt::{Algorithm, IssuerKey, KeyError, KeyMaterial, Signer, TokenVerifier, UnknownAlgorithm};
pub use self::key_set::KeySetError;
pub use self::key_source::SourceError;
pub use self::scope::{Scope, Scopes, UnknownScope};

mod claims;
mod exchange;
mod jwt;
mod key_ring;
mod key_set;
mod key_source;
mod scope;
#[cfg(test)]
mod tests;

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
        if self.caller.scopes.contains(scope) { Ok(()) } else { Err(Denied::MissingScope(scope)) }
    }

    /// The number of the organization that the request works in.
    pub fn organization(&self) -> Result<i64, Denied> {
        self.caller.organization.ok_or(Denied::NoOrganization)
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
}

/// Why a caller may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token lacks a scope.
    #[error("This needs the scope {0}. Get a token whose claim scope has it.")]
    MissingScope(Scope),
    /// The token allows several organizations, or none, and the request selects none.
    #[error(
        "No organization is selected. Send x-org-id with one of the organizations in the claim orgs of the token."
    )]
    NoOrganization,
}
