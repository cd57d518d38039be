//! The filters and orders of organization contacts and of changes.

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
    /// without regard to case and accents; of more than 6 words the first 6. The better match comes first,
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
    /// What kind of record was changed.
    kind: MaybeUndefined<EnumFilter<ChangeKind>>,
    /// What was done to it.
    action: MaybeUndefined<EnumFilter<ChangeAction>>,
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
    /// An order of changes.
    ChangeOrder,
    /// What they can be ordered by.
    ChangeOrderField {
        /// The number of the change.
        Seq => SortKey::integer("seq", "seq"),
    }
}
