//! Custom fields and their values in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value as Argument,
};
use serde_json::Value;

use super::{
    Gateway,
    context::ContextExt,
    error::{UserError, outcome},
    filter::{CustomFieldFilter, CustomFieldOrder, narrowed},
    loaders::{ById, Prime, Primed, Source},
    patch::patch,
    relay::{Connection, Listed, list_request},
    scalar::{Id, Json, Timestamp, readable},
    selection::Selection,
};
use crate::{
    entity::{
        custom_field::{Entity, FieldType as Type, Model},
        custom_field_value as value,
        id::{AccountContactId, CustomFieldId, OrganizationId},
    },
    error::{AppError, AppResult},
    service::{PageWindow, cursor::Cursor, custom_field as service, filter::Filter, page::Paged, page::Sort},
};

/// What the values of a custom field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Type")]
pub enum CustomFieldType {
    /// One line of text, at most 255 characters.
    Text,
    /// Text of any number of lines, at most 16,384 characters.
    LongText,
    /// A whole number of at most 64 bits.
    Integer,
    /// A decimal number of at most 38 digits, as text so that no digit is lost.
    Decimal,
    /// True or false.
    Boolean,
    /// A day, as in 2026-01-31.
    Date,
    /// A moment, RFC 3339.
    DateTime,
    /// One of the field's options.
    SingleChoice,
    /// A list of at least one of the field's options.
    MultiChoice,
    /// An http or https address.
    Url,
    /// An email address.
    Email,
    /// A phone number with country code, kept as E.164.
    Phone,
}

/// Something that an organization wants to know of account contacts.
pub struct CustomField(pub Model);

/// Something that an organization wants to know of its account contacts besides the built-in fields.
#[Object]
impl CustomField {
    /// The global id, `cf_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Its name for programs; unique in the organization.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Its name for people.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// What its values are; never changes.
    async fn field_type(&self) -> CustomFieldType {
        self.0.field_type.into()
    }

    /// What can be chosen; empty unless it is a choice.
    async fn options(&self) -> Result<Option<Vec<&str>>> {
        let options = readable(&self.0.options)?.as_array();
        Ok(Some(options.into_iter().flatten().filter_map(Value::as_str).collect()))
    }

    /// Whether every new contact needs a value.
    async fn is_required(&self) -> bool {
        self.0.is_required
    }

    /// When it was archived, so that it takes no more values; null while it is in use.
    async fn archived_at(&self) -> Option<Timestamp> {
        self.0.archived_at.map(Timestamp)
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// Starts at 1 and grows by 1 with each change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Listed for CustomField {
    const CONNECTION: &'static str = "CustomFieldConnection";
    const EDGE: &'static str = "CustomFieldEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Argument)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<CustomFieldFilter, CustomFieldOrder>(arguments)
    }
}

impl Prime for CustomField {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// A contact's value of a custom field.
pub struct CustomFieldValue(pub value::Model);

/// A contact's value of a custom field.
#[Object]
impl CustomFieldValue {
    /// The field.
    async fn field(&self, ctx: &Context<'_>) -> Result<Arc<CustomField>> {
        Ok(self.loaded_field(ctx).await?)
    }

    /// The value, in JSON's form of the field's type.
    async fn value(&self) -> Result<Option<Json>> {
        Ok(Json::stored(&self.0.value)?)
    }

    /// The value as people read it: dates as 31 Jan 2026, times in UTC, true and false as Yes and No.
    async fn display_value(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let value = readable(&self.0.value)?;
        Ok(Some(service::display(self.loaded_field(ctx).await?.0.field_type, value)))
    }
}

impl CustomFieldValue {
    async fn loaded_field(&self, ctx: &Context<'_>) -> AppResult<Arc<CustomField>> {
        let row = ctx.gateway().loaders.custom_field.load(self.0.custom_field_id).await?;
        row.ok_or_else(|| AppError::Internal("a value without its custom field".into()))
    }
}

/// Loads custom fields by id.
pub struct CustomFieldById;

impl ById for CustomFieldById {
    type Id = CustomFieldId;
    type Row = CustomField;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[CustomFieldId],
    ) -> AppResult<HashMap<CustomFieldId, CustomField>> {
        let rows = service::by_ids(&source.db, organization, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, CustomField(row))).collect())
    }
}

/// Loads the values of account contacts' custom fields.
pub struct ValuesByAccountContact;

impl ById for ValuesByAccountContact {
    type Id = AccountContactId;
    type Row = Vec<CustomFieldValue>;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[AccountContactId],
    ) -> AppResult<HashMap<AccountContactId, Vec<CustomFieldValue>>> {
        let values = service::values_of(&source.db, organization, ids).await?;
        Ok(values
            .into_iter()
            .map(|(contact, values)| (contact, values.into_iter().map(CustomFieldValue).collect()))
            .collect())
    }
}

/// Loads the fields of the values that were selected on many contacts.
pub(super) async fn prime_values<'a>(
    selection: Selection<'a>,
    contacts: impl IntoIterator<Item = AccountContactId>,
    gateway: &'a Gateway,
) {
    let loaders = &gateway.loaders;
    let values = loaders.custom_field_values.prime(contacts).await;
    // How a value is shown depends on its field.
    if selection.below().iter().any(|it| matches!(it.name(), "field" | "displayValue")) {
        let values = values.iter().flat_map(|values| values.iter());
        loaders.custom_field.prime(values.map(|value| value.0.custom_field_id)).await;
    }
}

/// Reading custom fields.
#[derive(Default)]
pub struct CustomFieldQuery;

#[Object]
impl CustomFieldQuery {
    /// The custom fields of the organization, archived ones included, in the order of creation.
    async fn custom_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all when absent.")] filter: Option<CustomFieldFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<CustomFieldOrder>>,
    ) -> Result<Option<Connection<CustomField>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(CustomField)).await))
    }
}

/// A new custom field.
#[derive(InputObject)]
pub struct CreateCustomFieldInput {
    /// Its name for programs, not blank, at most 255 characters; unique in the organization and never changed.
    key: String,
    /// Its name for people, not blank, at most 255 characters.
    label: String,
    /// What its values are; never changed.
    field_type: CustomFieldType,
    /// What can be chosen, at least one option and at most 250; for choices only. Duplicates are folded.
    options: Option<Vec<String>>,
    /// Whether every new contact needs a value; false when absent.
    is_required: Option<bool>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createCustomField did.
#[derive(SimpleObject)]
pub struct CreateCustomFieldPayload {
    /// The new field; null when the input was refused.
    custom_field: Option<CustomField>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of a custom field: an absent field keeps its value. The key and the type never change.
#[derive(InputObject)]
pub struct UpdateCustomFieldInput {
    /// The field's global id.
    id: ID,
    /// The name for people; cannot be null.
    label: MaybeUndefined<String>,
    /// All that can be chosen, at least one option and at most 250; cannot be null. An option that contacts have,
    /// deleted ones included, must stay.
    options: MaybeUndefined<Vec<String>>,
    /// Whether every new contact needs a value; cannot be null. Contacts that are there stay as they are.
    is_required: MaybeUndefined<bool>,
    /// The version that was read; when the field has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateCustomField did.
#[derive(SimpleObject)]
pub struct UpdateCustomFieldPayload {
    /// The field after the change; null when the input was refused.
    custom_field: Option<CustomField>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// The custom field that is to be archived, or to be used again.
#[derive(InputObject)]
pub struct ArchiveCustomFieldInput {
    /// The field's global id.
    id: ID,
    /// True archives the field, false takes it back into use.
    #[graphql(default = true)]
    archived: bool,
    /// The version that was read; when the field has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What archiveCustomField did.
#[derive(SimpleObject)]
pub struct ArchiveCustomFieldPayload {
    /// The field after the change; null when the input was refused.
    custom_field: Option<CustomField>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing custom fields.
#[derive(Default)]
pub struct CustomFieldMutation;

#[Object]
impl CustomFieldMutation {
    /// Makes a custom field. Needs the scope org:admin.
    async fn create_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new field.")] input: CreateCustomFieldInput,
    ) -> Result<Option<CreateCustomFieldPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = service::CreateCustomField {
            key: input.key,
            label: input.label,
            field_type: input.field_type.into(),
            options: input.options.unwrap_or_default(),
            is_required: input.is_required.unwrap_or_default(),
            idempotency_key: input.idempotency_key,
        };
        let (row, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateCustomFieldPayload { custom_field: row.map(CustomField), user_errors }))
    }

    /// Changes a custom field. Needs the scope org:admin.
    async fn update_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The field and what is to change.")] input: UpdateCustomFieldInput,
    ) -> Result<Option<UpdateCustomFieldPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateCustomField {
            label: patch(input.label),
            options: patch(input.options),
            is_required: patch(input.is_required),
            expected_version: input.expected_version,
        };
        let (row, user_errors) = outcome(|| service::update(db, request, &input.id, &changes)).await?;
        Ok(Some(UpdateCustomFieldPayload { custom_field: row.map(CustomField), user_errors }))
    }

    /// Archives a custom field: its values stay and are shown, but it takes no more of them. Needs the scope org:admin.
    async fn archive_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The field.")] input: ArchiveCustomFieldInput,
    ) -> Result<Option<ArchiveCustomFieldPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let ArchiveCustomFieldInput { id, archived, expected_version } = input;
        let (row, user_errors) =
            outcome(|| service::archive(db, request, &id, archived, expected_version)).await?;
        Ok(Some(ArchiveCustomFieldPayload { custom_field: row.map(CustomField), user_errors }))
    }
}
