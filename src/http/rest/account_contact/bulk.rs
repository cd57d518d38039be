//! Many new contacts at once: `/v1/accounts/contacts/bulk`.

use axum::Extension;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{CustomFieldValues, inputs};
use crate::{
    http::rest::{
        answer::{Answer, Answered},
        call::{Called, Given},
    },
    service::{
        account_contact::{self as contacts, UpsertAccountContact},
        bulk::{Status, Upserts},
        retried,
    },
};

/// Contacts to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NewCustomerContacts {
    /// The contacts, no two with the same email address.
    #[schema(min_items = 1, max_items = 1000)]
    contacts: Vec<BulkContact>,
    /// The accounts that all of them are at, besides their own.
    #[schema(max_items = 100)]
    account_ids: Option<Vec<String>>,
    /// The contact type of those that name none; the default type without it.
    contact_type: Option<String>,
}

/// A contact to create.
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
    /// Phone number, with country code.
    phone: Option<String>,
    /// The account that the contact is at.
    account_id: Option<String>,
    /// The id of the contact type.
    contact_type: Option<String>,
    /// Values of custom fields.
    #[schema(max_items = 100)]
    custom_field_values: Option<Vec<CustomFieldValues>>,
    /// Anything else that is known.
    metadata: Option<Map<String, Value>>,
}

/// What became of the contacts.
#[derive(Debug, Serialize, ToSchema)]
struct BulkResult {
    /// How many were sent.
    total: usize,
    /// How many are new.
    created: usize,
    /// How many were there already, by their email address, and are as they were.
    skipped: usize,
}

impl NewCustomerContacts {
    /// What it costs: its contacts and their links to accounts.
    fn points(&self) -> u64 {
        let shared = self.account_ids.as_ref().map_or(0, Vec::len);
        let own = self.contacts.iter().filter(|contact| contact.account_id.is_some()).count();
        (self.contacts.len() * (1 + shared) + own) as u64
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
/// All that are not there yet, or, when one of them is refused, none.
#[utoipa::path(
    post,
    path = "/v1/accounts/contacts/bulk",
    tag = "Account contacts",
    operation_id = "createCustomerContacts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes repeating the call harmless.")),
    request_body = NewCustomerContacts,
    responses((status = 201, description = "What became of them.", body = BulkResult))
)]
pub(super) async fn create(Extension(call): Called, Given(body): Given<NewCustomerContacts>) -> Answered {
    call.spend(body.points())?;
    let (accounts, contact_type) = (body.account_ids.unwrap_or_default(), body.contact_type.as_deref());
    let rows = body.contacts.into_iter().map(|contact| contact.into_row(&accounts, contact_type));
    let idempotency_key = call.idempotency_key.clone();
    let input = Upserts { rows: rows.collect(), idempotency_key, ..Upserts::default() };
    let results = retried(|| contacts::upsert(&call.db, &call.request, &input)).await?;
    let created = results.iter().filter(|result| result.status == Status::Created).count();
    Answer::created(&BulkResult { total: results.len(), created, skipped: results.len() - created })
}
