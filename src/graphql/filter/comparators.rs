//! The comparator inputs that the filters of all types share.
//!
//! Inputs only; `reader` parses them.

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

/// Conditions on a text, case-sensitive. Both texts are normalized: composed, trimmed, without hidden characters. Email
/// addresses and domain names are compared in lower case, the domain in its ASCII form; phone numbers of people equal in
/// every spelling. All given conditions must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StringFilter {
    /// Equals this text.
    pub(super) eq: MaybeUndefined<String>,
    /// Does not equal this text, or is null.
    pub(super) ne: MaybeUndefined<String>,
    /// Equals one of these texts, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<String>>,
    /// Contains this text.
    pub(super) contains: MaybeUndefined<String>,
    /// Starts with this text.
    pub(super) starts_with: MaybeUndefined<String>,
    /// True matches null, false matches any text.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Conditions on a global id. All given conditions must match.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub struct IdFilter {
    /// Equals this id.
    pub(super) eq: MaybeUndefined<async_graphql::ID>,
    /// Does not equal this id, or is null.
    pub(super) ne: MaybeUndefined<async_graphql::ID>,
    /// Equals one of these ids, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<async_graphql::ID>>,
    /// True matches null, false matches any id.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Conditions on a date and time. All given conditions must match.
#[derive(Clone, Default, InputObject)]
pub struct DateTimeFilter {
    /// Equals this time.
    pub(super) eq: MaybeUndefined<Timestamp>,
    /// Does not equal this time, or is null.
    pub(super) ne: MaybeUndefined<Timestamp>,
    /// Equals one of these times, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<Timestamp>>,
    /// Before this time.
    pub(super) lt: MaybeUndefined<Timestamp>,
    /// At or before this time.
    pub(super) lte: MaybeUndefined<Timestamp>,
    /// After this time.
    pub(super) gt: MaybeUndefined<Timestamp>,
    /// At or after this time.
    pub(super) gte: MaybeUndefined<Timestamp>,
    /// True matches null, false matches any time.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Conditions on an enum value. All given conditions must match.
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
    /// Equals this value.
    pub eq: MaybeUndefined<T>,
    /// Does not equal this value.
    pub ne: MaybeUndefined<T>,
    /// Equals one of these values, at most 100.
    #[graphql(name = "in")]
    pub one_of: MaybeUndefined<Vec<T>>,
}

/// Conditions on related records. All given conditions must match.
#[derive(Clone, InputObject)]
#[graphql(
    concrete(name = "InternalContactAssignmentListFilter", params(InternalContactAssignmentFilter)),
    concrete(name = "AccountListFilter", params(AccountFilter)),
    concrete(name = "AccountContactListFilter", params(AccountContactFilter))
)]
pub struct RelatedFilter<T: InputType> {
    /// At least one related record matches. With an empty filter: at least one exists.
    pub(super) some: MaybeUndefined<Box<T>>,
    /// No related record matches. With an empty filter: none exists.
    pub(super) none: MaybeUndefined<Box<T>>,
}

/// Conditions on the value of a custom field. Values are JSON in the format of the field's type. All given conditions
/// must match.
#[derive(Clone, InputObject)]
pub struct CustomFieldValueFilter {
    /// Global id of the custom field.
    pub(super) custom_field_id: async_graphql::ID,
    /// Equals this value.
    pub(super) eq: MaybeUndefined<Json>,
    /// Does not equal this value, or has no value.
    pub(super) ne: MaybeUndefined<Json>,
    /// Equals one of these values, at most 100.
    #[graphql(name = "in")]
    pub(super) one_of: MaybeUndefined<Vec<Json>>,
    /// Less than this value. Only for numbers, dates and times.
    pub(super) lt: MaybeUndefined<Json>,
    /// Less than or equal to this value. Only for numbers, dates and times.
    pub(super) lte: MaybeUndefined<Json>,
    /// Greater than this value. Only for numbers, dates and times.
    pub(super) gt: MaybeUndefined<Json>,
    /// Greater than or equal to this value. Only for numbers, dates and times.
    pub(super) gte: MaybeUndefined<Json>,
    /// Contains this text, case-sensitive. For multiple choices: contains this option.
    pub(super) contains: MaybeUndefined<String>,
    /// Starts with this text, case-sensitive.
    pub(super) starts_with: MaybeUndefined<String>,
    /// True matches if there is no value, false if there is one.
    pub(super) is_null: MaybeUndefined<bool>,
}

/// Whether soft-deleted records are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "DeletedFilter", remote = "DeletedRows")]
pub enum DeletedFilter {
    /// Only active records. The default.
    Exclude,
    /// Active and soft-deleted records. Combine with `updatedSince` for incremental sync.
    Include,
    /// Only soft-deleted records.
    Only,
}
