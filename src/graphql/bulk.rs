//! The types that all bulk mutations share: policy, results and payload.
//!
//! Each domain file declares its two types with `upsert_types!` and its inputs itself, because the inputs differ.

use async_graphql::{Context, Enum};

use super::{context::ContextExt, loaders::Prime, selection::Selection};
use crate::service::bulk::{ErrorPolicy, Status};

/// How a bulk mutation treats valid rows if other rows are rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "ErrorPolicy")]
pub enum BulkErrorPolicy {
    /// Nothing is written if any row is rejected. The payload's `userErrors` holds the first 100 errors.
    #[default]
    RejectAll,
    /// Valid rows are written. The result of each rejected row holds its `userErrors`.
    RejectFailedRows,
}

/// Outcomes of a row of a bulk mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum UpsertStatus {
    /// The record was created.
    Created,
    /// The existing record was updated.
    Updated,
    /// The existing record did not change.
    Unchanged,
    /// The row was rejected. Its `userErrors` hold the reasons.
    Failed,
}

/// Loads what is selected on the records of the results, which are in the field `object`.
pub(super) async fn prime_results<T: Prime>(ctx: &Context<'_>, object: &str, rows: Vec<&T>) {
    let named = |selections: Vec<_>, name: &str| -> Vec<_> {
        selections.into_iter().filter(|it: &Selection<'_>| it.name() == name).collect()
    };
    let results = named(Selection::of(ctx.field()).children(), "results");
    let objects = results.iter().flat_map(|results| named(results.children(), object));
    for object in objects {
        T::prime(rows.clone(), object.children(), ctx.gateway()).await;
    }
}

/// Declares the result and the payload of a bulk mutation, and the conversion from the service's results.
macro_rules! upsert_types {
    (
        $(#[doc = $result_doc:literal])*
        $result:ident,
        $(#[doc = $payload_doc:literal])*
        $payload:ident,
        $field:ident / $name:literal: $object:ident
    ) => {
        $(#[doc = $result_doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $result {
            /// The outcome for this row.
            status: $crate::graphql::bulk::UpsertStatus,
            /// The record after the mutation. Null if the row was rejected, or if a repeated call finds the record
            /// deleted.
            $field: Option<$object>,
            /// Validation errors of this row. Empty if the row was accepted.
            user_errors: Vec<UserError>,
        }

        $(#[doc = $payload_doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $payload {
            /// The result of each row, in the order of the input. Empty if the whole call was rejected.
            results: Vec<$result>,
            /// Number of created records.
            created: usize,
            /// Number of updated records.
            updated: usize,
            /// Number of unchanged records.
            unchanged: usize,
            /// Number of rejected rows, if other rows were written.
            failed: usize,
            /// Validation errors of the whole call, in which case nothing was written. Empty if the call was
            /// accepted.
            user_errors: Vec<UserError>,
        }

        impl $payload {
            async fn of<F>(ctx: &async_graphql::Context<'_>, unit: impl FnMut() -> F) -> AppResult<Self>
            where
                F: Future<Output = AppResult<Vec<$crate::service::bulk::RowResult<Model>>>>,
            {
                let (rows, user_errors) = outcome(unit).await?;
                let results: Vec<$result> = rows
                    .into_iter()
                    .flatten()
                    .map(|it| $result {
                        status: it.status.into(),
                        $field: it.row.map($object),
                        user_errors: it.errors.into_iter().map(UserError::from).collect(),
                    })
                    .collect();
                let objects = results.iter().filter_map(|result| result.$field.as_ref()).collect();
                $crate::graphql::bulk::prime_results(ctx, $name, objects).await;
                let count = |status| results.iter().filter(|result| result.status == status).count();
                Ok(Self {
                    created: count($crate::graphql::bulk::UpsertStatus::Created),
                    updated: count($crate::graphql::bulk::UpsertStatus::Updated),
                    unchanged: count($crate::graphql::bulk::UpsertStatus::Unchanged),
                    failed: count($crate::graphql::bulk::UpsertStatus::Failed),
                    results,
                    user_errors,
                })
            }
        }
    };
}
pub(super) use upsert_types;
