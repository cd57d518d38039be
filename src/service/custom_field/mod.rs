//! Custom fields: what an organization wants to know of account contacts besides the built-in fields. `values` has what
//! contacts answer, `form` what an answer looks like.

mod form;
mod values;

use std::collections::HashMap;

use super::{
    Database, ListRequest, Page,
    change::{self, Action, Diff},
    cursor::{CursorKey, Order},
    filter,
    input::Checks,
    page::{self, Paged},
    reader, reading,
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        Columns,
        custom_field::{Column, Entity, FieldType, Model},
        id::{CustomFieldId, OrganizationId},
    },
    error::{AppResult, InputErrorCode},
};

pub use values::{CustomFieldInput, check_changes, values_of, write_changes};
pub(super) use values::{check_values, insert_values};

const KIND: &str = "CustomField";

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("custom_field");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

/// A new custom field.
#[derive(Clone, Debug)]
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
}

/// The organization's custom fields, archived ones included.
pub async fn list(db: &Database, ctx: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), reader(ctx)?, list.filter.as_ref()).await?;
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
    ctx.require(Scope::OrgAdmin)?;
    let organization = OrganizationId(ctx.organization()?);
    let mut checks = Checks::default();
    let key = checks.required_line("key", &input.key);
    let label = checks.required_line("label", &input.label);
    let options = check_options(&mut checks, input.field_type, &input.options);
    let write = db.begin().await?;
    let txn = write.connection();
    if reading::taken::<Entity>(txn, organization, Column::Key, Some(&key)).await? {
        checks.report("key", InputErrorCode::Taken, "Another custom field has this key.");
    }
    checks.finish()?;
    let row = Model {
        id: CustomFieldId(ctx.new_id()),
        org_id: organization,
        key,
        label,
        field_type: input.field_type,
        options: options.into(),
        is_required: input.is_required,
        archived_at: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        version: 1,
    };
    reading::insert::<Entity>(txn, row.clone()).await?;
    let diff = Diff::default()
        .created("key", &row.key)
        .created("label", &row.label)
        .created("fieldType", row.field_type)
        .created("options", &row.options)
        .created("isRequired", row.is_required);
    change::record(txn, ctx, organization, (KIND, row.id.to_string()), Action::Created, diff).await?;
    write.commit().await?;
    Ok(row)
}

/// Options are for choices, at least one, none twice.
fn check_options(checks: &mut Checks, field_type: FieldType, options: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(options.len());
    for option in options {
        let option = checks.required_line("options", option);
        if !distinct.contains(&option) {
            distinct.push(option);
        }
    }
    let is_choice = matches!(field_type, FieldType::SingleChoice | FieldType::MultiChoice);
    if is_choice && distinct.is_empty() {
        checks.report("options", InputErrorCode::Required, "A choice needs at least one option.");
    }
    if !is_choice && !distinct.is_empty() {
        checks.report("options", InputErrorCode::NotAllowed, "Only a choice has options.");
    }
    distinct
}
