//! Reports documents that are executed although they are not trusted, with `documents.mode = "log"`.
//!
//! Each document is reported once while it is remembered, with a limit per minute, so that a client with ever new
//! documents does not fill the log. The metrics count all of them.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::access::RequestMetadata;
use crate::graphql::document::{ValidDocument, sha256};

/// How many lines there may be in a minute.
const LINES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("more than nothing");

/// Writes a line for each document.
pub struct UntrustedLog(DefaultDirectRateLimiter);

impl Default for UntrustedLog {
    fn default() -> Self {
        Self(RateLimiter::direct(Quota::per_minute(LINES_PER_MINUTE)))
    }
}

impl UntrustedLog {
    /// Logs a document of this text by its hash and the name of its operation, unless that was done or is too much.
    pub(super) fn report(
        &self,
        document: &ValidDocument,
        text: &str,
        metadata: &RequestMetadata,
        request_id: &str,
    ) {
        if document.was_reported() || self.0.check().is_err() {
            return;
        }
        document.set_reported();
        // The names of these fields are explained in docs/operations.md.
        tracing::warn!(
            target: "contact_gateway::untrusted",
            request_id,
            organization = metadata.organization.get(),
            operation = metadata.operation.get(),
            sha256 = sha256(text),
            "document is not trusted"
        );
    }
}
