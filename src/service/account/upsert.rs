//! Accounts by the thousand: each created or updated by its `remoteId`.

use serde::Serialize;

use super::Fields;
use crate::{
    auth::RequestContext,
    entity::account::{Entity, Model},
    error::AppResult,
    service::{
        Database, Patch,
        bulk::{self, Checked, Plan, RowResult, Upsert, Upserts, WriteContext},
        input::Checks,
    },
};

/// An account to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Serialize)]
pub struct UpsertAccount {
    /// Identifier of this record in the external system it was synced from, its identity.
    pub remote_id: String,
    /// Its name; needed when it is new.
    pub name: Option<String>,
    /// The domain name of its web and mail addresses; blank text clears it.
    pub primary_domain: Option<String>,
}

/// Creates or updates accounts by their `remoteId`.
pub async fn upsert(
    db: &Database,
    ctx: &RequestContext,
    input: &Upserts<UpsertAccount>,
) -> AppResult<Vec<RowResult<Model>>> {
    bulk::upsert(db, ctx, input).await
}

impl Upsert for UpsertAccount {
    type Table = Entity;
    type Checked = Fields;
    type SideEffects = ();

    const OPERATION: &'static str = "upsertAccounts";

    fn check(&self, checks: &mut Checks) -> Fields {
        let remote_id = checks.required_line("remoteId", &self.remote_id);
        let name = Patch::set_or_keep(self.name.as_deref());
        let primary_domain = Patch::set_or_keep(self.primary_domain.as_deref());
        let fields = Fields::check(checks, &name, &primary_domain, &Patch::<&str>::Keep);
        Fields { remote_id: Some(Some(remote_id)), ..fields }
    }

    fn unique_key(row: &Model) -> &str {
        row.remote_id.as_deref().unwrap_or_default()
    }

    async fn plan(context: WriteContext<'_>, rows: &[Checked<'_, Self>]) -> AppResult<Plan<Entity, ()>> {
        bulk::plan_by_remote_id(context, rows).await
    }
}
