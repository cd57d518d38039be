//! Changing account contacts: their own fields, their accounts and their values of custom fields, all or nothing.

use sea_orm::IntoActiveModel;
use serde_json::{Map, Value as Json};

use super::{
    fields::{FieldInputs, Fields},
    links,
};
use crate::{
    auth::RequestContext,
    entity::{
        account_contact::{Entity, Model},
        id::{AccountId, ContactTypeId},
    },
    error::{AppResult, InputErrorCode},
    service::{
        Database, Patch, WriteContext,
        change::Diff,
        contact_type,
        custom_field::{self, CustomFieldInput},
        input::Checks,
        record,
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
    request: &RequestContext,
    id: &str,
    input: &UpdateAccountContact,
) -> AppResult<Model> {
    let (ctx, id) = record::begin::<Entity>(db, request, id).await?;
    let mut checks = Checks::of(request);
    let fields = Fields::check(&mut checks, &input.fields());
    let values = checks.required_patch("customFieldValues", &input.custom_field_values);
    let values = values_said(&mut checks, values.unwrap_or_default());
    let (contact_type, accounts) = named(&ctx, &mut checks, input).await?;
    let old = record::find_for_update::<Entity>(&ctx, id, input.expected_version).await?;
    let mut row = old.clone().into_active_model();
    let mut diff = fields.write(&mut row);
    record::check_unique::<Entity>(&ctx, &mut checks, &row).await?;
    let values = custom_field::check_changes(&ctx, &mut checks, id, &values).await?;
    checks.finish()?;

    diff.set("contactTypeId", &mut row.contact_type_id, contact_type);
    if let Some(accounts) = accounts {
        let before = links::of_contact(&ctx, id).await?;
        links::replace(&ctx, id, (before, accounts), &mut diff).await?;
    }
    let values = custom_field::write_changes(&ctx, id, values).await?;
    note_values(&mut diff, &values);
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
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
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    input: &UpdateAccountContact,
) -> AppResult<(Option<ContactTypeId>, Option<Vec<AccountId>>)> {
    let contact_type = match checks.required_patch("contactTypeId", &input.contact_type_id) {
        Some(id) => contact_type::chosen(ctx, checks, Some(&id)).await?,
        None => None,
    };
    let accounts = match checks.required_patch("accountIds", &input.account_ids) {
        Some(ids) => Some(links::chosen(ctx, checks, &ids).await?),
        None => None,
    };
    Ok((contact_type.map(|it| it.id), accounts))
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
