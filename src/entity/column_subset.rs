//! Reading only the columns that a query needs.
//!
//! Decoding and copying columns that no one looks at is a large part of the cost of a nested list. A row that was read
//! this way holds defaults in the columns that were left out, so it is for showing only: rules and writes read whole
//! rows. May import sea_orm only.

use std::marker::PhantomData;

use sea_orm::{
    DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, QuerySelect, Select, TryGetable,
    prelude::DateTimeUtc,
};

/// Some columns of a table: a bit for each, in the order of the entity's columns.
pub struct Columns<E> {
    bits: u64,
    table: PhantomData<fn() -> E>,
}

impl<E> Clone for Columns<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Columns<E> {}

impl<E: ColumnSubset> Columns<E> {
    /// Every column.
    pub fn all() -> Self {
        Self { bits: u64::MAX, table: PhantomData }
    }

    /// The columns that are read always, keys above all, and those that `selects` accepts by name.
    pub fn selected_by(selects: impl Fn(&str) -> bool) -> Self {
        let bits = E::Column::iter()
            .filter(|column| selects(column.as_str()))
            .fold(E::ALWAYS, |bits, column| bits | E::bit(column));
        Self { bits, table: PhantomData }
    }

    /// How many they are.
    pub fn count(self) -> usize {
        E::Column::iter().filter(|column| self.contains(*column)).count()
    }

    /// Whether the column is among them.
    pub fn contains(self, column: E::Column) -> bool {
        self.bits & E::bit(column) != 0
    }
}

/// A table of which single columns can be read. Without the macro `column_subset!` it is read whole.
pub trait ColumnSubset: EntityTrait {
    /// The bits of the columns that are read always.
    const ALWAYS: u64 = u64::MAX;

    /// The bit of a column.
    fn bit(_: Self::Column) -> u64 {
        u64::MAX
    }

    /// Selects these columns, in the order of the entity's columns.
    fn select(rows: Select<Self>, columns: Columns<Self>) -> Select<Self> {
        rows.select_only().columns(Self::Column::iter().filter(|column| columns.contains(*column)))
    }

    /// Reads a row of these columns, the first of which is at `start`.
    fn read(row: &QueryResult, _: Columns<Self>, _start: usize) -> Result<Self::Model, DbErr> {
        Self::Model::from_query_result(row, "")
    }
}

/// What stands in a column that was left out.
pub(super) trait Absent {
    fn absent() -> Self;
}

impl<T> Absent for Option<T> {
    fn absent() -> Self {
        None
    }
}

impl Absent for String {
    fn absent() -> Self {
        Self::new()
    }
}

impl Absent for i32 {
    fn absent() -> Self {
        0
    }
}

impl Absent for DateTimeUtc {
    fn absent() -> Self {
        Self::UNIX_EPOCH
    }
}

/// The next column of a row.
pub(super) fn next<T: TryGetable>(row: &QueryResult, at: &mut usize) -> Result<T, DbErr> {
    let value = row.try_get_by_index(*at)?;
    *at += 1;
    Ok(value)
}

/// The next column of a row, if it is selected.
pub(super) fn next_if<T: TryGetable + Absent>(
    selected: bool,
    row: &QueryResult,
    at: &mut usize,
) -> Result<T, DbErr> {
    if selected { next(row, at) } else { Ok(T::absent()) }
}

/// Implements [`ColumnSubset`] for the entity of the module: all fields in the order of the model, each with its column, and
/// whether it is read `always` or only when `selected`.
macro_rules! column_subset {
    ($($field:ident: $column:ident $when:ident,)+) => {
        impl $crate::entity::column_subset::ColumnSubset for Entity {
            const ALWAYS: u64 = 0 $(| $crate::entity::column_subset::column_subset!(@always $when $column))+;

            fn bit(column: Column) -> u64 {
                1 << column as u32
            }

            fn read(
                row: &sea_orm::QueryResult,
                columns: $crate::entity::column_subset::Columns<Self>,
                start: usize,
            ) -> Result<Model, sea_orm::DbErr> {
                let mut at = start;
                Ok(Model { $($field: $crate::entity::column_subset::column_subset!(@read $when row columns at $column),)+ })
            }
        }
    };
    (@always always $column:ident) => { 1 << Column::$column as u32 };
    (@always selected $column:ident) => { 0 };
    (@read always $row:ident $columns:ident $at:ident $column:ident) => {
        $crate::entity::column_subset::next($row, &mut $at)?
    };
    (@read selected $row:ident $columns:ident $at:ident $column:ident) => {
        $crate::entity::column_subset::next_if($columns.contains(Column::$column), $row, &mut $at)?
    };
}

pub(super) use column_subset;
