//! Plans: a page far inside a list is found in an index, in every order, and so is what a search finds. An index serves an
//! expression only when both say it with the same words, so these tests fail when they drift apart.

use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use serde_json::{Value, json};

use crate::support::{World, is_company_lookup, on_both, statements::plan as explain};

on_both!(
    pages_are_found_in_an_index,
    searches_are_found_in_an_index,
    pages_of_all_contacts_are_found_in_an_index
);

/// How many rows of each kind there are.
const ROWS: usize = 3_000;

/// Rows of every kind that is listed by an index, with names and words of their own.
async fn fill(world: &World) {
    let rows = world.rows();
    rows.partners_and_people(ROWS, 1).await;
    rows.accounts_and_contacts(ROWS, 1).await;
    let cards =
        "INSERT INTO organization_contact (org_id, type, name, email, email_key, created_at, updated_at)
        SELECT org_id, 2, given_name, email, email_key, created_at, updated_at FROM internal_contact";
    let mut statements = vec![cards.to_owned()];
    for (table, name) in [
        ("partner", "name"),
        ("account", "name"),
        ("internal_contact", "'ada ' || email_key"),
        ("account_contact", "'grace ' || email_key"),
        ("organization_contact", "'card ' || email_key"),
    ] {
        let folded = format!("replace(replace(lower({name}), '@', ' '), '.', ' ')");
        statements.push(format!("UPDATE {table} SET sort_key = {folded}, words = {folded}"));
    }
    statements.push("ANALYZE".to_owned());
    for sql in statements {
        world.db.connection().execute_unprepared(&sql).await.expect(&sql);
    }
}

type List = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The lists and the tables that they list, with the column of each order.
const LISTS: [List; 6] = [
    ("partners", "partner", &[("NAME", "sort_key"), TIMES[0], TIMES[1]]),
    ("accounts", "account", &[("NAME", "sort_key"), TIMES[0], TIMES[1]]),
    ("internalContacts", "internal_contact", &CONTACT_ORDERS),
    ("accountContacts", "account_contact", &CONTACT_ORDERS),
    ("organizationContacts", "organization_contact", &CONTACT_ORDERS),
    ("internalContactAssignments", "internal_contact_assignment", &TIMES),
];
const TIMES: [(&str, &str); 2] = [("CREATED_AT", "created_at"), ("UPDATED_AT", "updated_at")];
const CONTACT_ORDERS: [(&str, &str); 4] =
    [("DISPLAY_NAME", "sort_key"), ("EMAIL", "email_key"), TIMES[0], TIMES[1]];

async fn pages_are_found_in_an_index(world: World) {
    fill(&world).await;
    for (list, table, orders) in LISTS {
        let plan = plan_of_second_page(&world, list, "").await;
        assert_found_by(&plan, table, &KEYS.map(|key| format!("{table}_{key}")));
        for (field, column) in orders {
            for direction in ["ASC", "DESC"] {
                let order = format!("orderBy: {{ field: {field}, direction: {direction} }}");
                let plan = plan_of_second_page(&world, list, &order).await;
                assert_found_by(&plan, table, &indexes(table, column));
            }
        }
    }
    let plan = plan_of_second_page(&world, "changes", "").await;
    assert_found_by(&plan, "change", &["change_org_id_seq_idx", "change_pkey"].map(str::to_owned));
}

/// The indexes that are in the order of a column. Where active rows are unique in it, the key that says so is as well.
fn indexes(table: &str, column: &str) -> [String; 2] {
    [format!("{table}_org_id_{column}_id_idx"), format!("{table}_org_id_{column}_key (")]
}

/// The ends of the names of the indexes that are in the order of the key.
const KEYS: [&str; 2] = ["org_id_id_key", "pkey"];

/// Fails unless the plan reads the table by one of these indexes, in its order.
#[track_caller]
fn assert_found_by(plan: &str, table: &str, indexes: &[String]) {
    // SQLite has names of its own for keys that are part of the table.
    let is_key = indexes.iter().any(|index| index.ends_with("_pkey"));
    let keys = [format!("sqlite_autoindex_{table}"), format!("SEARCH {table} USING INTEGER PRIMARY KEY")];
    let mut known = indexes.iter().chain(keys.iter().filter(|_| is_key));
    assert!(known.any(|index| plan.contains(index)), "{indexes:?}\n{plan}");
    for slow in ["Seq Scan", "Sort", "SCAN", "TEMP B-TREE"] {
        assert!(!plan.contains(slow), "{slow}\n{plan}");
    }
}

/// How the database reads the page after the first one.
async fn plan_of_second_page(world: &World, list: &str, arguments: &str) -> String {
    let reader = world.reader();
    let document = |after: &str| {
        format!(
            "{{ {list}(first: 10 {after} {arguments}) {{ pageInfo {{ endCursor }} nodes {{ __typename }} }} }}"
        )
    };
    let cursor = reader.query(&document("")).await.data(&format!("/{list}/pageInfo/endCursor")).clone();
    let after = format!("after: {cursor}");
    plan(world, &document(&after), Value::Null).await
}

/// The plan of the one statement that a document takes; a cursor of changes is compared with its change in another one. Small tables are cheap to read whole, which is not the question
/// here, so PostgreSQL does that only when it must.
async fn plan(world: &World, document: &str, variables: Value) -> String {
    let reader = world.reader();
    let (reply, mut statements) = world.recorded(reader.graphql(document, variables)).await;
    assert!(reply.body.get("errors").is_none(), "{}", reply.body);
    statements.retain(|statement| !is_company_lookup(&statement.sql));
    assert!(statements.len() <= 1 + usize::from(document.contains("changes(")), "{statements:?}");
    let statement = statements.into_iter().next().expect("a statement");
    let transaction = world.db.pool().begin().await.expect("a transaction");
    if statement.db_backend == DbBackend::Postgres {
        transaction.execute_unprepared("SET LOCAL enable_seqscan = off").await.expect("a setting");
    }
    explain(&transaction, statement).await
}

async fn searches_are_found_in_an_index(world: World) {
    fill(&world).await;
    for (list, table, query) in [
        ("partners", "partner", "partner 2999"),
        ("accounts", "account", "account 2999"),
        ("internalContacts", "internal_contact", "person2999"),
        ("accountContacts", "account_contact", "contact2999"),
        ("organizationContacts", "organization_contact", "person2999"),
    ] {
        let document = format!(
            "query($search: String!) {{ {list}(filter: {{ search: $search }}) {{ nodes {{ id }} }} }}"
        );
        let plan = plan(&world, &document, json!({ "search": query })).await;
        let by_words = plan.contains(&format!("Bitmap Index Scan on {table}_words_idx"));
        let by_entry = plan.contains("SCAN search_words VIRTUAL TABLE INDEX")
            && plan.contains(&format!("SEARCH {table} USING"));
        assert!(by_words || by_entry, "{plan}");
        // The index is asked once and not for each row: what it finds comes first.
        assert!(by_words || plan.contains("SEARCH search_entry USING INTEGER PRIMARY KEY"), "{plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains(&format!("SCAN {table}")), "{plan}");
    }
}

async fn pages_of_all_contacts_are_found_in_an_index(world: World) {
    fill(&world).await;
    for (field, column) in CONTACT_ORDERS {
        for direction in ["ASC", "DESC"] {
            let order = format!("orderBy: {{ field: {field}, direction: {direction} }}");
            let plan = plan_of_second_page(&world, "contacts", &order).await;
            for table in ["internal_contact", "account_contact", "organization_contact"] {
                let indexes = indexes(table, column);
                assert!(indexes.iter().any(|index| plan.contains(index)), "{indexes:?}\n{plan}");
                assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
            }
        }
    }
}
