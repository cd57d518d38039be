//! From GraphQL's three states of an input field to the service's.

use async_graphql::MaybeUndefined;

use crate::service::Patch;

/// An absent field keeps, null clears, a value sets.
pub(super) fn patch<T>(field: MaybeUndefined<T>) -> Patch<T> {
    match field {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}
