//! The GraphQL types of accounts.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value};

use super::{
    Gateway,
    account_contact::AccountContact,
    bulk::{BulkErrorPolicy, upsert_types},
    context::ContextExt,
    document::FieldNames,
    error::{UserError, outcome},
    filter::{AccountContactFilter, AccountContactOrder, AccountFilter, AccountOrder, parse_list_arguments},
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists},
    patch::patch,
    relay::{Connection, List, ListItem, list_request, primed},
    scalar::{Id, Timestamp},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        account::{Entity, Model},
        id::{AccountContactId, AccountId, OrganizationId},
    },
    error::AppResult,
    service::{
        Page, PageWindow, account as service,
        bulk::Upserts,
        cursor::{Cursor, Order},
        filter::Filter,
        page::Paged,
        page::Sort,
    },
};

/// A customer company. Its people are account contacts.
pub struct Account(pub Model);

/// A customer company. Its people are account contacts.
#[Object]
impl Account {
    /// Global id with the prefix `acc_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// The name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Domain name of the company's website and email addresses, for example `example.com`.
    async fn primary_domain(&self) -> Option<&str> {
        self.0.primary_domain.as_deref()
    }

    /// Identifier of this record in the external system it was synced from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
    }

    /// The account contacts of this account.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<AccountContactFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<AccountContactOrder>>,
    ) -> Result<Option<Connection<AccountContact>>> {
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, AccountContact::ORDER, &window, filter, order_by)?;
        let list = List { own_filter: (), request };
        Ok(Some(ctx.gateway().loaders.account_contacts_by_account.load(self.0.id, list).await?))
    }

    /// When the record was created.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When the record was soft-deleted. Null if it is active.
    async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Account {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| names.has(column))
    }
}

impl ListItem for Account {
    const CONNECTION: &'static str = "AccountConnection";
    const EDGE: &'static str = "AccountEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<AccountFilter, AccountOrder>(arguments)
    }
}

impl Prime for Account {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids = || rows.iter().map(|row| row.0.id);
            let loaders = &gateway.loaders;
            for selection in selections {
                if selection.name() == "contacts" {
                    prime_lists(selection, &loaders.account_contacts_by_account, ids(), gateway).await;
                }
            }
        })
    }
}

/// Loads accounts by id.
pub struct AccountById;

impl ById for AccountById {
    type Id = AccountId;
    type Row = Account;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[AccountId],
    ) -> AppResult<HashMap<AccountId, Account>> {
        let rows = service::by_ids(&source.db, organization, ids, Account::columns(&source.names)).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Account(row))).collect())
    }
}

/// Loads the accounts that account contacts belong to.
pub struct AccountsByAccountContact;

impl ByParent for AccountsByAccountContact {
    type Parent = AccountContactId;
    type Filter = ();
    type Row = Account;
    const ORDER: Order = Account::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[AccountContactId],
        list: &List<()>,
    ) -> AppResult<HashMap<AccountContactId, Page<Account>>> {
        let pages = service::of_account_contacts(
            &source.db,
            organization,
            parents,
            Account::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(Account))).collect())
    }
}

/// Queries of accounts.
#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The account with this id. Null if it does not exist or is not accessible with this token.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<Account>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(Account)).await)
    }

    /// The accounts of the organization.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Soft-deleted records are excluded by default.")]
        filter: Option<AccountFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: creation order.")]
        order_by: Option<Vec<AccountOrder>>,
    ) -> Result<Option<Connection<Account>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Account::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, Account::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Account)).await))
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

/// Result of `createAccount`.
#[derive(SimpleObject)]
pub struct CreateAccountPayload {
    /// The created account. Null if the input was rejected.
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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

/// Result of `updateAccount`.
#[derive(SimpleObject)]
pub struct UpdateAccountPayload {
    /// The updated account. Null if the input was rejected.
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The account to delete.
#[derive(InputObject)]
pub struct DeleteAccountInput {
    /// Global id of the account.
    id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `deleteAccount`.
#[derive(SimpleObject)]
pub struct DeleteAccountPayload {
    /// The soft-deleted account. Null if the input was rejected.
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
}

/// The soft-deleted account to restore.
#[derive(InputObject)]
pub struct RestoreAccountInput {
    /// Global id of the account.
    id: ID,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

/// Result of `restoreAccount`.
#[derive(SimpleObject)]
pub struct RestoreAccountPayload {
    /// The restored account. Null if the input was rejected.
    account: Option<Account>,
    /// Validation errors. Empty if the mutation succeeded.
    user_errors: Vec<UserError>,
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

/// Accounts to create or update.
#[derive(InputObject)]
pub struct UpsertAccountsInput {
    /// 1 to 1,000 accounts. Remote ids must be unique in the list.
    rows: Vec<UpsertAccountInput>,
    /// How valid rows are treated if other rows are rejected. Default: `REJECT_ALL`.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// Result of creating or updating one account.
    UpsertAccountResult,
    /// Result of `upsertAccounts`.
    UpsertAccountsPayload,
    account / "account": Account
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
        #[graphql(desc = "The account to create.")] input: CreateAccountInput,
    ) -> Result<Option<CreateAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateAccountInput { name, primary_domain, remote_id, idempotency_key } = input;
        let input = service::CreateAccount { name, primary_domain, remote_id, idempotency_key };
        let (account, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateAccountPayload { account: account.map(Account), user_errors }))
    }

    /// Updates an account.
    async fn update_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and the fields to update.")] input: UpdateAccountInput,
    ) -> Result<Option<UpdateAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdateAccount {
            name: patch(input.name),
            primary_domain: patch(input.primary_domain),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        };
        let (row, user_errors) = outcome(|| service::update(db, request, &input.id, &changes)).await?;
        Ok(Some(UpdateAccountPayload { account: row.map(Account), user_errors }))
    }

    /// Soft-deletes an account. Its contacts are kept.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] input: DeleteAccountInput,
    ) -> Result<Option<DeleteAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::delete(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(DeleteAccountPayload { account: row.map(Account), user_errors }))
    }

    /// Restores a soft-deleted account with its contacts. An active account is not changed.
    async fn restore_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] input: RestoreAccountInput,
    ) -> Result<Option<RestoreAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let unit = || service::restore(db, request, &input.id, input.expected_version);
        let (row, user_errors) = outcome(unit).await?;
        Ok(Some(RestoreAccountPayload { account: row.map(Account), user_errors }))
    }

    /// Creates or updates up to 1,000 accounts, matched by remote id.
    async fn upsert_accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The accounts.")] input: UpsertAccountsInput,
    ) -> Result<Option<UpsertAccountsPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let UpsertAccountsInput { rows, error_policy, idempotency_key } = input;
        let rows = rows.into_iter().map(|row| service::UpsertAccount {
            remote_id: row.remote_id,
            name: row.name,
            primary_domain: row.primary_domain,
        });
        let input = Upserts { rows: rows.collect(), error_policy: error_policy.into(), idempotency_key };
        Ok(Some(UpsertAccountsPayload::of(ctx, || service::upsert(db, request, &input)).await?))
    }
}
