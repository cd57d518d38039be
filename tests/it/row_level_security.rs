//! PostgreSQL's row level security: it keeps organizations apart even with the gateway's own filter taken away.
//!
//! Statements without any condition go the way of a request's here: through [`Database::within`]. The whole suite runs
//! with row level security too, when CONTACT_GATEWAY_TEST_ROW_LEVEL_SECURITY is `on`; scripts/test does that.

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;
use contact_gateway::{
    auth::{Caller, RequestContext, Scope, Scopes},
    entity::id::OrganizationId,
    service::{
        Database,
        app_token::{self, CreateAppToken},
        database::{DatabaseOptions, RlsError},
        organization,
    },
};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use serde_json::{Value, json};

use crate::support::{Actor, Cluster, HOME, OTHER, World};

/// The tables of organizations' rows, and the organizations themselves, with the column that names the organization.
const TABLES: &str = "
    SELECT class.relname::text, attribute.attname::text
    FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind = 'r'
        AND attribute.attname = CASE class.relname WHEN 'organization' THEN 'id' ELSE 'org_id' END
    ORDER BY 1";

async fn with_rls() -> World {
    World::on_postgres().await.restarted(|config| config.database.row_level_security = true).await
}

fn caller(organizations: &[i64], organization: Option<i64>) -> Caller {
    Caller {
        subject: "caller".to_owned(),
        scopes: Scopes::all(),
        organizations: organizations.to_vec(),
        organization,
        expires_at: Utc::now(),
        claims_read: None,
    }
}

fn home(world: &World) -> Database {
    world.db.within(&caller(&[HOME], Some(HOME)))
}

async fn rows(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<Vec<String>>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter()
        .map(|row| (0..row.column_names().len()).map(|index| row.try_get_by_index(index)).collect())
        .collect()
}

async fn execute(db: &impl ConnectionTrait, sql: &str) -> Result<u64, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.execute_raw(statement).await.map(|result| result.rows_affected())
}

/// The tables, each with its column.
async fn tables(world: &World) -> Vec<(String, String)> {
    let tables = rows(world.db.pool(), TABLES).await.expect("tables");
    let tables = tables.into_iter().map(|row| (row[0].clone(), row[1].clone()));
    // The worker takes rows of this one away as they come. That it has its policy is checked at the start.
    tables.filter(|(table, _)| table != "background_task").collect()
}

/// How many rows of each organization a connection sees without asking for any.
async fn seen(db: &impl ConnectionTrait, table: &(String, String)) -> BTreeMap<String, String> {
    let (table, column) = table;
    let sql = format!("SELECT {column}::text, count(*)::text FROM {table} GROUP BY 1");
    let rows = rows(db, &sql).await.expect(&sql);
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

/// Rows in every table, by the requests of one organization.
async fn fill(actor: &Actor) {
    let made = async |mutation: &str, input: Value, object: &str| {
        let reply = actor.mutate(mutation, input, &format!("{object} {{ id }}")).await;
        reply.text(&format!("/{mutation}/{object}/id")).to_owned()
    };
    let partner = made("createPartner", json!({ "name": "Globex", "remoteId": "r" }), "partner").await;
    let account = made("createAccount", json!({ "name": "Vandelay" }), "account").await;
    let person = json!({ "email": "ada@example.com", "internalRole": "LEAD", "idempotencyKey": "k" });
    made("createInternalContact", person, "assignment").await;
    let added = json!({ "partnerId": partner, "email": "ada@example.com", "internalRole": "CSM" });
    made("addInternalContactToPartner", added, "assignment").await;
    let field = json!({ "key": "floor", "label": "Floor", "fieldType": "INTEGER" });
    let field = made("createCustomField", field, "customField").await;
    let contact = json!({
        "firstName": "Grace", "email": "grace@example.com", "accountIds": [account],
        "customFieldValues": [{ "customFieldId": field, "value": 3 }]
    });
    let survivor = made("createAccountContact", contact, "accountContact").await;
    let twin = json!({ "firstName": "Grace", "email": "hopper@example.com" });
    let twin = made("createAccountContact", twin, "accountContact").await;
    let merge = json!({ "survivorId": survivor, "mergedId": twin });
    let merged = actor.mutate("mergeContacts", merge, "contact { id }").await;
    assert_eq!(merged.user_errors("mergeContacts"), [""; 0]);
    made("createOrganizationContact", json!({ "type": "FINANCE" }), "organizationContact").await;
}

/// Rows of every table in both organizations.
async fn fill_both(world: &World) {
    fill(&world.admin()).await;
    fill(&world.other()).await;
    for rows in [world.rows(), world.other_rows()] {
        let scopes = [Scope::ContactsRead].into_iter().collect();
        let input = CreateAppToken { description: "Import".to_owned(), scopes, expires_at: None };
        app_token::create(&world.db, &rows.context(), &input).await.expect("an application token");
    }
}

#[tokio::test]
async fn without_a_filter_only_rows_of_the_organization_are_seen() {
    let world = with_rls().await;
    fill_both(&world).await;
    let (home_number, other_number) = (HOME.to_string(), OTHER.to_string());
    let write = home(&world).begin().await.expect("a transaction");
    let nowhere = world.db.within(&caller(&[HOME, OTHER], None));
    let both = world.db.within(&caller(&[HOME, OTHER], Some(HOME)));
    for table in tables(&world).await {
        let all = seen(world.db.connection(), &table).await;
        assert_eq!(all.keys().collect::<Vec<_>>(), [&home_number, &other_number], "{table:?} is not filled");
        let own = BTreeMap::from([(home_number.clone(), all[&home_number].clone())]);
        assert_eq!(seen(home(&world).connection(), &table).await, own, "{table:?}");
        assert_eq!(seen(&write, &table).await, own, "{table:?} in a write");
        // The names of the organizations that a token allows are all to be read, rows of the selected one only.
        let named = table.0 == "organization";
        assert_eq!(seen(both.connection(), &table).await, if named { all.clone() } else { own }, "{table:?}");
        let unselected = if named { all } else { BTreeMap::new() };
        assert_eq!(seen(nowhere.connection(), &table).await, unselected, "{table:?}");
    }
}

#[tokio::test]
async fn without_a_filter_nothing_of_others_is_written() {
    let world = with_rls().await;
    fill_both(&world).await;
    let before = world.contents().await;
    let tables = tables(&world).await;
    for (table, column) in &tables {
        let others = |contents: &BTreeMap<String, Vec<String>>| contents[table].len();
        // What would hit every row hits those of the organization; taken back, because they hang together.
        for sql in [format!("DELETE FROM {table}"), format!("UPDATE {table} SET {column} = {column}")] {
            let write = home(&world).begin().await.expect("a transaction");
            execute(&write, "SET CONSTRAINTS ALL DEFERRED").await.expect("deferred constraints");
            match execute(&write, &sql).await {
                Ok(touched) => {
                    let own: u64 = seen(world.db.connection(), &(table.clone(), column.clone())).await
                        [&HOME.to_string()]
                        .parse()
                        .expect("a number");
                    assert_eq!(touched, own, "{sql}");
                }
                // Rows that others hang on cannot go.
                Err(error) => assert!(error.to_string().contains("violates foreign key"), "{sql}: {error}"),
            }
        }
        // Nothing is handed over, and nothing is taken.
        for (from, to) in [(HOME, OTHER), (OTHER, HOME)] {
            let sql = format!("UPDATE {table} SET {column} = {to} WHERE {column} = {from}");
            let outcome = execute(home(&world).connection(), &sql).await;
            match outcome {
                Ok(touched) => assert_eq!((touched, from), (0, OTHER), "{sql}"),
                Err(error) => assert!(error.to_string().contains("row-level security"), "{sql}: {error}"),
            }
        }
        // And nothing is put into another organization.
        let sql = format!("INSERT INTO {table} SELECT * FROM {table}");
        let columns = format!(
            "SELECT string_agg(CASE attname WHEN '{column}' THEN '{OTHER}' ELSE quote_ident(attname) END, ', ' \
             ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        );
        let columns = rows(world.db.connection(), &columns).await.expect("columns");
        let sql = sql.replace("SELECT *", &format!("OVERRIDING SYSTEM VALUE SELECT {}", columns[0][0]));
        let error = execute(home(&world).connection(), &sql).await.expect_err(&sql).to_string();
        assert!(error.contains("row-level security"), "{sql}: {error}");
        assert_eq!(others(&world.contents().await), others(&before), "{table}");
    }
    assert_eq!(world.contents().await, before);
}

#[tokio::test]
async fn no_statement_tells_by_its_error_what_others_have() {
    let world = with_rls().await;
    fill(&world.other()).await;
    // The condition would fail on rows that are not there to be seen, and is not asked of them.
    for sql in [
        "SELECT 1 FROM partner WHERE 1 / (CASE name WHEN 'Globex' THEN 0 ELSE 1 END) = 1",
        "SELECT name::integer FROM partner",
    ] {
        assert_eq!(rows(home(&world).connection(), sql).await.expect(sql), Vec::<Vec<String>>::new());
        assert!(rows(world.db.connection(), sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn a_connection_comes_back_as_it_went() {
    let world = with_rls().await;
    let world = world.restarted(|config| config.database.max_connections = 1).await;
    fill_both(&world).await;
    let partners = ("partner".to_owned(), "org_id".to_owned());
    let other = world.db.within(&caller(&[OTHER], Some(OTHER)));
    let state =
        "SELECT current_user::text, COALESCE(current_setting('contact_gateway.organization', true), '')";
    for round in 0..40_u64 {
        // Some are cut off before they have their answer, at one moment or another.
        let patience = Duration::from_micros(round * 50);
        for db in [&home(&world), &other] {
            let _ = tokio::time::timeout(patience, seen(db.connection(), &partners)).await;
            let write = tokio::time::timeout(patience, db.begin()).await;
            if let Ok(Ok(write)) = write {
                let _ = tokio::time::timeout(patience, seen(&write, &partners)).await;
            }
        }
        assert_eq!(
            rows(world.db.connection(), state).await.expect(state),
            [["postgres".to_owned(), String::new()]]
        );
        assert_eq!(seen(world.db.connection(), &partners).await.len(), 2);
        assert_eq!(seen(home(&world).connection(), &partners).await.into_keys().collect::<Vec<_>>(), ["1"]);
        assert_eq!(seen(other.connection(), &partners).await.into_keys().collect::<Vec<_>>(), ["2"]);
    }
}

#[tokio::test]
async fn organizations_are_made_and_listed() {
    let world = with_rls().await;
    let reply =
        world.admin().mutate("createOrganization", json!({ "name": "Third" }), "organization { id }").await;
    assert_eq!(reply.text("/createOrganization/organization/id"), "org_3");
    let third = world.actor("third", &[HOME, 3], &Scope::ALL).in_organization("3");
    let reply = third.query("{ organizations { nodes { name } } contactTypes { totalCount } }").await;
    let expected = json!({
        "organizations": { "nodes": [{ "name": "Home" }, { "name": "Third" }] }, "contactTypes": { "totalCount": 5 }
    });
    assert_eq!(reply.data(""), &expected);
    let renamed = third.mutate("updateOrganization", json!({ "name": "3rd" }), "organization { name }").await;
    assert_eq!(renamed.text("/updateOrganization/organization/name"), "3rd");
}

#[tokio::test]
async fn a_table_without_its_policy_is_noticed() {
    let world = with_rls().await;
    world.db.verify_rls().await.expect("row level security");
    let pool = world.db.pool();
    for (hole, repair) in [
        ("DROP POLICY tenant ON partner", "SELECT contact_gateway_enable_rls()"),
        ("ALTER TABLE partner DISABLE ROW LEVEL SECURITY", "SELECT contact_gateway_enable_rls()"),
        ("ALTER TABLE partner OWNER TO contact_gateway_tenant", "ALTER TABLE partner OWNER TO postgres"),
    ] {
        execute(pool, hole).await.expect(hole);
        let found = world.db.verify_rls().await;
        assert!(matches!(&found, Err(RlsError::Open(tables)) if tables == "partner"), "{hole}: {found:?}");
        execute(pool, repair).await.expect(repair);
        world.db.verify_rls().await.expect(repair);
    }
    // A table that a later release adds is open until its migration enables row level security again.
    execute(pool, "CREATE TABLE note (id integer, org_id bigint)").await.expect("a table");
    assert!(matches!(world.db.verify_rls().await, Err(RlsError::Open(tables)) if tables == "note"));
    execute(pool, "SELECT contact_gateway_enable_rls()").await.expect("row level security");
    world.db.verify_rls().await.expect("row level security");
}

/// The database of a gateway that logs in with some role.
async fn login(cluster: &Cluster, role: &str, database: &str, row_level_security: bool) -> Database {
    let server = cluster.url().replace("postgres@", &format!("{role}@"));
    let (server, _) = server.rsplit_once('/').expect("a database");
    let url = format!("{server}/{database}");
    let options = DatabaseOptions {
        url,
        max_connections: 2,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        sqlite_busy_timeout: Duration::from_secs(5),
        row_level_security,
    };
    Database::connect(&options).await.expect(role)
}

/// Makes two organizations. Gives the contact types that the first one sees, with row level security where it is on.
async fn types_seen(db: &Database) -> BTreeMap<String, String> {
    for name in ["One", "Two"] {
        let ctx = RequestContext::new("tests", Utc::now(), caller(&[], None));
        organization::create(db, &ctx, name).await.expect("an organization");
    }
    let types = ("contact_type".to_owned(), "org_id".to_owned());
    seen(db.within(&caller(&[1], Some(1))).connection(), &types).await
}

/// The contact types that are seen without row level security, and with it.
fn types_without_and_with_rls() -> [BTreeMap<String, String>; 2] {
    let five = |number: &str| (number.to_owned(), "5".to_owned());
    [BTreeMap::from([five("1"), five("2")]), BTreeMap::from([five("1")])]
}

#[tokio::test]
async fn policies_apply_to_roles_that_own_the_tables_and_roles_that_do_not() {
    let cluster = tokio::task::spawn_blocking(Cluster::start).await.expect("a server");
    let server = login(&cluster, "postgres", "postgres", false).await;
    let [open, secured] = types_without_and_with_rls();
    for sql in [
        "CREATE ROLE owner LOGIN CREATEROLE",
        "CREATE ROLE reader LOGIN NOINHERIT",
        "CREATE DATABASE owned OWNER owner",
    ] {
        execute(server.pool(), sql).await.expect(sql);
    }

    // The owner makes everything, and bypasses policies unless it takes on the tenant's role.
    let owner = login(&cluster, "owner", "owned", true).await;
    migrations::up(owner.pool()).await.expect("migrations");
    owner.verify_rls().await.expect("row level security");
    assert_eq!(types_seen(&owner).await, secured);
    let off = login(&cluster, "owner", "owned", false).await;
    let types = ("contact_type".to_owned(), "org_id".to_owned());
    assert_eq!(seen(off.within(&caller(&[1], Some(1))).connection(), &types).await, open);

    // Another role has its rights only, and sees everything without row level security too.
    for sql in [
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader",
        "GRANT contact_gateway_tenant TO reader",
    ] {
        execute(owner.pool(), sql).await.expect(sql);
    }
    for row_level_security in [true, false] {
        let reader = login(&cluster, "reader", "owned", row_level_security).await;
        reader.verify_rls().await.expect("row level security");
        let expected = if row_level_security { &secured } else { &open };
        assert_eq!(&seen(reader.within(&caller(&[1], Some(1))).connection(), &types).await, expected);
        assert_eq!(seen(reader.connection(), &types).await, open);
    }
    // A role that inherits the tenant's would never be outside.
    execute(server.pool(), "ALTER ROLE reader INHERIT").await.expect("a role");
    let inheriting = login(&cluster, "reader", "owned", true).await;
    assert!(matches!(inheriting.verify_rls().await, Err(RlsError::Inherited)));
}

#[tokio::test]
async fn a_role_that_may_not_make_roles_has_no_rls_until_an_administrator_enables_it() {
    let cluster = tokio::task::spawn_blocking(Cluster::start).await.expect("a server");
    let server = login(&cluster, "postgres", "postgres", false).await;
    let [open, secured] = types_without_and_with_rls();
    for sql in ["CREATE ROLE plain LOGIN", "CREATE DATABASE owned OWNER plain"] {
        execute(server.pool(), sql).await.expect(sql);
    }
    let plain = login(&cluster, "plain", "owned", false).await;
    migrations::up(plain.pool()).await.expect("migrations");
    assert_eq!(types_seen(&plain).await, open);
    let plain = login(&cluster, "plain", "owned", true).await;
    assert!(matches!(plain.verify_rls().await, Err(RlsError::Role(_))));
    let read = organization::selected(&plain.within(&caller(&[1], Some(1))), OrganizationId(1)).await;
    assert!(read.is_err(), "without the policies nothing is read when row level security is on");

    let administrator = login(&cluster, "postgres", "owned", false).await;
    for sql in ["SELECT contact_gateway_enable_rls()", "GRANT contact_gateway_tenant TO plain"] {
        execute(administrator.pool(), sql).await.expect(sql);
    }
    plain.verify_rls().await.expect("row level security");
    let types = ("contact_type".to_owned(), "org_id".to_owned());
    assert_eq!(seen(plain.within(&caller(&[1], Some(1))).connection(), &types).await, secured);

    // And it comes down with its migration, with or without the role.
    migrations::down(plain.pool(), Some(4)).await.expect("migrations taken back");
    assert!(matches!(plain.verify_rls().await, Err(RlsError::Open(tables)) if tables.contains("partner")));
    assert_eq!(seen(plain.connection(), &types).await, open);
    migrations::up(plain.pool()).await.expect("migrations");
    migrations::down(plain.pool(), None).await.expect("migrations taken back");
}
