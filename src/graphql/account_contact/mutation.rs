//! Changing account contacts: inputs, payloads and mutations.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::AccountContact;
use crate::{
    graphql::{
        Gateway,
        account::Account,
        context::{ContextExt, ReadsContacts},
        error::{UserError, outcome},
        patch::patch,
        scalar::{EmailAddress, Json, PhoneNumber, Url},
    },
    service::{account_contact as service, custom_field::CustomFieldInput},
};

/// A value for one custom field.
#[derive(InputObject)]
pub struct CustomFieldValueInput {
    /// The field's global id.
    custom_field_id: ID,
    /// The value, in JSON's form of the field's type.
    value: Json,
}

/// A new account contact.
#[derive(InputObject)]
pub struct CreateAccountContactInput {
    /// The first name, not blank.
    first_name: String,
    /// The email address; unique among the organization's account contacts, without regard to case.
    email: EmailAddress,
    /// The last name.
    last_name: Option<String>,
    /// The phone number with its country code; kept as E.164.
    phone: Option<PhoneNumber>,
    /// The contact type's global id; the organization's default type when absent.
    contact_type_id: Option<ID>,
    /// The address of a picture, http or https.
    avatar_url: Option<Url>,
    /// The global ids of the accounts that it belongs to, at most 100; duplicates are folded.
    account_ids: Option<Vec<ID>>,
    /// Values of custom fields, at most one for each field.
    custom_field_values: Option<Vec<CustomFieldValueInput>>,
    /// Whatever the client keeps with the contact: a JSON object of at most 16 KiB.
    metadata: Option<Json>,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: Option<String>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createAccountContact did.
#[derive(SimpleObject)]
pub struct CreateAccountContactPayload {
    /// The new contact; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to become of the value of one custom field.
#[derive(InputObject)]
pub struct CustomFieldValuePatchInput {
    /// The field's global id.
    custom_field_id: ID,
    /// The value, in JSON's form of the field's type; null clears it. It must be given.
    value: MaybeUndefined<Json>,
}

/// What is to change of an account contact: an absent field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateAccountContactInput {
    /// The contact's global id.
    id: ID,
    /// The first name, not blank; cannot be null.
    first_name: MaybeUndefined<String>,
    /// The last name.
    last_name: MaybeUndefined<String>,
    /// The email address; cannot be null.
    email: MaybeUndefined<EmailAddress>,
    /// The phone number with its country code; kept as E.164.
    phone: MaybeUndefined<PhoneNumber>,
    /// The contact type's global id; cannot be null.
    contact_type_id: MaybeUndefined<ID>,
    /// The address of a picture, http or https.
    avatar_url: MaybeUndefined<Url>,
    /// The global ids of all accounts that it belongs to from now on, at most 100; duplicates are folded. An empty list
    /// takes it from every account; cannot be null.
    account_ids: MaybeUndefined<Vec<ID>>,
    /// What is to change of the values of custom fields, at most one entry for each field; fields that are not named
    /// keep theirs. Cannot be null.
    custom_field_values: MaybeUndefined<Vec<CustomFieldValuePatchInput>>,
    /// Takes the place of the whole object; null makes it an empty one.
    metadata: MaybeUndefined<Json>,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateAccountContact did.
#[derive(SimpleObject)]
pub struct UpdateAccountContactPayload {
    /// The contact after the change; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// One more account for a contact.
#[derive(InputObject)]
pub struct AddAccountContactToAccountInput {
    /// The contact's global id.
    account_contact_id: ID,
    /// The account's global id.
    account_id: ID,
    /// The version of the contact that was read; when it has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What addAccountContactToAccount did.
#[derive(SimpleObject)]
pub struct AddAccountContactToAccountPayload {
    /// The contact after the change; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// The account; null when the input was refused. Needs the scope contacts:read.
    #[graphql(guard = "ReadsContacts")]
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// An account that a contact is to leave.
#[derive(InputObject)]
pub struct RemoveAccountContactFromAccountInput {
    /// The contact's global id.
    account_contact_id: ID,
    /// The account's global id.
    account_id: ID,
    /// The version of the contact that was read; when it has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What removeAccountContactFromAccount did.
#[derive(SimpleObject)]
pub struct RemoveAccountContactFromAccountPayload {
    /// The contact after the change; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// The account; null when the input was refused. Needs the scope contacts:read.
    #[graphql(guard = "ReadsContacts")]
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A contact to delete.
#[derive(InputObject)]
pub struct DeleteAccountContactInput {
    /// The contact's global id.
    id: ID,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deleteAccountContact did.
#[derive(SimpleObject)]
pub struct DeleteAccountContactPayload {
    /// The contact with the time of its deletion; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A deleted contact to bring back.
#[derive(InputObject)]
pub struct RestoreAccountContactInput {
    /// The contact's global id.
    id: ID,
    /// The version that was read; when the contact has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What restoreAccountContact did.
#[derive(SimpleObject)]
pub struct RestoreAccountContactPayload {
    /// The contact, living; null when the input was refused.
    account_contact: Option<AccountContact>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// Changing account contacts.
#[derive(Default)]
pub struct AccountContactMutation;

#[Object]
impl AccountContactMutation {
    /// Makes an account contact with its accounts and custom field values, all or nothing.
    async fn create_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new contact.")] input: CreateAccountContactInput,
    ) -> Result<Option<CreateAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let input = input.into();
        let (row, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateAccountContactPayload { account_contact: row.map(AccountContact), user_errors }))
    }

    /// Changes an account contact, its accounts and its values of custom fields, all or nothing.
    async fn update_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact and what is to change.")] input: UpdateAccountContactInput,
    ) -> Result<Option<UpdateAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let (id, changes) = (input.id.clone(), input.into());
        let (row, user_errors) = outcome(|| service::update(db, request, &id, &changes)).await?;
        Ok(Some(UpdateAccountContactPayload { account_contact: row.map(AccountContact), user_errors }))
    }

    /// Adds an account contact to one more account. Where it belongs already, nothing changes.
    async fn add_account_contact_to_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact and the account.")] input: AddAccountContactToAccountInput,
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

    /// Removes an account contact from an account that it belongs to. Both stay.
    async fn remove_account_contact_from_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact and the account.")] input: RemoveAccountContactFromAccountInput,
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

    /// Deletes an account contact softly. Its email address and remote id are free.
    async fn delete_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: DeleteAccountContactInput,
    ) -> Result<Option<DeleteAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::delete(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(DeleteAccountContactPayload { account_contact: row.map(AccountContact), user_errors }))
    }

    /// Brings a deleted account contact back, with all it had. One that is not deleted stays as it is.
    async fn restore_account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: RestoreAccountContactInput,
    ) -> Result<Option<RestoreAccountContactPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::restore(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(RestoreAccountContactPayload { account_contact: row.map(AccountContact), user_errors }))
    }
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
        let ids = |ids: Vec<ID>| ids.into_iter().map(|id| id.0).collect();
        let value = |input: CustomFieldValuePatchInput| service::CustomFieldPatch {
            custom_field_id: input.custom_field_id.0,
            value: patch(input.value.map_value(|value| value.0)),
        };
        let values = input.custom_field_values.map_value(|inputs| inputs.into_iter().map(value).collect());
        Self {
            first_name: patch(input.first_name),
            last_name: patch(input.last_name),
            email: patch(input.email.map_value(|email| email.0)),
            phone: patch(input.phone.map_value(|phone| phone.0)),
            contact_type_id: patch(input.contact_type_id.map_value(|id| id.0)),
            avatar_url: patch(input.avatar_url.map_value(|url| url.0)),
            account_ids: patch(input.account_ids.map_value(ids)),
            custom_field_values: patch(values),
            metadata: patch(input.metadata.map_value(|metadata| metadata.0)),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        }
    }
}
