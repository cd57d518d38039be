//! The caller of services that commands are.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::CliError;
use crate::{
    auth::{Caller, RequestContext, Scopes},
    error::{AppError, Code},
};

/// The error of a write in an organization. A command has all scopes, so only an organization that does not exist forbids it.
pub(super) fn write_error(error: AppError, organization: i64, other: fn(AppError) -> CliError) -> CliError {
    if error.code() == Code::Forbidden { CliError::NoOrganization(organization) } else { other(error) }
}

/// The context of one call of a service. A command has all scopes, because it has direct access to the database.
pub(super) fn context(subject: &str, organization: Option<i64>, now: DateTime<Utc>) -> RequestContext {
    let caller = Caller {
        subject: subject.to_owned(),
        scopes: Scopes::all(),
        organizations: organization.into_iter().collect(),
        organization,
        expires_at: now,
        claims_read: None,
    };
    RequestContext::new(Uuid::now_v7().to_string(), now, caller)
}
