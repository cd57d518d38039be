//! An account contact: a customer's person, at any number of accounts.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    StoredJson,
    id::{AccountContactId, ContactTypeId},
    record::{record, record_subset, scoped},
};

record! {
    "account_contact" {
        /// Made by the application.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AccountContactId,
        /// First name.
        pub first_name: String,
        /// Last name.
        pub last_name: Option<String>,
        /// The address as it was written.
        pub email: String,
        /// The address in the form that is compared; unique among the organization's active rows.
        pub email_key: String,
        /// E.164.
        pub phone: Option<String>,
        /// An http(s) address of a picture.
        pub avatar_url: Option<String>,
        /// What kind of contact the person is.
        pub contact_type_id: ContactTypeId,
        /// A JSON object, free for the client.
        #[sea_orm(column_type = "JsonBinary")]
        pub metadata: StoredJson,
    }
    relations {
        /// What kind of contact the person is.
        #[sea_orm(belongs_to, from = "(org_id, contact_type_id)", to = "(org_id, id)")]
        pub contact_type: BelongsTo<super::contact_type::Entity>,
        /// The accounts the person is at.
        #[sea_orm(has_many, via = "account_contact_account")]
        pub accounts: HasMany<super::account::Entity>,
        /// The values of custom fields.
        #[sea_orm(has_many)]
        pub custom_field_values: HasMany<super::custom_field_value::Entity>,
    }
}

scoped!(id: AccountContactId, deleted_at: Some(Column::DeletedAt));

record_subset! {
    deleted_at always;
    first_name: FirstName selected,
    last_name: LastName selected,
    email: Email selected,
    email_key: EmailKey selected,
    phone: Phone selected,
    avatar_url: AvatarUrl selected,
    contact_type_id: ContactTypeId always,
    metadata: Metadata selected,
}
