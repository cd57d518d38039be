//! Rows that were written by a release without sort keys and words.

use std::time::Duration;

use contact_gateway::service::search_backfill;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{World, on_both};

on_both!(
    rows_of_before_are_backfilled_once,
    a_backfill_leaves_no_trace,
    rows_of_earlier_rules_are_renewed_once
);

/// Searches and sorts, as `[field, names in order]`.
async fn found(world: &World, field: &str, filter: &str) -> Value {
    let name = if field == "partners" || field == "accounts" { "name" } else { "displayName" };
    let order = if name == "name" { "NAME" } else { "DISPLAY_NAME" };
    let document = format!(
        "{{ {field}(first: 3, filter: {filter}, orderBy: [{{ field: {order}, direction: DESC }}]) {{
            nodes {{ name: {name} }}
        }} }}"
    );
    let reply = world.reader().query(&document).await;
    let names = reply.list(&format!("/{field}/nodes")).iter().map(|node| node["name"].clone());
    names.collect()
}

async fn rows_of_before_are_backfilled_once(world: World) {
    // Inserted directly, without sort keys and words.
    world.rows().partners_and_people(600, 1).await;
    world.other_rows().accounts_and_contacts(3, 1).await;
    assert_eq!(found(&world, "partners", "{ search: \"partner\" }").await, json!([]));
    assert_eq!(search_backfill::backfill_search_columns(&world.db).await.expect("a backfill"), 1_206);
    assert_eq!(search_backfill::backfill_search_columns(&world.db).await.expect("a backfill"), 0);
    let partners = found(&world, "partners", "{ search: \"PARTNER\" }").await;
    assert_eq!(partners, json!(["Partner 99", "Partner 98", "Partner 97"]));
    // Person 7 looks after partner 7 alone.
    for filter in ["{ search: \"7 partner\" }", "{ search: \"partner ada\" }"] {
        assert_eq!(found(&world, "internalContacts", filter).await.as_array().map(Vec::len), Some(3));
    }
    let document = "{ accountContacts(filter: { search: \"grace account 2\" }) { totalCount } }";
    let reply = world.other().query(document).await;
    assert_eq!(*reply.data("/accountContacts/totalCount"), json!(1));
}

async fn a_backfill_leaves_no_trace(world: World) {
    world.rows().partners_and_people(2, 1).await;
    let document =
        "{ partners { nodes { version updatedAt } } internalContacts { nodes { version updatedAt } } }";
    let before = world.reader().query(document).await.body;
    search_backfill::backfill_search_columns(&world.db).await.expect("a backfill");
    assert_eq!(world.reader().query(document).await.body, before);
}

/// The search columns of rows as earlier rules filled them.
async fn rows_of_earlier_rules_are_renewed_once(world: World) {
    for number in 0..3 {
        world.rows().partner(&format!("हिन्दी {number}"), None).await;
    }
    let account = json!({ "name": "Bücher", "primaryDomain": "bücher.example" });
    let reply = world.writer().mutate("createAccount", account, "account { id }").await;
    assert_eq!(reply.user_errors("createAccount"), [""; 0]);
    let unchanged = search_backfill::backfill_search_columns(&world.db).await.expect("a backfill");
    assert_eq!(unchanged, 0);
    for statement in [
        "UPDATE partner SET words = 'हनद', sort_key = 'हनद'",
        "UPDATE account SET primary_domain_key = NULL",
        "UPDATE organization SET search_version = 0 WHERE id = 1",
    ] {
        world.db.pool().execute_unprepared(statement).await.expect("an update");
    }
    let domain = "{ primaryDomain: { eq: \"xn--bcher-kva.example\" } }";
    assert_eq!(found(&world, "partners", "{ search: \"हिन्दी\" }").await, json!([]));
    assert_eq!(found(&world, "accounts", domain).await, json!([]));
    assert_eq!(search_backfill::backfill_search_columns(&world.db).await.expect("a backfill"), 4);
    assert_eq!(search_backfill::backfill_search_columns(&world.db).await.expect("a backfill"), 0);
    let names = json!(["हिन्दी 2", "हिन्दी 1", "हिन्दी 0"]);
    assert_eq!(found(&world, "partners", "{ search: \"हिन्दी\" }").await, names);
    assert_eq!(found(&world, "accounts", domain).await, json!(["Bücher"]));
}

#[tokio::test]
async fn a_backfill_has_no_time_limit() {
    let world = World::on_postgres().await;
    let world = world.restarted(|config| config.database.statement_timeout = Duration::from_secs(1)).await;
    world.rows().partners_and_people(1, 1).await;
    let slow = "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(1.2);
            RETURN NEW;
        END $$;
        CREATE TRIGGER linger BEFORE UPDATE ON partner FOR EACH ROW EXECUTE FUNCTION linger()";
    world.db.pool().execute_unprepared(slow).await.expect("a trigger");
    assert_eq!(search_backfill::backfill_search_columns(&world.db).await.expect("a backfill"), 2);
}
