//! The filters and orders of accounts, their contacts, and the types and fields of those.

use async_graphql::{InputObject, MaybeUndefined};

use crate::{
    entity::id::{AccountContactId, AccountId, ContactTypeId, CustomFieldId},
    error::AppResult,
    graphql::{
        custom_field::CustomFieldType,
        filter::{
            Conditions, CustomFieldValueFilter, DateTimeFilter, DeletedFilter, EnumFilter, FilterInput,
            IdFilter, RelatedFilter, StringFilter, order_input,
        },
        scalar::Timestamp,
    },
    service::{
        filter::{Comparison, Field, Operand, Relation},
        page::SortKey,
    },
};

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
    /// more than 6 words the first 6. The better match comes first, unless another order is asked for.
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
