//! Filters and sort orders of accounts, account contacts, contact types and custom fields.

use crate::{
    entity::{
        custom_field::FieldType,
        id::{AccountContactId, AccountId, ContactTypeId, CustomFieldId},
    },
    graphql::{
        custom_field::CustomFieldType,
        filter::{
            CustomFieldValueFilter, DateTimeFilter, DeletedFilter, EnumFilter, IdFilter, RelatedFilter,
            StringFilter, filter_input, order_input,
        },
        scalar::Timestamp,
    },
    service::{
        filter::{Comparison, Field, Relation},
        page::SortKey,
    },
};

filter_input! {
    /// Filters accounts. All given conditions must match; an empty filter matches every record.
    AccountFilter {
        /// Searches name and domain. Each word must be the prefix of a word there, ignoring case and accents. Only the
        /// first 6 words count. Results are ordered by relevance unless `orderBy` is given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => id::<AccountId>("id", Field::new("id"));
        /// The name.
        name: StringFilter => string("name", Field::new("name"));
        /// Domain name of the company's website and email addresses.
        primary_domain: StringFilter => string("primaryDomain", Field::PRIMARY_DOMAIN);
        /// Identifier of this record in the external system it was synced from.
        remote_id: StringFilter => string("remoteId", Field::new("remote_id"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
        /// Condition on the account's contacts.
        contacts: Box<RelatedFilter<AccountContactFilter>> =>
            related("contacts", Relation::ContactsOfAccount);
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

filter_input! {
    /// Filters account contacts. All given conditions must match; an empty filter matches every record.
    AccountContactFilter {
        /// Searches name, email address, phone number and company name. Each word must be the prefix of a word there,
        /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
        /// given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => id::<AccountContactId>("id", Field::new("id"));
        /// The email address.
        email: StringFilter => string("email", Field::EMAIL);
        /// The first name.
        first_name: StringFilter => string("firstName", Field::new("first_name"));
        /// The last name.
        last_name: StringFilter => string("lastName", Field::new("last_name"));
        /// The phone number in E.164 format.
        phone: StringFilter => string("phone", Field::PHONE);
        /// Global id of the contact's type.
        contact_type_id: IdFilter => id::<ContactTypeId>("contactTypeId", Field::new("contact_type_id"));
        /// Identifier of this record in the external system it was synced from.
        remote_id: StringFilter => string("remoteId", Field::new("remote_id"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
        /// Condition on the contact's type.
        contact_type: Box<ContactTypeFilter> => parent("contactType", Relation::TypeOfContact);
        /// Condition on the accounts that the contact belongs to.
        accounts: Box<RelatedFilter<AccountFilter>> => related("accounts", Relation::AccountsOfContact);
        /// Conditions on the values of custom fields.
        custom_field_values: Vec<CustomFieldValueFilter> => values("customFieldValues");
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

filter_input! {
    /// Filters contact types. All given conditions must match; an empty filter matches every record.
    ContactTypeFilter {
        /// Records changed at or after this time.
        updated_since: Timestamp => updated_since();
        /// The global id.
        id: IdFilter => id::<ContactTypeId>("id", Field::new("id"));
        /// The name.
        name: StringFilter => string("name", Field::new("name"));
        /// Whether new contacts get this type by default.
        is_default: bool =>
            truth("isDefault", Field::new("is_default"), |value| Comparison::Equal(value.into()));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
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

filter_input! {
    /// Filters custom fields. All given conditions must match; an empty filter matches every record.
    CustomFieldFilter {
        /// Records changed at or after this time.
        updated_since: Timestamp => updated_since();
        /// The global id.
        id: IdFilter => id::<CustomFieldId>("id", Field::new("id"));
        /// Machine-readable name.
        key: StringFilter => string("key", Field::new("key"));
        /// Human-readable name.
        label: StringFilter => string("label", Field::new("label"));
        /// The type of the field's values.
        field_type: EnumFilter<CustomFieldType> =>
            enumeration("fieldType", Field::new("field_type"), |value| FieldType::from(value).into());
        /// Whether a value is required for every new contact.
        is_required: bool =>
            truth("isRequired", Field::new("is_required"), |value| Comparison::Equal(value.into()));
        /// Whether the field is archived.
        archived: bool => truth("archived", Field::new("archived_at"), |value| Comparison::IsNull(!value));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
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
