//! Filters and sort orders of accounts, account contacts, contact types and custom fields.

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

/// Filters accounts. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct AccountFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<AccountFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<AccountFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<AccountFilter>>,
    /// Searches name and domain. Each word must be the prefix of a word there, ignoring case and accents. Only the
    /// first 6 words count. Results are ordered by relevance unless `orderBy` is given.
    search: MaybeUndefined<String>,
    /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
    updated_since: MaybeUndefined<Timestamp>,
    /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
    deleted: MaybeUndefined<DeletedFilter>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The name.
    name: MaybeUndefined<StringFilter>,
    /// Domain name of the company's website and email addresses.
    primary_domain: MaybeUndefined<StringFilter>,
    /// Identifier of this record in the external system it was synced from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// Condition on the account's contacts.
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
    /// A sort key for accounts.
    AccountOrder,
    /// The fields that a list can be sorted by.
    AccountOrderField {
        /// The name, ignoring case and accents.
        Name => SortKey::NAME,
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Filters account contacts. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct AccountContactFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<AccountContactFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<AccountContactFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<AccountContactFilter>>,
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
    /// The first name.
    first_name: MaybeUndefined<StringFilter>,
    /// The last name.
    last_name: MaybeUndefined<StringFilter>,
    /// The phone number in E.164 format.
    phone: MaybeUndefined<StringFilter>,
    /// Global id of the contact's type.
    contact_type_id: MaybeUndefined<IdFilter>,
    /// Identifier of this record in the external system it was synced from.
    remote_id: MaybeUndefined<StringFilter>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
    updated_at: MaybeUndefined<DateTimeFilter>,
    /// Condition on the contact's type.
    contact_type: MaybeUndefined<Box<ContactTypeFilter>>,
    /// Condition on the accounts that the contact belongs to.
    accounts: MaybeUndefined<Box<RelatedFilter<AccountFilter>>>,
    /// Conditions on the values of custom fields.
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
    /// A sort key for account contacts.
    AccountContactOrder,
    /// The fields that a list can be sorted by.
    AccountContactOrderField {
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

/// Filters contact types. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct ContactTypeFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<ContactTypeFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<ContactTypeFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<ContactTypeFilter>>,
    /// Records changed at or after this time.
    updated_since: MaybeUndefined<Timestamp>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// The name.
    name: MaybeUndefined<StringFilter>,
    /// Whether new contacts get this type by default.
    is_default: MaybeUndefined<bool>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
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
    /// A sort key for contact types.
    ContactTypeOrder,
    /// The fields that a list can be sorted by.
    ContactTypeOrderField {
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}

/// Filters custom fields. All given conditions must match; an empty filter matches every record.
#[derive(Clone, Default, InputObject)]
pub struct CustomFieldFilter {
    /// All of these conditions must match.
    and: MaybeUndefined<Vec<CustomFieldFilter>>,
    /// At least one of these conditions must match.
    or: MaybeUndefined<Vec<CustomFieldFilter>>,
    /// This condition must not match.
    not: MaybeUndefined<Box<CustomFieldFilter>>,
    /// Records changed at or after this time.
    updated_since: MaybeUndefined<Timestamp>,
    /// The global id.
    id: MaybeUndefined<IdFilter>,
    /// Machine-readable name.
    key: MaybeUndefined<StringFilter>,
    /// Human-readable name.
    label: MaybeUndefined<StringFilter>,
    /// The type of the field's values.
    field_type: MaybeUndefined<EnumFilter<CustomFieldType>>,
    /// Whether a value is required for every new contact.
    is_required: MaybeUndefined<bool>,
    /// Whether the field is archived.
    archived: MaybeUndefined<bool>,
    /// When the record was created.
    created_at: MaybeUndefined<DateTimeFilter>,
    /// When the record was last changed.
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
    /// A sort key for custom fields.
    CustomFieldOrder,
    /// The fields that a list can be sorted by.
    CustomFieldOrderField {
        /// When the record was created.
        CreatedAt => SortKey::CREATED_AT,
        /// When the record was last changed.
        UpdatedAt => SortKey::UPDATED_AT,
    }
}
