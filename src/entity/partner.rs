//! A partner: a company that internal contacts are assigned to.
//!
//! May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    id::PartnerId,
    record::{record, record_subset, scoped},
};

record! {
    "partner" {
        /// Made by the application.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: PartnerId,
        /// What it is called.
        pub name: String,
    }
    relations {
        /// The people who look after it.
        #[sea_orm(has_many)]
        pub assignments: HasMany<super::internal_contact_assignment::Entity>,
    }
}

scoped!(id: PartnerId, deleted_at: Some(Column::DeletedAt));

record_subset! {
    deleted_at selected;
    name: Name selected,
}
