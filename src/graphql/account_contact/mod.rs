//! The GraphQL types of account contacts.

mod mutation;
mod upsert;

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, Name, Object, Result, Value};

pub use self::{mutation::*, upsert::*};
use super::{
    Gateway,
    account::Account,
    change::Change,
    contact::{self, Contact, ContactKind},
    contact_type::ContactType,
    context::ContextExt,
    custom_field::{CustomFieldValue, prime_values},
    document::FieldNames,
    filter::{
        AccountContactFilter, AccountContactOrder, AccountFilter, AccountOrder, ChangeFilter, ChangeOrder,
        parse_list_arguments,
    },
    loaders::{ById, ByParent, Prime, Primed, Source, prime_lists, prime_rows},
    relay::{Connection, List, ListItem, list_request, primed},
    scalar::{EmailAddress, Id, Json, PhoneNumber, Timestamp, Url},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        account_contact::{Entity, Model},
        id::{AccountContactId, AccountId, OrganizationId, PublicId},
    },
    error::{AppError, AppResult},
    service::{
        Page, PageWindow, account_contact as service,
        contact::Relative,
        cursor::{Cursor, Order},
        filter::Filter,
        page::Paged,
        page::Sort,
    },
};

/// An account contact: a person at a customer.
pub struct AccountContact(pub Model);

/// A person at a customer. An account contact belongs to any number of accounts.
#[Object]
impl AccountContact {
    /// Global id with the prefix `ac_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Always `ACCOUNT`.
    pub async fn kind(&self) -> ContactKind {
        ContactKind::Account
    }

    /// First and last name.
    pub async fn display_name(&self) -> String {
        service::display_name(&self.0).into_owned()
    }

    /// The email address. Unique among the active account contacts of the organization, ignoring case.
    pub async fn email(&self) -> Option<EmailAddress> {
        Some(EmailAddress(self.0.email.clone()))
    }

    /// The phone number in E.164 format.
    pub async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// The first name.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }

    /// The last name.
    async fn last_name(&self) -> Option<&str> {
        self.0.last_name.as_deref()
    }

    /// URL of a picture.
    async fn avatar_url(&self) -> Option<Url> {
        self.0.avatar_url.clone().map(Url)
    }

    /// The contact's type, for example Billing or Legal.
    async fn contact_type(&self, ctx: &Context<'_>) -> Result<Arc<ContactType>> {
        let loaders = &ctx.gateway().loaders;
        let row = match loaders.contact_type.load(self.0.contact_type_id).await? {
            // The type was deleted after the contact was read, so load its current type.
            None => loaders.contact_type_by_account_contact.load(self.0.id).await?,
            row => row,
        };
        row.ok_or_else(|| AppError::Internal("an account contact without its type".into()).into())
    }

    /// The accounts that the contact belongs to.
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
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, Account::ORDER, &window, filter, order_by)?;
        let list = List { own_filter: (), request };
        Ok(Some(ctx.gateway().loaders.accounts_by_account_contact.load(self.0.id, list).await?))
    }

    /// Values of custom fields, ordered by the creation of the fields.
    async fn custom_field_values(&self, ctx: &Context<'_>) -> Result<Option<Arc<Vec<CustomFieldValue>>>> {
        Ok(ctx.gateway().loaders.custom_field_values.load(self.0.id).await?)
    }

    /// Client-defined data: a JSON object of at most 16 KiB.
    async fn metadata(&self) -> Result<Option<Json>> {
        Ok(Json::stored(&self.0.metadata)?)
    }

    /// Identifier of this record in the external system it was synced from.
    async fn remote_id(&self) -> Option<&str> {
        self.0.remote_id.as_deref()
    }

    /// When the record was created.
    pub async fn created_at(&self) -> Timestamp {
        Timestamp(self.0.created_at)
    }

    /// When the record was last changed.
    pub async fn updated_at(&self) -> Timestamp {
        Timestamp(self.0.updated_at)
    }

    /// When the record was soft-deleted. Null if it is active.
    pub async fn deleted_at(&self) -> Option<Timestamp> {
        self.0.deleted_at.map(Timestamp)
    }

    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    pub async fn version(&self) -> i32 {
        self.0.version
    }

    /// Other active contacts of the organization, of any kind, with the same email address.
    pub async fn related_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
    ) -> Result<Option<Connection<Contact>>> {
        let window = PageWindow { first, after, last, before };
        contact::related_contacts(ctx, self.relative(), &window).await
    }

    /// Change history of the contact.
    pub async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns the first `n` items after the cursor. Default 25, maximum 100.")]
        first: Option<i32>,
        #[graphql(desc = "Returns the items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last `n` items before the cursor. Default 25, maximum 100.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filters the results. Default: all items.")] filter: Option<ChangeFilter>,
        #[graphql(desc = "Sort keys in order of precedence, at most 4. Default: oldest change first.")]
        order_by: Option<Vec<ChangeOrder>>,
    ) -> Result<Option<Connection<Change>>> {
        let window = PageWindow { first, after, last, before };
        let request = list_request(ctx, Change::ORDER, &window, filter, order_by)?;
        contact::history(ctx, self.0.id.to_string(), request).await
    }
}

impl AccountContact {
    /// The contact as a key of the loader of related contacts.
    pub(super) fn relative(&self) -> Relative {
        Relative {
            id: PublicId::AccountContact(self.0.id),
            email_key: Some(self.0.email_key.clone()),
            is_living: self.0.deleted_at.is_none(),
        }
    }

    pub(super) const ORDER: Order = <Entity as Paged>::ORDER;

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| {
            names.has(column)
                || names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
                || names.has("display_name") && matches!(column, "first_name" | "last_name")
        })
    }
}

impl ListItem for AccountContact {
    const CONNECTION: &'static str = "AccountContactConnection";
    const EDGE: &'static str = "AccountContactEdge";

    fn cursor(&self) -> Cursor {
        Entity::cursor(&self.0)
    }

    fn parse_list_arguments(arguments: &[(Name, Value)]) -> Option<(Option<Filter>, Vec<Sort>)> {
        parse_list_arguments::<AccountContactFilter, AccountContactOrder>(arguments)
    }
}

impl Prime for AccountContact {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids = || rows.iter().map(|row| row.0.id);
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "accounts" => {
                        prime_lists(selection, &loaders.accounts_by_account_contact, ids(), gateway).await;
                    }
                    "contactType" => {
                        let types = rows.iter().map(|row| row.0.contact_type_id);
                        prime_rows(selection, &loaders.contact_type, types, gateway).await;
                    }
                    "customFieldValues" => prime_values(selection, ids(), gateway).await,
                    _ => {
                        let contacts = rows.iter().map(|row| row.relative());
                        contact::prime_shared(selection, contacts, gateway).await;
                    }
                }
            }
        })
    }
}

/// Loads account contacts by id.
pub struct AccountContactById;

impl ById for AccountContactById {
    type Id = AccountContactId;
    type Row = AccountContact;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[AccountContactId],
    ) -> AppResult<HashMap<AccountContactId, AccountContact>> {
        let rows =
            service::by_ids(&source.db, organization, ids, AccountContact::columns(&source.names)).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, AccountContact(row))).collect())
    }
}

/// Loads the contacts of accounts.
pub struct AccountContactsByAccount;

impl ByParent for AccountContactsByAccount {
    type Parent = AccountId;
    type Filter = ();
    type Row = AccountContact;
    const ORDER: Order = AccountContact::ORDER;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        parents: &[AccountId],
        list: &List<()>,
    ) -> AppResult<HashMap<AccountId, Page<AccountContact>>> {
        let pages = service::of_accounts(
            &source.db,
            organization,
            parents,
            AccountContact::columns(&source.names),
            &list.request,
        )
        .await?;
        Ok(pages.into_iter().map(|(parent, page)| (parent, page.map(AccountContact))).collect())
    }
}

/// Queries of account contacts.
#[derive(Default)]
pub struct AccountContactQuery;

#[Object]
impl AccountContactQuery {
    /// The account contact with this id. Null if it does not exist or is not accessible with this token.
    async fn account_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<AccountContact>> {
        let Gateway { request, db, .. } = ctx.gateway();
        let row = service::get(db, request, &id).await?;
        Ok(primed(ctx, row.map(AccountContact)).await)
    }

    /// The account contacts of the organization.
    async fn account_contacts(
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
        let Gateway { request, db, names, .. } = ctx.gateway();
        let window = PageWindow { first, after, last, before };
        let list = list_request(ctx, AccountContact::ORDER, &window, filter, order_by)?;
        let page = service::list(db, request, AccountContact::columns(names), &list).await?;
        Ok(Some(Connection::primed(ctx, page.map(AccountContact)).await))
    }
}
