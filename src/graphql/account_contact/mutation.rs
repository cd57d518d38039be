//! Mutations of account contacts: inputs, payloads and resolvers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::AccountContact;
use crate::{
    graphql::{
        Gateway,
        account::Account,
        context::{ContextExt, ReadsContacts},
        error::{UserError, outcome},
        patch::patch,
        payload::{payloads, soft_deletion},
        scalar::{EmailAddress, Json, PhoneNumber, Url},
    },
    service::{account_contact as service, custom_field::CustomFieldInput},
};

/// The value to set for a custom field.
#[derive(InputObject)]
pub struct CustomFieldValueInput {
    /// Global id of the custom field.
    custom_field_id: ID,
    /// The value as JSON, in the format of the field's type.
    value: Json,
}

/// The account contact to create.
#[derive(InputObject)]
pub struct CreateAccountContactInput {
    /// The first name. Must not be blank.
    first_name: String,
    /// The email address. Unique among the active account contacts of the organization, ignoring case.
    email: EmailAddress,
    /// The last name.
    last_name: Option<String>,
    /// The phone number with country code. Stored in E.164 format.
    phone: Option<PhoneNumber>,
    /// Global id of the contact type. Default: the organization's default type.
    contact_type_id: Option<ID>,
    /// URL of a picture, http or https.
    avatar_url: Option<Url>,
    /// Global ids of the accounts that the contact belongs to, at most 100. Duplicates are ignored.
    account_ids: Option<Vec<ID>>,
    /// Values of custom fields, at most one per field.
    custom_field_values: Option<Vec<CustomFieldValueInput>>,
    /// Client-defined data: a JSON object of at most 16 KiB.
    metadata: Option<Json>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// The value to set or clear for a custom field.
#[derive(InputObject)]
pub struct CustomFieldValuePatchInput {
    /// Global id of the custom field.
    custom_field_id: ID,
    /// The value as JSON, in the format of the field's type. Required; null clears the value.
    value: MaybeUndefined<Json>,
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateAccountContactInput {
    /// Global id of the contact.
    id: ID,
    /// The first name. Must not be blank or null.
    first_name: MaybeUndefined<String>,
    /// The last name.
    last_name: MaybeUndefined<String>,
    /// The email address. Must not be null.
    email: MaybeUndefined<EmailAddress>,
    /// The phone number with country code. Stored in E.164 format.
    phone: MaybeUndefined<PhoneNumber>,
    /// Global id of the contact type. Must not be null.
    contact_type_id: MaybeUndefined<ID>,
    /// URL of a picture, http or https.
    avatar_url: MaybeUndefined<Url>,
    /// Global ids of all accounts that the contact belongs to, at most 100. Replaces the current list; an empty list
    /// removes the contact from every account. Duplicates are ignored. Must not be null.
    account_ids: MaybeUndefined<Vec<ID>>,
    /// The custom field values to set or clear, at most one entry per field. Omitted fields keep their value. Must
    /// not be null.
    custom_field_values: MaybeUndefined<Vec<CustomFieldValuePatchInput>>,
    /// Client-defined data: a JSON object of at most 16 KiB that replaces the current one. Null sets an empty object.
    metadata: MaybeUndefined<Json>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// The contact, and the account to add it to.
#[derive(InputObject)]
pub struct AddAccountContactToAccountInput {
    /// Global id of the contact.
    account_contact_id: ID,
    /// Global id of the account.
    account_id: ID,
    /// The contact's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `addAccountContactToAccount`.
#[derive(SimpleObject)]
pub struct AddAccountContactToAccountPayload {
    /// The updated contact. Null if the input was rejected.
    account_contact: Option<AccountContact>,
    /// The account. Null if the input was rejected. Requires the scope `contacts:read`.
    #[graphql(guard = "ReadsContacts")]
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The contact, and the account to remove it from.
#[derive(InputObject)]
pub struct RemoveAccountContactFromAccountInput {
    /// Global id of the contact.
    account_contact_id: ID,
    /// Global id of the account.
    account_id: ID,
    /// The contact's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `removeAccountContactFromAccount`.
#[derive(SimpleObject)]
pub struct RemoveAccountContactFromAccountPayload {
    /// The updated contact. Null if the input was rejected.
    account_contact: Option<AccountContact>,
    /// The account. Null if the input was rejected. Requires the scope `contacts:read`.
    #[graphql(guard = "ReadsContacts")]
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

payloads! {
    /// Result of `createAccountContact`.
    CreateAccountContactPayload {
        /// The created contact. Null if the input was rejected.
        account_contact: AccountContact
    }

    /// Result of `updateAccountContact`.
    UpdateAccountContactPayload {
        /// The updated contact. Null if the input was rejected.
        account_contact: AccountContact
    }
}

/// Mutations of account contacts.
#[derive(Default)]
pub struct AccountContactMutation;

#[Object]
impl AccountContactMutation {
    /// Creates an account contact with its accounts and custom field values, in one transaction.
    async fn create_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact to create, for example `{ firstName: "Ada", email: "ada@example.com", accountIds: ["acc_…"] }`."#
        )]
        input: CreateAccountContactInput,
    ) -> Result<Option<CreateAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = input.into();
        CreateAccountContactPayload::of(|| service::create(db, request, &input)).await
    }

    /// Updates an account contact, its accounts and its custom field values, in one transaction.
    async fn update_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact and the fields to update, for example `{ id: "ac_…", lastName: "Lovelace", phone: null, expectedVersion: 3 }`."#
        )]
        input: UpdateAccountContactInput,
    ) -> Result<Option<UpdateAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, changes) = (input.id.clone(), input.into());
        UpdateAccountContactPayload::of(|| service::update(db, request, &id, &changes)).await
    }

    /// Adds an account contact to an account. If it already belongs to the account, nothing changes.
    async fn add_account_contact_to_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact and the account, for example `{ accountContactId: "ac_…", accountId: "acc_…" }`."#
        )]
        input: AddAccountContactToAccountInput,
    ) -> Result<Option<AddAccountContactToAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let AddAccountContactToAccountInput { account_contact_id, account_id, expected_version } = input;
        let unit =
            || service::add_to_account(db, request, &account_contact_id, &account_id, expected_version);
        let (rows, user_errors) = outcome(unit).await?;
        let (contact, account) = rows.unzip();
        Ok(Some(AddAccountContactToAccountPayload {
            account_contact: contact.map(AccountContact),
            account: account.map(Account),
            user_errors,
        }))
    }

    /// Removes an account contact from an account. Both records are kept.
    async fn remove_account_contact_from_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The contact and the account, for example `{ accountContactId: "ac_…", accountId: "acc_…" }`."#
        )]
        input: RemoveAccountContactFromAccountInput,
    ) -> Result<Option<RemoveAccountContactFromAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let RemoveAccountContactFromAccountInput { account_contact_id, account_id, expected_version } = input;
        let unit =
            || service::remove_from_account(db, request, &account_contact_id, &account_id, expected_version);
        let (rows, user_errors) = outcome(unit).await?;
        let (contact, account) = rows.unzip();
        Ok(Some(RemoveAccountContactFromAccountPayload {
            account_contact: contact.map(AccountContact),
            account: account.map(Account),
            user_errors,
        }))
    }
}

soft_deletion! {
    /// Soft-deletion of account contacts.
    AccountContactDeletion: account_contact AccountContact, "contact", r#"The contact, for example `{ id: "ac_…" }`."#;
    /// Soft-deletes an account contact. Its email address and remote id can be used again.
    delete_account_contact "deleteAccountContact": DeleteAccountContactInput => DeleteAccountContactPayload;
    /// Restores a soft-deleted account contact with its accounts and custom field values. An active contact is not
    /// changed.
    restore_account_contact "restoreAccountContact": RestoreAccountContactInput => RestoreAccountContactPayload;
}

impl From<CustomFieldValueInput> for CustomFieldInput {
    fn from(input: CustomFieldValueInput) -> Self {
        Self { custom_field_id: input.custom_field_id.0, value: input.value.0 }
    }
}

impl From<CreateAccountContactInput> for service::CreateAccountContact {
    fn from(input: CreateAccountContactInput) -> Self {
        Self {
            first_name: input.first_name,
            email: input.email.0,
            last_name: input.last_name,
            phone: input.phone.map(|phone| phone.0),
            contact_type_id: input.contact_type_id.map(|id| id.0),
            avatar_url: input.avatar_url.map(|url| url.0),
            account_ids: input.account_ids.unwrap_or_default().into_iter().map(|id| id.0).collect(),
            custom_field_values: input
                .custom_field_values
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            metadata: input.metadata.map(|metadata| metadata.0),
            remote_id: input.remote_id,
            idempotency_key: input.idempotency_key,
        }
    }
}

impl From<UpdateAccountContactInput> for service::UpdateAccountContact {
    fn from(input: UpdateAccountContactInput) -> Self {
        let ids = |ids: Vec<ID>| ids.into_iter().map(|id| id.0).collect::<Vec<_>>();
        let value = |input: CustomFieldValuePatchInput| service::CustomFieldPatch {
            custom_field_id: input.custom_field_id.0,
            value: patch(input.value.map_value(|value| value.0)),
        };
        let values =
            input.custom_field_values.map_value(|inputs| inputs.into_iter().map(value).collect::<Vec<_>>());
        Self {
            first_name: patch(input.first_name),
            last_name: patch(input.last_name),
            email: patch(input.email),
            phone: patch(input.phone),
            contact_type_id: patch(input.contact_type_id),
            avatar_url: patch(input.avatar_url),
            account_ids: patch(input.account_ids.map_value(ids)),
            custom_field_values: patch(values),
            metadata: patch(input.metadata.map_value(|metadata| metadata.0)),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        }
    }
}
