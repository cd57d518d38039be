//! Every check, unique key and foreign key rejects invalid rows, and accepts similar valid ones.
//!
//! Rows are inserted by raw SQL, so that no entity and no service stands in the way. May import the migrations,
//! `support` and the names that README.md lists.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};

use crate::{names, support::empty_databases};

const NOW: &str = "'2026-11-21T08:00:00.123456+00:00'";

/// Two organizations, and a row of each for others to refer to.
const ORG: [&str; 2] = ["1", "2"];
const PARTNER: [&str; 2] =
    ["'00000000-0000-7000-8000-000000000011'", "'00000000-0000-7000-8000-000000000012'"];
const PERSON: [&str; 2] =
    ["'00000000-0000-7000-8000-000000000021'", "'00000000-0000-7000-8000-000000000022'"];
const ACCOUNT: [&str; 2] =
    ["'00000000-0000-7000-8000-000000000031'", "'00000000-0000-7000-8000-000000000032'"];
const TYPE: [&str; 2] = ["'00000000-0000-7000-8000-000000000041'", "'00000000-0000-7000-8000-000000000042'"];
const CONTACT: [&str; 2] =
    ["'00000000-0000-7000-8000-000000000051'", "'00000000-0000-7000-8000-000000000052'"];
const FIELD: [&str; 2] = ["'00000000-0000-7000-8000-000000000061'", "'00000000-0000-7000-8000-000000000062'"];

/// A row to insert: each column with its SQL literal.
#[derive(Clone)]
struct Row {
    table: &'static str,
    columns: Vec<(&'static str, String)>,
}

impl Row {
    fn new(table: &'static str, columns: &[(&'static str, &str)]) -> Self {
        let columns = columns.iter().map(|(column, literal)| (*column, (*literal).to_owned())).collect();
        Self { table, columns }
    }

    /// With an id of its own and the columns that most tables have.
    fn of_tenant(table: &'static str, columns: &[(&'static str, &str)]) -> Self {
        Self::new(table, columns).with("id", &unused_id()).with("org_id", "1").stamped()
    }

    /// Of the organization at this place.
    fn of(self, at: usize) -> Self {
        self.with("org_id", ORG[at])
    }

    fn stamped(self) -> Self {
        self.with("created_at", NOW).with("updated_at", NOW)
    }

    fn with(mut self, column: &'static str, literal: &str) -> Self {
        self.columns.retain(|(other, _)| *other != column);
        self.columns.push((column, literal.to_owned()));
        self
    }

    fn sql(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|(column, _)| format!("\"{column}\"")).collect();
        let literals: Vec<&str> = self.columns.iter().map(|(_, literal)| literal.as_str()).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.table, columns.join(", "), literals.join(", "))
    }
}

fn unused_id() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0x1000);
    format!("'00000000-0000-7000-8000-{:012x}'", COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn organization(id: &str) -> Row {
    Row::new("organization", &[("id", id), ("name", "'Acme'")]).stamped()
}

fn partner() -> Row {
    Row::of_tenant("partner", &[("name", "'Globex'")])
}

fn person() -> Row {
    let email = unused_id();
    Row::of_tenant("internal_contact", &[("email", "'Ada@example.com'"), ("email_key", &email)])
}

fn assignment() -> Row {
    let columns =
        [("internal_contact_id", PERSON[0]), ("partner_id", PARTNER[0]), ("internal_role", "'lead'")];
    Row::of_tenant("internal_contact_assignment", &columns)
}

fn account() -> Row {
    Row::of_tenant("account", &[("name", "'Initech'")])
}

fn contact_type() -> Row {
    Row::of_tenant("contact_type", &[("name", &unused_id()), ("is_default", "false")])
}

fn contact() -> Row {
    let email = unused_id();
    let columns = [
        ("first_name", "'Grace'"),
        ("email", "'Grace@example.com'"),
        ("email_key", email.as_str()),
        ("contact_type_id", TYPE[0]),
        ("metadata", "'{}'"),
    ];
    Row::of_tenant("account_contact", &columns)
}

fn contact_of(at: usize) -> Row {
    contact().of(at).with("contact_type_id", TYPE[at])
}

fn link() -> Row {
    let columns = [
        ("org_id", "1"),
        ("account_contact_id", CONTACT[0]),
        ("account_id", ACCOUNT[0]),
        ("created_at", NOW),
    ];
    Row::new("account_contact_account", &columns)
}

fn field() -> Row {
    let key = unused_id();
    let columns =
        [("key", key.as_str()), ("label", "'Size'"), ("field_type", "'text'"), ("is_required", "false")];
    Row::of_tenant("custom_field", &columns)
}

fn value() -> Row {
    let columns = [
        ("org_id", "1"),
        ("account_contact_id", CONTACT[0]),
        ("custom_field_id", FIELD[0]),
        ("value", "'\"L\"'"),
    ];
    Row::new("custom_field_value", &columns).stamped()
}

fn card() -> Row {
    Row::new("organization_contact", &[("org_id", "1"), ("type", "1")]).stamped()
}

fn change() -> Row {
    let columns = [
        ("org_id", "1"),
        ("seq", "1"),
        ("at", NOW),
        ("actor", "'ada'"),
        ("entity_kind", "'partner'"),
        ("entity_id", "'ptn_1'"),
        ("action", "'created'"),
        ("fields", "'{}'"),
        ("request_id", "'r'"),
    ];
    Row::new("change", &columns)
}

fn change_counter() -> Row {
    Row::new("change_counter", &[("org_id", "1")])
}

fn idempotency_key() -> Row {
    let columns = [
        ("org_id", "1"),
        ("key", "'k'"),
        ("operation", "'createPartner'"),
        ("input_hash", "'h'"),
        ("result_id", "'ptn_1'"),
        ("created_at", NOW),
    ];
    Row::new("idempotency_key", &columns)
}

fn merge() -> Row {
    let columns = [("org_id", "1"), ("merged_id", "'ac_1'"), ("survivor_id", "'ac_2'"), ("created_at", NOW)];
    Row::new("contact_merge", &columns)
}

fn app_token() -> Row {
    let id = unused_id();
    let columns = [
        ("id", id.as_str()),
        ("org_id", "1"),
        ("description", "'Import'"),
        ("scope", "'contacts:read'"),
        ("token_hash", "'h'"),
        ("created_at", NOW),
    ];
    Row::new("app_token", &columns)
}

fn background_task() -> Row {
    let (id, subject) = (unused_id(), unused_id());
    let columns = [
        ("org_id", "1"),
        ("id", id.as_str()),
        ("kind", "'partner'"),
        ("subject_id", subject.as_str()),
        ("pending", "1"),
        ("actor", "'ada'"),
        ("request_id", "'r'"),
        ("created_at", NOW),
    ];
    Row::new("background_task", &columns)
}

/// A database with two organizations that have one row of each kind.
struct Fixture {
    db: DatabaseConnection,
    refused: RefCell<BTreeSet<String>>,
}

impl Fixture {
    async fn new(db: DatabaseConnection) -> Result<Self, DbErr> {
        migrations::up(&db).await?;
        let fixture = Self { db, refused: RefCell::default() };
        for at in 0..ORG.len() {
            fixture.accept(organization(ORG[at])).await?;
            fixture.accept(partner().of(at).with("id", PARTNER[at])).await?;
            fixture.accept(person().of(at).with("id", PERSON[at])).await?;
            fixture.accept(account().of(at).with("id", ACCOUNT[at])).await?;
            fixture.accept(contact_type().of(at).with("id", TYPE[at])).await?;
            fixture.accept(contact_of(at).with("id", CONTACT[at])).await?;
            fixture.accept(field().of(at).with("id", FIELD[at])).await?;
        }
        Ok(fixture)
    }

    async fn accept(&self, row: Row) -> Result<(), DbErr> {
        self.db.execute_unprepared(&row.sql()).await.map(|_| ())
    }

    /// Refused by the check of this name.
    async fn refuse_check(&self, constraint: &str, row: Row) {
        self.refuse(constraint, constraint, row).await;
    }

    /// Refused by the foreign key of this name, which SQLite does not tell.
    async fn refuse_foreign_key(&self, constraint: &str, row: Row) {
        self.refuse(constraint, "FOREIGN KEY constraint failed", row).await;
    }

    /// Refused by the unique key of this name, for which SQLite tells the columns.
    async fn refuse_unique(&self, constraint: &str, columns: &[&str], row: Row) {
        let columns: Vec<String> = columns.iter().map(|column| format!("{}.{column}", row.table)).collect();
        self.refuse(constraint, &format!("UNIQUE constraint failed: {}", columns.join(", ")), row).await;
    }

    async fn refuse(&self, on_postgres: &str, on_sqlite: &str, row: Row) {
        let outcome = self.db.execute_unprepared(&row.sql()).await;
        let error = outcome.map(|_| ()).expect_err(&row.sql()).to_string();
        let expected = match self.db.get_database_backend() {
            DbBackend::Sqlite => on_sqlite.to_owned(),
            _ => format!("\"{on_postgres}\""),
        };
        assert!(error.contains(&expected), "{}: {error}, but should be {expected}", row.sql());
        self.refused.borrow_mut().insert(on_postgres.to_owned());
    }
}

async fn fixtures() -> Result<Vec<(crate::support::TestDatabase, Fixture)>, DbErr> {
    let mut fixtures = Vec::new();
    for database in empty_databases().await? {
        let fixture = Fixture::new(database.connect(1).await?).await?;
        fixtures.push((database, fixture));
    }
    Ok(fixtures)
}

async fn checks(on: &Fixture) -> Result<(), DbErr> {
    for row in [partner(), person(), assignment(), account(), contact_type(), contact(), field(), card()] {
        on.refuse_check(&format!("{}_version_check", row.table), row.with("version", "0")).await;
    }
    on.refuse_check("organization_version_check", organization("3").with("version", "0")).await;
    on.refuse_check("internal_contact_email_check", person().with("email", "''")).await;
    on.refuse_check(
        "internal_contact_assignment_internal_role_check",
        assignment().with("internal_role", "'boss'"),
    )
    .await;
    on.refuse_check("background_task_kind_check", background_task().with("kind", "'other'")).await;
    on.refuse_check("app_token_description_check", app_token().with("description", "''")).await;
    on.refuse_check("account_contact_first_name_check", contact().with("first_name", "''")).await;
    on.refuse_check("account_contact_email_check", contact().with("email", "''")).await;
    for not_an_object in ["'[]'", "'1'", "'null'", "'\"text\"'"] {
        on.refuse_check("account_contact_metadata_check", contact().with("metadata", not_an_object)).await;
    }
    on.refuse_check("custom_field_field_type_check", field().with("field_type", "'money'")).await;
    on.refuse_check("custom_field_options_check", field().with("options", "'{}'")).await;
    on.accept(field().with("options", "'[\"S\", \"L\"]'")).await?;
    on.refuse_check("organization_contact_type_check", card().with("type", "0")).await;
    on.refuse_check("organization_contact_type_check", card().with("type", "7")).await;
    purchase_order_numbers(on).await
}

async fn purchase_order_numbers(on: &Fixture) -> Result<(), DbErr> {
    const CHECK: &str = "organization_contact_purchase_order_number_check";
    let (longest, too_long) = (format!("'{}'", "ß".repeat(50)), format!("'{}'", "ß".repeat(51)));
    let numbered = |number: &str| card().with("purchase_order_number", number);
    on.refuse_check(CHECK, numbered("'PO-1'")).await;
    on.refuse_check(CHECK, numbered("'PO-1'").with("type", "5")).await;
    on.refuse_check(CHECK, numbered(&too_long).with("type", "6")).await;
    on.accept(numbered(&longest).with("type", "6")).await?;
    on.accept(numbered("NULL").with("type", "6")).await
}

/// A unique key over active rows refuses the twin, but neither deleted twins nor one in another organization.
/// `row` makes a row of the organization at that place, whose only fault can be the column.
async fn unique_among_the_living(
    on: &Fixture,
    constraint: &str,
    column: &'static str,
    row: impl Fn(usize) -> Row,
) -> Result<(), DbErr> {
    on.accept(row(0).with("deleted_at", NOW)).await?;
    on.accept(row(0).with("deleted_at", NOW)).await?;
    on.accept(row(0)).await?;
    on.accept(row(1)).await?;
    on.refuse_unique(constraint, &["org_id", column], row(0)).await;
    Ok(())
}

async fn unique_keys(on: &Fixture) -> Result<(), DbErr> {
    let emailed = |at| person().of(at).with("email_key", "'ada@example.com'");
    unique_among_the_living(on, "internal_contact_org_id_email_key_key", "email_key", emailed).await?;
    let emailed = |at| contact_of(at).with("email_key", "'grace@example.com'");
    unique_among_the_living(on, "account_contact_org_id_email_key_key", "email_key", emailed).await?;

    let remote = |row: Row| row.with("remote_id", "'r-1'");
    let remote_partner = |at| remote(partner().of(at));
    unique_among_the_living(on, "partner_org_id_remote_id_key", "remote_id", remote_partner).await?;
    let remote_account = |at| remote(account().of(at));
    unique_among_the_living(on, "account_org_id_remote_id_key", "remote_id", remote_account).await?;
    let remote_contact = |at| remote(contact_of(at));
    unique_among_the_living(on, "account_contact_org_id_remote_id_key", "remote_id", remote_contact).await?;
    let remote_person = |at| remote(self::person().of(at));
    unique_among_the_living(on, "internal_contact_org_id_remote_id_key", "remote_id", remote_person).await?;
    let remote_card = |at| remote(card().of(at));
    unique_among_the_living(on, "organization_contact_org_id_remote_id_key", "remote_id", remote_card)
        .await?;
    let external = |id| organization(id).with("external_id", "'acme'");
    on.accept(external("3")).await?;
    on.refuse_unique("organization_external_id_key", &["external_id"], external("4")).await;

    let legal = || contact_type().with("name", "'Legal'");
    on.accept(legal()).await?;
    on.accept(legal().of(1)).await?;
    on.refuse_unique("contact_type_org_id_name_key", &["org_id", "name"], legal()).await;
    let default = || contact_type().with("is_default", "true");
    on.accept(default()).await?;
    on.accept(default().of(1)).await?;
    on.refuse_unique("contact_type_org_id_key", &["org_id"], default()).await;
    let size = || field().with("key", "'size'");
    on.accept(size()).await?;
    on.accept(size().of(1)).await?;
    on.refuse_unique("custom_field_org_id_key_key", &["org_id", "key"], size()).await;
    Ok(())
}

async fn assignments_once(on: &Fixture) -> Result<(), DbErr> {
    let floating = || assignment().with("partner_id", "NULL");
    on.accept(assignment()).await?;
    on.accept(floating()).await?;
    on.accept(floating().with("internal_role", "'csm'")).await?;
    let columns = ["org_id", "internal_contact_id", "partner_id", "internal_role"];
    on.refuse_unique("internal_contact_assignment_contact_partner_role_key", &columns, assignment()).await;
    let columns = ["org_id", "internal_contact_id", "internal_role"];
    on.refuse_unique("internal_contact_assignment_contact_role_key", &columns, floating()).await;

    let remote = |role| assignment().with("remote_id", "'r-1'").with("internal_role", role);
    on.accept(remote("'csm'")).await?;
    let columns = ["org_id", "remote_id"];
    on.refuse_unique("internal_contact_assignment_org_id_remote_id_key", &columns, remote("'co_lead'")).await;
    Ok(())
}

async fn primary_keys(on: &Fixture) -> Result<(), DbErr> {
    on.accept(link()).await?;
    on.refuse_unique("account_contact_account_pkey", &["org_id", "account_contact_id", "account_id"], link())
        .await;
    on.accept(value()).await?;
    let columns = ["org_id", "account_contact_id", "custom_field_id"];
    on.refuse_unique("custom_field_value_pkey", &columns, value()).await;
    on.accept(change()).await?;
    on.accept(change().of(1)).await?;
    on.refuse_unique("change_pkey", &["org_id", "seq"], change()).await;
    on.accept(change_counter()).await?;
    on.refuse_unique("change_counter_pkey", &["org_id"], change_counter()).await;
    on.accept(idempotency_key()).await?;
    on.accept(idempotency_key().of(1)).await?;
    on.refuse_unique("idempotency_key_pkey", &["org_id", "key"], idempotency_key()).await;
    on.accept(merge()).await?;
    on.refuse_unique("contact_merge_pkey", &["org_id", "merged_id"], merge()).await;
    on.accept(app_token()).await?;
    on.refuse_unique("app_token_token_hash_key", &["token_hash"], app_token()).await;
    Ok(())
}

async fn foreign_keys(on: &Fixture) {
    let alone = [
        partner(),
        person(),
        account(),
        contact_type(),
        field(),
        card(),
        change(),
        change_counter(),
        idempotency_key(),
        merge(),
        app_token(),
        background_task(),
    ];
    for row in alone {
        on.refuse_foreign_key(&format!("{}_org_id_fkey", row.table), row.with("org_id", "9")).await;
    }
    // A row of organization 1 that refers to one of organization 2, and to one that is not there at all.
    for (row, column, foreign) in [
        (assignment(), "internal_contact_id", PERSON[1]),
        (assignment(), "partner_id", PARTNER[1]),
        (contact_type(), "replaced_by", TYPE[1]),
        (contact(), "contact_type_id", TYPE[1]),
        (link(), "account_contact_id", CONTACT[1]),
        (link(), "account_id", ACCOUNT[1]),
        (value(), "account_contact_id", CONTACT[1]),
        (value(), "custom_field_id", FIELD[1]),
    ] {
        let constraint = format!("{}_{column}_fkey", row.table);
        on.refuse_foreign_key(&constraint, row.clone().with(column, foreign)).await;
        on.refuse_foreign_key(&constraint, row.with(column, &unused_id())).await;
    }
}

#[tokio::test]
async fn the_database_refuses_what_it_must() -> Result<(), DbErr> {
    for (_database, on) in fixtures().await? {
        checks(&on).await?;
        foreign_keys(&on).await;
        unique_keys(&on).await?;
        assignments_once(&on).await?;
        primary_keys(&on).await?;

        // What the primary key refuses before: the id alone is unique. What the other foreign keys refuse before:
        // rows that refer to rows of an organization that is not there.
        let refused_by_another = |name: &String| {
            name.ends_with("_pkey")
                || name.ends_with("_idx")
                || [
                    "internal_contact_assignment_org_id_fkey",
                    "account_contact_org_id_fkey",
                    "account_contact_account_org_id_fkey",
                    "custom_field_value_org_id_fkey",
                ]
                .contains(&name.as_str())
        };
        let mut expected = names::documented();
        expected.retain(|name| !refused_by_another(name));
        on.refused.borrow_mut().retain(|name| !refused_by_another(name));
        assert_eq!(*on.refused.borrow(), expected);
    }
    Ok(())
}

#[tokio::test]
async fn links_and_values_go_with_their_contact_and_nothing_else_cascades() -> Result<(), DbErr> {
    for (_database, on) in fixtures().await? {
        on.accept(link()).await?;
        on.accept(value()).await?;
        on.accept(assignment()).await?;
        for (table, id) in [
            ("custom_field", FIELD[0]),
            ("contact_type", TYPE[0]),
            ("partner", PARTNER[0]),
            ("internal_contact", PERSON[0]),
            ("organization", "1"),
        ] {
            let outcome = on.db.execute_unprepared(&format!("DELETE FROM {table} WHERE id = {id}")).await;
            assert!(outcome.is_err(), "a {table} that is in use can be deleted");
        }
        on.db.execute_unprepared(&format!("DELETE FROM account_contact WHERE id = {}", CONTACT[0])).await?;
        let rest = "DELETE FROM custom_field_value";
        assert_eq!(on.db.execute_unprepared(rest).await?.rows_affected(), 0);
        let rest = "DELETE FROM account_contact_account";
        assert_eq!(on.db.execute_unprepared(rest).await?.rows_affected(), 0);

        on.accept(link().of(1).with("account_contact_id", CONTACT[1]).with("account_id", ACCOUNT[1])).await?;
        on.db.execute_unprepared(&format!("DELETE FROM account WHERE id = {}", ACCOUNT[1])).await?;
        assert_eq!(on.db.execute_unprepared(rest).await?.rows_affected(), 0);
    }
    Ok(())
}
