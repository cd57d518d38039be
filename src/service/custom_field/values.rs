//! The values that account contacts have in custom fields: reading them, and checking and writing those of an input.
//!
//! A write of values locks their fields until the transaction ends, so that no option is removed while a value uses it.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::form::{self, ValueError};
use crate::{
    entity::{
        Scoped, StoredJson,
        custom_field::{Column as FieldColumn, Entity as Field, FieldType, Model},
        custom_field_value::{ActiveModel, Column, Entity, Model as Value},
        id::{AccountContactId, CustomFieldId},
        insert_rows,
    },
    error::{AppResult, InputErrorCode},
    service::{
        ReadContext, WriteContext,
        input::{Checks, NOT_FOUND, Path},
        reading,
    },
};

const VALUES: &str = "customFieldValues";
/// The most values that one input may name.
const MAX_VALUES: usize = 100;

/// A value for one custom field of a contact.
#[derive(Clone, Debug, Serialize)]
pub struct CustomFieldInput {
    /// The field's id.
    pub custom_field_id: String,
    /// The value, in JSON's form of the field's type; in an update null clears it.
    pub value: Json,
}

/// For each account contact the values of its custom fields, in the order of the fields.
pub async fn values_of(
    ctx: ReadContext<'_>,
    contacts: &[AccountContactId],
) -> AppResult<HashMap<AccountContactId, Vec<Value>>> {
    let rows = Entity::find_in(ctx.organization)
        .filter(ctx.keys_in(Column::AccountContactId, contacts.iter().copied()))
        .order_by_asc(Column::CustomFieldId)
        .all(ctx.db)
        .await?;
    let mut values: HashMap<_, Vec<_>> = contacts.iter().map(|contact| (*contact, Vec::new())).collect();
    for row in rows {
        values.entry(row.account_contact_id).or_default().push(row);
    }
    Ok(values)
}

/// The fields that inputs name, and those that every new contact needs, held until the transaction ends.
pub(in crate::service) struct HeldFields(Vec<Model>);

impl HeldFields {
    pub(in crate::service) async fn read<'a>(
        ctx: &WriteContext<'_>,
        inputs: impl IntoIterator<Item = &'a CustomFieldInput>,
    ) -> AppResult<Self> {
        let ids: HashSet<CustomFieldId> = ids(inputs).collect();
        let named = ctx.keys_in(FieldColumn::Id, ids);
        let wanted = Condition::any().add(FieldColumn::IsRequired.eq(true)).add(named);
        // Others may lock them too, but nobody can change them: writing a value takes this lock anyway.
        let fields = Field::find_in(ctx.organization).filter(wanted).order_by_asc(FieldColumn::Id);
        Ok(Self(fields.lock(LockType::KeyShare).all(&ctx.txn).await?))
    }

    /// Checks the values of a new contact: each against its field, and that no required field is missing.
    pub(in crate::service) fn check_new(
        &self,
        checks: &mut Checks,
        inputs: &[CustomFieldInput],
    ) -> Vec<(CustomFieldId, Json)> {
        if !few_enough(checks, inputs) {
            return Vec::new();
        }
        let active = self.0.iter().filter(|field| field.archived_at.is_none());
        let mut values = Vec::with_capacity(inputs.len());
        for (position, field, value) in each(checks, active.clone(), inputs) {
            match form::check(field, value, checks.smtputf8) {
                Ok(value) => values.push((field.id, value)),
                Err((code, message)) => checks.report_at(path(position, "value"), code, message),
            }
        }
        for field in active.filter(|field| field.is_required) {
            if !ids(inputs).any(|id| id == field.id) {
                let message = format!("The field {} ({}) is required.", field.key, field.id);
                checks.report(VALUES, InputErrorCode::Required, message);
            }
        }
        values
    }

    /// Checks what an input says about the values of a contact that has those that are `kept`: a value sets its field,
    /// null clears it, and fields that are not named keep theirs. Gives what each named field is to have.
    pub(in crate::service) fn check_changes(
        &self,
        checks: &mut Checks,
        kept: &HashMap<CustomFieldId, StoredJson>,
        inputs: &[CustomFieldInput],
    ) -> Vec<(CustomFieldId, Option<Json>)> {
        if !few_enough(checks, inputs) {
            return Vec::new();
        }
        let mut changes = Vec::with_capacity(inputs.len());
        for (position, field, value) in each(checks, self.0.iter(), inputs) {
            match check_change(field, kept.get(&field.id), value, checks.smtputf8) {
                Ok(value) => changes.push((field.id, value)),
                Err((code, message)) => checks.report_at(path(position, "value"), code, message),
            }
        }
        changes
    }
}

/// Checks the values of a new contact.
pub(in crate::service) async fn check_values(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    inputs: &[CustomFieldInput],
) -> AppResult<Vec<(CustomFieldId, Json)>> {
    Ok(HeldFields::read(ctx, inputs).await?.check_new(checks, inputs))
}

/// Writes the values of a new contact.
pub(in crate::service) async fn insert_values(
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
    values: Vec<(CustomFieldId, Json)>,
) -> AppResult<()> {
    Entity::insert_many(rows(ctx, contact, values)).exec_without_returning(&ctx.txn).await?;
    Ok(())
}

/// Checks what an update says about the values of a contact that is held: a value sets its field, null clears it, and
/// fields that are not named keep theirs. Gives what each named field is to have.
///
/// A required field cannot be cleared; that one has no value yet is no error of this update. An archived field takes no
/// value but the one it has, so that a client may send back what it was shown.
pub(in crate::service) async fn check_changes(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    contact: AccountContactId,
    inputs: &[CustomFieldInput],
) -> AppResult<Vec<(CustomFieldId, Option<Json>)>> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let fields = HeldFields::read(ctx, inputs).await?;
    // Those of which a new value is compared with the stored one.
    let is_compared = |field: &&Model| field.archived_at.is_some() || field.field_type == FieldType::Decimal;
    let compared: Vec<_> = fields.0.iter().filter(is_compared).map(|field| field.id).collect();
    let kept = stored(ctx, contact, &compared).await?;
    Ok(fields.check_changes(checks, &kept, inputs))
}

fn check_change(
    field: &Model,
    kept: Option<&StoredJson>,
    value: &Json,
    smtputf8: bool,
) -> Result<Option<Json>, ValueError> {
    let is_archived = field.archived_at.is_some();
    if value.is_null() {
        let is_needed = field.is_required && !is_archived;
        return if is_needed { Err((InputErrorCode::Required, NEEDED.into())) } else { Ok(None) };
    }
    let value = form::check(field, value, smtputf8)?;
    let equal =
        kept.and_then(StoredJson::value).filter(|kept| form::is_equal(field.field_type, kept, &value));
    match equal {
        // In the spelling that it has.
        Some(kept) => Ok(Some(kept.clone())),
        None if is_archived => Err((InputErrorCode::NotAllowed, ARCHIVED.into())),
        None => Ok(Some(value)),
    }
}

const NEEDED: &str = "The field is required. Its value can be changed but not cleared.";
const ARCHIVED: &str = "The field is archived. Its value can be cleared but not changed.";

/// Writes checked changes to the values of a contact that is held. Gives what really changed, as the record of changes
/// shows it: by the field's id the old and the new value.
pub(in crate::service) async fn write_changes(
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
    changes: Vec<(CustomFieldId, Option<Json>)>,
) -> AppResult<Map<String, Json>> {
    let named: Vec<_> = changes.iter().map(|(field, _)| *field).collect();
    let mut old = stored(ctx, contact, &named).await?;
    let (mut changed, mut set, mut cleared) = (Map::new(), Vec::new(), Vec::new());
    for (field, new) in changes {
        let old = old.remove(&field);
        if old.as_ref().map(StoredJson::value) == new.as_ref().map(Some) {
            continue;
        }
        changed.insert(field.to_string(), json!({ "old": old, "new": new }));
        match new {
            Some(value) => set.push((field, value)),
            None => cleared.push(field),
        }
    }
    if !cleared.is_empty() {
        let fields = ctx.keys_in(Column::CustomFieldId, cleared);
        let values = Entity::delete_in(ctx.organization).filter(Column::AccountContactId.eq(contact));
        values.filter(fields).exec(&ctx.txn).await?;
    }
    if !set.is_empty() {
        let values = Entity::insert_many(rows(ctx, contact, set));
        values.on_conflict(in_place()).exec_without_returning(&ctx.txn).await?;
    }
    Ok(changed)
}

/// The values that a contact has in these fields.
async fn stored(
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
    fields: &[CustomFieldId],
) -> AppResult<HashMap<CustomFieldId, StoredJson>> {
    if fields.is_empty() {
        return Ok(HashMap::new());
    }
    let fields = fields.iter().copied();
    let rows = Entity::find_in(ctx.organization)
        .filter(Column::AccountContactId.eq(contact))
        .filter(ctx.keys_in(Column::CustomFieldId, fields))
        .all(&ctx.txn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.custom_field_id, row.value)).collect())
}

/// The values that each of these contacts has.
pub(in crate::service) async fn stored_of(
    ctx: &WriteContext<'_>,
    contacts: impl IntoIterator<Item = AccountContactId>,
) -> AppResult<HashMap<AccountContactId, HashMap<CustomFieldId, StoredJson>>> {
    let mut contacts = contacts.into_iter().peekable();
    let mut values: HashMap<AccountContactId, HashMap<CustomFieldId, StoredJson>> = HashMap::new();
    if contacts.peek().is_some() {
        let theirs = ctx.keys_in(Column::AccountContactId, contacts);
        for row in Entity::find_in(ctx.organization).filter(theirs).all(&ctx.txn).await? {
            values.entry(row.account_contact_id).or_default().insert(row.custom_field_id, row.value);
        }
    }
    Ok(values)
}

/// Writes checked values of any number of contacts that are held, in place of those that they have in the same fields.
pub(in crate::service) async fn set_values(
    ctx: &WriteContext<'_>,
    values: Vec<(AccountContactId, (CustomFieldId, Json))>,
) -> AppResult<()> {
    let rows = values.into_iter().flat_map(|(contact, value)| rows(ctx, contact, [value]));
    let insert = insert_rows::<Entity>(ctx.txn.get_database_backend(), rows)?;
    reading::execute(&ctx.txn, insert.map(|mut insert| insert.on_conflict(in_place()).to_owned())).await
}

/// What becomes of a value where the field has one.
fn in_place() -> OnConflict {
    OnConflict::columns([Column::OrgId, Column::AccountContactId, Column::CustomFieldId])
        .update_columns([Column::Value, Column::UpdatedAt])
        .to_owned()
}

/// The values that contacts have in a field, deleted contacts included, each with the number of contacts.
pub(super) async fn uses(ctx: &WriteContext<'_>, field: &Model) -> AppResult<Vec<(StoredJson, i64)>> {
    let values = Entity::find_in(field.org_id).filter(Column::CustomFieldId.eq(field.id));
    let counted = values.select_only().column(Column::Value).column_as(Column::Value.count(), "contacts");
    Ok(counted.group_by(Column::Value).into_tuple().all(&ctx.txn).await?)
}

/// Each value with its position and its field; reports those that name no field, or one that was named before.
fn each<'a>(
    checks: &mut Checks,
    fields: impl Iterator<Item = &'a Model> + Clone,
    inputs: &'a [CustomFieldInput],
) -> Vec<(usize, &'a Model, &'a Json)> {
    let mut found: Vec<(usize, &Model, &Json)> = Vec::with_capacity(inputs.len());
    for (position, input) in inputs.iter().enumerate() {
        let id: Option<CustomFieldId> = input.custom_field_id.parse().ok();
        let Some(field) = fields.clone().find(|field| Some(field.id) == id) else {
            checks.report_at(path(position, "customFieldId"), InputErrorCode::NotFound, NOT_FOUND);
            continue;
        };
        if found.iter().any(|(_, other, _)| other.id == field.id) {
            let message = "Duplicate custom field. Send each field once.";
            checks.report_at(path(position, "customFieldId"), InputErrorCode::Invalid, message);
            continue;
        }
        found.push((position, field, &input.value));
    }
    found
}

fn few_enough(checks: &mut Checks, inputs: &[CustomFieldInput]) -> bool {
    if inputs.len() > MAX_VALUES {
        let message = format!("At most {MAX_VALUES} values are allowed.");
        checks.report(VALUES, InputErrorCode::TooMany, message);
    }
    inputs.len() <= MAX_VALUES
}

fn ids<'a>(inputs: impl IntoIterator<Item = &'a CustomFieldInput>) -> impl Iterator<Item = CustomFieldId> {
    inputs.into_iter().filter_map(|input| input.custom_field_id.parse().ok())
}

fn path(position: usize, last: &'static str) -> Path {
    vec![VALUES.into(), position.to_string().into(), last.into()]
}

fn rows(
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
    values: impl IntoIterator<Item = (CustomFieldId, Json)>,
) -> impl Iterator<Item = ActiveModel> {
    values.into_iter().map(move |(field, value)| ActiveModel {
        org_id: Set(ctx.organization),
        account_contact_id: Set(contact),
        custom_field_id: Set(field),
        value: Set(value.into()),
        created_at: Set(ctx.request.now),
        updated_at: Set(ctx.request.now),
    })
}
