//! What an update says about a field: nothing, null, or a value. Rules about values are in `input`.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

/// What an update says about one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Patch<T> {
    /// Nothing: the field keeps its value.
    #[default]
    Keep,
    /// `null`: the field is cleared.
    Clear,
    /// The new value.
    Set(T),
}

/// Of a field that is there; one that is left out is `Keep` by default.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// In a creation an absent field and `null` mean the same.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

impl<T> Patch<T> {
    /// In a bulk write an absent field and `null` mean the same too: the field keeps its value.
    pub fn set_or_keep(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }

    /// The same of something made from the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(make(value)),
        }
    }

    /// The same of the value where it is.
    pub fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }

    /// The same with the value dereferenced: a text as a string slice.
    pub fn as_deref(&self) -> Patch<&T::Target>
    where
        T: Deref,
    {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(value),
        }
    }
}
