//! Custom fields and their values in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, Name, Object, Result, Value as Argument};
use serde_json::Value;

use super::{
    Gateway,
    context::ContextExt,
    filter::{CustomFieldFilter, CustomFieldOrder, narrowed},
    loaders::{ById, Prime, Primed, Source, prime_rows},
    relay::{Connection, Listed, list_request},
    scalar::{Id, Json, Timestamp},
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
    async fn options(&self) -> Vec<&str> {
        self.0.options.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
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
        let row = ctx.gateway().loaders.custom_field.load(self.0.custom_field_id).await?;
        row.ok_or_else(|| AppError::Internal("a value without its custom field".into()).into())
    }

    /// The value, in JSON's form of the field's type.
    async fn value(&self) -> Json {
        Json(self.0.value.clone())
    }

    /// The value as people read it.
    async fn display_value(&self) -> String {
        display(&self.0.value)
    }
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(display).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        other => other.to_string(),
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
    for selection in selection.below().into_iter().filter(|it| it.name() == "field") {
        let ids: Vec<CustomFieldId> =
            values.iter().flat_map(|values| values.iter()).map(|value| value.0.custom_field_id).collect();
        prime_rows(selection, &loaders.custom_field, ids, gateway).await;
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
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<CustomFieldFilter>,
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
