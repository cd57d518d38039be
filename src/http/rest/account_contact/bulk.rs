//! Bulk creation of account contacts: `/v1/accounts/contacts/bulk`.

use axum::Extension;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{CustomFieldValues, inputs};
use crate::{
    http::rest::{
        call::{CallExtension, ValidatedBody},
        openapi::IDEMPOTENCY_KEY_DESCRIPTION,
        response::{RestResponse, RestResult},
    },
    service::{
        account_contact::UpsertAccountContact,
        bulk::{self, Status, Upserts},
        retried,
        work::WRITTEN_ROW,
    },
};

/// The contacts to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewCustomerContacts {
    /// The contacts. Email addresses must be unique in the list.
    #[schema(min_items = 1, max_items = 1000)]
    contacts: Vec<BulkContact>,
    /// Ids of accounts that all contacts belong to, in addition to their own.
    #[schema(max_items = 100)]
    account_ids: Option<Vec<String>>,
    /// Id of the contact type for contacts without one. Default: the default type of the organization.
    contact_type: Option<String>,
}

/// One contact to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BulkContact {
    /// Email address.
    #[schema(min_length = 1)]
    email: String,
    /// First name.
    #[schema(min_length = 1)]
    first_name: String,
    /// Last name.
    last_name: Option<String>,
    /// Phone number with country code.
    phone: Option<String>,
    /// Id of the account that the contact belongs to.
    account_id: Option<String>,
    /// Id of the contact type.
    contact_type: Option<String>,
    /// Values of custom fields.
    #[schema(max_items = 100)]
    custom_field_values: Option<Vec<CustomFieldValues>>,
    /// Client-defined data: a JSON object of at most 16 KiB.
    metadata: Option<Map<String, Value>>,
}

/// Result of creating the contacts.
#[derive(Debug, Serialize, ToSchema)]
struct BulkResult {
    /// Number of contacts in the request.
    total: usize,
    /// Number of created contacts.
    created: usize,
    /// Number of contacts whose email address already exists. They are not changed.
    skipped: usize,
}

impl NewCustomerContacts {
    /// The cost of the request: its contacts and their links to accounts, and their values of custom fields.
    fn points(&self) -> u64 {
        let shared = self.account_ids.as_ref().map_or(0, Vec::len);
        let own = |contact: &BulkContact| {
            usize::from(contact.account_id.is_some()) + contact.custom_field_values.iter().flatten().count()
        };
        let own: usize = self.contacts.iter().map(own).sum();
        (self.contacts.len() * (1 + shared) + own) as u64 * WRITTEN_ROW
    }
}

impl BulkContact {
    fn into_row(self, accounts: &[String], contact_type: Option<&str>) -> UpsertAccountContact {
        UpsertAccountContact {
            email: Some(self.email),
            first_name: Some(self.first_name),
            last_name: self.last_name,
            phone: self.phone,
            contact_type_id: self.contact_type.or(contact_type.map(str::to_owned)),
            account_ids: Some(self.account_id.into_iter().chain(accounts.iter().cloned()).collect()),
            custom_field_values: inputs(self.custom_field_values),
            metadata: self.metadata.map(Value::Object),
            only_if_new: true,
            ..UpsertAccountContact::default()
        }
    }
}

/// Create customer contacts
///
/// Creates the contacts whose email address does not exist yet. If any contact is rejected, none is created.
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts/bulk",
    tag = "Account contacts",
    operation_id = "createCustomerContacts",
    params(("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY_KEY_DESCRIPTION)),
    request_body = NewCustomerContacts,
    responses((status = 201, description = "The result.", body = BulkResult))
)]
pub(super) async fn create(
    Extension(call): CallExtension,
    ValidatedBody(body): ValidatedBody<NewCustomerContacts>,
) -> RestResult {
    call.charge(body.points()).await?;
    let (accounts, contact_type) = (body.account_ids.unwrap_or_default(), body.contact_type.as_deref());
    let rows = body.contacts.into_iter().map(|contact| contact.into_row(&accounts, contact_type));
    let idempotency_key = call.idempotency_key.clone();
    let input = Upserts { rows: rows.collect(), idempotency_key, ..Upserts::default() };
    let results = retried(|| bulk::upsert(&call.db, &call.request, &input)).await?;
    let created = results.iter().filter(|result| result.status == Status::Created).count();
    RestResponse::created(&BulkResult { total: results.len(), created, skipped: results.len() - created })
}
