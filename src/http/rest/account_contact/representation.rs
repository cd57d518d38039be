//! The response body of an account contact, with its type, its accounts and its custom field values.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    entity::{
        Columns,
        account::{Entity as Accounts, Model as Account},
        account_contact::Model,
        contact_type::Model as ContactType,
        custom_field::{Entity as CustomFields, Model as CustomField},
        custom_field_value::Model as StoredValue,
        id::{AccountContactId, ContactTypeId, CustomFieldId, OrganizationId},
    },
    error::{AppError, AppResult},
    http::rest::{call::Call, response::time},
    service::{
        ListRequest, Page, PageRequest, ReadContext, account, contact_type,
        custom_field::{display, values_of},
        page::{MAX_NUMBERED_PAGE_SIZE, Paged},
        reading,
    },
};

/// An account contact. Fields without a value are empty strings. A token without the scope `contacts:read` receives
/// only the contact's own fields.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerContact {
    /// Id of the contact.
    id: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Email address.
    email: String,
    /// Phone number in E.164 format.
    phone_number: String,
    /// URL of a picture, http or https.
    avatar_url: String,
    /// Names of the accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    accounts: Option<Vec<String>>,
    /// Id of the contact type.
    contact_type_id: String,
    /// Name of the contact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contact_type: Option<String>,
    /// Values of custom fields, formatted for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_field_values: Option<Vec<String>>,
    /// Values of custom fields, in the format of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    custom_fields: Option<Vec<CustomFieldView>>,
    /// Client-defined data. Null if the stored data cannot be read.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// When the record was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the record was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// The value of one custom field.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CustomFieldView {
    /// Id of the custom field.
    custom_field_id: String,
    /// Machine-readable name of the field.
    key: String,
    /// The value, as the only item.
    data: Vec<CustomFieldViewDatum>,
}

/// A value of a custom field.
#[derive(Debug, Serialize, ToSchema)]
struct CustomFieldViewDatum {
    /// The value as JSON, in the format of the field's type.
    value: Value,
}

/// The representation of one contact.
pub(super) async fn represent_one(call: &Call, row: Model) -> AppResult<CustomerContact> {
    let shown = represent(call, vec![row]).await?.pop();
    shown.ok_or_else(|| AppError::Internal("a contact without its type".into()))
}

/// The representations of contacts, in the same order.
pub(super) async fn represent(call: &Call, rows: Vec<Model>) -> AppResult<Vec<CustomerContact>> {
    let related = if call.can_read_related() { Some(Related::read(call, &rows).await?) } else { None };
    rows.into_iter().map(|row| CustomerContact::new(row, related.as_ref())).collect()
}

/// The related records of contacts.
struct Related {
    types: HashMap<ContactTypeId, ContactType>,
    accounts: HashMap<AccountContactId, Page<Account>>,
    values: HashMap<AccountContactId, Vec<StoredValue>>,
    fields: HashMap<CustomFieldId, CustomField>,
}

impl Related {
    async fn read(call: &Call, rows: &[Model]) -> AppResult<Self> {
        let ctx = ReadContext::new(&call.db, OrganizationId(call.request.organization()?));
        let contacts: Vec<AccountContactId> = rows.iter().map(|row| row.id).collect();
        let types: Vec<ContactTypeId> = distinct(rows.iter().map(|row| row.contact_type_id));
        let page = PageRequest::numbered(Accounts::ORDER, MAX_NUMBERED_PAGE_SIZE, 0, Vec::new(), false);
        let list = ListRequest { filter: None, page };
        let accounts =
            account::of_account_contacts::<Accounts>(ctx, &contacts, Columns::all(), &list).await?;
        let values = values_of(ctx, &contacts).await?;
        let fields = distinct(values.values().flatten().map(|value| value.custom_field_id));
        Ok(Self {
            types: contact_type::by_ids(ctx, &types, Columns::all()).await?,
            accounts,
            fields: reading::by_ids::<CustomFields>(ctx, &fields, Columns::all()).await?,
            values,
        })
    }

    /// The contact's type, or its replacement.
    fn type_of(&self, contact: &Model) -> AppResult<&ContactType> {
        let contact_type = self.types.get(&contact.contact_type_id);
        contact_type.ok_or_else(|| AppError::Internal("a contact without its type".into()))
    }

    fn account_names(&self, contact: AccountContactId) -> Vec<String> {
        let accounts = self.accounts.get(&contact).into_iter().flat_map(|page| &page.items);
        accounts.map(|account| account.name.clone()).collect()
    }

    fn values_of(&self, contact: AccountContactId) -> Vec<(&CustomField, &Value)> {
        let values = self.values.get(&contact).into_iter().flatten();
        // Values that cannot be read are omitted.
        let readable =
            values.filter_map(|value| Some((self.fields.get(&value.custom_field_id)?, value.value.value()?)));
        readable.collect()
    }
}

impl CustomerContact {
    fn new(row: Model, related: Option<&Related>) -> AppResult<Self> {
        let contact_type = related.map(|related| related.type_of(&row)).transpose()?;
        let values = related.map(|related| related.values_of(row.id));
        let display = |values: &Vec<(&CustomField, &Value)>| {
            values.iter().map(|(field, value)| display(field.field_type, value)).collect()
        };
        Ok(Self {
            accounts: related.map(|related| related.account_names(row.id)),
            contact_type: contact_type.map(|contact_type| contact_type.name.clone()),
            custom_field_values: values.as_ref().map(display),
            custom_fields: values.map(|values| values.into_iter().map(CustomFieldView::new).collect()),
            contact_type_id: contact_type
                .map_or(row.contact_type_id, |contact_type| contact_type.id)
                .to_string(),
            id: row.id.to_string(),
            first_name: row.first_name,
            last_name: row.last_name.unwrap_or_default(),
            email: row.email,
            phone_number: row.phone.unwrap_or_default(),
            avatar_url: row.avatar_url.unwrap_or_default(),
            metadata: row.metadata.value().cloned(),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        })
    }
}

impl CustomFieldView {
    fn new((field, value): (&CustomField, &Value)) -> Self {
        Self {
            custom_field_id: field.id.to_string(),
            key: field.key.clone(),
            data: vec![CustomFieldViewDatum { value: value.clone() }],
        }
    }
}

fn distinct<T: Copy + Eq + std::hash::Hash>(ids: impl Iterator<Item = T>) -> Vec<T> {
    ids.collect::<HashSet<T>>().into_iter().collect()
}
