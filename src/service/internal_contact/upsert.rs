//! Internal contacts by the thousand: each created or updated by its `remoteId`, else by its email address.

use std::collections::HashMap;

use sea_orm::{ExprTrait, IntoActiveModel};
use serde::Serialize;

use crate::{
    entity::{
        id::InternalContactId,
        internal_contact::{ActiveModel, Column, Entity, Model},
    },
    error::{AppResult, EMAIL_TAKEN, InputErrorCode},
    service::{
        Patch, WriteContext,
        bulk::{Checked, DuplicateTracker, Plan, Step, Upsert, is_repeated},
        input::Checks,
        person::{Fields, Profile, UpdateInternalContact},
        reading, record,
    },
};

/// An internal contact to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpsertInternalContact {
    /// Identifier of this record in the external system it was synced from, its identity if it is given.
    pub remote_id: Option<String>,
    /// Email address, else its identity; needed when it is new.
    pub email: Option<String>,
    /// The other fields; blank text clears one.
    pub profile: Profile,
}

impl UpsertInternalContact {
    /// A blank key is none.
    fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_deref().filter(|id| !id.trim().is_empty())
    }
}

impl Upsert for UpsertInternalContact {
    type Table = Entity;
    type Checked = Fields;
    type SideEffects = ();

    fn check(&self, checks: &mut Checks) -> Fields {
        let Profile { given_name, family_name, name, phone, job_title } = self.profile.clone();
        let given = UpdateInternalContact {
            email: Patch::set_or_keep(self.email.clone()),
            given_name: Patch::set_or_keep(given_name),
            family_name: Patch::set_or_keep(family_name),
            name: Patch::set_or_keep(name),
            phone: Patch::set_or_keep(phone),
            job_title: Patch::set_or_keep(job_title),
            remote_id: Patch::set_or_keep(self.remote_id().map(str::to_owned)),
            expected_version: None,
        };
        Fields::check(checks, &given)
    }

    fn unique_key(row: &Model) -> &str {
        &row.email_key
    }

    async fn plan(ctx: &WriteContext<'_>, rows: &[Checked<'_, Self>]) -> AppResult<Plan<Entity, ()>> {
        let mut existing = ExistingRows::read(ctx, rows).await?;
        let steps = rows.iter().enumerate().map(|(index, row)| existing.step(ctx, index, row));
        Ok(Plan { steps: steps.collect::<AppResult<_>>()?, side_effects: () })
    }
}

/// The contacts that the rows may mean, by what finds them. An address counts as taken until the call is over, also if a
/// row of the call gives it up.
struct ExistingRows {
    by_remote_id: HashMap<String, Model>,
    by_email: HashMap<String, Model>,
    /// What earlier rows were about.
    remote_ids: DuplicateTracker<String>,
    emails: DuplicateTracker<String>,
    contacts: DuplicateTracker<InternalContactId>,
}

impl ExistingRows {
    /// Finds and locks the contacts.
    async fn read(ctx: &WriteContext<'_>, rows: &[Checked<'_, UpsertInternalContact>]) -> AppResult<Self> {
        let remote_ids = rows.iter().filter_map(|row| row.row.remote_id()).map(str::to_owned);
        let emails = rows.iter().map(|row| row.row.email_key()).filter(|key| !key.is_empty());
        let has_email = ctx.keys_in(Column::EmailKey, emails.map(str::to_owned));
        let wanted = ctx.keys_in(Column::RemoteId, remote_ids).or(has_email);
        let found = reading::lock_where::<Entity>(ctx, wanted).await?;
        let with_remote_id = found.iter().filter_map(|row| Some((row.remote_id.clone()?, row.clone())));
        Ok(Self {
            by_remote_id: with_remote_id.collect(),
            by_email: found.into_iter().map(|row| (row.email_key.clone(), row)).collect(),
            remote_ids: DuplicateTracker::default(),
            emails: DuplicateTracker::default(),
            contacts: DuplicateTracker::default(),
        })
    }

    /// Plans the next row.
    fn step(
        &mut self,
        ctx: &WriteContext<'_>,
        index: usize,
        row: &Checked<'_, UpsertInternalContact>,
    ) -> AppResult<Step<Entity>> {
        let mut checks = row.checks.clone();
        let old = self.row_match(&mut checks, index, &row.row);
        if !checks.passed() {
            return Ok(Step::failed(checks));
        }
        let mut columns =
            old.as_ref().map_or_else(ActiveModel::default, |old| old.clone().into_active_model());
        let diff = row.row.clone().write(&mut columns);
        match old {
            Some(old) => Step::changed(ctx, old, columns, diff),
            None => Ok(Step::created(record::new_row::<Entity>(ctx, columns)?, diff)),
        }
    }

    /// The contact that a row means, if it is there; reports a row that another one was, and values that another contact
    /// has.
    fn row_match(&mut self, checks: &mut Checks, index: usize, fields: &Fields) -> Option<Model> {
        let (remote_id, email) = (fields.remote_id(), fields.email_key());
        let email = Some(email).filter(|email| !email.is_empty());
        let remote_ids = (&mut self.remote_ids, remote_id);
        let emails = (&mut self.emails, "email", email.map(str::to_owned));
        if !checks.passed() || is_repeated(checks, index, remote_ids, emails) {
            return None;
        }
        let of_remote_id = remote_id.and_then(|id| self.by_remote_id.get(id));
        let of_email = email.and_then(|email| self.by_email.get(email));
        let (field, found) = match (of_remote_id, of_email) {
            (Some(known), Some(other)) if known.id != other.id => ("email", None),
            (Some(known), _) => ("remoteId", Some(known)),
            // It is the record of another remote id.
            (None, Some(other)) if remote_id.is_some() && other.remote_id.is_some() => ("email", None),
            (None, found) => ("email", found),
        };
        if found.is_none() && of_email.is_some() {
            checks.report("email", InputErrorCode::Taken, EMAIL_TAKEN);
        } else if found.is_none() && email.is_none() {
            let message = match remote_id {
                Some(_) => "A new contact needs an email address.",
                None => "Set remoteId or email to identify the contact.",
            };
            checks.report("email", InputErrorCode::Required, message);
        }
        let found = found.cloned();
        if let Some(found) = &found {
            self.contacts.check(checks, field, found.id, index);
        }
        found
    }
}
