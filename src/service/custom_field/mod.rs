//! Custom fields: what an organization wants to know of account contacts besides the built-in fields. `values` has what
//! contacts answer, `form` what an answer looks like.

mod condition;
mod display;
mod form;
mod values;

use sea_orm::IntoActiveModel;
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Database, Patch, WriteContext,
    change::Diff,
    cursor::Order,
    input::Checks,
    record::{self, Recorded, Unique, recorded_columns},
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        StoredJson,
        custom_field::{ActiveModel, Column, Entity, FieldType, Model},
    },
    error::{AppResult, FIELD_KEY_TAKEN, InputErrorCode},
};

pub use super::reading::by_ids;
pub(super) use condition::{DECIMAL_COLLATION, checked, compare_decimals, condition};
pub use condition::{ValueComparison, ValueFilter};
pub use display::display;
pub use values::{CustomFieldInput, values_of};
pub(super) use values::{
    HeldFields, check_changes, check_values, insert_values, set_values, stored_of, write_changes,
};

const OPTIONS: &str = "options";
/// The most options that a choice may have.
const MAX_OPTIONS: usize = 250;
const TOO_MANY_OPTIONS: &str = "A choice field can have at most 250 options.";

impl Recorded for Entity {
    const KIND: &'static str = "CustomField";
    const LIST: Order = Order::by_uuid("custom_field");
    const WRITE_SCOPE: Scope = Scope::OrgAdmin;
    const UNIQUE: &'static [Unique<Column>] = &[(Column::Key, "key", FIELD_KEY_TAKEN)];

    recorded_columns!();
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

/// Creates a custom field.
pub async fn create(db: &Database, request: &RequestContext, input: &CreateCustomField) -> AppResult<Model> {
    let write = |checks: &mut Checks, row: &mut ActiveModel| {
        let mut diff = Diff::default();
        diff.set("key", &mut row.key, Some(checks.required_line("key", &input.key)));
        diff.set("label", &mut row.label, Some(checks.required_line("label", &input.label)));
        diff.set("fieldType", &mut row.field_type, Some(input.field_type));
        let options = Json::from(check_options(checks, input.field_type, &input.options));
        diff.set("options", &mut row.options, Some(options.into()));
        diff.set("isRequired", &mut row.is_required, Some(input.is_required));
        diff
    };
    record::create::<Entity>(db, request, input.idempotency_key.as_deref(), input, write).await
}

/// Changes a custom field. An option that contacts have stays. That the field is required from now on says nothing of
/// the contacts that are there.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    input: &UpdateCustomField,
) -> AppResult<Model> {
    // While the field is locked, no value of it is written.
    let (ctx, old) = record::begin_update::<Entity>(db, request, id, input.expected_version).await?;
    let mut checks = Checks::default();
    let label = checks.required_line_patch("label", &input.label);
    let options = checks.required_patch("options", &input.options);
    let is_required = checks.required_patch("isRequired", &input.is_required);
    let options = match options {
        Some(options) => {
            let options = check_options(&mut checks, old.field_type, &options);
            check_unused(&ctx, &mut checks, &old, &options).await?;
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
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
}

/// Archives a custom field, so that it takes no more values, or takes it back into use. Its values stay either way.
pub async fn archive(
    db: &Database,
    request: &RequestContext,
    id: &str,
    archived: bool,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let archived_at = archived.then_some(request.now);
    let write = |_: &mut Checks, row: &mut ActiveModel| {
        let mut diff = Diff::default();
        let is_archived = row.archived_at.try_as_ref().is_some_and(Option::is_some);
        diff.set("archivedAt", &mut row.archived_at, (archived != is_archived).then_some(archived_at));
        diff
    };
    record::update::<Entity>(db, request, id, expected_version, write).await
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
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    field: &Model,
    options: &[String],
) -> AppResult<()> {
    let goes = |option: &&str| !options.iter().any(|kept| kept == option);
    let gone: Vec<&str> = form::options(field).filter(goes).collect();
    if gone.is_empty() || !checks.passed() {
        return Ok(());
    }
    let uses = values::uses(ctx, field).await?;
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
