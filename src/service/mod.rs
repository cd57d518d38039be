//! The rules of the gateway. A public function here is a unit of work: authorise, validate everything and collect
//! every field error, begin, write, record the change, commit.
//!
//! Such a function takes the [`Database`] and the caller's [`RequestContext`]; what it calls takes the [`WriteContext`] or
//! [`ReadContext`] that it made of them. [`record`] and [`reading`] have what is the same for every kind of record.
//! Writers lock rows in one order, so that none waits in a circle: contact types, then partners and accounts, then
//! contacts, then assignments and custom fields; those of one table in the order of their ids.
//! May name `entity`, `auth` and `error`; never a transport, so GraphQL and REST share every rule.

pub mod account;
pub mod account_contact;
mod admission;
pub mod app_token;
pub mod background;
pub mod background_worker;
pub mod bulk;
pub mod change;
mod company;
pub mod connection;
pub mod contact;
pub mod contact_erasure;
pub mod contact_merge;
pub mod contact_type;
mod context;
pub mod country;
pub mod cursor;
pub mod custom_field;
pub mod database;
pub mod events;
pub mod external_ids;
pub mod filter;
mod health_check;
pub mod idempotency;
pub mod input;
pub mod internal_contact;
pub mod internal_contact_assignment;
pub mod json;
pub mod maintenance;
pub mod organization;
pub mod organization_contact;
pub mod page;
pub mod partner;
mod patch;
mod person;
mod pool;
mod query_stats;
pub mod reading;
pub mod record;
pub mod response_memory;
mod retry;
pub mod search;
pub mod search_backfill;
pub mod snapshot;
mod sqlite_file;
mod sqlite_limit;
pub(crate) mod sqlite_log;
pub mod start_check;
mod text;
mod transaction;
pub mod work;
mod write;

pub use admission::is_heavy;
pub use context::{ReadContext, WriteContext};
pub use database::Database;
pub use page::{ListRequest, Page, PageRequest, PageWindow};
pub use patch::Patch;
pub use query_stats::QueryStats;
pub use retry::retried;
pub use snapshot::Snapshot;
pub use write::Write;

use crate::{
    auth::{Denied, RequestContext, Scope},
    entity::id::OrganizationId,
    error::{AppError, AppResult, Code},
};

impl From<Denied> for AppError {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::MissingScope(..) => Code::Forbidden,
            Denied::NoOrganization(_) => Code::BadRequest,
        };
        Self::request(code, denied.to_string())
    }
}

/// The organization a caller reads in, once its token allows reading.
pub fn authorize_read(ctx: &RequestContext) -> AppResult<OrganizationId> {
    acting(ctx, Scope::ContactsRead)
}

/// The organization a caller writes in, once its token allows writing.
pub fn authorize_write(ctx: &RequestContext) -> AppResult<OrganizationId> {
    acting(ctx, Scope::ContactsWrite)
}

/// The organization a caller administers, once its token allows that.
pub fn authorize_admin(ctx: &RequestContext) -> AppResult<OrganizationId> {
    acting(ctx, Scope::OrgAdmin)
}

/// Any caller whose token allows reading, whether or not it selected an organization.
pub fn viewer(ctx: &RequestContext) -> AppResult<()> {
    Ok(ctx.require(Scope::ContactsRead)?)
}

fn acting(ctx: &RequestContext, scope: Scope) -> AppResult<OrganizationId> {
    ctx.require(scope)?;
    Ok(OrganizationId(ctx.organization()?))
}
