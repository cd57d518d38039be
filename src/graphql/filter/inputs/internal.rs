//! The filters and orders of our own people, the partners they look after and their assignments.

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

/// Which partners. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct PartnerFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<PartnerFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<PartnerFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<PartnerFilter>>,
    /// Each word of this text begins a word of the name, without regard to case and accents; of more than 6
    /// words the first 6. The better match comes first, unless another order is asked for.
    search: MaybeUndefined<String>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether deleted ones are wanted: EXCLUDE when nothing is said.
    deleted: MaybeUndefined<DeletedFilter>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// Its name.
    name: MaybeUndefined<StringFilter>,
    /// Its key in the system it comes from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// The assignments of internal contacts to it.
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
    /// An order of partners.
    PartnerOrder,
    /// What they can be ordered by.
    PartnerOrderField {
        /// The name, without regard to case and accents.
        Name => SortKey::NAME,
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Which internal contacts. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct InternalContactFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<InternalContactFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<InternalContactFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<InternalContactFilter>>,
    /// Each word of this text begins a word of the name, email address, phone number or company, without regard
    /// to case and accents; of more than 6 words the first 6. The better match comes first, unless another
    /// order is asked for.
    search: MaybeUndefined<String>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether deleted ones are wanted: EXCLUDE when nothing is said.
    deleted: MaybeUndefined<DeletedFilter>,
    /// Their id.
    id: MaybeUndefined<IdFilter>,
    /// The email address.
    email: MaybeUndefined<StringFilter>,
    /// The given name.
    given_name: MaybeUndefined<StringFilter>,
    /// The family name.
    family_name: MaybeUndefined<StringFilter>,
    /// The whole name, of people without given and family name.
    name: MaybeUndefined<StringFilter>,
    /// The phone number as it is kept: E.164.
    phone: MaybeUndefined<StringFilter>,
    /// The job title.
    job_title: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// The assignments that they hold.
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
    /// An order of internal contacts.
    InternalContactOrder,
    /// What they can be ordered by.
    InternalContactOrderField {
        /// What it is called, without regard to case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, without regard to case.
        Email => SortKey::EMAIL,
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Which assignments. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct InternalContactAssignmentFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<InternalContactAssignmentFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<InternalContactAssignmentFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<InternalContactAssignmentFilter>>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// The role.
    internal_role: MaybeUndefined<EnumFilter<InternalRole>>,
    /// Whether it is to no partner yet.
    floating: MaybeUndefined<bool>,
    /// The partner's id.
    partner_id: MaybeUndefined<IdFilter>,
    /// The id of who holds it.
    internal_contact_id: MaybeUndefined<IdFilter>,
    /// Its key in the system it comes from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// The partner; a floating assignment has none.
    partner: MaybeUndefined<Box<PartnerFilter>>,
    /// Who holds it.
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
    /// An order of assignments.
    InternalContactAssignmentOrder,
    /// What they can be ordered by.
    InternalContactAssignmentOrderField {
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}
