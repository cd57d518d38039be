//! The filter and the order of each type.
//!
//! What is listed here is what clients can ask for: a column is neither filtered nor ordered by until it is.

use async_graphql::{InputObject, MaybeUndefined};

use super::{
    Conditions, CustomFieldValueFilter, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput, IdFilter,
    RelatedFilter, StringFilter, order_input,
};
use crate::{
    entity::id::{
        AccountContactId, AccountId, ContactTypeId, CustomFieldId, InternalContactAssignmentId,
        InternalContactId, OrganizationContactId, PartnerId,
    },
    error::AppResult,
    graphql::{
        custom_field::CustomFieldType, internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType, scalar::Timestamp,
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
    /// Each word of this text begins a word of the name, without regard to case and accents; of more than 16
    /// words the first 16. The better match comes first, unless another order is asked for.
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

/// Which accounts. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct AccountFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<AccountFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<AccountFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<AccountFilter>>,
    /// Each word of this text begins a word of the name or the domain, without regard to case and accents; of
    /// more than 16 words the first 16. The better match comes first, unless another order is asked for.
    search: MaybeUndefined<String>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether deleted ones are wanted: EXCLUDE when nothing is said.
    deleted: MaybeUndefined<DeletedFilter>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// Its name.
    name: MaybeUndefined<StringFilter>,
    /// The domain name of its addresses.
    primary_domain: MaybeUndefined<StringFilter>,
    /// Its key in the system it comes from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// The people at it.
    contacts: MaybeUndefined<Box<RelatedFilter<AccountContactFilter>>>,
}

impl FilterInput for AccountFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.id::<AccountId>("id", Field::new("id"), self.id)?;
        c.string("name", Field::new("name"), self.name)?;
        c.string("primaryDomain", Field::new("primary_domain"), self.primary_domain)?;
        c.string("remoteId", Field::new("remote_id"), self.remote_id)?;
        c.times(self.created_at, self.updated_at)?;
        c.related("contacts", Relation::ContactsOfAccount, self.contacts)?;
        Ok(())
    }
}

order_input! {
    /// An order of accounts.
    AccountOrder,
    /// What they can be ordered by.
    AccountOrderField {
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
    /// to case and accents; of more than 16 words the first 16. The better match comes first, unless another
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

/// Which account contacts. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct AccountContactFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<AccountContactFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<AccountContactFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<AccountContactFilter>>,
    /// Each word of this text begins a word of the name, email address, phone number or company, without regard
    /// to case and accents; of more than 16 words the first 16. The better match comes first, unless another
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
    /// The first name.
    first_name: MaybeUndefined<StringFilter>,
    /// The last name.
    last_name: MaybeUndefined<StringFilter>,
    /// The phone number as it is kept: E.164.
    phone: MaybeUndefined<StringFilter>,
    /// The id of what they are to their accounts.
    contact_type_id: MaybeUndefined<IdFilter>,
    /// Their key in the system they come from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// What they are to their accounts.
    contact_type: MaybeUndefined<Box<ContactTypeFilter>>,
    /// The accounts that they belong to.
    accounts: MaybeUndefined<Box<RelatedFilter<AccountFilter>>>,
    /// The values of their custom fields.
    custom_field_values: MaybeUndefined<Vec<CustomFieldValueFilter>>,
}

impl FilterInput for AccountContactFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.id::<AccountContactId>("id", Field::new("id"), self.id)?;
        c.string("email", Field::EMAIL, self.email)?;
        c.string("firstName", Field::new("first_name"), self.first_name)?;
        c.string("lastName", Field::new("last_name"), self.last_name)?;
        c.string("phone", Field::new("phone"), self.phone)?;
        c.id::<ContactTypeId>("contactTypeId", Field::new("contact_type_id"), self.contact_type_id)?;
        c.string("remoteId", Field::new("remote_id"), self.remote_id)?;
        c.times(self.created_at, self.updated_at)?;
        c.parent("contactType", Relation::TypeOfContact, self.contact_type)?;
        c.related("accounts", Relation::AccountsOfContact, self.accounts)?;
        c.values("customFieldValues", self.custom_field_values)?;
        Ok(())
    }
}

order_input! {
    /// An order of account contacts.
    AccountContactOrder,
    /// What they can be ordered by.
    AccountContactOrderField {
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

/// Which contact types. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct ContactTypeFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<ContactTypeFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<ContactTypeFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<ContactTypeFilter>>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// Its name.
    name: MaybeUndefined<StringFilter>,
    /// Whether contacts get it when none is named.
    is_default: MaybeUndefined<bool>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for ContactTypeFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.updated_since(self.updated_since)?;
        c.id::<ContactTypeId>("id", Field::new("id"), self.id)?;
        c.string("name", Field::new("name"), self.name)?;
        c.truth("isDefault", Field::new("is_default"), self.is_default, |value| {
            Comparison::Equal(value.into())
        })?;
        c.times(self.created_at, self.updated_at)?;
        Ok(())
    }
}

order_input! {
    /// An order of contact types.
    ContactTypeOrder,
    /// What they can be ordered by.
    ContactTypeOrderField {
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Which custom fields. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct CustomFieldFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<CustomFieldFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<CustomFieldFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<CustomFieldFilter>>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// Its name for programs.
    key: MaybeUndefined<StringFilter>,
    /// Its name for people.
    label: MaybeUndefined<StringFilter>,
    /// What its values are.
    field_type: MaybeUndefined<EnumFilter<CustomFieldType>>,
    /// Whether every contact needs a value.
    is_required: MaybeUndefined<bool>,
    /// Whether it is archived.
    archived: MaybeUndefined<bool>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for CustomFieldFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.updated_since(self.updated_since)?;
        c.id::<CustomFieldId>("id", Field::new("id"), self.id)?;
        c.string("key", Field::new("key"), self.key)?;
        c.string("label", Field::new("label"), self.label)?;
        c.enumeration("fieldType", Field::new("field_type"), self.field_type, |value| {
            Operand::from(crate::entity::custom_field::FieldType::from(value))
        })?;
        c.truth("isRequired", Field::new("is_required"), self.is_required, |value| {
            Comparison::Equal(value.into())
        })?;
        c.truth("archived", Field::new("archived_at"), self.archived, |value| Comparison::IsNull(!value))?;
        c.times(self.created_at, self.updated_at)?;
        Ok(())
    }
}

order_input! {
    /// An order of custom fields.
    CustomFieldOrder,
    /// What they can be ordered by.
    CustomFieldOrderField {
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Which organization contacts. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct OrganizationContactFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<OrganizationContactFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<OrganizationContactFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<OrganizationContactFilter>>,
    /// Each word of this text begins a word of the name, email address, phone number, department or city,
    /// without regard to case and accents; of more than 16 words the first 16. The better match comes first,
    /// unless another order is asked for.
    search: MaybeUndefined<String>,
    /// Changed at this time or later, deletions included where deleted ones are wanted.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether deleted ones are wanted: EXCLUDE when nothing is said.
    deleted: MaybeUndefined<DeletedFilter>,
    /// Its id.
    id: MaybeUndefined<IdFilter>,
    /// What it is for.
    r#type: MaybeUndefined<EnumFilter<OrganizationContactType>>,
    /// The email address.
    email: MaybeUndefined<StringFilter>,
    /// The name.
    name: MaybeUndefined<StringFilter>,
    /// The department.
    department: MaybeUndefined<StringFilter>,
    /// The postal code.
    zipcode: MaybeUndefined<StringFilter>,
    /// The city.
    city: MaybeUndefined<StringFilter>,
    /// The phone number, as written.
    phone: MaybeUndefined<StringFilter>,
    /// The mobile phone number, as written.
    mobile: MaybeUndefined<StringFilter>,
    /// The purchase order number.
    purchase_order_number: MaybeUndefined<StringFilter>,
    /// When it was made.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When it was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for OrganizationContactFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.search(self.search)?;
        c.updated_since(self.updated_since)?;
        c.deleted(self.deleted)?;
        c.id::<OrganizationContactId>("id", Field::new("id"), self.id)?;
        c.enumeration("type", Field::new("type"), self.r#type, |value| {
            Operand::from(crate::entity::organization_contact::OrganizationContactType::from(value))
        })?;
        c.string("email", Field::EMAIL, self.email)?;
        c.string("name", Field::new("name"), self.name)?;
        c.string("department", Field::new("department"), self.department)?;
        c.string("zipcode", Field::new("zipcode"), self.zipcode)?;
        c.string("city", Field::new("city"), self.city)?;
        c.string("phone", Field::new("phone"), self.phone)?;
        c.string("mobile", Field::new("mobile"), self.mobile)?;
        c.string("purchaseOrderNumber", Field::new("purchase_order_number"), self.purchase_order_number)?;
        c.times(self.created_at, self.updated_at)?;
        Ok(())
    }
}

order_input! {
    /// An order of organization contacts.
    OrganizationContactOrder,
    /// What they can be ordered by.
    OrganizationContactOrderField {
        /// What it is called, without regard to case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, without regard to case; cards without one come first.
        Email => SortKey::OPTIONAL_EMAIL,
        /// When it was made.
        CreatedAt => SortKey::CREATED_AT,
        /// When it was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Which changes. Everything that is given must hold; an empty filter holds always.
#[derive(Clone, Default, InputObject)]
pub struct ChangeFilter {
    /// All of these hold.
    and: MaybeUndefined<Vec<ChangeFilter>>,
    /// At least one of these holds.
    or: MaybeUndefined<Vec<ChangeFilter>>,
    /// This does not hold.
    not: MaybeUndefined<Box<ChangeFilter>>,
    /// The global id of what was changed.
    entity_id: MaybeUndefined<StringFilter>,
    /// The type of what was changed, as in InternalContact.
    kind: MaybeUndefined<StringFilter>,
    /// What was done to it.
    action: MaybeUndefined<StringFilter>,
    /// The subject of the token that made it.
    actor: MaybeUndefined<StringFilter>,
    /// The id of the request that did it.
    request_id: MaybeUndefined<StringFilter>,
    /// When it happened.
    at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for ChangeFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.string("entityId", Field::new("entity_id"), self.entity_id)?;
        c.string("kind", Field::new("entity_kind"), self.kind)?;
        c.string("action", Field::new("action"), self.action)?;
        c.string("actor", Field::new("actor"), self.actor)?;
        c.string("requestId", Field::new("request_id"), self.request_id)?;
        c.time("at", Field::new("at"), self.at)?;
        Ok(())
    }
}

order_input! {
    /// An order of changes.
    ChangeOrder,
    /// What they can be ordered by.
    ChangeOrderField {
        /// Its place in the record.
        Seq => SortKey::integer("seq", "seq"),
    }
}
