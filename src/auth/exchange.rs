//! Tokens of a short life, which the gateway itself signs for those who hold another credential.
//!
//! May import the other files of `auth` only.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{KeyError, Scopes, Signer};

/// Signs the tokens that application tokens are exchanged for.
pub struct Exchange {
    /// With the key of an issuer whose tokens are accepted.
    pub signer: Signer,
    /// How long they live.
    pub lifetime: Duration,
}

/// For whom a token is made, and what it allows.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    /// Whom it speaks for.
    pub subject: &'a str,
    /// The organization in which it allows anything.
    pub organization: i64,
    /// What it allows.
    pub scopes: Scopes,
    /// When what is exchanged for it ends, if it does.
    pub ends: Option<DateTime<Utc>>,
}

impl Exchange {
    /// A token that lives no longer than what is exchanged for it.
    pub fn token(&self, grant: &Grant<'_>, now: DateTime<Utc>) -> Result<String, KeyError> {
        let rest = grant.ends.map(|end| (end - now).to_std().unwrap_or_default());
        let lifetime = rest.map_or(self.lifetime, |rest| rest.min(self.lifetime));
        self.signer.mint(grant.subject, &[grant.organization], grant.scopes, lifetime, now)
    }
}
