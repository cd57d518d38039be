//! Changing account contacts: their own fields, their accounts and their values of custom fields, all or nothing.

use sea_orm::{ConnectionTrait, IntoActiveModel};
use serde_json::{Map, Value as Json};

use super::{
    fields::{FieldInputs, Fields},
    links,
};
use crate::{
    auth::RequestContext,
    entity::{
        account_contact::{Column, Entity, Model},
        id::{AccountContactId, AccountId, ContactTypeId, OrganizationId},
    },
    error::{AppResult, EMAIL_TAKEN, InputErrorCode, REMOTE_ID_TAKEN},
    service::{
        Database, Patch, Write, authorize_write,
        change::Diff,
        contact_type,
        custom_field::{self, CustomFieldInput},
        input::{Checks, not_found},
        reading, record,
    },
};

/// What is to change of a contact.
#[derive(Clone, Debug, Default)]
pub struct UpdateAccountContact {
    /// First name; cannot be cleared.
    pub first_name: Patch<String>,
    /// Last name.
    pub last_name: Patch<String>,
    /// Email address; cannot be cleared.
    pub email: Patch<String>,
    /// With country code.
    pub phone: Patch<String>,
    /// The contact type's id; cannot be cleared.
    pub contact_type_id: Patch<String>,
    /// http or https.
    pub avatar_url: Patch<String>,
    /// The ids of all accounts from now on, without duplicates; cannot be cleared, but empty.
    pub account_ids: Patch<Vec<String>>,
    /// What is to change of the values of custom fields; fields that are not named keep theirs.
    pub custom_field_values: Patch<Vec<CustomFieldPatch>>,
    /// A JSON object; cleared, it is an empty one.
    pub metadata: Patch<Json>,
    /// Identifier of this record in the external system it was synced from.
    pub remote_id: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
}

/// What is to become of the value of one custom field.
#[derive(Clone, Debug)]
pub struct CustomFieldPatch {
    /// The field's id.
    pub custom_field_id: String,
    /// The value; it must be said.
    pub value: Patch<Json>,
}

/// Changes a contact.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    input: &UpdateAccountContact,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: AccountContactId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, &input.fields());
    let values = checks.required_patch("customFieldValues", &input.custom_field_values);
    let values = values_said(&mut checks, values.unwrap_or_default());
    let write = db.begin().await?;
    let txn = &write;
    let (contact_type, accounts) = named(&mut checks, txn, organization, input).await?;
    let old = record::find_for_update::<Entity>(txn, organization, id, input.expected_version).await?;
    check_free(&mut checks, txn, organization, &fields, &old).await?;
    let values = custom_field::check_changes(&mut checks, txn, organization, id, &values).await?;
    checks.finish()?;

    let mut row = old.clone().into_active_model();
    let mut diff = fields.change(&mut row, contact_type);
    if let Some(accounts) = accounts {
        let before = links::of_contact(txn, organization, id).await?;
        links::replace(txn, ctx, organization, id, (before, accounts), &mut diff).await?;
    }
    let values = custom_field::write_changes(txn, ctx, organization, id, values).await?;
    note_values(&mut diff, &values);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

impl UpdateAccountContact {
    fn fields(&self) -> FieldInputs<'_> {
        FieldInputs {
            first_name: self.first_name.as_deref(),
            last_name: self.last_name.as_deref(),
            email: self.email.as_deref(),
            phone: self.phone.as_deref(),
            avatar_url: self.avatar_url.as_deref(),
            metadata: self.metadata.as_ref(),
            remote_id: self.remote_id.as_deref(),
        }
    }
}

/// The type and the accounts that an input names, held; they are held before the contact.
async fn named(
    checks: &mut Checks,
    db: &Write,
    organization: OrganizationId,
    input: &UpdateAccountContact,
) -> AppResult<(Option<ContactTypeId>, Option<Vec<AccountId>>)> {
    let contact_type = match checks.required_patch("contactTypeId", &input.contact_type_id) {
        Some(id) => contact_type::chosen(checks, db, organization, Some(&id)).await?,
        None => None,
    };
    let accounts = match checks.required_patch("accountIds", &input.account_ids) {
        Some(ids) => Some(links::chosen(checks, db, organization, &ids).await?),
        None => None,
    };
    Ok((contact_type.map(|it| it.id), accounts))
}

/// Reports new values that another contact has.
async fn check_free(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    fields: &Fields,
    old: &Model,
) -> AppResult<()> {
    let email = fields.email_key().filter(|key| *key != old.email_key);
    if reading::value_exists::<Entity>(db, organization, Column::EmailKey, email).await? {
        checks.report("email", InputErrorCode::Taken, EMAIL_TAKEN);
    }
    let remote_id = fields.remote_id().filter(|new| old.remote_id.as_deref() != Some(*new));
    if reading::value_exists::<Entity>(db, organization, Column::RemoteId, remote_id).await? {
        checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
    }
    Ok(())
}

/// The values to set and, where they are null, to clear; reports those that are left out.
fn values_said(checks: &mut Checks, patches: Vec<CustomFieldPatch>) -> Vec<CustomFieldInput> {
    let mut said = Vec::with_capacity(patches.len());
    for (position, CustomFieldPatch { custom_field_id, value }) in patches.into_iter().enumerate() {
        let value = match value {
            Patch::Set(value) => value,
            Patch::Clear => Json::Null,
            Patch::Keep => {
                let path = vec!["customFieldValues".into(), position.to_string().into(), "value".into()];
                checks.report_at(
                    path,
                    InputErrorCode::Required,
                    "A value is required. Use null to clear the field.",
                );
                Json::Null
            }
        };
        said.push(CustomFieldInput { custom_field_id, value });
    }
    said
}

/// Notes what changed of the values, which comes by field.
fn note_values(diff: &mut Diff, changed: &Map<String, Json>) {
    if changed.is_empty() {
        return;
    }
    let side = |side: &str| changed.iter().map(|(field, it)| (field.clone(), it[side].clone())).collect();
    let (old, new): (Map<String, Json>, Map<String, Json>) = (side("old"), side("new"));
    diff.note("customFieldValues", old, new);
}
