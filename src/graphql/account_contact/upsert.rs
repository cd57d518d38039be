//! Bulk upsert of account contacts: inputs, payload and mutation.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{AccountContact, CustomFieldValueInput};
use crate::{
    entity::account_contact::Model,
    error::AppResult,
    graphql::{
        Gateway,
        bulk::{BulkErrorPolicy, upsert_types},
        context::ContextExt,
        error::{UserError, outcome},
        scalar::{EmailAddress, Json, PhoneNumber, Url},
    },
    service::{account_contact as service, bulk::Upserts},
};

/// An account contact to create or update. An omitted or null field keeps its value.
///
/// The contact is matched by remote id. If none matches, or no remote id is given, it is matched by email address; a
/// contact without a remote id then receives the given one.
#[derive(InputObject)]
pub struct UpsertAccountContactInput {
    /// Identifier of this record in the external system it was synced from.
    remote_id: Option<String>,
    /// The email address. Required for a new contact, and if no remote id is given.
    email: Option<EmailAddress>,
    /// The first name. Required for a new contact; must not be blank.
    first_name: Option<String>,
    /// The last name. An empty string clears it.
    last_name: Option<String>,
    /// The phone number with country code. Stored in E.164 format. An empty string clears it.
    phone: Option<PhoneNumber>,
    /// Global id of the contact type. Default for a new contact: the organization's default type.
    contact_type_id: Option<ID>,
    /// URL of a picture, http or https. An empty string clears it.
    avatar_url: Option<Url>,
    /// Global ids of all accounts that the contact belongs to, at most 100. Replaces the current list. Duplicates are
    /// ignored.
    account_ids: Option<Vec<ID>>,
    /// Values of custom fields, at most one per field. Omitted fields keep their value.
    custom_field_values: Option<Vec<CustomFieldValueInput>>,
    /// Client-defined data: a JSON object of at most 16 KiB that replaces the current one.
    metadata: Option<Json>,
}

/// Account contacts to create or update.
#[derive(InputObject)]
pub struct UpsertAccountContactsInput {
    /// 1 to 1,000 contacts. Remote ids and email addresses must be unique in the list.
    rows: Vec<UpsertAccountContactInput>,
    /// How valid rows are treated if other rows are rejected. Default: `REJECT_ALL`.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// Result of creating or updating one account contact.
    UpsertAccountContactResult,
    /// Result of `upsertAccountContacts`.
    UpsertAccountContactsPayload,
    account_contact / "accountContact": AccountContact
}

/// Bulk mutations of account contacts.
#[derive(Default)]
pub struct AccountContactUpsert;

#[Object]
impl AccountContactUpsert {
    /// Creates or updates up to 1,000 account contacts, matched by remote id, else by email address.
    async fn upsert_account_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contacts.")] input: UpsertAccountContactsInput,
    ) -> Result<Option<UpsertAccountContactsPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpsertAccountContactsInput { rows, error_policy, idempotency_key } = input;
        let rows = rows.into_iter().map(Into::into).collect();
        let input = Upserts { rows, error_policy: error_policy.into(), idempotency_key };
        Ok(Some(UpsertAccountContactsPayload::of(ctx, || service::upsert(db, request, &input)).await?))
    }
}

impl From<UpsertAccountContactInput> for service::UpsertAccountContact {
    fn from(input: UpsertAccountContactInput) -> Self {
        let values = input.custom_field_values.into_iter().flatten();
        Self {
            remote_id: input.remote_id,
            email: input.email.map(|email| email.0),
            first_name: input.first_name,
            last_name: input.last_name,
            phone: input.phone.map(|phone| phone.0),
            contact_type_id: input.contact_type_id.map(|id| id.0),
            avatar_url: input.avatar_url.map(|url| url.0),
            account_ids: input.account_ids.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            custom_field_values: values.map(Into::into).collect(),
            metadata: input.metadata.map(|metadata| metadata.0),
            only_if_new: false,
        }
    }
}
