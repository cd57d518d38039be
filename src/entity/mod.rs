//! The database's tables as sea_orm entities, and the finders that keep every statement inside one organization.
//!
//! One file per table. An entity file may import sea_orm and its siblings, nothing above this folder. Rules,
//! validation and errors belong to the service layer; what a client sees belongs to graphql and http.

pub mod account;
pub mod account_contact;
pub mod account_contact_account;
pub mod app_token;
pub mod background_task;
mod batch;
pub mod change;
pub mod change_counter;
pub mod column_subset;
pub mod contact_merge;
pub mod contact_type;
pub mod custom_field;
pub mod custom_field_value;
pub mod id;
pub mod idempotency_key;
pub mod internal_contact;
pub mod internal_contact_assignment;
mod json;
mod keys;
pub mod organization;
pub mod organization_contact;
pub mod partner;
mod record;
#[cfg(test)]
#[path = "../../migrations/tests/it/support.rs"]
mod test_database;
#[cfg(test)]
mod tests;

use sea_orm::{ColumnTrait, DeleteMany, EntityTrait, QueryFilter, Select, UpdateMany, Value};

pub use batch::{RowsToInsert, insert_rows, rows_to_insert};
pub use json::{Decimal, StoredJson, canonical};

pub use column_subset::{ColumnSubset, Columns};

pub use keys::{Key, keys_in, keys_table, pairs_in};

use id::OrganizationId;

/// A table whose rows belong to organizations.
///
/// Every statement on such a table starts here, so that none can reach a row of another organization.
pub trait Scoped: EntityTrait {
    /// The column that names the organization.
    const ORG_ID: Self::Column;

    /// The column that is set while a row is deleted, where rows are soft-deleted.
    const DELETED_AT: Option<Self::Column>;

    /// Selects the active rows of the organization.
    fn find_in(org: OrganizationId) -> Select<Self> {
        let rows = Self::find_in_with_deleted(org);
        match Self::DELETED_AT {
            Some(deleted_at) => rows.filter(deleted_at.is_null()),
            None => rows,
        }
    }

    /// Selects the rows of the organization, deleted ones included.
    fn find_in_with_deleted(org: OrganizationId) -> Select<Self> {
        Self::find().filter(Self::ORG_ID.eq(org))
    }

    /// Updates rows of the organization, deleted ones included, so that they can be restored.
    fn update_in(org: OrganizationId) -> UpdateMany<Self> {
        Self::update_many().filter(Self::ORG_ID.eq(org))
    }

    /// Removes rows of the organization for good, deleted ones included.
    fn delete_in(org: OrganizationId) -> DeleteMany<Self> {
        Self::delete_many().filter(Self::ORG_ID.eq(org))
    }
}

/// A tenant table whose rows have an id of their own.
pub trait ScopedById: Scoped {
    /// The type of the id.
    type Id: Into<Value>;

    /// The column that holds the id.
    const ID: Self::Column;

    /// Selects the active row with this id, if it is the organization's.
    fn find_by_id_in(org: OrganizationId, id: Self::Id) -> Select<Self> {
        Self::find_in(org).filter(Self::ID.eq(id))
    }
}
