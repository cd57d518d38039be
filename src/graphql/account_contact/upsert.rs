//! Account contacts by the thousand: inputs, payload and mutation.

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

/// An account contact to create or update. A field that is absent or null keeps its value.
///
/// It is the contact with this remote id. Where nobody has it, or none is given, it is the contact with this email address;
/// one that has no remote id yet gets it.
#[derive(InputObject)]
pub struct UpsertAccountContactInput {
    /// Its key in the system it comes from.
    remote_id: Option<String>,
    /// The email address; required when the contact is new, and where no remote id is given.
    email: Option<EmailAddress>,
    /// The first name, not blank; required when the contact is new.
    first_name: Option<String>,
    /// The last name; empty text clears it.
    last_name: Option<String>,
    /// The phone number with its country code, kept as E.164; empty text clears it.
    phone: Option<PhoneNumber>,
    /// The contact type's global id; a new contact has the organization's default type when absent.
    contact_type_id: Option<ID>,
    /// The address of a picture, http or https; empty text clears it.
    avatar_url: Option<Url>,
    /// The global ids of all accounts that it belongs to from now on, at most 100; duplicates are folded.
    account_ids: Option<Vec<ID>>,
    /// Values of custom fields, at most one for each field. Fields that are not named keep theirs.
    custom_field_values: Option<Vec<CustomFieldValueInput>>,
    /// Whatever the client keeps with the contact, in place of what is there: a JSON object of at most 16 KiB.
    metadata: Option<Json>,
}

/// Account contacts to create or update.
#[derive(InputObject)]
pub struct UpsertAccountContactsInput {
    /// The contacts, 1 to 1,000, no two with the same remote id or email address.
    rows: Vec<UpsertAccountContactInput>,
    /// What happens to the good rows when others are refused.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// Repeating a call with the same key and input gives the first results and does nothing.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// What became of an account contact.
    UpsertAccountContactResult,
    /// What upsertAccountContacts did.
    UpsertAccountContactsPayload,
    account_contact / "accountContact": AccountContact
}

/// Changing account contacts by the thousand.
#[derive(Default)]
pub struct AccountContactUpsert;

#[Object]
impl AccountContactUpsert {
    /// Creates or updates up to 1,000 account contacts by their remote ids, else by their email addresses.
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
