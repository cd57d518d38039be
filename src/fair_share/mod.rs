//! Shares of what callers compete for, so that no caller takes it from the others.
//!
//! A [`Quota`] refuses what is beyond a share. A [`FairQueue`] lets it wait, and serves those who wait in turn. [`Holders`] finds
//! whose part is the largest, so that it gives way. May name `auth` and nothing else of the crate.

mod holders;
mod queue;
mod quota;

use std::sync::Arc;

pub use self::{
    holders::Holders,
    queue::{FairQueue, Permit},
    quota::{Quota, Share},
};
use crate::auth::Caller;

/// In whose name something is done. Shares are counted by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The number of the selected organization, if there is one.
    pub organization: Option<i64>,
    /// Who acts.
    pub subject: Subject,
}

/// Who acts. A subject of tokens is the same one in all its organizations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The gateway itself: background tasks, upkeep, reading the change log.
    Gateway,
    /// All who send no token.
    Anonymous,
    /// The subject of a verified token.
    Token(Arc<str>),
}

impl Principal {
    /// The gateway itself.
    pub const GATEWAY: Self = Self { organization: None, subject: Subject::Gateway };
    /// All who send no token.
    pub const ANONYMOUS: Self = Self { organization: None, subject: Subject::Anonymous };

    /// A subject in an organization.
    pub fn new(subject: &str, organization: Option<i64>) -> Self {
        Self { organization, subject: Subject::Token(subject.into()) }
    }

    /// The caller of a request.
    pub fn of(caller: &Caller) -> Self {
        Self::new(&caller.subject, caller.organization)
    }
}

/// Half of a number of permits, and at least one.
pub fn half(permits: usize) -> usize {
    (permits / 2).max(1)
}

/// What the subjects of an organization may have together: three quarters, and at least one.
pub fn organization_share(permits: usize) -> usize {
    (permits * 3 / 4).max(1)
}
