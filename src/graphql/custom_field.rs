//! The GraphQL types of custom fields and their values.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, Result};
use serde_json::Value;

use super::{
    Gateway,
    context::ContextExt,
    filter::{CustomFieldFilter, CustomFieldOrder},
    loaders::{ById, Prime, RowLoader, Source},
    patch::patch,
    payload::payloads,
    record::{RecordFields, object, queries, record},
    scalar::{Id, Json, Timestamp, readable},
    selection::Selection,
};
use crate::{
    entity::{
        custom_field::{FieldType as Type, Model},
        custom_field_value as value,
        id::{AccountContactId, CustomFieldId, OrganizationId},
    },
    error::{AppError, AppResult},
    service::custom_field as service,
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

object! {
    /// An additional field of account contacts, defined by the organization.
    CustomField |self|
    fields {
        /// Global id with the prefix `cf_`.
        id: Id = self.0.id.into();
        /// Machine-readable name. Unique in the organization.
        key: &str = &self.0.key;
        /// Human-readable name.
        label: &str = &self.0.label;
        /// The type of the field's values. Immutable.
        field_type: CustomFieldType = self.0.field_type.into();
    }
    resolvers {
        /// The options of a choice field. Empty for other types.
        async fn options(&self) -> Result<Option<Vec<&str>>> {
            let options = readable(&self.0.options)?.as_array();
            Ok(Some(options.into_iter().flatten().filter_map(Value::as_str).collect()))
        }
    }
    fields {
        /// Whether a value is required for every new contact.
        is_required: bool = self.0.is_required;
        /// When the field was archived. An archived field accepts no new values. Null if it is in use.
        archived_at: Option<Timestamp> = self.0.archived_at.map(Timestamp);
    }
    flattened {
        record: RecordFields = (&self.0).into();
    }
}

record! { CustomField(CustomFieldId) in custom_field, filter CustomFieldFilter, order CustomFieldOrder }

impl Prime for CustomField {}

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
        let values = service::values_of(source.read(organization), ids).await?;
        Ok(values
            .into_iter()
            .map(|(contact, values)| (contact, values.into_iter().map(CustomFieldValue).collect()))
            .collect())
    }
}

/// Loads the custom fields of the values that are selected on many contacts.
pub(super) async fn prime_values<'a>(
    selection: Selection<'a>,
    loader: &'a RowLoader<ValuesByAccountContact>,
    contacts: impl IntoIterator<Item = AccountContactId>,
    gateway: &'a Gateway,
) {
    let values = loader.prime(contacts).await;
    // The display value depends on the type of the field.
    if selection.children().iter().any(|it| matches!(it.name(), "field" | "displayValue")) {
        let values = values.iter().flat_map(|values| values.iter());
        gateway.loaders.custom_field.prime(values.map(|value| value.0.custom_field_id)).await;
    }
}

queries! {
    /// Queries of custom fields.
    CustomFieldQuery: CustomField,
    "Filters the results. Default: all items." {
        /// The custom fields of the organization, including archived ones.
        custom_fields
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

payloads! {
    /// Result of `createCustomField`.
    CreateCustomFieldPayload {
        /// The created custom field. Null if the input was rejected.
        custom_field: CustomField
    }

    /// Result of `updateCustomField`.
    UpdateCustomFieldPayload {
        /// The updated custom field. Null if the input was rejected.
        custom_field: CustomField
    }

    /// Result of `archiveCustomField`.
    ArchiveCustomFieldPayload {
        /// The updated custom field. Null if the input was rejected.
        custom_field: CustomField
    }
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
        #[graphql(
            desc = r#"The custom field to create, for example `{ key: "seniority", label: "Seniority", fieldType: SINGLE_CHOICE, options: ["Junior", "Senior"] }`."#
        )]
        input: CreateCustomFieldInput,
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
        CreateCustomFieldPayload::of(|| service::create(db, request, &input)).await
    }

    /// Updates a custom field. Requires the scope `org:admin`.
    async fn update_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The custom field and the fields to update, for example `{ id: "cf_…", label: "Level" }`."#
        )]
        input: UpdateCustomFieldInput,
    ) -> Result<Option<UpdateCustomFieldPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateCustomField {
            label: patch(input.label),
            options: patch(input.options),
            is_required: patch(input.is_required),
            expected_version: input.expected_version,
        };
        UpdateCustomFieldPayload::of(|| service::update(db, request, &input.id, &changes)).await
    }

    /// Archives or unarchives a custom field. Existing values of an archived field are kept and returned; new values
    /// are rejected. Requires the scope `org:admin`.
    async fn archive_custom_field(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = r#"The field, for example `{ id: "cf_…", archived: true }`."#)]
        input: ArchiveCustomFieldInput,
    ) -> Result<Option<ArchiveCustomFieldPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let ArchiveCustomFieldInput { id, archived, expected_version } = input;
        ArchiveCustomFieldPayload::of(|| service::archive(db, request, &id, archived, expected_version)).await
    }
}
