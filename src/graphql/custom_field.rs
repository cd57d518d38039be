//! The GraphQL types of custom fields and their values.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value as Argument,
};
use serde_json::Value;

use super::{
    Gateway,
    context::ContextExt,
    error::{UserError, outcome},
    filter::{CustomFieldFilter, CustomFieldOrder, parse_list_arguments},
    loaders::{ById, Prime, Primed, Source},
    patch::patch,
    relay::{Connection, ListItem, list_request},
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

/// The types of custom fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Type")]
pub enum CustomFieldType {
    /// A single line of text, at most 255 characters.
    Text,
    /// Multi-line text, at most 16,384 characters.
    LongText,
    /// A 64-bit signed integer.
    Integer,
    /// A decimal number of at most 38 digits, sent as a string to keep its precision.
    Decimal,
    /// True or false.
    Boolean,
    /// A date, for example `2026-01-31`.
    Date,
    /// A date and time in RFC 3339 format.
    DateTime,
    /// One of the field's options.
    SingleChoice,
    /// A list of at least one of the field's options.
    MultiChoice,
    /// An http or https URL.
    Url,
    /// An email address.
    Email,
    /// A phone number with country code, stored in E.164 format.
    Phone,
}

/// A custom field.
pub struct CustomField(pub Model);

/// An additional field of account contacts, defined by the organization.
#[Object]
impl CustomField {
    /// Global id with the prefix `cf_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Machine-readable name. Unique in the organization.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Human-readable name.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// The type of the field's values. Immutable.
    async fn field_type(&self) -> CustomFieldType {
        self.0.field_type.into()
    }

    /// The options of a choice field. Empty for other types.
    async fn options(&self) -> Result<Option<Vec<&str>>> {
        let options = readable(&self.0.options)?.as_array();
        Ok(Some(options.into_iter().flatten().filter_map(Value::as_str).collect()))
    }

    /// Whether a value is required for every new contact.
    async fn is_required(&self) -> bool {
        self.0.is_required
    }

    /// When the field was archived. An archived field accepts no new values. Null if it is in use.
    async fn archived_at(&self) -> Option<Timestamp> {
        self.0.archived_at.map(Timestamp)
    }

    /// When the record was created.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl ListItem for CustomField {
    const CONNECTION: &'static str = "CustomFieldConnection";
    const EDGE: &'static str = "CustomFieldEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Argument)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<CustomFieldFilter, CustomFieldOrder>(arguments)
    }
}

impl Prime for CustomField {
    fn prime<'a>(_: Vec<&'a Self>, _: Vec<Selection<'a>>, _: &'a Gateway) -> Primed<'a> {
        Box::pin(async {})
    }
}

/// The value of a custom field of a contact.
pub struct CustomFieldValue(pub value::Model);

/// The value of a custom field of a contact.
#[Object]
impl CustomFieldValue {
    /// The custom field.
    async fn field(&self, ctx: &Context<'_>) -> Result<Arc<CustomField>> {
        Ok(self.load_field(ctx).await?)
    }

    /// The value as JSON, in the format of the field's type.
    async fn value(&self) -> Result<Option<Json>> {
        Ok(Json::stored(&self.0.value)?)
    }

    /// The value formatted for display: dates as `31 Jan 2026`, times in UTC, booleans as `Yes` and `No`.
    async fn display_value(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let value = readable(&self.0.value)?;
        Ok(Some(service::display(self.load_field(ctx).await?.0.field_type, value)))
    }
}

impl CustomFieldValue {
    async fn load_field(&self, ctx: &Context<'_>) -> AppResult<Arc<CustomField>> {
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

/// Loads the custom fields of the values that are selected on many contacts.
pub(super) async fn prime_values<'a>(
    selection: Selection<'a>,
    contacts: impl IntoIterator<Item = AccountContactId>,
    gateway: &'a Gateway,
) {
    let loaders = &gateway.loaders;
    let values = loaders.custom_field_values.prime(contacts).await;
    // The display value depends on the type of the field.
    if selection.children().iter().any(|it| matches!(it.name(), "field" | "displayValue")) {
        let values = values.iter().flat_map(|values| values.iter());
        loaders.custom_field.prime(values.map(|value| value.0.custom_field_id)).await;
    }
}

/// Queries of custom fields.
#[derive(Default)]
pub struct CustomFieldQuery;

#[Object]
impl CustomFieldQuery {
    /// The custom fields of the organization, including archived ones.
    async fn custom_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<CustomFieldFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<CustomFieldOrder>>,
    ) -> Result<Option<Connection<CustomField>>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, <Entity as Paged>::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(CustomField)).await))
    }
}

/// The custom field to create.
#[derive(InputObject)]
pub struct CreateCustomFieldInput {
    /// Machine-readable name, at most 255 characters. Must not be blank; unique in the organization; immutable.
    key: String,
    /// Human-readable name, at most 255 characters. Must not be blank.
    label: String,
    /// The type of the field's values. Immutable.
    field_type: CustomFieldType,
    /// The options of a choice field, 1 to 250. Only for choice fields. Duplicates are ignored.
    options: Option<Vec<String>>,
    /// Whether a value is required for every new contact. Default: false.
    is_required: Option<bool>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// Result of `createCustomField`.
#[derive(SimpleObject)]
pub struct CreateCustomFieldPayload {
    /// The created custom field. Null if the input was rejected.
    custom_field: Option<CustomField>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The fields to update. An omitted field keeps its value. The key and the type are immutable.
#[derive(InputObject)]
pub struct UpdateCustomFieldInput {
    /// Global id of the custom field.
    id: ID,
    /// Human-readable name, at most 255 characters. Must not be blank or null.
    label: MaybeUndefined<String>,
    /// The complete list of options, 1 to 250. Must not be null. An option that any contact uses, including
    /// soft-deleted contacts, must be kept.
    options: MaybeUndefined<Vec<String>>,
    /// Whether a value is required for every new contact. Must not be null. Existing contacts are not changed.
    is_required: MaybeUndefined<bool>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `updateCustomField`.
#[derive(SimpleObject)]
pub struct UpdateCustomFieldPayload {
    /// The updated custom field. Null if the input was rejected.
    custom_field: Option<CustomField>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The custom field to archive or unarchive.
#[derive(InputObject)]
pub struct ArchiveCustomFieldInput {
    /// Global id of the custom field.
    id: ID,
    /// True archives the field, false unarchives it. Default: true.
    #[graphql(default = true)]
    archived: bool,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `archiveCustomField`.
#[derive(SimpleObject)]
pub struct ArchiveCustomFieldPayload {
    /// The updated custom field. Null if the input was rejected.
    custom_field: Option<CustomField>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// Mutations of custom fields.
#[derive(Default)]
pub struct CustomFieldMutation;

#[Object]
impl CustomFieldMutation {
    /// Creates a custom field. Requires the scope `org:admin`.
    async fn create_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The custom field to create.")] input: CreateCustomFieldInput,
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

    /// Updates a custom field. Requires the scope `org:admin`.
    async fn update_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The custom field and the fields to update.")] input: UpdateCustomFieldInput,
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

    /// Archives or unarchives a custom field. Existing values of an archived field are kept and returned; new values
    /// are rejected. Requires the scope `org:admin`.
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
