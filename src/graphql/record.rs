//! What the types of records share: their common fields, and how they are listed and loaded.

use async_graphql::SimpleObject;

use super::scalar::Timestamp;
use crate::entity;

/// The common fields of records that are never soft-deleted.
#[derive(SimpleObject)]
pub struct RecordFields {
    /// When the record was created.
    created_at: Timestamp,
    /// When the record was last changed.
    updated_at: Timestamp,
    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    version: i32,
}

/// The common fields of records that can be soft-deleted.
#[derive(SimpleObject)]
pub struct SoftDeletableFields {
    /// When the record was created.
    created_at: Timestamp,
    /// When the record was last changed.
    updated_at: Timestamp,
    /// When the record was soft-deleted. Null if it is active.
    deleted_at: Option<Timestamp>,
    /// Version number of the record: 1 at creation, incremented by each change. Send it as `expectedVersion` to
    /// detect concurrent changes.
    version: i32,
}

macro_rules! fields_of_rows {
    ($fields:ident = |$row:ident| $value:expr; $($entity:ident),+) => {$(
        impl From<&entity::$entity::Model> for $fields {
            fn from($row: &entity::$entity::Model) -> Self {
                $value
            }
        }
    )+};
}

fields_of_rows! {
    RecordFields = |row| RecordFields {
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        version: row.version,
    };
    contact_type, custom_field, internal_contact_assignment, organization
}

fields_of_rows! {
    SoftDeletableFields = |row| SoftDeletableFields {
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        deleted_at: row.deleted_at.map(Timestamp),
        version: row.version,
    };
    account, account_contact, internal_contact, organization_contact, partner
}

/// Implements what a record needs to be listed and loaded by id: the type of its id, the module of its entity and of its
/// service, the inputs of its list, and the function that selects the columns to read, if not all are.
///
/// ```ignore
/// record! { Account(AccountId) in account, filter AccountFilter, order AccountOrder, read columns }
/// ```
macro_rules! record {
    ($record:ident($id:ident) in $module:ident, filter $filter:ident, order $order:ident $(, read $columns:ident)?) => {
        impl From<$crate::entity::$module::Model> for $record {
            fn from(row: $crate::entity::$module::Model) -> Self {
                Self(row)
            }
        }

        impl $crate::graphql::relay::ListItem for $record {
            const CONNECTION: &'static str = concat!(stringify!($record), "Connection");
            const EDGE: &'static str = concat!(stringify!($record), "Edge");

            fn cursor(&self) -> $crate::service::cursor::Cursor {
                <$crate::entity::$module::Entity as $crate::service::page::Paged>::cursor(&self.0)
            }
        }

        impl $crate::graphql::relay::Listed for $record {
            const ORDER: $crate::service::cursor::Order =
                <$crate::entity::$module::Entity as $crate::service::page::Paged>::ORDER;
            type Filter = $filter;
            type OrderBy = $order;

            async fn page(
                gateway: &$crate::graphql::Gateway,
                list: &$crate::service::ListRequest,
            ) -> $crate::error::AppResult<$crate::service::Page<Self>> {
                let (db, request) = (&gateway.db, &gateway.request);
                let page =
                    $crate::service::$module::list(db, request, $(Self::$columns(&gateway.names),)? list).await?;
                Ok(page.map(Self))
            }
        }

        impl $crate::graphql::loaders::ById for $record {
            type Id = $id;
            type Row = Self;

            async fn load(
                source: &$crate::graphql::loaders::Source,
                organization: $crate::entity::id::OrganizationId,
                ids: &[$id],
            ) -> $crate::error::AppResult<std::collections::HashMap<$id, Self>> {
                let rows =
                    $crate::service::$module::by_ids(&source.db, organization, ids, $(Self::$columns(&source.names))?)
                        .await?;
                Ok(rows.into_iter().map(|(id, row)| (id, Self(row))).collect())
            }
        }
    };
}
pub(super) use record;
