//! The tables of the first release, in the order of their creation; each function is one migration of the list in `lib.rs`.
//!
//! May import sea_orm_migration and `table`; never the entities. Frozen once published: a later change of a table is a
//! migration in a file of its own.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_pk_auto, binary, blob, boolean, small_integer, small_integer_null, text, text_null,
        timestamp_with_time_zone, timestamp_with_time_zone_null,
    },
    sea_orm::DbBackend,
};

use crate::{
    m20261128_000018_create_row_level_security::TRY_TO_ENABLE,
    table::{NewTable, created_at, json, search_text_null, updated_at, uuid, uuid_null},
};

/// Organizations, the tenants. Every other table refers to this one.
pub(crate) fn organization(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "organization")
        .columns([big_pk_auto("id"), text("name"), text_null("external_id")])
        .times_and_version()
        .unique_where("external_id", ["external_id"], Expr::col("external_id").is_not_null())
}

/// Partners: the companies that internal contacts are assigned to.
pub(crate) fn partner(backend: DbBackend) -> NewTable {
    NewTable::of_tenant(backend, "partner").column(text("name")).remote_id().search_columns().soft_deleted()
}

/// Internal contacts: the organization's own people.
pub(crate) fn internal_contact(backend: DbBackend) -> NewTable {
    let texts = ["given_name", "family_name", "name", "phone", "job_title"];
    NewTable::of_tenant(backend, "internal_contact")
        .unique_email()
        .columns(texts.map(text_null))
        .remote_id()
        .search_columns()
        .soft_deleted()
}

/// Assignments: the roles of internal contacts for partners, or for none yet (floating).
///
/// A null partner counts in the uniqueness of (contact, partner, role), hence two partial indexes. `deleted_at` is set while
/// the person or the partner is deleted.
pub(crate) fn internal_contact_assignment(backend: DbBackend) -> NewTable {
    let roles = ["account_manager", "account_executive", "csm", "lead", "co_lead", "practice_lead"];
    let partner = || Expr::col("partner_id");
    NewTable::of_tenant(backend, "internal_contact_assignment")
        .column(uuid(backend, "internal_contact_id"))
        .reference("internal_contact_id", "internal_contact")
        .column(uuid_null(backend, "partner_id"))
        .reference("partner_id", "partner")
        .column(text("internal_role"))
        .check("internal_role", Expr::col("internal_role").is_in(roles))
        .remote_id()
        .soft_deleted()
        .unique_where(
            "contact_partner_role",
            ["org_id", "internal_contact_id", "partner_id", "internal_role"],
            partner().is_not_null(),
        )
        .unique_where("contact_role", ["org_id", "internal_contact_id", "internal_role"], partner().is_null())
        .index(["org_id", "partner_id", "id"])
        .index(["org_id", "internal_contact_id", "id"])
}

/// Accounts: the customers.
pub(crate) fn account(backend: DbBackend) -> NewTable {
    NewTable::of_tenant(backend, "account")
        .columns([text("name"), text_null("primary_domain")])
        .remote_id()
        .search_columns()
        .soft_deleted()
}

/// Types of account contacts, at most one of them the organization's default. A deleted type with `replaced_by` stays until no
/// contact has it; its name is free.
pub(crate) fn contact_type(backend: DbBackend) -> NewTable {
    NewTable::of_tenant(backend, "contact_type")
        .columns([text("name"), boolean("is_default"), uuid_null(backend, "replaced_by")])
        .reference("replaced_by", "contact_type")
        .times_and_version()
        .unique_where("org_id_name", ["org_id", "name"], Expr::col("replaced_by").is_null())
        .unique_where("org_id", ["org_id"], Expr::col("is_default"))
}

/// Account contacts: the customers' people.
pub(crate) fn account_contact(backend: DbBackend) -> NewTable {
    NewTable::of_tenant(backend, "account_contact")
        .columns([text("first_name"), text_null("last_name")])
        .not_empty("first_name")
        .unique_email()
        .columns([text_null("phone"), text_null("avatar_url"), uuid(backend, "contact_type_id")])
        .reference("contact_type_id", "contact_type")
        .column(json(backend, "metadata"))
        .json_is("metadata", "object")
        .remote_id()
        .search_columns()
        .soft_deleted()
        .index(["org_id", "contact_type_id", "id"])
}

/// Which account contact is at which account. A link goes with either side.
pub(crate) fn account_contact_account(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "account_contact_account")
        .org_id()
        .columns([uuid(backend, "account_contact_id"), uuid(backend, "account_id"), created_at()])
        .primary_key(["org_id", "account_contact_id", "account_id"])
        .reference_to_owner("account_contact_id", "account_contact")
        .reference_to_owner("account_id", "account")
        .named_index(
            "account_contact_account_org_id_account_id_contact_id_idx",
            ["org_id", "account_id", "account_contact_id"],
        )
}

/// Custom fields of account contacts.
pub(crate) fn custom_field(backend: DbBackend) -> NewTable {
    let types = [
        "text",
        "long_text",
        "integer",
        "decimal",
        "boolean",
        "date",
        "date_time",
        "single_choice",
        "multi_choice",
        "url",
        "email",
        "phone",
    ];
    NewTable::of_tenant(backend, "custom_field")
        .columns([
            text("key"),
            text("label"),
            text("field_type"),
            json(backend, "options").default("[]").take(),
        ])
        .columns([boolean("is_required"), timestamp_with_time_zone_null("archived_at")])
        .unique(["org_id", "key"])
        .check("field_type", Expr::col("field_type").is_in(types))
        .json_is("options", "array")
        .times_and_version()
}

/// The values of custom fields. A value goes with its contact; a field that has values stays.
pub(crate) fn custom_field_value(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "custom_field_value")
        .org_id()
        .columns([
            uuid(backend, "account_contact_id"),
            uuid(backend, "custom_field_id"),
            json(backend, "value"),
        ])
        .columns([created_at(), updated_at()])
        .primary_key(["org_id", "account_contact_id", "custom_field_id"])
        .reference_to_owner("account_contact_id", "account_contact")
        .reference("custom_field_id", "custom_field")
        .index(["org_id", "custom_field_id"])
}

/// Organization contacts: cards with one fixed purpose, 1 commercial to 6 invoice address.
///
/// Their ids are integers, unique over all organizations. On SQLite only a primary key of one column makes integers, so
/// there it is `id` alone.
pub(crate) fn organization_contact(backend: DbBackend) -> NewTable {
    let name = "organization_contact";
    let table = match backend {
        DbBackend::Sqlite => NewTable::new(backend, name).column(big_pk_auto("id")),
        _ => NewTable::new(backend, name)
            .column(big_integer("id").extra("GENERATED BY DEFAULT AS IDENTITY").take())
            .primary_key(["org_id", "id"]),
    };
    let address = ["name", "title", "department", "street", "secondary_address", "zipcode", "city", "state"];
    let email_key = search_text_null(backend, "email_key");
    // Only invoice addresses have a purchase order number, of at most 50 characters.
    let number = || Expr::col("purchase_order_number");
    let length = Expr::expr(Func::cust("length").arg(number()));
    let number_is_allowed = number().is_null().or(Expr::col("type").eq(6).and(length.lte(50)));
    table
        .org_id()
        .column(small_integer("type"))
        .check("type", Expr::col("type").between(1, 6))
        .columns(address.map(text_null))
        .columns([small_integer_null("country_id"), text_null("email"), email_key])
        .columns(["phone", "mobile", "purchase_order_number"].map(text_null))
        .check("purchase_order_number", number_is_allowed)
        .remote_id()
        .search_columns()
        .soft_deleted()
        .index(["org_id", "email_key"])
        .statement(format!(
            "CREATE INDEX {name}_org_id_email_key_id_idx ON {name} (org_id, coalesce(email_key, ''), id)"
        ))
}

/// Changes: who did what to which row. `seq` counts within its organization, in the order of commits and without a gap.
pub(crate) fn change(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "change")
        .org_id()
        .columns([big_integer("seq"), timestamp_with_time_zone("at")])
        .columns(["actor", "entity_kind", "entity_id", "action"].map(text))
        .columns([json(backend, "fields"), text("request_id")])
        .primary_key(["org_id", "seq"])
        .index(["org_id", "entity_id", "seq"])
        .statement(index_of_assigned_people(backend, "old"))
        .statement(index_of_assigned_people(backend, "new"))
}

/// An index of the records of assignments by the person who had (`old`) or got (`new`) the assignment: erasing the person
/// finds them, also those of deleted assignments.
fn index_of_assigned_people(backend: DbBackend, side: &str) -> String {
    let person = match backend {
        DbBackend::Sqlite => format!("fields ->> '$.internalContactId.{side}'"),
        _ => format!("fields #>> '{{internalContactId,{side}}}'"),
    };
    format!(
        "CREATE INDEX change_{side}_internal_contact_idx ON change (org_id, ({person}))
            WHERE entity_kind = 'InternalContactAssignment' AND ({person}) IS NOT NULL"
    )
}

/// The number of each organization's newest change: a writer of changes takes their numbers here, so that the row's lock makes
/// the order of the numbers that of the commits. `deleted_through` is the last number that retention deleted.
pub(crate) fn change_counter(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "change_counter")
        .org_id()
        .columns(["seq", "deleted_through"].map(|name| big_integer(name).default(0).take()))
        .primary_key(["org_id"])
}

/// Idempotency keys: the operation and the input of the first request with a key, and its result.
pub(crate) fn idempotency_key(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "idempotency_key")
        .org_id()
        .columns([text("key"), text("operation"), blob("input_hash"), text("result_id"), created_at()])
        .primary_key(["org_id", "key"])
        .index(["org_id", "created_at"])
}

/// Merged contacts: which contact stands for one that was merged into it. Both ids are public ones.
pub(crate) fn contact_merge(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "contact_merge")
        .org_id()
        .columns([text("merged_id"), text("survivor_id"), created_at()])
        .primary_key(["org_id", "merged_id"])
        .index(["org_id", "survivor_id"])
}

/// Application tokens: programs exchange them for short-lived tokens. Only their hashes are stored.
///
/// A token is looked up by its hash before its organization is known, so its keys do not begin with `org_id`.
pub(crate) fn app_token(backend: DbBackend) -> NewTable {
    NewTable::new(backend, "app_token")
        .column(uuid(backend, "id").primary_key().take())
        .org_id()
        .columns([text("description"), text("scope"), binary("token_hash"), created_at()])
        .columns(["expires_at", "revoked_at"].map(timestamp_with_time_zone_null))
        .unique(["token_hash"])
        .not_empty("description")
        .index(["org_id", "id"])
}

/// Background tasks: rows that still have to follow a change of the row that they depend on.
pub(crate) fn background_task(backend: DbBackend) -> NewTable {
    let kinds = ["partner", "internal_contact", "internal_contact_merge", "contact_type"];
    let table = NewTable::of_tenant(backend, "background_task")
        .columns([text("kind"), uuid(backend, "subject_id"), uuid_null(backend, "position")])
        .columns([big_integer("pending"), text("actor"), text("request_id"), created_at()])
        .check("kind", Expr::col("kind").is_in(kinds));
    match backend {
        DbBackend::Postgres => table.statement(TRY_TO_ENABLE.to_owned()),
        _ => table,
    }
}
