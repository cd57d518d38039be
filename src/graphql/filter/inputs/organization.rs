//! Filters and sort orders of organization contacts and changes.

use crate::{
    entity::{id::OrganizationContactId, organization_contact::OrganizationContactType as Type},
    graphql::{
        change::{ChangeAction, ChangeKind},
        filter::{
            DateTimeFilter, DeletedFilter, EnumFilter, IdFilter, StringFilter, filter_input, order_input,
        },
        organization_contact::OrganizationContactType,
        scalar::Timestamp,
    },
    service::{change::Action, filter::Field, page::SortKey},
};

filter_input! {
    /// Filters organization contacts. All given conditions must match; an empty filter matches every record.
    OrganizationContactFilter {
        /// Searches name, email address, phone number, department and city. Each word must be the prefix of a word there,
        /// ignoring case and accents. Only the first 6 words count. Results are ordered by relevance unless `orderBy` is
        /// given.
        search: String => search();
        /// Records changed at or after this time. Includes soft-deletions if `deleted` is `INCLUDE` or `ONLY`.
        updated_since: Timestamp => updated_since();
        /// Whether soft-deleted records are returned. Default: `EXCLUDE`.
        deleted: DeletedFilter => deleted();
        /// The global id.
        id: IdFilter => id::<OrganizationContactId>("id", Field::new("id"));
        /// The purpose of the contact.
        r#type: EnumFilter<OrganizationContactType> =>
            enumeration("type", Field::new("type"), |value| Type::from(value).into());
        /// The email address.
        email: StringFilter => string("email", Field::EMAIL);
        /// The name.
        name: StringFilter => string("name", Field::new("name"));
        /// The department.
        department: StringFilter => string("department", Field::new("department"));
        /// The postal code.
        zipcode: StringFilter => string("zipcode", Field::new("zipcode"));
        /// The city.
        city: StringFilter => string("city", Field::new("city"));
        /// The phone number as written.
        phone: StringFilter => string("phone", Field::PHONE);
        /// The mobile phone number as written.
        mobile: StringFilter => string("mobile", Field::new("mobile"));
        /// The purchase order number.
        purchase_order_number: StringFilter =>
            string("purchaseOrderNumber", Field::new("purchase_order_number"));
        /// When the record was created.
        created_at: DateTimeFilter => time("createdAt", Field::new("created_at"));
        /// When the record was last changed.
        updated_at: DateTimeFilter => time("updatedAt", Field::new("updated_at"));
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

filter_input! {
    /// Filters changes. All given conditions must match; an empty filter matches every record.
    ChangeFilter {
        /// Global id of the changed record.
        entity_id: StringFilter => string("entityId", Field::exact("entity_id"));
        /// The type of the changed record.
        kind: EnumFilter<ChangeKind> =>
            enumeration("kind", Field::new("entity_kind"), |kind| kind.as_str().into());
        /// The kind of operation.
        action: EnumFilter<ChangeAction> =>
            enumeration("action", Field::new("action"), |action| Action::from(action).as_str().into());
        /// The `sub` claim of the token that made the change.
        actor: StringFilter => string("actor", Field::exact("actor"));
        /// Id of the request that made the change.
        request_id: StringFilter => string("requestId", Field::exact("request_id"));
        /// When the change was made.
        at: DateTimeFilter => time("at", Field::new("at"));
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
