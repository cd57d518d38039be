//! The GraphQL types of account contacts.

mod mutation;
mod upsert;

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

pub use self::{mutation::*, upsert::*};
use super::{
    Gateway,
    account::Account,
    contact::{self, ContactKind, ContactLists},
    contact_type::ContactType,
    context::ContextExt,
    custom_field::{CustomFieldValue, prime_values},
    document::FieldNames,
    filter::{AccountContactFilter, AccountContactOrder},
    loaders::{Prime, Primed, list_loaders, prime_lists, prime_rows},
    record::{SoftDeletableFields, record},
    relay::{list_fields, queries},
    scalar::{EmailAddress, Id, Json, PhoneNumber, Url},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        account_contact::{Entity, Model},
        id::{AccountContactId, AccountId, PublicId},
    },
    error::AppError,
    service::{account_contact as service, contact::Relative},
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

    /// The lists.
    #[graphql(flatten)]
    async fn lists(&self) -> AccountContactLists {
        AccountContactLists(self.0.id)
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

    /// The common fields.
    #[graphql(flatten)]
    async fn record(&self) -> SoftDeletableFields {
        (&self.0).into()
    }

    /// The lists of all kinds of contacts.
    #[graphql(flatten)]
    async fn contact_lists(&self) -> ContactLists {
        ContactLists(self.relative())
    }
}

record! {
    AccountContact(AccountContactId) in account_contact,
    filter AccountContactFilter, order AccountContactOrder, read columns
}

/// The lists of an account contact.
pub struct AccountContactLists(AccountContactId);

list_fields! {
    impl AccountContactLists {}
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The accounts that the contact belongs to.
        accounts: Account = |this, ctx, list| {
            ctx.gateway().loaders.accounts_by_account_contact.load(this.0, (), list.request(ctx)?).await?
        };
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

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| {
            names.has(column)
                || names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
                || names.has("display_name") && matches!(column, "first_name" | "last_name")
        })
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

list_loaders! {
    /// Loads the contacts of accounts.
    AccountContactsByAccount: AccountId => AccountContact = service::of_accounts;
}

queries! {
    /// Queries of account contacts.
    AccountContactQuery: AccountContact,
    by_id {
        /// The account contact with this id. Null if it does not exist or is not accessible with this token.
        account_contact = service::get
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The account contacts of the organization.
        account_contacts
    }
}
