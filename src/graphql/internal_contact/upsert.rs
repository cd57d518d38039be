//! Bulk upsert of internal contacts: inputs, payload and mutation.

use async_graphql::InputObject;

use super::{InternalContact, profile};
use crate::{
    graphql::{
        bulk::upsert,
        scalar::{EmailAddress, PhoneNumber},
    },
    service::internal_contact as service,
};

/// An internal contact to create or update. An omitted or null field keeps its value, blank text clears it.
///
/// The contact is matched by remote id. If none matches, or no remote id is given, it is matched by email address; a
/// contact without a remote id then receives the given one.
#[derive(InputObject)]
pub struct UpsertInternalContactInput {
    /// Identifier of this record in the external system it was synced from.
    remote_id: Option<String>,
    /// The email address. Required for a new contact, and if no remote id is given.
    email: Option<EmailAddress>,
    /// The given name.
    given_name: Option<String>,
    /// The family name.
    family_name: Option<String>,
    /// The full name, for people without separate given and family names.
    name: Option<String>,
    /// The phone number with country code. Stored in E.164 format.
    phone: Option<PhoneNumber>,
    /// The job title.
    job_title: Option<String>,
}

upsert! {
    /// Bulk mutations of internal contacts.
    InternalContactUpsert: internal_contact "internalContact" InternalContact by service::UpsertInternalContact;
    /// Internal contacts to create or update.
    UpsertInternalContactsInput;
    /// 1 to 1,000 contacts. Remote ids and email addresses must be unique in the list.
    rows: UpsertInternalContactInput;
    /// Result of creating or updating one internal contact.
    UpsertInternalContactResult;
    /// Result of `upsertInternalContacts`.
    UpsertInternalContactsPayload;
    /// Creates or updates up to 1,000 internal contacts, matched by remote id, else by email address. A new contact has
    /// no assignment.
    upsert_internal_contacts(r#"The contacts, for example `{ rows: [{ remoteId: "hr-17", email: "ada@example.com" }] }`."#);
}

impl From<UpsertInternalContactInput> for service::UpsertInternalContact {
    fn from(input: UpsertInternalContactInput) -> Self {
        Self { remote_id: input.remote_id, email: input.email.map(|email| email.0), profile: profile!(input) }
    }
}
