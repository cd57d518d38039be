//! Custom fields: what an organization wants to know of account contacts besides the built-in fields, and the check of
//! every value against its field's type and options.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Database, ListRequest, Page,
    change::{self, Action, Diff},
    cursor::{CursorKey, Order},
    filter,
    input::{self, Checks, NOT_FOUND, Path},
    page::{self, Paged},
    reader, reading,
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        Columns, Scoped,
        custom_field::{Column, Entity, FieldType, Model},
        custom_field_value as value,
        id::{AccountContactId, CustomFieldId, OrganizationId},
        keys_in,
    },
    error::{AppResult, InputErrorCode},
};

const KIND: &str = "CustomField";
const VALUES: &str = "customFieldValues";
/// The most characters that a value of type `text` may have.
const TEXT: usize = 255;
/// The most characters that a value of type `long_text` may have.
const LONG_TEXT: usize = 16 * 1024;
/// The most digits that a value of type `decimal` may have.
const DECIMAL: usize = 38;

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("custom_field");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

/// A value for one custom field of a contact.
#[derive(Clone, Debug, Serialize)]
pub struct CustomFieldInput {
    /// The field's id.
    pub custom_field_id: String,
    /// The value, in JSON's form of the field's type.
    pub value: Json,
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

/// For each account contact the values of its custom fields, in the order of the fields.
pub async fn values_of(
    db: &Database,
    organization: OrganizationId,
    contacts: &[AccountContactId],
) -> AppResult<HashMap<AccountContactId, Vec<value::Model>>> {
    let connection = db.connection();
    let owner = value::Column::AccountContactId;
    let rows = value::Entity::find_in(organization)
        .filter(keys_in(connection.get_database_backend(), owner.into_expr(), contacts.iter().copied()))
        .order_by_asc(value::Column::CustomFieldId)
        .all(connection)
        .await?;
    let mut values: HashMap<_, Vec<_>> = contacts.iter().map(|contact| (*contact, Vec::new())).collect();
    for row in rows {
        values.entry(row.account_contact_id).or_default().push(row);
    }
    Ok(values)
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

/// Checks the values of a new contact: each against its field, and that no required field is missing.
pub(super) async fn check_values(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    inputs: &[CustomFieldInput],
) -> AppResult<Vec<(CustomFieldId, Json)>> {
    let fields = Entity::find_in(organization).filter(Column::ArchivedAt.is_null()).all(db).await?;
    let mut values: Vec<(CustomFieldId, Json)> = Vec::with_capacity(inputs.len());
    for (position, input) in inputs.iter().enumerate() {
        let path =
            |last: &'static str| -> Path { vec![VALUES.into(), position.to_string().into(), last.into()] };
        let id: Option<CustomFieldId> = input.custom_field_id.parse().ok();
        let Some(field) = fields.iter().find(|field| Some(field.id) == id) else {
            checks.report_at(path("customFieldId"), InputErrorCode::NotFound, NOT_FOUND);
            continue;
        };
        if values.iter().any(|(id, _)| *id == field.id) {
            let message = "This field has a value in the same list already.";
            checks.report_at(path("customFieldId"), InputErrorCode::Invalid, message);
            continue;
        }
        match check(field, &input.value) {
            Ok(value) => values.push((field.id, value)),
            Err((code, message)) => checks.report_at(path("value"), code, message),
        }
    }
    for field in fields.iter().filter(|field| field.is_required) {
        if !inputs.iter().any(|input| input.custom_field_id.parse() == Ok(field.id)) {
            let message = format!("The field {} ({}) is required.", field.key, field.id);
            checks.report(VALUES, InputErrorCode::Required, message);
        }
    }
    Ok(values)
}

/// Writes the values of a new contact.
pub(super) async fn insert_values(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
    contact: AccountContactId,
    values: Vec<(CustomFieldId, Json)>,
) -> AppResult<()> {
    let rows = values.into_iter().map(|(custom_field_id, value)| value::ActiveModel {
        org_id: sea_orm::Set(organization),
        account_contact_id: sea_orm::Set(contact),
        custom_field_id: sea_orm::Set(custom_field_id),
        value: sea_orm::Set(value),
        created_at: sea_orm::Set(ctx.now),
        updated_at: sea_orm::Set(ctx.now),
    });
    value::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

type Refusal = (InputErrorCode, &'static str);

const fn invalid<T>(message: &'static str) -> Result<T, Refusal> {
    Err((InputErrorCode::Invalid, message))
}

/// The value in the form that is stored, or why it does not fit the field.
fn check(field: &Model, value: &Json) -> Result<Json, Refusal> {
    match field.field_type {
        FieldType::Text => text(value, TEXT, false).map(Json::from),
        FieldType::LongText => text(value, LONG_TEXT, true).map(Json::from),
        FieldType::Integer => match value.as_i64() {
            Some(integer) => Ok(integer.into()),
            None => invalid("This is not an integer of at most 64 bits."),
        },
        FieldType::Decimal => decimal(value),
        FieldType::Boolean => match value {
            Json::Bool(_) => Ok(value.clone()),
            _ => invalid("This is neither true nor false."),
        },
        FieldType::Date => match value.as_str().map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d")) {
            Some(Ok(date)) => Ok(date.format("%Y-%m-%d").to_string().into()),
            _ => invalid("This is not a date such as 2026-01-31."),
        },
        FieldType::DateTime => match value.as_str().map(DateTime::parse_from_rfc3339) {
            Some(Ok(time)) => {
                Ok(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Micros, true).into())
            }
            _ => invalid("This is not a time such as 2026-01-31T12:00:00Z (RFC 3339)."),
        },
        FieldType::SingleChoice => match value.as_str() {
            Some(text) if is_option(field, text) => Ok(value.clone()),
            _ => invalid("This is not one of the field's options."),
        },
        FieldType::MultiChoice => choices(field, value),
        FieldType::Url => match value.as_str().map(str::trim) {
            Some(text) if text.len() <= input::URL && input::is_web_address(text) => Ok(text.into()),
            _ => invalid("This is not an http or https address."),
        },
        FieldType::Email => match value.as_str() {
            Some(text) if input::is_email(text.trim()) => Ok(text.trim().into()),
            _ => invalid("This is not an email address such as ada@example.com."),
        },
        FieldType::Phone => match value.as_str().and_then(|text| input::e164(text.trim())) {
            Some(number) => Ok(number.into()),
            None => invalid("This is not a phone number with country code."),
        },
    }
}

fn text(value: &Json, limit: usize, lines: bool) -> Result<&str, Refusal> {
    let Some(text) = value.as_str().map(str::trim).filter(|text| !text.is_empty()) else {
        return invalid("This is not a text, or a blank one.");
    };
    if text.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'))) {
        return invalid("Control characters are not allowed.");
    }
    if text.chars().count() > limit {
        return Err((InputErrorCode::TooLong, "The text has too many characters for this field."));
    }
    Ok(text)
}

/// A decimal is kept as text, because JSON's numbers lose digits; a number is taken too.
fn decimal(value: &Json) -> Result<Json, Refusal> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() > DECIMAL {
        return invalid("This is not a decimal number such as \"12.50\", of at most 38 digits.");
    }
    Ok(text.into())
}

fn choices(field: &Model, value: &Json) -> Result<Json, Refusal> {
    let mut chosen: Vec<&Json> = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        if !item.as_str().is_some_and(|text| is_option(field, text)) {
            return invalid("One of the choices is not among the field's options.");
        }
        if !chosen.contains(&item) {
            chosen.push(item);
        }
    }
    if chosen.is_empty() {
        return invalid("This is not a list of at least one of the field's options.");
    }
    Ok(chosen.into_iter().cloned().collect())
}

fn is_option(field: &Model, text: &str) -> bool {
    field.options.as_array().is_some_and(|options| options.iter().any(|option| option == text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(field_type: FieldType) -> Model {
        let now = DateTime::UNIX_EPOCH;
        Model {
            id: CustomFieldId(uuid::Uuid::from_u128(1)),
            org_id: OrganizationId(1),
            key: "field".into(),
            label: "Field".into(),
            field_type,
            options: json!(["red", "green"]),
            is_required: false,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    #[test]
    fn each_type_takes_its_values_and_refuses_others() {
        let cases = [
            (FieldType::Text, json!(" a "), json!("a"), json!("a\nb")),
            (FieldType::LongText, json!("a\nb"), json!("a\nb"), json!("a\u{0}b")),
            (FieldType::Integer, json!(-5), json!(-5), json!(1.5)),
            (FieldType::Decimal, json!("12.50"), json!("12.50"), json!("12,5")),
            (FieldType::Decimal, json!(12.5), json!("12.5"), json!("1e5")),
            (FieldType::Boolean, json!(true), json!(true), json!("true")),
            (FieldType::Date, json!("2024-02-29"), json!("2024-02-29"), json!("2023-02-29")),
            (
                FieldType::DateTime,
                json!("2024-02-29T01:00:00+01:00"),
                json!("2024-02-29T00:00:00.000000Z"),
                json!("2024-02-29"),
            ),
            (FieldType::SingleChoice, json!("red"), json!("red"), json!("blue")),
            (
                FieldType::MultiChoice,
                json!(["red", "red", "green"]),
                json!(["red", "green"]),
                json!(["red", 1]),
            ),
            (
                FieldType::Url,
                json!("https://a.example/"),
                json!("https://a.example/"),
                json!("javascript:alert(1)"),
            ),
            (FieldType::Email, json!(" a@b.example "), json!("a@b.example"), json!("a.b")),
            (FieldType::Phone, json!("+49 30 901820"), json!("+4930901820"), json!("030 901820")),
        ];
        for (field_type, good, stored, bad) in cases {
            assert_eq!(check(&field(field_type), &good), Ok(stored), "{field_type:?} {good}");
            assert!(check(&field(field_type), &bad).is_err(), "{field_type:?} {bad}");
            assert!(check(&field(field_type), &Json::Null).is_err(), "{field_type:?} null");
        }
    }
}
