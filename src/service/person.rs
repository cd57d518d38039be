//! The fields of internal contacts: checked, put into rows, and found or inserted by the email address.

use sea_orm::{ColumnTrait, QueryFilter, sea_query::LockType};
use serde::Serialize;

use super::{
    Patch, WriteContext,
    change::{Action, Diff},
    input::{Checks, Email},
    reading, record,
};
use crate::{
    entity::{
        Scoped,
        internal_contact::{ActiveModel, Column, Entity, Model},
    },
    error::{AppResult, EMAIL_TAKEN, InputError, InputErrorCode},
};

/// What is known of a person besides the email address.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The whole name, of people without given and family name.
    pub name: Option<String>,
    /// With country code.
    pub phone: Option<String>,
    /// Job title.
    pub job_title: Option<String>,
}

/// What is to change of a person.
#[derive(Clone, Debug, Default)]
pub struct UpdateInternalContact {
    /// Email address; cannot be cleared.
    pub email: Patch<String>,
    /// Given name.
    pub given_name: Patch<String>,
    /// Family name.
    pub family_name: Patch<String>,
    /// The whole name.
    pub name: Patch<String>,
    /// With country code.
    pub phone: Patch<String>,
    /// Job title.
    pub job_title: Patch<String>,
    /// Identifier of this record in the external system it was synced from.
    pub remote_id: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
}

/// The fields of a person, cleaned; `None` keeps the stored value.
#[derive(Clone)]
pub struct Fields {
    email: Option<Email>,
    given_name: Option<Option<String>>,
    family_name: Option<Option<String>>,
    name: Option<Option<String>>,
    phone: Option<Option<String>>,
    job_title: Option<Option<String>>,
    remote_id: Option<Option<String>>,
}

impl Fields {
    pub(super) fn check(checks: &mut Checks, input: &UpdateInternalContact) -> Self {
        Self {
            email: checks.required_email_patch("email", &input.email),
            given_name: checks.line_patch("givenName", &input.given_name),
            family_name: checks.line_patch("familyName", &input.family_name),
            name: checks.line_patch("name", &input.name),
            phone: checks.phone_patch("phone", &input.phone),
            job_title: checks.line_patch("jobTitle", &input.job_title),
            remote_id: checks.line_patch("remoteId", &input.remote_id),
        }
    }

    /// The fields of a new person.
    pub(super) fn of_new(checks: &mut Checks, email: &str, profile: &Profile) -> Self {
        let Profile { given_name, family_name, name, phone, job_title } = profile.clone();
        let input = UpdateInternalContact {
            email: Patch::Set(email.to_owned()),
            given_name: given_name.into(),
            family_name: family_name.into(),
            name: name.into(),
            phone: phone.into(),
            job_title: job_title.into(),
            ..UpdateInternalContact::default()
        };
        Self::check(checks, &input)
    }

    /// The remote id, if one is set.
    pub(super) fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_ref().and_then(Option::as_deref)
    }

    /// The key of the email address; blank when it was rejected or is not given.
    pub(super) fn email_key(&self) -> &str {
        self.email.as_ref().map_or("", |email| &email.key)
    }

    /// Puts the fields into a row that was read or is new.
    pub(super) fn write(self, row: &mut ActiveModel) -> Diff {
        let mut diff = Diff::default();
        let email = self.email.map(|email| (email.text, email.key));
        diff.set_email(&mut row.email, &mut row.email_key, email);
        diff.set("givenName", &mut row.given_name, self.given_name);
        diff.set("familyName", &mut row.family_name, self.family_name);
        diff.set("name", &mut row.name, self.name);
        diff.set("phone", &mut row.phone, self.phone);
        diff.set("jobTitle", &mut row.job_title, self.job_title);
        diff.set("remoteId", &mut row.remote_id, self.remote_id);
        diff
    }

    /// The new person as a row, and the entry of its history.
    pub(super) fn create(&self, ctx: &WriteContext<'_>) -> AppResult<(Model, Diff)> {
        let mut row = ActiveModel::default();
        let diff = self.clone().write(&mut row);
        Ok((record::new_row::<Entity>(ctx, row)?, diff))
    }

    /// The person with this email address, locked until the transaction ends.
    pub(super) async fn find(&self, ctx: &WriteContext<'_>) -> AppResult<Option<Model>> {
        let has_email = Column::EmailKey.eq(self.email_key());
        let person = Entity::find_in(ctx.organization).filter(has_email.clone());
        let person = ctx.txn.locked(person, LockType::Update).one(&ctx.txn).await?;
        if let Some(person) = &person {
            ctx.txn.guard::<Entity>(ctx.organization, [person.id], Some(has_email), LockType::KeyShare);
        }
        Ok(person)
    }

    /// Of several callers that add the same person at once, one inserts; the others find the inserted row.
    pub(super) async fn find_or_insert(&self, ctx: &WriteContext<'_>) -> AppResult<Model> {
        if ctx.txn.is_optimistic() {
            let mut row = ActiveModel::default();
            let diff = self.clone().write(&mut row);
            return record::insert_row::<Entity>(ctx, row, diff);
        }
        let (row, diff) = self.create(ctx)?;
        if reading::insert_if_new::<Entity>(&ctx.txn, row.clone()).await? {
            record::record::<Entity>(ctx, row.id, Action::Created, diff);
            return Ok(row);
        }
        let found = self.find(ctx).await?;
        found.ok_or_else(|| InputError::on("email", InputErrorCode::Taken, EMAIL_TAKEN).into())
    }
}
