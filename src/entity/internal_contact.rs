//! An internal contact: one of the organization's own people.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    id::InternalContactId,
    record::{record, record_subset, scoped},
};

record! {
    "internal_contact" {
        /// Made by the application.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: InternalContactId,
        /// The address as it was written.
        pub email: String,
        /// The address in the form that is compared; unique among the organization's active rows.
        pub email_key: String,
        /// Given name.
        pub given_name: Option<String>,
        /// Family name.
        pub family_name: Option<String>,
        /// The whole name of a person who has no given and family name.
        pub name: Option<String>,
        /// E.164.
        pub phone: Option<String>,
        /// Position in the organization.
        pub job_title: Option<String>,
    }
    relations {
        /// The roles the person has.
        #[sea_orm(has_many)]
        pub assignments: HasMany<super::internal_contact_assignment::Entity>,
    }
}

scoped!(id: InternalContactId, deleted_at: Some(Column::DeletedAt));

record_subset! {
    deleted_at always;
    email: Email selected,
    email_key: EmailKey selected,
    given_name: GivenName selected,
    family_name: FamilyName selected,
    name: Name selected,
    phone: Phone selected,
    job_title: JobTitle selected,
}
