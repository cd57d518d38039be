//! Bulk upsert of account contacts: inputs, payload and mutation.

use async_graphql::{ID, InputObject};

use super::{AccountContact, CustomFieldValueInput};
use crate::{
    graphql::{
        bulk::upsert,
        scalar::{EmailAddress, Json, PhoneNumber, Url},
    },
    service::account_contact as service,
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

upsert! {
    /// Bulk mutations of account contacts.
    AccountContactUpsert: account_contact "accountContact" AccountContact by service::UpsertAccountContact;
    /// Account contacts to create or update.
    UpsertAccountContactsInput;
    /// 1 to 1,000 contacts. Remote ids and email addresses must be unique in the list.
    rows: UpsertAccountContactInput;
    /// Result of creating or updating one account contact.
    UpsertAccountContactResult;
    /// Result of `upsertAccountContacts`.
    UpsertAccountContactsPayload;
    /// Creates or updates up to 1,000 account contacts, matched by remote id, else by email address.
    upsert_account_contacts(r#"The contacts, for example `{ rows: [{ remoteId: "crm-17", firstName: "Ada", email: "ada@example.com" }] }`."#);
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
