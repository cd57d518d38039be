//! The GraphQL types of accounts.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::{
    Gateway,
    account_contact::AccountContact,
    bulk::upsert,
    context::ContextExt,
    filter::{AccountFilter, AccountOrder},
    loaders::{list_loaders, prime, prime_lists},
    patch::patch,
    payload::{payloads, soft_deletion},
    record::{SoftDeletableFields, object, queries, record},
    scalar::Id,
};
use crate::{
    entity::{
        account::Model,
        id::{AccountContactId, AccountId},
    },
    service::account as service,
};

/// A customer company. Its people are account contacts.
pub struct Account(pub Model);

object! {
    /// A customer company. Its people are account contacts.
    Account |self|
    fields {
        /// Global id with the prefix `acc_`.
        id: Id = self.0.id.into();
        /// The name.
        name: &str = &self.0.name;
        /// Domain name of the company's website and email addresses, for example `example.com`.
        primary_domain: Option<&str> = self.0.primary_domain.as_deref();
        /// Identifier of this record in the external system it was synced from.
        remote_id: Option<&str> = self.0.remote_id.as_deref();
    }
    lists "Filters the results. Soft-deleted records are excluded by default." {
        /// The account contacts of this account.
        contacts: AccountContact = |ctx, list| {
            ctx.gateway().loaders.account_contacts_by_account.load(self.0.id, (), list.request(ctx)?).await?
        };
    }
    flattened {
        record: SoftDeletableFields = (&self.0).into();
    }
}

record! { Account(AccountId) in account, filter AccountFilter, order AccountOrder, read columns }

prime! {
    Account |row|
    "contacts" => prime_lists(account_contacts_by_account, [row.0.id]);
}

list_loaders! {
    /// Loads the accounts that account contacts belong to.
    AccountsByAccountContact: AccountContactId => Account = service::of_account_contacts;
}

queries! {
    /// Queries of accounts.
    AccountQuery: Account,
    by_id {
        /// The account with this id. Null if it does not exist or is not accessible with this token.
        account
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The accounts of the organization.
        accounts
    }
}

/// The account to create.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// The name, at most 255 characters. Must not be blank.
    name: String,
    /// Domain name of the company's website and email addresses, for example `example.com`.
    primary_domain: Option<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateAccountInput {
    /// Global id of the account.
    id: ID,
    /// The name, at most 255 characters. Must not be blank or null.
    name: MaybeUndefined<String>,
    /// Domain name of the company's website and email addresses, for example `example.com`.
    primary_domain: MaybeUndefined<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `createAccount`.
    CreateAccountPayload {
        /// The created account. Null if the input was rejected.
        account: Account
    }

    /// Result of `updateAccount`.
    UpdateAccountPayload {
        /// The updated account. Null if the input was rejected.
        account: Account
    }
}

/// An account to create or update. An omitted or null field keeps its value.
#[derive(InputObject)]
pub struct UpsertAccountInput {
    /// Identifier of this record in the external system it was synced from. Selects the account to update.
    remote_id: String,
    /// The name, at most 255 characters. Required for a new record.
    name: Option<String>,
    /// Domain name of the company's website and email addresses. An empty string clears it.
    primary_domain: Option<String>,
}

/// Mutations of accounts.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Creates an account.
    async fn create_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The account to create, for example `{ name: "Example Account", primaryDomain: "example.com" }`."#
        )]
        input: CreateAccountInput,
    ) -> Result<Option<CreateAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateAccountInput { name, primary_domain, remote_id, idempotency_key } = input;
        let input = service::CreateAccount { name, primary_domain, remote_id, idempotency_key };
        CreateAccountPayload::of(|| service::create(db, request, &input)).await
    }

    /// Updates an account.
    async fn update_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The account and the fields to update, for example `{ id: "acc_…", primaryDomain: null }`."#
        )]
        input: UpdateAccountInput,
    ) -> Result<Option<UpdateAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateAccount {
            name: patch(input.name),
            primary_domain: patch(input.primary_domain),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        };
        UpdateAccountPayload::of(|| service::update(db, request, &input.id, &changes)).await
    }
}

soft_deletion! {
    /// Soft-deletion of accounts.
    AccountDeletion: account Account, "account", r#"The account, for example `{ id: "acc_…" }`."#;
    /// Soft-deletes an account. Its contacts are kept.
    delete_account "deleteAccount": DeleteAccountInput => DeleteAccountPayload;
    /// Restores a soft-deleted account with its contacts. An active account is not changed.
    restore_account "restoreAccount": RestoreAccountInput => RestoreAccountPayload;
}

upsert! {
    /// Bulk mutations of accounts.
    AccountUpsert: account "account" Account by service::UpsertAccount;
    /// Accounts to create or update.
    UpsertAccountsInput;
    /// 1 to 1,000 accounts. Remote ids must be unique in the list.
    rows: UpsertAccountInput;
    /// Result of creating or updating one account.
    UpsertAccountResult;
    /// Result of `upsertAccounts`.
    UpsertAccountsPayload;
    /// Creates or updates up to 1,000 accounts, matched by remote id.
    upsert_accounts(r#"The accounts, for example `{ rows: [{ remoteId: "crm-17", name: "Example Account" }] }`."#);
}

impl From<UpsertAccountInput> for service::UpsertAccount {
    fn from(input: UpsertAccountInput) -> Self {
        let UpsertAccountInput { remote_id, name, primary_domain } = input;
        Self { remote_id, name, primary_domain }
    }
}
