//! An organization with many contacts, all of which a filter may have to read.

use sea_orm::{ConnectionTrait, DbBackend};

use crate::support::World;

/// The ids of the custom fields, a text and an integer.
pub(super) const CUSTOM_FIELDS: [&str; 2] = ["1", "2"];

/// Makes `count` account contacts in [`HOME`](crate::support::HOME), each at two accounts, of which ten have a tenth of
/// all each, with two values of custom fields and a change; and a fifth of that of accounts, partners and people, who
/// have three assignments each.
pub(super) async fn fill(world: &World, count: usize) {
    let sql = Sql { backend: world.db.pool().get_database_backend(), count };
    for statement in sql.statements() {
        let statement = match sql.backend {
            DbBackend::Postgres => format!("BEGIN; SET LOCAL statement_timeout = 0; {statement}; COMMIT"),
            _ => statement,
        };
        let work = world.db.pool().execute_unprepared(&statement);
        world.db.unlimited(work).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let last =
        if sql.backend == DbBackend::Postgres { "VACUUM ANALYZE" } else { "PRAGMA wal_checkpoint(TRUNCATE)" };
    world.db.unlimited(world.db.pool().execute_unprepared(last)).await.expect(last);
}

struct Sql {
    backend: DbBackend,
    count: usize,
}

impl Sql {
    /// An id of the row with this number.
    fn id(&self, number: &str) -> String {
        match self.backend {
            DbBackend::Postgres => {
                format!("encode(convert_to(lpad(({number})::text, 16, '0'), 'UTF8'), 'hex')::uuid")
            }
            _ => format!("CAST(printf('%016d', {number}) AS BLOB)"),
        }
    }

    fn time(&self, number: &str) -> String {
        match self.backend {
            DbBackend::Postgres => format!("timestamptz '2024-01-01' + ({number}) * interval '7 seconds'"),
            _ => format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 1704067200 + 7 * ({number}), 'unixepoch')"),
        }
    }

    fn json(&self, text: &str) -> String {
        match self.backend {
            DbBackend::Postgres => format!("({text})::jsonb"),
            _ => text.to_owned(),
        }
    }

    fn statements(&self) -> Vec<String> {
        let few = self.count / 5;
        let first = "(CASE n % 5 WHEN 0 THEN 'ada' WHEN 1 THEN 'grace' WHEN 2 THEN 'alan' WHEN 3 THEN 'barbara' ELSE 'edsger' END)";
        let last = "(CASE n % 7 WHEN 0 THEN 'lovelace' WHEN 1 THEN 'hopper' WHEN 2 THEN 'turing' WHEN 3 THEN 'liskov' WHEN 4 THEN 'dijkstra' WHEN 5 THEN 'knuth' ELSE 'perlman' END)";
        let email = format!("{first} || '.' || {last} || '.' || n || '@c' || (n % {few}) || '.example'");
        let made = format!("{}, {}, 1", self.time("n"), self.time("n + n % 1000"));
        let fixed = format!("{}, {}, 1", self.time("1"), self.time("1"));
        let (id, at) = (self.id("n"), self.time("n"));
        let of_type = "(SELECT id FROM contact_type WHERE org_id = 1 AND is_default)";
        let [text, number] = CUSTOM_FIELDS.map(|field| self.id(field));
        let (note, size) = (self.json("'\"note ' || n || '\"'"), self.json("CAST(n AS TEXT)"));
        let (object, list) = (self.json("'{}'"), self.json("'[]'"));
        let many = self.count;
        let insert = |rows: usize, into: &str, values: &str| {
            format!(
                "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {rows})
                 INSERT INTO {into} SELECT {values} FROM series"
            )
        };
        let versioned = "created_at, updated_at, version";
        let link = "account_contact_account (org_id, account_contact_id, account_id, created_at)";
        let assignment = format!(
            "internal_contact_assignment (id, org_id, internal_contact_id, partner_id, internal_role, {versioned})"
        );
        let value =
            "custom_field_value (org_id, account_contact_id, custom_field_id, value, created_at, updated_at)";
        let field =
            format!("custom_field (id, org_id, key, label, field_type, options, is_required, {versioned})");
        vec![
            insert(
                few,
                &format!("account (id, org_id, name, primary_domain, sort_key, words, {versioned})"),
                &format!(
                    "{id}, 1, 'Account ' || n, 'c' || n || '.example', 'account ' || n,
                     'account ' || n || ' c' || n || ' example', {made}"
                ),
            ),
            insert(
                few,
                &format!("partner (id, org_id, name, sort_key, words, {versioned})"),
                &format!("{id}, 1, 'Partner ' || n, 'partner ' || n, 'partner ' || n, {made}"),
            ),
            insert(
                many,
                &format!(
                    "account_contact (id, org_id, first_name, last_name, email, email_key, phone, contact_type_id, metadata,
                                      sort_key, words, {versioned})"
                ),
                &format!(
                    "{id}, 1, {first}, {last}, {email}, {email}, '+1202' || (5550000 + n), {of_type}, {object},
                     {first} || ' ' || {last}, {first} || ' ' || {last} || ' ' || n || ' c' || (n % {few}) || ' example', {made}"
                ),
            ),
            insert(many, link, &format!("1, {id}, {}, {at}", self.id(&format!("1 + n % {few}")))),
            insert(many, link, &format!("1, {id}, {}, {at}", self.id("1 + n % 10")))
                + &format!(" WHERE n % 10 <> n % {few}"),
            insert(
                few,
                &format!(
                    "internal_contact (id, org_id, email, email_key, given_name, family_name, sort_key, words, {versioned})"
                ),
                &format!(
                    "{id}, 1, {email}, {email}, {first}, {last}, {first} || ' ' || {last},
                     {first} || ' ' || {last} || ' ' || n || ' example', {made}"
                ),
            ),
            insert(
                few,
                &assignment,
                &format!("{id}, 1, {id}, {}, 'lead', {made}", self.id(&format!("1 + (7 * n) % {few}"))),
            ),
            insert(
                few,
                &assignment,
                &format!("{}, 1, {id}, {}, 'csm', {made}", self.id(&format!("{few} + n")), self.id("1 + n % 10")),
            ),
            insert(few, &assignment, &format!("{}, 1, {id}, NULL, 'lead', {made}", self.id(&format!("2 * {few} + n")))),
            insert(
                few / 10,
                &format!("organization_contact (org_id, type, name, email, email_key, sort_key, words, {versioned})"),
                &format!("1, 1 + n % 5, 'Desk ' || n, {email}, {email}, 'desk ' || n, 'desk ' || n || ' example', {made}"),
            ),
            insert(1, &field, &format!("{text}, 1, 'note', 'Note', 'text', {list}, FALSE, {fixed}")),
            insert(1, &field, &format!("{number}, 1, 'size', 'Size', 'integer', {list}, FALSE, {fixed}")),
            insert(many, value, &format!("1, {id}, {text}, {note}, {at}, {at}")),
            insert(many, value, &format!("1, {id}, {number}, {size}, {at}, {at}")),
            insert(
                many,
                "change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)",
                &format!(
                    "1, 1000000 + n, {at}, 'somebody', 'AccountContact', 'ac_' || n, 'updated', {object}, 'request-' || n"
                ),
            ),
        ]
    }
}
