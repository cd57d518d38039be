//! Converts the three states of an input field to the service's `Patch`.

use async_graphql::MaybeUndefined;

use crate::service::Patch;

/// An omitted field keeps the value, null clears it, a value sets it.
pub(super) fn patch<T>(field: MaybeUndefined<T>) -> Patch<T> {
    match field {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value),
    }
}
