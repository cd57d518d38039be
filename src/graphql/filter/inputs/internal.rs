//! Filters and sort orders of internal contacts, partners and assignments.

use async_graphql::{InputObject, MaybeUndefined};

use crate::{
    entity::id::{InternalContactAssignmentId, InternalContactId, PartnerId},
    error::AppResult,
    graphql::{
        filter::{
            Conditions, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput, IdFilter, RelatedFilter,
            StringFilter, order_input,
        },
        internal_contact_assignment::InternalRole,
        scalar::Timestamp,
    },
    service::{
        filter::{Comparison, Field, Operand, Relation},
        page::SortKey,
    },
};

/// Filters partners. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct PartnerFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<PartnerFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<PartnerFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<PartnerFilter>>,
    /// Searches the name. Each word must be the prefix of a word there, ignoring case and accents. Only the first 6
    /// words count. Results are ordered by relevance unless `orderBy` is given.
    search: MaybeUndefined<String>,
    /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
    deleted: MaybeUndefined<DeletedFilter>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The name.
    name: MaybeUndefined<StringFilter>,
    /// Identifier of this record in the external system it was synced from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// Condition on the partner's assignments.
    assignments: MaybeUndefined<Box<RelatedFilter<InternalContactAssignmentFilter>>>,
}

impl FilterInput for PartnerFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.id::<PartnerId>("id", Field::new("id"), self.id)?;
        c.string("name", Field::new("name"), self.name)?;
        c.string("remoteId", Field::new("remote_id"), self.remote_id)?;
        c.times(self.created_at, self.updated_at)?;
        c.related("assignments", Relation::AssignmentsOfPartner, self.assignments)?;
        Ok(())
    }
}

order_input! {
    /// A sort key for partners.
    PartnerOrder,
    /// The fields that a list can be sorted by.
    PartnerOrderField {
        /// The name, ignoring case and accents.
        Name => SortKey::NAME,
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Filters internal contacts. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct InternalContactFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<InternalContactFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<InternalContactFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<InternalContactFilter>>,
    /// Searches name, email address, phone number and company name. Each word must be the prefix of a word there,
    /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
    /// given.
    search: MaybeUndefined<String>,
    /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
    deleted: MaybeUndefined<DeletedFilter>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The email address.
    email: MaybeUndefined<StringFilter>,
    /// The given name.
    given_name: MaybeUndefined<StringFilter>,
    /// The family name.
    family_name: MaybeUndefined<StringFilter>,
    /// The full name, for people without separate given and family names.
    name: MaybeUndefined<StringFilter>,
    /// The phone number in E.164 format.
    phone: MaybeUndefined<StringFilter>,
    /// The job title.
    job_title: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// Condition on the contact's assignments.
    assignments: MaybeUndefined<Box<RelatedFilter<InternalContactAssignmentFilter>>>,
}

impl FilterInput for InternalContactFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.id::<InternalContactId>("id", Field::new("id"), self.id)?;
        c.string("email", Field::EMAIL, self.email)?;
        c.string("givenName", Field::new("given_name"), self.given_name)?;
        c.string("familyName", Field::new("family_name"), self.family_name)?;
        c.string("name", Field::new("name"), self.name)?;
        c.string("phone", Field::new("phone"), self.phone)?;
        c.string("jobTitle", Field::new("job_title"), self.job_title)?;
        c.times(self.created_at, self.updated_at)?;
        c.related("assignments", Relation::AssignmentsOfInternalContact, self.assignments)?;
        Ok(())
    }
}

order_input! {
    /// A sort key for internal contacts.
    InternalContactOrder,
    /// The fields that a list can be sorted by.
    InternalContactOrderField {
        /// The display name, ignoring case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, ignoring case.
        Email => SortKey::EMAIL,
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Filters assignments. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct InternalContactAssignmentFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<InternalContactAssignmentFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<InternalContactAssignmentFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<InternalContactAssignmentFilter>>,
    /// Records changed at or after this time.
    updated_since: MaybeUndefined<Timestamp>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The role.
    internal_role: MaybeUndefined<EnumFilter<InternalRole>>,
    /// True matches floating assignments, false assignments to a partner.
    floating: MaybeUndefined<bool>,
    /// Global id of the partner.
    partner_id: MaybeUndefined<IdFilter>,
    /// Global id of the internal contact.
    internal_contact_id: MaybeUndefined<IdFilter>,
    /// Identifier of this record in the external system it was synced from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// Condition on the partner. Floating assignments never match.
    partner: MaybeUndefined<Box<PartnerFilter>>,
    /// The internal contact.
    internal_contact: MaybeUndefined<Box<InternalContactFilter>>,
}

impl FilterInput for InternalContactAssignmentFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.updated_since(self.updated_since)?;
        c.id::<InternalContactAssignmentId>("id", Field::new("id"), self.id)?;
        c.enumeration("internalRole", Field::new("internal_role"), self.internal_role, |value| {
            Operand::from(crate::entity::internal_contact_assignment::InternalRole::from(value))
        })?;
        c.truth("floating", Field::new("partner_id"), self.floating, Comparison::IsNull)?;
        c.id::<PartnerId>("partnerId", Field::new("partner_id"), self.partner_id)?;
        c.id::<InternalContactId>(
            "internalContactId",
            Field::new("internal_contact_id"),
            self.internal_contact_id,
        )?;
        c.string("remoteId", Field::new("remote_id"), self.remote_id)?;
        c.times(self.created_at, self.updated_at)?;
        c.parent("partner", Relation::PartnerOfAssignment, self.partner)?;
        c.parent("internalContact", Relation::InternalContactOfAssignment, self.internal_contact)?;
        Ok(())
    }
}

order_input! {
    /// A sort key for assignments.
    InternalContactAssignmentOrder,
    /// The fields that a list can be sorted by.
    InternalContactAssignmentOrderField {
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}
