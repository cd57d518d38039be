//! The GraphQL types of account contacts.

mod mutation;
mod upsert;

use std::sync::Arc;

use async_graphql::{Context, Result};

pub use self::{mutation::*, upsert::*};
use super::{
    account::Account,
    contact::ContactKind,
    contact_type::ContactType,
    context::ContextExt,
    custom_field::{CustomFieldValue, prime_values},
    filter::{AccountContactFilter, AccountContactOrder},
    loaders::{list_loaders, prime, prime_lists, prime_rows},
    record::{object, queries, record},
    scalar::{EmailAddress, Id, Json, PhoneNumber, Url},
};
use crate::{
    entity::{
        account_contact::Model,
        id::{AccountContactId, AccountId},
    },
    error::AppError,
    service::{account_contact as service, contact::Relative},
};

/// An account contact: a person at a customer.
pub struct AccountContact(pub Model);

object! {
    /// A person at a customer. An account contact belongs to any number of accounts.
    AccountContact |self|
    fields {
        /// Global id with the prefix `ac_`.
        id: Id = self.0.id.into();
        /// Always `ACCOUNT`.
        kind: ContactKind = ContactKind::Account;
        /// First and last name.
        display_name: String = service::display_name(&self.0).into_owned();
        /// The email address. Unique among the active account contacts of the organization, ignoring case.
        email: Option<EmailAddress> = Some(EmailAddress(self.0.email.clone()));
        /// The phone number in E.164 format.
        phone: Option<PhoneNumber> = self.0.phone.clone().map(PhoneNumber);
        /// The first name.
        first_name: &str = &self.0.first_name;
        /// The last name.
        last_name: Option<&str> = self.0.last_name.as_deref();
        /// URL of a picture.
        avatar_url: Option<Url> = self.0.avatar_url.clone().map(Url);
    }
    resolvers {
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
    }
    lists "Filters the results. Soft-deleted records are excluded by default." {
        /// The accounts that the contact belongs to.
        accounts: Account = |ctx, list| {
            ctx.gateway().loaders.accounts_by_account_contact.load(self.0.id, (), list.request(ctx)?).await?
        };
    }
    fields {}
    resolvers {
        /// Values of custom fields, ordered by the creation of the fields.
        async fn custom_field_values(&self, ctx: &Context<'_>) -> Result<Option<Arc<Vec<CustomFieldValue>>>> {
            Ok(ctx.gateway().loaders.custom_field_values.load(self.0.id).await?)
        }

        /// Client-defined data: a JSON object of at most 16 KiB.
        async fn metadata(&self) -> Result<Option<Json>> {
            Ok(Json::stored(&self.0.metadata)?)
        }
    }
    fields {
        /// Identifier of this record in the external system it was synced from.
        remote_id: Option<&str> = self.0.remote_id.as_deref();
    }
    contact { (&self.0).into() }
}

record! {
    AccountContact(AccountContactId) in account_contact,
    filter AccountContactFilter, order AccountContactOrder, read columns
    also |names, column| {
        names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
            || names.has("display_name") && matches!(column, "first_name" | "last_name")
    }
}

prime! {
    AccountContact |row|
    "accounts" => prime_lists(accounts_by_account_contact, [row.0.id]);
    "contactType" => prime_rows(contact_type, [row.0.contact_type_id]);
    "customFieldValues" => prime_values(custom_field_values, [row.0.id]);
    "relatedContacts" => prime_lists(related_contacts, [Relative::from(&row.0)]);
    "history" => prime_lists(changes_by_entity, [row.0.id.to_string()]);
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
        account_contact
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The account contacts of the organization.
        account_contacts
    }
}
