//! Accounts in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Name, Object, Result, SimpleObject, Value};

use super::{
    Gateway,
    account_contact::AccountContact,
    bulk::{BulkErrorPolicy, upsert_types},
    context::ContextExt,
    document::FieldNames,
    error::{UserError, outcome},
    filter::{AccountContactFilter, AccountContactOrder, AccountFilter, AccountOrder, narrowed},
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists},
    patch::patch,
    relay::{Connection, List, Listed, list_request, primed},
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

/// A customer, whose people are account contacts.
pub struct Account(pub Model);

/// A customer, whose people are account contacts.
#[Object]
impl Account {
    /// The global id, `acc_…`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The domain name of its web and mail addresses.
    async fn primary_domain(&self) -> Option<&str> {
        self.0.primary_domain.as_deref()
    }

    /// Its key in the system it comes from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
    }

    /// The people of the customer whom we talk to.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<AccountContactFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<AccountContactOrder>>,
    ) -> Result<Option<Connection<AccountContact>>> {
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, AccountContact::ORDER, &window, filter, order_by)?;
        let list = List { narrow: (), request };
        Ok(Some(ctx.gateway().loaders.account_contacts_by_account.load(self.0.id, list).await?))
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When it was deleted; null while it lives.
    async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Starts at 1 and grows by 1 with each change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Account {
    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The columns that the selected fields show.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::asked(|column| names.has(column))
    }
}

impl Listed for Account {
    const CONNECTION: &'static str = "AccountConnection";
    const EDGE: &'static str = "AccountEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn narrowed(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        narrowed::<AccountFilter, AccountOrder>(arguments)
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

/// Reading accounts.
#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The account with this id; null when there is none in reach.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<Account>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(Account)).await)
    }

    /// The accounts of the organization, in the order of creation.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most this many from the start or after `after`, 1 to 100; 25 when absent.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "At most this many from the end or before `before`, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all living ones when absent.")] filter: Option<AccountFilter>,
        #[graphql(desc = "What they are ordered by, the more important first; creation when absent.")]
        order_by: Option<Vec<AccountOrder>>,
    ) -> Result<Option<Connection<Account>>> {
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, Account::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, Account::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(Account)).await))
    }
}

/// A new account.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// Its name, not blank, at most 255 characters.
    name: String,
    /// The domain name of its web and mail addresses.
    primary_domain: Option<String>,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: Option<String>,
    /// Repeating a call with the same key and input gives the first result and does nothing.
    idempotency_key: Option<String>,
}

/// What createAccount did.
#[derive(SimpleObject)]
pub struct CreateAccountPayload {
    /// The new account; null when the input was refused.
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// What is to change of an account: an absent field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdateAccountInput {
    /// The account's global id.
    id: ID,
    /// Its name, not blank, at most 255 characters; cannot be null.
    name: MaybeUndefined<String>,
    /// The domain name of its web and mail addresses.
    primary_domain: MaybeUndefined<String>,
    /// Its key in the system it comes from; unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The version that was read; when the account has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What updateAccount did.
#[derive(SimpleObject)]
pub struct UpdateAccountPayload {
    /// The account after the change; null when the input was refused.
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// An account to delete.
#[derive(InputObject)]
pub struct DeleteAccountInput {
    /// The account's global id.
    id: ID,
    /// The version that was read; when the account has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What deleteAccount did.
#[derive(SimpleObject)]
pub struct DeleteAccountPayload {
    /// The account with the time of its deletion; null when the input was refused.
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// A deleted account to bring back.
#[derive(InputObject)]
pub struct RestoreAccountInput {
    /// The account's global id.
    id: ID,
    /// The version that was read; when the account has another one by now, nothing happens.
    expected_version: Option<i32>,
}

/// What restoreAccount did.
#[derive(SimpleObject)]
pub struct RestoreAccountPayload {
    /// The account, living; null when the input was refused.
    account: Option<Account>,
    /// Why the input was refused; empty when it was not.
    user_errors: Vec<UserError>,
}

/// An account to create or update. A field that is absent or null keeps its value.
#[derive(InputObject)]
pub struct UpsertAccountInput {
    /// Its key in the system it comes from, which says which account it is.
    remote_id: String,
    /// Its name, at most 255 characters; required when it is new.
    name: Option<String>,
    /// The domain name of its web and mail addresses; empty text clears it.
    primary_domain: Option<String>,
}

/// Accounts to create or update.
#[derive(InputObject)]
pub struct UpsertAccountsInput {
    /// The accounts, 1 to 1,000, no two with the same remote id.
    rows: Vec<UpsertAccountInput>,
    /// What happens to the good rows when others are refused.
    #[graphql(default)]
    error_policy: BulkErrorPolicy,
    /// Repeating a call with the same key and input gives the first results and does nothing.
    idempotency_key: Option<String>,
}

upsert_types! {
    /// What became of an account.
    UpsertAccountResult,
    /// What upsertAccounts did.
    UpsertAccountsPayload,
    account / "account": Account
}

/// Changing accounts.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account.
    async fn create_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new account.")] input: CreateAccountInput,
    ) -> Result<Option<CreateAccountPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreateAccountInput { name, primary_domain, remote_id, idempotency_key } = input;
        let input = service::CreateAccount { name, primary_domain, remote_id, idempotency_key };
        let (account, user_errors) = outcome(|| service::create(db, request, &input)).await?;
        Ok(Some(CreateAccountPayload { account: account.map(Account), user_errors }))
    }

    /// Changes an account.
    async fn update_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and what is to change.")] input: UpdateAccountInput,
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

    /// Deletes an account softly. Its people stay.
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

    /// Brings a deleted account back, with its people. One that is not deleted stays as it is.
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

    /// Creates or updates up to 1,000 accounts by their remote ids.
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
