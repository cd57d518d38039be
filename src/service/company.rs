//! What partners and accounts have in common: their fields, their people, and how they are created or updated by
//! the thousand.

use std::collections::HashMap;

use sea_orm::{ActiveModelTrait, ActiveValue, EntityTrait, IntoActiveModel};
use serde::Serialize;

use super::{
    ListRequest, Page, Patch, ReadContext, WriteContext,
    bulk::{Checked, DuplicateTracker, Plan, Step, Upsert},
    change::Diff,
    input::Checks,
    page::{Parent, ParentRelation},
    reading,
    record::{self, Recorded},
};
use crate::{
    entity::{Columns, id::OrganizationId},
    error::AppResult,
};

/// The fields that an input gives.
#[derive(Default)]
pub struct CompanyInputs<'a> {
    pub(super) name: Patch<&'a str>,
    /// Of accounts only.
    pub(super) primary_domain: Patch<&'a str>,
    pub(super) remote_id: Patch<&'a str>,
}

/// The same fields, cleaned; `None` keeps the stored value.
#[derive(Clone)]
pub struct Fields {
    name: Option<String>,
    primary_domain: Option<Option<String>>,
    remote_id: Option<Option<String>>,
}

impl CompanyInputs<'_> {
    fn check(&self, checks: &mut Checks) -> Fields {
        Fields {
            name: checks.required_line_patch("name", &self.name),
            primary_domain: checks.line_patch("primaryDomain", &self.primary_domain),
            remote_id: checks.line_patch("remoteId", &self.remote_id),
        }
    }
}

/// The table of partners or of accounts.
pub trait Company: Recorded {
    /// The id of the people that are linked to companies.
    type Person: Parent;
    /// Where the remote id is stored.
    const REMOTE_ID: Self::Column;

    /// The remote id of a row.
    fn remote_id(row: &Self::Model) -> Option<&str>;

    /// How the companies of an organization are linked to its people.
    fn people(organization: OrganizationId) -> ParentRelation;

    /// The columns of the fields.
    fn columns(row: &mut Self::ActiveModel) -> CompanyColumns<'_>;
}

/// The columns of the fields in a row that was read or is new.
pub struct CompanyColumns<'a> {
    pub(super) name: &'a mut ActiveValue<String>,
    pub(super) primary_domain: Option<&'a mut ActiveValue<Option<String>>>,
    pub(super) remote_id: &'a mut ActiveValue<Option<String>>,
}

/// Puts the fields that an input gives into a row.
pub(super) fn write<E: Company>(
    checks: &mut Checks,
    given: &CompanyInputs<'_>,
    row: &mut E::ActiveModel,
) -> Diff {
    put::<E>(given.check(checks), row)
}

fn put<E: Company>(fields: Fields, row: &mut E::ActiveModel) -> Diff {
    let columns = E::columns(row);
    let mut diff = Diff::default();
    diff.set("name", columns.name, fields.name);
    if let Some(primary_domain) = columns.primary_domain {
        diff.set("primaryDomain", primary_domain, fields.primary_domain);
    }
    diff.set("remoteId", columns.remote_id, fields.remote_id);
    diff
}

/// For each person the companies that the person is linked to.
pub async fn of_people<E: Company>(
    ctx: ReadContext<'_>,
    people: &[E::Person],
    columns: Columns<E>,
    list: &ListRequest,
) -> AppResult<HashMap<E::Person, Page<E::Model>>> {
    reading::pages(ctx, E::people(ctx.organization), people, columns, list).await
}

/// A company to create or update by its remote id.
pub trait UpsertCompany: Serialize + Send + Sync {
    /// Its table.
    type Table: Company;

    /// Its identity.
    fn remote_id(&self) -> &str;

    /// Its other fields.
    fn given(&self) -> CompanyInputs<'_>;
}

impl<U: UpsertCompany> Upsert for U {
    type Table = U::Table;
    type Checked = Fields;
    type SideEffects = ();

    fn check(&self, checks: &mut Checks) -> Fields {
        let remote_id = checks.required_line("remoteId", self.remote_id());
        Fields { remote_id: Some(Some(remote_id)), ..self.given().check(checks) }
    }

    fn unique_key(row: &<U::Table as EntityTrait>::Model) -> &str {
        U::Table::remote_id(row).unwrap_or_default()
    }

    async fn plan(ctx: &WriteContext<'_>, rows: &[Checked<'_, U>]) -> AppResult<Plan<U::Table, ()>> {
        let remote_ids = rows.iter().filter_map(|row| row.row.remote_id.clone().flatten());
        let is_one = ctx.keys_in(U::Table::REMOTE_ID, remote_ids);
        let existing = reading::lock_where::<U::Table>(ctx, is_one).await?;
        let existing: HashMap<&str, _> =
            existing.iter().filter_map(|row| Some((U::Table::remote_id(row)?, row))).collect();
        let mut duplicates = DuplicateTracker::default();
        let mut steps = Vec::with_capacity(rows.len());
        for (index, Checked { row: fields, checks, .. }) in rows.iter().enumerate() {
            let mut checks = checks.clone();
            let remote_id = fields.remote_id.as_ref().and_then(Option::as_deref).unwrap_or_default();
            let old = existing.get(remote_id).copied();
            if !remote_id.is_empty() {
                duplicates.check(&mut checks, "remoteId", remote_id, index);
                if old.is_none() {
                    checks.needed("name", fields.name.as_ref());
                }
            }
            steps.push(step::<U::Table>(ctx, fields, old, checks)?);
        }
        Ok(Plan { steps, side_effects: () })
    }
}

fn step<E: Company>(
    ctx: &WriteContext<'_>,
    fields: &Fields,
    old: Option<&E::Model>,
    checks: Checks,
) -> AppResult<Step<E>> {
    if !checks.passed() {
        return Ok(Step::failed(checks));
    }
    let mut row = old.map_or_else(E::ActiveModel::default, |old| old.clone().into_active_model());
    let diff = put::<E>(fields.clone(), &mut row);
    match old {
        Some(old) => Step::changed(ctx, old.clone(), row, diff),
        None => Ok(Step::created(record::new_row::<E>(ctx, row)?, diff)),
    }
}
