//! Filters and sort orders of internal contacts, partners and assignments.

use crate::{
    entity::{
        id::{InternalContactAssignmentId, InternalContactId, PartnerId},
        internal_contact_assignment::InternalRole as Role,
    },
    graphql::{
        filter::{
            DateTimeFilter, DeletedFilter, EnumFilter, IdFilter, RelatedFilter, StringFilter, filter_input,
            order_input,
        },
        internal_contact_assignment::InternalRole,
        scalar::Timestamp,
    },
    service::{
        filter::{Comparison, Field, Relation},
        page::SortKey,
    },
};

filter_input! {
    /// Filters partners. All given conditions must match; an empty filter matches every record.
    PartnerFilter {
        /// Searches the name. Each word must be the prefix of a word there, ignoring case and accents. Only the first 6
        /// words count. Results are ordered by relevance unless `orderBy` is given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => id::<PartnerId>("id", Field::new("id"));
        /// The name.
        name: StringFilter => string("name", Field::new("name"));
        /// Identifier of this record in the external system it was synced from.
        remote_id: StringFilter => string("remoteId", Field::new("remote_id"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
        /// Condition on the partner's assignments.
        assignments: Box<RelatedFilter<InternalContactAssignmentFilter>> =>
            related("assignments", Relation::AssignmentsOfPartner);
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

filter_input! {
    /// Filters internal contacts. All given conditions must match; an empty filter matches every record.
    InternalContactFilter {
        /// Searches name, email address, phone number and company name. Each word must be the prefix of a word there,
        /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
        /// given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => id::<InternalContactId>("id", Field::new("id"));
        /// The email address.
        email: StringFilter => string("email", Field::EMAIL);
        /// The given name.
        given_name: StringFilter => string("givenName", Field::new("given_name"));
        /// The family name.
        family_name: StringFilter => string("familyName", Field::new("family_name"));
        /// The full name, for people without separate given and family names.
        name: StringFilter => string("name", Field::new("name"));
        /// The phone number in E.164 format.
        phone: StringFilter => string("phone", Field::PHONE);
        /// The job title.
        job_title: StringFilter => string("jobTitle", Field::new("job_title"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
        /// Condition on the contact's assignments.
        assignments: Box<RelatedFilter<InternalContactAssignmentFilter>> =>
            related("assignments", Relation::AssignmentsOfInternalContact);
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

filter_input! {
    /// Filters assignments. All given conditions must match; an empty filter matches every record.
    InternalContactAssignmentFilter {
        /// Records changed at or after this time.
        updated_since: Timestamp => updated_since();
        /// The global id.
        id: IdFilter => id::<InternalContactAssignmentId>("id", Field::new("id"));
        /// The role.
        internal_role: EnumFilter<InternalRole> =>
            enumeration("internalRole", Field::new("internal_role"), |value| Role::from(value).into());
        /// True matches floating assignments, false assignments to a partner.
        floating: bool => truth("floating", Field::new("partner_id"), Comparison::IsNull);
        /// Global id of the partner.
        partner_id: IdFilter => id::<PartnerId>("partnerId", Field::new("partner_id"));
        /// Global id of the internal contact.
        internal_contact_id: IdFilter =>
            id::<InternalContactId>("internalContactId",Field::new("internal_contact_id"));
        /// Identifier of this record in the external system it was synced from.
        remote_id: StringFilter => string("remoteId", Field::new("remote_id"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
        /// Condition on the partner. Floating assignments never match.
        partner: Box<PartnerFilter> => parent("partner", Relation::PartnerOfAssignment);
        /// The internal contact.
        internal_contact: Box<InternalContactFilter> =>
            parent("internalContact", Relation::InternalContactOfAssignment);
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
