//! Declares the payloads of mutations, and soft-deletion, which is the same for every type.

/// Declares payloads with one record, and how they are made from the result of a service.
///
/// ```ignore
/// payloads! {
///     /// Result of `createAccount`.
///     CreateAccountPayload {
///         /// The created account. Null if the input was rejected.
///         account: Account
///     }
/// }
/// ```
macro_rules! payloads {
    ($(
        $(#[$($attribute:tt)*])*
        $payload:ident { $(#[$($field_attribute:tt)*])* $field:ident: $record:ident }
    )+) => {$(
        #[derive(async_graphql::SimpleObject)]
        $(#[$($attribute)*])*
        pub struct $payload {
            $(#[$($field_attribute)*])*
            $field: Option<$record>,
            /// Validation errors. Empty if the mutation succeeded.
            user_errors: Vec<$crate::graphql::error::UserError>,
        }

        impl $payload {
            /// Runs a unit of work of a service.
            async fn of<T, F>(unit: impl FnMut() -> F) -> async_graphql::Result<Option<Self>>
            where
                $record: From<T>,
                F: Future<Output = $crate::error::AppResult<T>>,
            {
                let (row, user_errors) = $crate::graphql::error::outcome(unit).await?;
                Ok(Some(Self { $field: row.map($record::from), user_errors }))
            }
        }
    )+};
}
pub(super) use payloads;

/// Declares the mutations that soft-delete and restore a record, with their inputs and payloads: the field of the record
/// in the payloads, which is also the name of its table, the noun of the descriptions and the description of the argument. The word `complex`
/// at the end stands for payloads with further fields.
///
/// ```ignore
/// soft_deletion! {
///     /// Soft-deletion of accounts.
///     AccountDeletion: account Account, "account", "The account.";
///     /// Soft-deletes an account. Its contacts are kept.
///     delete_account "deleteAccount": DeleteAccountInput => DeleteAccountPayload;
///     /// Restores a soft-deleted account with its contacts. An active account is not changed.
///     restore_account "restoreAccount": RestoreAccountInput => RestoreAccountPayload;
/// }
/// ```
macro_rules! soft_deletion {
    (
        $(#[doc = $doc:literal])*
        $mutations:ident: $field:ident $record:ident, $noun:literal, $argument:literal
            $(, $complex:ident)?;
        $(#[doc = $delete_doc:literal])*
        $delete:ident $delete_name:literal: $delete_input:ident => $delete_payload:ident;
        $(#[doc = $restore_doc:literal])*
        $restore:ident $restore_name:literal: $restore_input:ident => $restore_payload:ident;
    ) => {
        #[doc = concat!("The ", $noun, " to delete.")]
        #[derive(async_graphql::InputObject)]
        pub struct $delete_input {
            #[doc = concat!("Global id of the ", $noun, ".")]
            id: async_graphql::ID,
            /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
            /// error code is CONFLICT. Omit it to write without the check.
            expected_version: Option<i32>,
        }

        #[doc = concat!("The soft-deleted ", $noun, " to restore.")]
        #[derive(async_graphql::InputObject)]
        pub struct $restore_input {
            #[doc = concat!("Global id of the ", $noun, ".")]
            id: async_graphql::ID,
            /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
            /// error code is CONFLICT. Omit it to write without the check.
            expected_version: Option<i32>,
        }

        $crate::graphql::payload::payloads! {
            #[doc = concat!("Result of `", $delete_name, "`.")]
            $(#[graphql($complex)])?
            $delete_payload {
                #[doc = concat!("The soft-deleted ", $noun, ". Null if the input was rejected.")]
                $field: $record
            }

            #[doc = concat!("Result of `", $restore_name, "`.")]
            $(#[graphql($complex)])?
            $restore_payload {
                #[doc = concat!("The restored ", $noun, ". Null if the input was rejected.")]
                $field: $record
            }
        }

        $(#[doc = $doc])*
        #[derive(Default)]
        pub struct $mutations;

        #[async_graphql::Object]
        impl $mutations {
            $(#[doc = $delete_doc])*
            async fn $delete(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $argument)] input: $delete_input,
            ) -> async_graphql::Result<Option<$delete_payload>> {
                let gateway = $crate::graphql::context::ContextExt::fresh(ctx).await;
                let (db, request) = (&gateway.db, &gateway.request);
                let delete = $crate::service::record::delete::<$crate::entity::$field::Entity>;
                $delete_payload::of(|| delete(db, request, &input.id, input.expected_version)).await
            }

            $(#[doc = $restore_doc])*
            async fn $restore(
                &self,
                ctx: &async_graphql::Context<'_>,
                #[graphql(desc = $argument)] input: $restore_input,
            ) -> async_graphql::Result<Option<$restore_payload>> {
                let gateway = $crate::graphql::context::ContextExt::fresh(ctx).await;
                let (db, request) = (&gateway.db, &gateway.request);
                let restore = $crate::service::record::restore::<$crate::entity::$field::Entity>;
                $restore_payload::of(|| restore(db, request, &input.id, input.expected_version)).await
            }
        }
    };
}
pub(super) use soft_deletion;
