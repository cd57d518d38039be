//! An account: a customer, whose people are account contacts.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    id::AccountId,
    record::{record, record_subset, scoped},
};

record! {
    "account" {
        /// Made by the application.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AccountId,
        /// What it is called.
        pub name: String,
        /// The domain of its website and mail.
        pub primary_domain: Option<String>,
        /// The domain in the form that is compared.
        pub primary_domain_key: Option<String>,
    }
    relations {
        /// Its people.
        #[sea_orm(has_many, via = "account_contact_account")]
        pub contacts: HasMany<super::account_contact::Entity>,
    }
}

scoped!(id: AccountId, deleted_at: Some(Column::DeletedAt));

record_subset! {
    deleted_at selected;
    name: Name selected,
    primary_domain: PrimaryDomain selected,
    primary_domain_key: PrimaryDomainKey selected,
}
