//! What tables have in common: the traits of all tenant tables, and the columns of the records that are synced from other
//! systems, searched and soft-deleted.

/// Implements [`Scoped`](super::Scoped) for the entity of the module, and [`ScopedById`](super::ScopedById) if `id` gives
/// the type of its ids. `deleted_at` is the column that is set while a row is deleted.
macro_rules! scoped {
    ($(id: $id:ty,)? deleted_at: $deleted_at:expr) => {
        impl ActiveModelBehavior for ActiveModel {}

        impl $crate::entity::Scoped for Entity {
            const ORG_ID: Column = Column::OrgId;
            const DELETED_AT: Option<Column> = $deleted_at;
        }

        $(impl $crate::entity::ScopedById for Entity {
            type Id = $id;

            const ID: Column = Column::Id;
        })?
    };
}

/// Declares the entity of a record: its organization, its own columns from `id` on, the columns that all records have, and its
/// relations.
macro_rules! record {
    ($table:tt { $($columns:tt)* } relations { $($relations:tt)* }) => {
        #[doc = concat!("A row of `", $table, "`.")]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = $table)]
        pub struct Model {
            /// The organization it belongs to.
            #[sea_orm(primary_key, auto_increment = false)]
            pub org_id: crate::entity::id::OrganizationId,
            $($columns)*
            /// Identifier in the external system that it was synced from; unique among the organization's active rows.
            pub remote_id: Option<String>,
            /// The normalized name, for sorting. Empty until the application has filled it.
            pub sort_key: String,
            /// The normalized words, for searching.
            pub words: String,
            /// When the row was created.
            pub created_at: DateTimeUtc,
            /// When the row last changed.
            pub updated_at: DateTimeUtc,
            /// Starts at 1 and grows by 1 with each change.
            pub version: i32,
            /// Set while the row is deleted.
            pub deleted_at: Option<DateTimeUtc>,
            $($relations)*
        }
    };
}

/// Implements `ColumnSubset` for the entity of a record: when `deleted_at` is read, and the record's own columns after `id`.
macro_rules! record_subset {
    (deleted_at $deleted:ident; $($field:ident: $column:ident $when:ident,)+) => {
        $crate::entity::column_subset::column_subset! {
            org_id: OrgId always,
            id: Id always,
            $($field: $column $when,)+
            remote_id: RemoteId selected,
            sort_key: SortKey selected,
            words: Words selected,
            created_at: CreatedAt selected,
            updated_at: UpdatedAt selected,
            version: Version selected,
            deleted_at: DeletedAt $deleted,
        }
    };
}

pub(super) use {record, record_subset, scoped};
