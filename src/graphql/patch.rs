//! Converts the fields of inputs to the service's `Patch`.

use async_graphql::MaybeUndefined;

use crate::service::Patch;

/// A field of an input that may be left out.
pub(super) trait PatchField<T> {
    /// The field as the service takes it.
    fn into_patch(self) -> Patch<T>;
}

/// In an update: an omitted field keeps the value, null clears it, a value sets it.
impl<T> PatchField<T> for MaybeUndefined<T> {
    fn into_patch(self) -> Patch<T> {
        match self {
            Self::Undefined => Patch::Keep,
            Self::Null => Patch::Clear,
            Self::Value(value) => Patch::Set(value),
        }
    }
}

/// In a creation.
impl<T> PatchField<T> for Option<T> {
    fn into_patch(self) -> Patch<T> {
        self.into()
    }
}

/// The field as the service takes it, in the service's type.
pub(super) fn patch<T: Into<U>, U>(field: impl PatchField<T>) -> Patch<U> {
    field.into_patch().map(Into::into)
}
