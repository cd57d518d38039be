//! The comparisons that the filters of all types share.
//!
//! Inputs only: `reader` says what they mean.

use async_graphql::{Enum, InputObject, InputType, MaybeUndefined};

use super::{AccountContactFilter, AccountFilter, InternalContactAssignmentFilter};
use crate::{
    graphql::{
        change::{ChangeAction, ChangeKind},
        contact::ContactKind,
        custom_field::CustomFieldType,
        internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType,
        scalar::{Json, Timestamp},
    },
    service::filter::DeletedRows,
};

/// Compares a text, as it is written and with regard to case. Email addresses are compared in lower case. All that is
/// given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StringFilter {
    /// The same text.
    pub(super) eq: MaybeUndefined<String>,
    /// Another text, or none.
    pub(super) ne: MaybeUndefined<String>,
    /// One of these texts, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<String>>,
    /// A text with this part.
    pub(super) contains: MaybeUndefined<String>,
    /// A text that begins so.
    pub(super) starts_with: MaybeUndefined<String>,
    /// No text at all, or any.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Compares a global id. All that is given must hold.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub struct IdFilter {
    /// This id.
    pub(super) eq: MaybeUndefined<async_graphql::ID>,
    /// Another id, or none.
    pub(super) ne: MaybeUndefined<async_graphql::ID>,
    /// One of these ids, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<async_graphql::ID>>,
    /// No id at all, or any.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Compares a time. All that is given must hold.
#[derive(Clone, Default, InputObject)]
pub struct DateTimeFilter {
    /// At this time.
    pub(super) eq: MaybeUndefined<Timestamp>,
    /// At another time, or never.
    pub(super) ne: MaybeUndefined<Timestamp>,
    /// At one of these times, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<Timestamp>>,
    /// Before.
    pub(super) lt: MaybeUndefined<Timestamp>,
    /// Then or before.
    pub(super) lte: MaybeUndefined<Timestamp>,
    /// After.
    pub(super) gt: MaybeUndefined<Timestamp>,
    /// Then or after.
    pub(super) gte: MaybeUndefined<Timestamp>,
    /// Never, or at any time.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Compares a value of an enum. All that is given must hold.
#[derive(Clone, InputObject)]
#[graphql(
    concrete(name = "InternalRoleFilter", params(InternalRole)),
    concrete(name = "ContactKindFilter", params(ContactKind)),
    concrete(name = "OrganizationContactTypeFilter", params(OrganizationContactType)),
    concrete(name = "CustomFieldTypeFilter", params(CustomFieldType)),
    concrete(name = "ChangeKindFilter", params(ChangeKind)),
    concrete(name = "ChangeActionFilter", params(ChangeAction))
)]
pub struct EnumFilter<T: InputType> {
    /// This value.
    pub eq: MaybeUndefined<T>,
    /// Another value.
    pub ne: MaybeUndefined<T>,
    /// One of these values, at most 100.
    #[graphql(name = "in")]
    pub one_of: MaybeUndefined<Vec<T>>,
}

/// Which of the related rows must meet a condition. All that is given must hold.
#[derive(Clone, InputObject)]
#[graphql(
    concrete(name = "InternalContactAssignmentListFilter", params(InternalContactAssignmentFilter)),
    concrete(name = "AccountListFilter", params(AccountFilter)),
    concrete(name = "AccountContactListFilter", params(AccountContactFilter))
)]
pub struct RelatedFilter<T: InputType> {
    /// At least one of them meets it; with an empty condition, there is one.
    pub(super) some: MaybeUndefined<Box<T>>,
    /// Not one of them meets it; with an empty condition, there is none.
    pub(super) none: MaybeUndefined<Box<T>>,
}

/// Compares the value of a custom field, in JSON's form of the field's type. All that is given must hold.
#[derive(Clone, InputObject)]
pub struct CustomFieldValueFilter {
    /// The field's global id.
    pub(super) custom_field_id: async_graphql::ID,
    /// This value.
    pub(super) eq: MaybeUndefined<Json>,
    /// Another value, or none.
    pub(super) ne: MaybeUndefined<Json>,
    /// One of these values, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<Json>>,
    /// Less; of numbers, dates and times. SQLite compares decimals as floating point numbers.
    pub(super) lt: MaybeUndefined<Json>,
    /// Less or equal; of numbers, dates and times.
    pub(super) lte: MaybeUndefined<Json>,
    /// Greater; of numbers, dates and times.
    pub(super) gt: MaybeUndefined<Json>,
    /// Greater or equal; of numbers, dates and times.
    pub(super) gte: MaybeUndefined<Json>,
    /// A text with this part, with regard to case; of a multiple choice, this one among others.
    pub(super) contains: MaybeUndefined<String>,
    /// A text that begins so, with regard to case.
    pub(super) starts_with: MaybeUndefined<String>,
    /// No value at all, or any.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Whether deleted rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "DeletedFilter", remote = "DeletedRows")]
pub enum DeletedFilter {
    /// Only living rows: what every list has when nothing is said.
    Exclude,
    /// Living and deleted rows: for synchronizing together with updatedSince.
    Include,
    /// Only deleted rows.
    Only,
}
