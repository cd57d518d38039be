//! What all bulk mutations share: policy, results, payload and resolver.
//!
//! Each domain file declares its bulk mutation with `upsert!` and the input of a row itself, because these differ.

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

/// Declares a bulk mutation: its input, the input of a row, the result of a row, the payload, and the resolver with the
/// description of its argument. The input of a row converts into the service's.
///
/// ```ignore
/// upsert! {
///     /// Bulk mutations of accounts.
///     AccountUpsert: account "account" Account by service::UpsertAccount;
///     /// Accounts to create or update.
///     UpsertAccountsInput;
///     /// 1 to 1,000 accounts. Remote ids must be unique in the list.
///     rows: UpsertAccountInput;
///     /// Result of creating or updating one account.
///     UpsertAccountResult;
///     /// Result of `upsertAccounts`.
///     UpsertAccountsPayload;
///     /// Creates or updates up to 1,000 accounts, matched by remote id.
///     upsert_accounts("The accounts.");
/// }
/// ```
macro_rules! upsert {
    (
        $(#[doc = $doc:literal])*
        $mutations:ident: $field:ident $name:literal $record:ident by $row:path;
        $(#[doc = $input_doc:literal])*
        $input:ident;
        $(#[doc = $rows_doc:literal])*
        rows: $row_input:ident;
        $(#[doc = $result_doc:literal])*
        $result:ident;
        $(#[doc = $payload_doc:literal])*
        $payload:ident;
        $(#[doc = $upsert_doc:literal])*
        $upsert:ident($argument:literal);
    ) => {
        $(#[doc = $input_doc])*
        #[derive(async_graphql::InputObject)]
        pub struct $input {
            $(#[doc = $rows_doc])*
            rows: Vec<$row_input>,
            /// How valid rows are treated if other rows are rejected. Default: `REJECT_ALL`.
            #[graphql(default)]
            error_policy: $crate::graphql::bulk::BulkErrorPolicy,
            /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
            /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
            /// default.
            idempotency_key: Option<String>,
        }

        $(#[doc = $result_doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $result {
            /// The outcome for this row.
            status: $crate::graphql::bulk::UpsertStatus,
            /// The record after the mutation. Null if the row was rejected, or if a repeated call finds the record
            /// deleted.
            $field: Option<$record>,
            /// Validation errors of this row. Empty if the row was accepted.
            user_errors: Vec<$crate::graphql::error::UserError>,
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
            user_errors: Vec<$crate::graphql::error::UserError>,
        }

        $(#[doc = $doc])*
        #[derive(Default)]
        pub struct $mutations;

        #[async_graphql::Object]
        impl $mutations {
            $(#[doc = $upsert_doc])*
            async fn $upsert(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $argument)] input: $input,
            ) -> async_graphql::Result<Option<$payload>> {
                use $crate::graphql::bulk::UpsertStatus;

                let gateway = $crate::graphql::context::ContextExt::fresh(ctx).await;
                let input = $crate::service::bulk::Upserts {
                    rows: input.rows.into_iter().map(Into::into).collect(),
                    error_policy: input.error_policy.into(),
                    idempotency_key: input.idempotency_key,
                };
                let unit = || $crate::service::bulk::upsert::<$row>(&gateway.db, &gateway.request, &input);
                let (rows, user_errors) = $crate::graphql::error::outcome(unit).await?;
                let results: Vec<$result> = rows
                    .into_iter()
                    .flatten()
                    .map(|it| $result {
                        status: it.status.into(),
                        $field: it.row.map($record),
                        user_errors: it.errors.into_iter().map(Into::into).collect(),
                    })
                    .collect();
                let records = results.iter().filter_map(|result| result.$field.as_ref()).collect();
                $crate::graphql::bulk::prime_results(ctx, $name, records).await;
                let count = |status| results.iter().filter(|result| result.status == status).count();
                Ok(Some($payload {
                    created: count(UpsertStatus::Created),
                    updated: count(UpsertStatus::Updated),
                    unchanged: count(UpsertStatus::Unchanged),
                    failed: count(UpsertStatus::Failed),
                    results,
                    user_errors,
                }))
            }
        }
    };
}
pub(super) use upsert;
