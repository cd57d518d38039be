//! Filters and sort orders of organization contacts and changes.

use async_graphql::{InputObject, MaybeUndefined};

use crate::{
    entity::id::OrganizationContactId,
    error::AppResult,
    graphql::{
        change::{ChangeAction, ChangeKind},
        filter::{
            Conditions, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput, IdFilter, StringFilter,
            order_input,
        },
        organization_contact::OrganizationContactType,
        scalar::Timestamp,
    },
    service::{
        change::Action,
        filter::{Field, Operand},
        page::SortKey,
    },
};

/// Filters organization contacts. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct OrganizationContactFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<OrganizationContactFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<OrganizationContactFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<OrganizationContactFilter>>,
    /// Searches name, email address, phone number, department and city. Each word must be the prefix of a word there,
    /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
    /// given.
    search: MaybeUndefined<String>,
    /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
    deleted: MaybeUndefined<DeletedFilter>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The purpose of the contact.
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
    /// The phone number as written.
    phone: MaybeUndefined<StringFilter>,
    /// The mobile phone number as written.
    mobile: MaybeUndefined<StringFilter>,
    /// The purchase order number.
    purchase_order_number: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
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
    /// A sort key for organization contacts.
    OrganizationContactOrder,
    /// The fields that a list can be sorted by.
    OrganizationContactOrderField {
        /// The display name, ignoring case and accents.
        DisplayName => SortKey::NAME,
        /// The email address, ignoring case. Contacts without one sort first.
        Email => SortKey::OPTIONAL_EMAIL,
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Filters changes. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct ChangeFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<ChangeFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<ChangeFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<ChangeFilter>>,
    /// Global id of the changed record.
    entity_id: MaybeUndefined<StringFilter>,
    /// The type of the changed record.
    kind: MaybeUndefined<EnumFilter<ChangeKind>>,
    /// The kind of operation.
    action: MaybeUndefined<EnumFilter<ChangeAction>>,
    /// The `sub` claim of the token that made the change.
    actor: MaybeUndefined<StringFilter>,
    /// Id of the request that made the change.
    request_id: MaybeUndefined<StringFilter>,
    /// When the change was made.
    at: MaybeUndefined<DateTimeFilter>,
}

impl FilterInput for ChangeFilter {
    fn read(self, c: &mut Conditions<'_>) -> AppResult<()> {
        c.logic(self.and, self.or, self.not)?;
        c.string("entityId", Field::new("entity_id"), self.entity_id)?;
        c.enumeration("kind", Field::new("entity_kind"), self.kind, |kind| kind.as_str().into())?;
        c.enumeration("action", Field::new("action"), self.action, |action| {
            Action::from(action).as_str().into()
        })?;
        c.string("actor", Field::new("actor"), self.actor)?;
        c.string("requestId", Field::new("request_id"), self.request_id)?;
        c.time("at", Field::new("at"), self.at)?;
        Ok(())
    }
}

order_input! {
    /// A sort key for changes.
    ChangeOrder,
    /// The fields that a list can be sorted by.
    ChangeOrderField {
        /// The sequence number of the change.
        Seq => SortKey::integer("seq", "seq"),
    }
}
