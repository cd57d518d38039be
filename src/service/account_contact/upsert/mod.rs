//! Account contacts by the thousand: each created or updated by its `remoteId`, else by its email address.
//!
//! `existing_rows` finds the contact of a row, `planner` decides what happens to it.

mod existing_rows;
mod planner;

use std::collections::HashSet;

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Set};
use serde::Serialize;
use serde_json::Value as Json;

use self::planner::Planner;
use super::fields::{FieldInputs, Fields};
use crate::{
    entity::{
        Scoped,
        account_contact::{ActiveModel, Column, Entity, Model},
        account_contact_account as link,
        id::{AccountContactId, AccountId, CustomFieldId},
        pairs_in,
    },
    error::AppResult,
    service::{
        Patch, WriteContext,
        bulk::{Checked, Exchange, Plan, Upsert},
        custom_field::{self, CustomFieldInput},
        input::Checks,
        reading,
    },
};

/// An account contact to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpsertAccountContact {
    /// Identifier of this record in the external system it was synced from, its identity if it is given.
    pub remote_id: Option<String>,
    /// Email address, else its identity; needed when it is new.
    pub email: Option<String>,
    /// First name; needed when it is new.
    pub first_name: Option<String>,
    /// Last name; blank text clears it.
    pub last_name: Option<String>,
    /// With country code; blank text clears it.
    pub phone: Option<String>,
    /// The contact type's id; of a new contact the organization's default when absent.
    pub contact_type_id: Option<String>,
    /// http or https; blank text clears it.
    pub avatar_url: Option<String>,
    /// The ids of all accounts that it is at from now on, without duplicates.
    pub account_ids: Option<Vec<String>>,
    /// Values of custom fields. Fields that are not named keep theirs.
    pub custom_field_values: Vec<CustomFieldInput>,
    /// A JSON object, in place of the one that is there.
    pub metadata: Option<Json>,
    /// Whether a contact that is there is left as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_if_new: bool,
}

/// What is written with the contacts.
#[derive(Default)]
pub struct SideEffects {
    /// The contacts whose addresses others take.
    vacated: HashSet<AccountContactId>,
    linked: Vec<(AccountContactId, AccountId)>,
    unlinked: Vec<(AccountContactId, AccountId)>,
    values: Vec<(AccountContactId, (CustomFieldId, Json))>,
}

impl UpsertAccountContact {
    /// A blank key is none.
    fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_deref().filter(|id| !id.trim().is_empty())
    }
}

impl Upsert for UpsertAccountContact {
    type Table = Entity;
    type Checked = Fields;
    type SideEffects = SideEffects;

    fn check(&self, checks: &mut Checks) -> Fields {
        let given = FieldInputs {
            first_name: Patch::set_or_keep(self.first_name.as_deref()),
            last_name: Patch::set_or_keep(self.last_name.as_deref()),
            email: Patch::set_or_keep(self.email.as_deref()),
            phone: Patch::set_or_keep(self.phone.as_deref()),
            avatar_url: Patch::set_or_keep(self.avatar_url.as_deref()),
            metadata: Patch::set_or_keep(self.metadata.as_ref()),
            remote_id: Patch::set_or_keep(self.remote_id()),
        };
        Fields::check(checks, &given)
    }

    fn named(&self) -> usize {
        self.account_ids.as_ref().map_or(0, Vec::len)
    }

    fn unique_key(row: &Model) -> &str {
        &row.email_key
    }

    async fn plan(
        ctx: &WriteContext<'_>,
        rows: &[Checked<'_, Self>],
    ) -> AppResult<Plan<Entity, SideEffects>> {
        let mut exchange = Exchange::default();
        loop {
            let mut planner = Planner::read(ctx, rows, exchange).await?;
            let steps = rows.iter().enumerate().map(|(index, row)| planner.step(index, row));
            let steps: Vec<_> = steps.collect::<AppResult<_>>()?;
            exchange = std::mem::take(&mut planner.contacts.exchange);
            if !exchange.has_failed(planner.contacts.ids(), &steps) {
                let vacated = exchange.vacated;
                return Ok(Plan { steps, side_effects: SideEffects { vacated, ..planner.side_effects } });
            }
        }
    }

    /// The unique index does not cover deleted rows. The rows are written whole afterwards.
    async fn write_before(ctx: &WriteContext<'_>, side_effects: &mut SideEffects) -> AppResult<()> {
        let vacated = std::mem::take(&mut side_effects.vacated);
        if !vacated.is_empty() {
            let which = ctx.keys_in(Column::Id, vacated);
            let hidden = ActiveModel { deleted_at: Set(Some(ctx.request.now)), ..Default::default() };
            Entity::update_in(ctx.organization).filter(which).set(hidden).exec(&ctx.txn).await?;
        }
        Ok(())
    }

    async fn write_after(ctx: &WriteContext<'_>, side_effects: SideEffects) -> AppResult<()> {
        if !side_effects.unlinked.is_empty() {
            let columns = [link::Column::AccountContactId, link::Column::AccountId].map(|it| it.into_expr());
            let gone = pairs_in(ctx.txn.get_database_backend(), columns, side_effects.unlinked);
            link::Entity::delete_in(ctx.organization).filter(gone).exec(&ctx.txn).await?;
        }
        let links = side_effects.linked.into_iter().map(|(account_contact_id, account_id)| link::Model {
            org_id: ctx.organization,
            account_contact_id,
            account_id,
            created_at: ctx.request.now,
        });
        reading::insert_all::<link::Entity>(&ctx.txn, links).await?;
        custom_field::set_values(ctx, side_effects.values).await
    }
}
