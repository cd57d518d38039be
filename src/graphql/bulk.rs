//! What the bulk writes have in common in the schema: the policy, the results, the payload.
//!
//! A domain file declares its two types with `upsert_types!` and its inputs by hand, since inputs differ.

use async_graphql::{Context, Enum};

use super::{context::ContextExt, loaders::Prime, selection::Selection};
use crate::service::bulk::{ErrorPolicy, Status};

/// What happens to the good rows of a bulk write when others are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "ErrorPolicy")]
pub enum BulkErrorPolicy {
    /// Nothing is written; `userErrors` of the payload tells why, for at most the first 100 errors.
    #[default]
    RejectAll,
    /// The good rows are written; each refused row tells in its own result why.
    RejectFailedRows,
}

/// What became of a row of a bulk write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum UpsertStatus {
    /// It is new.
    Created,
    /// It was there and has changed.
    Updated,
    /// It was there and is as it was.
    Unchanged,
    /// It was refused; its `userErrors` tell why.
    Failed,
}

/// Loads what is selected below the objects of the results, which stand in their field `object`.
pub(super) async fn prime_results<T: Prime>(ctx: &Context<'_>, object: &str, rows: Vec<&T>) {
    let named = |selections: Vec<_>, name: &str| -> Vec<_> {
        selections.into_iter().filter(|it: &Selection<'_>| it.name() == name).collect()
    };
    let results = named(Selection::of(ctx.field()).below(), "results");
    let objects = results.iter().flat_map(|results| named(results.below(), object));
    for object in objects {
        T::prime(rows.clone(), object.below(), ctx.gateway()).await;
    }
}

/// Declares the result and the payload of a bulk write, and how the payload is made of what the service answers.
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
            /// In one word.
            status: $crate::graphql::bulk::UpsertStatus,
            /// The object as it is now; null when the row was refused, and when it is gone by the time of a repeated call.
            $field: Option<$object>,
            /// Why the row was refused; empty when it was not.
            user_errors: Vec<UserError>,
        }

        $(#[doc = $payload_doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $payload {
            /// What became of each row, in the order of the rows; empty when the call was refused.
            results: Vec<$result>,
            /// How many of the results are new.
            created: usize,
            /// How many have changed.
            updated: usize,
            /// How many are as they were.
            unchanged: usize,
            /// How many rows were refused while others were written.
            failed: usize,
            /// Why the call as a whole was refused, and nothing written; empty when it was not.
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
