//! People who are not in the database yet: checked, found after all, or made.

use sea_orm::{ColumnTrait, QueryFilter, sea_query::LockType};

use super::Profile;
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        id::{InternalContactId, OrganizationId},
        internal_contact::{Column, Entity, Model},
    },
    error::{AppResult, EMAIL_TAKEN, InputError, InputErrorCode},
    service::{
        Write,
        change::{Action, Diff},
        input::{Checks, Email},
        reading,
        record::{self, Recorded},
    },
};

/// A person who is not in the database yet, cleaned.
pub(in crate::service) struct NewPerson {
    pub(in crate::service) email: Email,
    profile: Profile,
}

impl NewPerson {
    pub(in crate::service) fn check(checks: &mut Checks, email: &str, profile: &Profile) -> Self {
        Self {
            email: checks.required_email("email", email),
            profile: Profile {
                given_name: checks.optional_line("givenName", profile.given_name.as_deref()),
                family_name: checks.optional_line("familyName", profile.family_name.as_deref()),
                name: checks.optional_line("name", profile.name.as_deref()),
                phone: checks.phone_patch("phone", &profile.phone.clone().into()).flatten(),
                job_title: checks.optional_line("jobTitle", profile.job_title.as_deref()),
            },
        }
    }

    /// The person with this email address, held fast until the transaction ends.
    pub(super) async fn find(&self, db: &Write, organization: OrganizationId) -> AppResult<Option<Model>> {
        let is_them = Column::EmailKey.eq(&self.email.key);
        let person = Entity::find_in(organization).filter(is_them.clone());
        let person = db.locked(person, LockType::Update).one(db).await?;
        if let Some(person) = &person {
            db.guard::<Entity>(organization, [person.id], Some(is_them), LockType::KeyShare);
        }
        Ok(person)
    }

    /// The person as a row, and what its record says.
    pub(in crate::service) fn create(
        &self,
        ctx: &RequestContext,
        organization: OrganizationId,
    ) -> (Model, Diff) {
        let mut row = self.row(ctx, organization);
        Entity::derive(&mut row);
        let diff = Self::diff(&row);
        (row, diff)
    }

    fn row(&self, ctx: &RequestContext, organization: OrganizationId) -> Model {
        let Self { email, profile } = self;
        Model {
            id: InternalContactId(ctx.new_id()),
            org_id: organization,
            email: email.text.clone(),
            email_key: email.key.clone(),
            given_name: profile.given_name.clone(),
            family_name: profile.family_name.clone(),
            name: profile.name.clone(),
            phone: profile.phone.clone(),
            job_title: profile.job_title.clone(),
            remote_id: None,
            sort_key: String::new(),
            words: String::new(),
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
            deleted_at: None,
        }
    }

    pub(super) async fn insert(
        &self,
        db: &Write,
        ctx: &RequestContext,
        organization: OrganizationId,
    ) -> AppResult<Model> {
        let (row, diff) = self.create(ctx, organization);
        record::create::<Entity>(db, ctx, organization, row, diff).await
    }

    /// Of several callers that add the same person at once, one inserts; the others find what it inserted.
    pub(super) async fn find_or_insert(
        &self,
        db: &Write,
        ctx: &RequestContext,
        organization: OrganizationId,
    ) -> AppResult<Model> {
        if db.is_optimistic() {
            return self.insert(db, ctx, organization).await;
        }
        let (row, diff) = self.create(ctx, organization);
        if reading::insert_if_new::<Entity>(db, row.clone()).await? {
            record::record::<Entity>(db, ctx, organization, row.id, Action::Created, diff);
            return Ok(row);
        }
        let found = self.find(db, organization).await?;
        found.ok_or_else(|| InputError::on("email", InputErrorCode::Taken, EMAIL_TAKEN).into())
    }

    fn diff(row: &Model) -> Diff {
        Diff::default()
            .created("email", &row.email)
            .created("givenName", &row.given_name)
            .created("familyName", &row.family_name)
            .created("name", &row.name)
            .created("phone", &row.phone)
            .created("jobTitle", &row.job_title)
    }
}
