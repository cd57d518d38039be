//! Custom fields: what an organization wants to know of account contacts besides the built-in fields. `values` has what
//! contacts answer, `form` what an answer looks like.

mod condition;
mod display;
mod form;
mod values;

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, IntoActiveModel};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Database, ListRequest, Page, Patch, authorize_admin, authorize_read,
    change::Diff,
    cursor::{CursorKey, Order},
    filter, idempotency,
    input::{Checks, not_found},
    page::{self, Paged},
    reading,
    record::{self, Recorded},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, ScopedById, StoredJson,
        custom_field::{Column, Entity, FieldType, Model},
        id::{CustomFieldId, OrganizationId},
    },
    error::{AppResult, FIELD_KEY_TAKEN, InputErrorCode},
};

pub use condition::{ValueComparison, ValueFilter};
pub(super) use condition::{checked, condition};
pub use display::display;
pub use values::{CustomFieldInput, values_of};
pub(super) use values::{
    HeldFields, check_changes, check_values, insert_values, set_values, stored_of, write_changes,
};

const OPTIONS: &str = "options";
/// The most options that a choice may have.
const MAX_OPTIONS: usize = 250;
const TOO_MANY_OPTIONS: &str = "A choice field can have at most 250 options.";

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("custom_field");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "CustomField";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> CustomFieldId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }
}

/// A new custom field.
#[derive(Clone, Debug, Serialize)]
pub struct CreateCustomField {
    /// Its name for programs, unique in the organization.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// What its values are; never changes.
    pub field_type: FieldType,
    /// What can be chosen, for choices.
    pub options: Vec<String>,
    /// Whether every new contact needs a value.
    pub is_required: bool,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// What is to change of a custom field. Its key and type never do.
#[derive(Clone, Debug, Default)]
pub struct UpdateCustomField {
    /// Its name for people.
    pub label: Patch<String>,
    /// What can be chosen: all of it.
    pub options: Patch<Vec<String>>,
    /// Whether every new contact needs a value.
    pub is_required: Patch<bool>,
    /// The version that the caller read.
    pub expected_version: Option<i32>,
}

/// The organization's custom fields, archived ones included.
pub async fn list(db: &Database, ctx: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, Columns::all(), &list.page).await
}

/// The custom fields with these ids.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[CustomFieldId],
) -> AppResult<HashMap<CustomFieldId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, Columns::all(), |row| row.id).await
}

/// Makes a custom field.
pub async fn create(db: &Database, ctx: &RequestContext, input: &CreateCustomField) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let mut checks = Checks::default();
    let key = checks.required_line("key", &input.key);
    let label = checks.required_line("label", &input.label);
    let options = check_options(&mut checks, input.field_type, &input.options);
    let write = db.begin().await?;
    let txn = &write;
    let repeat = input.idempotency_key.as_deref();
    let claim =
        match idempotency::claim(&mut checks, txn, ctx, (organization, "createCustomField"), repeat, input)
            .await?
        {
            Ok(claim) => claim,
            Err(first) => {
                return reading::replayed(Entity::find_by_id_in(organization, first).one(txn).await?);
            }
        };
    if reading::value_exists::<Entity>(txn, organization, Column::Key, Some(&key)).await? {
        checks.report("key", InputErrorCode::Taken, FIELD_KEY_TAKEN);
    }
    checks.finish()?;
    let row = Model {
        id: CustomFieldId(ctx.new_id()),
        org_id: organization,
        key,
        label,
        field_type: input.field_type,
        options: Json::from(options).into(),
        is_required: input.is_required,
        archived_at: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        version: 1,
    };
    let diff = Diff::default()
        .created("key", &row.key)
        .created("label", &row.label)
        .created("fieldType", row.field_type)
        .created("options", &row.options)
        .created("isRequired", row.is_required);
    let row = record::create::<Entity>(txn, ctx, organization, row, diff).await?;
    claim.complete(txn, organization, row.id).await?;
    write.commit().await?;
    Ok(row)
}

/// Changes a custom field. An option that contacts have stays. That the field is required from now on says nothing of
/// the contacts that are there.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    input: &UpdateCustomField,
) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let id: CustomFieldId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let label = checks.required_line_patch("label", &input.label);
    let options = checks.required_patch("options", &input.options);
    let is_required = checks.required_patch("isRequired", &input.is_required);
    let write = db.begin().await?;
    let txn = &write;
    // While the field is locked, no value of it is written.
    let old = record::find_for_update::<Entity>(txn, organization, id, input.expected_version).await?;
    let options = match options {
        Some(options) => {
            let options = check_options(&mut checks, old.field_type, &options);
            check_unused(&mut checks, txn, &old, &options).await?;
            Some(Json::from(options).into())
        }
        None => None,
    };
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("label", &mut row.label, label);
    diff.set("options", &mut row.options, options);
    diff.set("isRequired", &mut row.is_required, is_required);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Archives a custom field, so that it takes no more values, or takes it back into use. Its values stay either way.
pub async fn archive(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    archived: bool,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let id: CustomFieldId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    if archived != old.archived_at.is_some() {
        diff.set("archivedAt", &mut row.archived_at, Some(archived.then_some(ctx.now)));
    }
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Options are for choices, at least one, none twice.
fn check_options(checks: &mut Checks, field_type: FieldType, options: &[String]) -> Vec<String> {
    let is_choice = matches!(field_type, FieldType::SingleChoice | FieldType::MultiChoice);
    let refusal = match options.len() {
        0 if is_choice => Some((InputErrorCode::Required, "A choice field needs at least one option.")),
        1.. if !is_choice => Some((InputErrorCode::NotAllowed, "Only choice fields can have options.")),
        count if count > MAX_OPTIONS => Some((InputErrorCode::TooMany, TOO_MANY_OPTIONS)),
        _ => None,
    };
    if let Some((code, message)) = refusal {
        checks.report(OPTIONS, code, message);
        return Vec::new();
    }
    let mut distinct: Vec<String> = Vec::with_capacity(options.len());
    for (position, option) in options.iter().enumerate() {
        let option = checks.required_line_at(vec![OPTIONS.into(), position.to_string().into()], option);
        if !distinct.contains(&option) {
            distinct.push(option);
        }
    }
    distinct
}

/// An option that goes must not be the value of any contact, because its value would have no row_match then.
async fn check_unused(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    field: &Model,
    options: &[String],
) -> AppResult<()> {
    let goes = |option: &&str| !options.iter().any(|kept| kept == option);
    let gone: Vec<&str> = form::options(field).filter(goes).collect();
    if gone.is_empty() || !checks.passed() {
        return Ok(());
    }
    let uses = values::uses(db, field).await?;
    for option in gone {
        let holds = |value: &StoredJson| value.value().is_some_and(|value| form::holds(value, option));
        let contacts: i64 = uses.iter().filter(|(value, _)| holds(value)).map(|(_, n)| n).sum();
        if contacts > 0 {
            let have = if contacts == 1 { "contact has" } else { "contacts have" };
            let message = format!(
                "{contacts} {have} the option \"{option}\", including soft-deleted ones. Keep the option."
            );
            checks.report(OPTIONS, InputErrorCode::InUse, message);
        }
    }
    Ok(())
}
