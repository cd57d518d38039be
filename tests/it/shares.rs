//! A caller with too many requests takes nothing from the others: permits, database connections, SQLite's writer and points
//! are shared.

use std::time::Duration;

use contact_gateway::{auth::Scope, service::Write};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{Actor, HOME, OTHER, World, on_both};

const READ: &str = "{ accounts(first: 1) { nodes { id } } }";

on_both!(
    a_subject_has_half_of_the_places,
    those_who_fill_their_turns_delay_nobody_else,
    two_subjects_do_not_fill_the_requests_in_flight,
    what_a_request_took_is_charged,
    what_was_cut_off_is_charged,
);

/// What waits as long as [`hold_partners`] holds them.
const BLOCKED: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
/// No test is about more than that it ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps partners from being written: on SQLite everything, on PostgreSQL the table.
async fn hold_partners(world: &World) -> Write {
    hold(world, "LOCK TABLE partner IN EXCLUSIVE MODE").await
}

/// Begins a transaction with a lock that PostgreSQL has a statement for.
async fn hold(world: &World, lock: &str) -> Write {
    let write = world.db.begin().await.expect("a transaction");
    if !world.db.is_sqlite() {
        write.execute_unprepared(lock).await.expect("a lock");
    }
    write
}

/// The same gateway, where requests wait for a connection as long as a test does.
async fn patient(world: World) -> World {
    world.restarted(|config| config.database.acquire_timeout = 3 * PATIENCE).await
}

/// So many requests of an actor, under way until this is dropped.
fn sending(actor: &Actor, document: &'static str, count: usize) -> JoinSet<u16> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let actor = actor.clone();
        requests.spawn(async move { actor.query(document).await.status.as_u16() });
    }
    requests
}

/// Waits until a value is what it should become.
async fn until<T: PartialEq + std::fmt::Debug>(expected: T, value: impl AsyncFn() -> T) {
    let mut last = value().await;
    let waiting = async {
        while last != expected {
            sleep(Duration::from_millis(10)).await;
            last = value().await;
        }
    };
    let came = timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "{last:?} instead of {expected:?}");
}

/// How many requests are under way.
async fn executing(world: &World) -> usize {
    let metrics = world.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("contact_gateway_executing "));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
}

/// How many sessions of PostgreSQL wait for a lock.
async fn waiting_for_locks(world: &World) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let db = world.db.pool();
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect("an answer").expect("a row").try_get_by_index(0).expect("a count")
}

async fn a_subject_has_half_of_the_places(world: World) {
    let world = world.restarted(|config| config.limits.concurrency = 8).await;
    let held = hold_partners(&world).await;
    let mut greedy = sending(&world.writer(), BLOCKED, 4);
    until(4, async || executing(&world).await).await;
    let refused = world.writer().query(BLOCKED).await;
    assert_eq!((refused.status.as_u16(), refused.errors()), (503, vec!["OVERLOADED".to_owned()]));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(world.reader().query(READ).await.status, 200);
    drop(held);
    while let Some(status) = greedy.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
}

async fn those_who_fill_their_turns_delay_nobody_else(world: World) {
    let world = patient(world).await;
    let held = hold_partners(&world).await;
    let mut greedy = sending(&world.writer(), BLOCKED, 40);
    until(40, async || executing(&world).await).await;
    for actor in [world.reader(), world.other()] {
        for _ in 0..5 {
            let reply = timeout(PATIENCE, actor.query(READ)).await.expect("an answer");
            assert_eq!(reply.status, 200);
        }
    }
    let ready = world.anonymous().request(Method::GET, "/readyz").send().await.expect("an answer");
    assert_eq!(ready.status(), 200);
    assert!(greedy.try_join_next().is_none());
    drop(held);
    while let Some(status) = greedy.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
}

async fn two_subjects_do_not_fill_the_requests_in_flight(world: World) {
    let world = patient(world).await.restarted(|config| config.limits.concurrency = 40).await;
    let held = hold_partners(&world).await;
    let mut greedy = [sending(&world.writer(), BLOCKED, 20), sending(&world.admin(), BLOCKED, 20)];
    until(40, async || executing(&world).await).await;
    // Each takes the place of one that waits.
    for _ in 0..5 {
        let reply = timeout(PATIENCE, world.other().query(READ)).await.expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let mut evicted = 0;
    for requests in &mut greedy {
        while let Some(status) = requests.try_join_next() {
            assert_eq!(status.expect("no panic"), 503);
            evicted += 1;
        }
    }
    assert!((1..=5).contains(&evicted), "{evicted}");
    // Subjects of the same organization do not gain by it what these have.
    assert!(executing(&world).await >= 35);
    drop(held);
    for mut requests in greedy {
        while let Some(status) = requests.join_next().await {
            assert_eq!(status.expect("no panic"), 200);
        }
    }
}

/// Subjects of both organizations, many of each.
fn many_subjects(world: &World) -> Vec<Actor> {
    let subjects = (0..20).map(|number| (number, if number % 2 == 0 { HOME } else { OTHER }));
    subjects.map(|(number, it)| world.actor(&format!("subject {number}"), &[it], &Scope::ALL)).collect()
}

/// Other requests are answered while these wait, however many subjects send them.
async fn leave_permits_to_others(world: &World, document: &'static str, held: Write) {
    let mut greedy: Vec<_> =
        many_subjects(world).iter().map(|subject| sending(subject, document, 4)).collect();
    until(80, async || executing(world).await).await;
    sleep(Duration::from_millis(200)).await;
    for actor in [world.reader(), world.other()] {
        for _ in 0..5 {
            let reply = timeout(PATIENCE, actor.query(READ)).await.expect("an answer");
            assert_eq!(reply.status, 200);
        }
    }
    assert!(greedy.iter_mut().all(|requests| requests.try_join_next().is_none()));
    drop(held);
    for mut requests in greedy {
        while let Some(status) = requests.join_next().await {
            assert_eq!(status.expect("no panic"), 200);
        }
    }
}

#[tokio::test]
async fn heavy_requests_leave_permits_to_others() {
    let world = patient(World::on_postgres().await).await;
    let held = hold(&world, "LOCK TABLE partner IN ACCESS EXCLUSIVE MODE").await;
    let heavy = "{ partners(first: 1, filter: { search: \"a\" }) { totalCount nodes { id } } }";
    leave_permits_to_others(&world, heavy, held).await;
}

#[tokio::test]
async fn writes_of_sqlite_leave_permits_to_others() {
    let world = patient(World::on_sqlite().await).await;
    let held = hold_partners(&world).await;
    leave_permits_to_others(&world, BLOCKED, held).await;
}

#[tokio::test]
async fn heavy_requests_by_rest_leave_permits_to_others() {
    let world = patient(World::on_postgres().await).await;
    let held = hold(&world, "LOCK TABLE account_contact IN ACCESS EXCLUSIVE MODE").await;
    let account = "/v1/accounts/contacts?accountId=acc_1&limit=10";
    let mut greedy = JoinSet::new();
    for actor in many_subjects(&world) {
        for _ in 0..4 {
            let request = actor.request(Method::GET, account);
            greedy.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
        }
    }
    until(80, async || executing(&world).await).await;
    for actor in [world.reader(), world.other()] {
        for _ in 0..5 {
            let reply = timeout(PATIENCE, actor.query(READ)).await.expect("an answer");
            assert_eq!(reply.status, 200);
        }
    }
    assert!(greedy.try_join_next().is_none());
    drop(held);
    while let Some(status) = greedy.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
}

/// PostgreSQL has a writer for each row.
#[tokio::test]
async fn writers_of_sqlite_take_turns() {
    let world = World::on_sqlite().await;
    let held = hold_partners(&world).await;
    let mut greedy = sending(&world.writer(), BLOCKED, 12);
    until(12, async || executing(&world).await).await;
    // Those that have a turn are in the line by now, and wait.
    sleep(Duration::from_millis(200)).await;
    let admin = world.admin();
    let create =
        "mutation { createAccount(input: { name: \"Initech\" }) { account { id } userErrors { message } } }";
    let mut other = Box::pin(admin.query(create));
    assert!(timeout(Duration::from_millis(200), &mut other).await.is_err());
    drop(held);
    let reply = other.await;
    assert!(reply.list("/createAccount/userErrors").is_empty());
    while let Some(status) = greedy.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
    let changes = "{ changes(first: 20) { nodes { actor } } }";
    let reply = world.admin().query(changes).await;
    let mut actors: Vec<&Value> =
        reply.list("/changes/nodes").iter().map(|change| &change["actor"]).collect();
    actors.retain(|actor| *actor == "writer" || *actor == "admin");
    let position = actors.iter().position(|actor| *actor == "admin").expect("the account");
    assert_eq!(actors.len(), 13);
    // In whichever order changes are listed: one of the others may have been first in the line.
    assert!(position.min(12 - position) <= 1, "{actors:?}");
}

/// Reads that wait for as long as the table is locked, on PostgreSQL.
async fn with_locked_partners() -> (World, Write) {
    let world = patient(World::on_postgres().await).await;
    let held = hold(&world, "LOCK TABLE partner IN ACCESS EXCLUSIVE MODE").await;
    (world, held)
}

const PARTNERS: &str = "{ partners(first: 1) { nodes { id } } }";
const EIGHT: &str = "{ a: partners { nodes { id } } b: partners(first: 1) { nodes { id } }
    c: partners(first: 2) { nodes { id } } d: partners(first: 3) { nodes { id } }
    e: partners(first: 4) { nodes { id } } f: partners(first: 5) { nodes { id } }
    g: partners(first: 6) { nodes { id } } h: partners(first: 7) { nodes { id } } }";

#[tokio::test]
async fn a_request_uses_two_connections_at_once() {
    let (world, held) = with_locked_partners().await;
    let mut requests = sending(&world.reader(), EIGHT, 1);
    until(2, async || waiting_for_locks(&world).await).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(waiting_for_locks(&world).await, 2);
    drop(held);
    assert_eq!(requests.join_next().await.expect("a request").expect("no panic"), 200);
}

/// Of 10 connections one is kept for the gateway itself.
const SHARE: i64 = 4;

#[tokio::test]
async fn a_subject_uses_half_of_the_connections() {
    let (world, held) = with_locked_partners().await;
    let mut greedy = sending(&world.reader(), EIGHT, 20);
    until(SHARE, async || waiting_for_locks(&world).await).await;
    for _ in 0..5 {
        let reply = timeout(PATIENCE, world.writer().query(READ)).await.expect("an answer");
        assert_eq!(reply.status, 200);
    }
    assert_eq!(waiting_for_locks(&world).await, SHARE);
    drop(held);
    while let Some(status) = greedy.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
}

/// Sends what waits in the database and leaves, until the share of the subject is used there, and some times more.
async fn leave_again_and_again(world: &World, actor: &Actor, document: &'static str) {
    let leave = async || {
        let requests = sending(actor, document, 5);
        sleep(Duration::from_millis(100)).await;
        drop(requests);
        waiting_for_locks(world).await
    };
    until(SHARE, &leave).await;
    for _ in 0..3 {
        assert_eq!(leave().await, SHARE);
    }
}

#[tokio::test]
async fn those_who_leave_use_no_more_than_those_who_wait() {
    let (world, held) = with_locked_partners().await;
    leave_again_and_again(&world, &world.reader(), PARTNERS).await;
    until(0, async || executing(&world).await).await;
    let reply = timeout(PATIENCE, world.writer().query(READ)).await.expect("an answer");
    assert_eq!(reply.status, 200);
    drop(held);
    until(0, async || waiting_for_locks(&world).await).await;
    assert_eq!(world.reader().query(PARTNERS).await.status, 200);
}

/// A write that waits for a row gives its connection back as well, and leaves nothing behind.
#[tokio::test]
async fn a_write_that_is_left_ends() {
    let world = patient(World::on_postgres().await).await;
    let held = hold_partners(&world).await;
    leave_again_and_again(&world, &world.writer(), BLOCKED).await;
    drop(held);
    until(0, async || waiting_for_locks(&world).await).await;
    until(0, async || executing(&world).await).await;
    let statuses = sending(&world.writer(), BLOCKED, 10).join_all().await;
    assert_eq!(statuses, [200; 10]);
}

/// A bucket that any work empties.
async fn with_small_bucket(world: World, change: impl FnOnce(&mut contact_gateway::config::Config)) -> World {
    world
        .restarted(|config| {
            config.rate_limit.points_per_minute = 1;
            config.rate_limit.burst = 100;
            config.rate_limit.points_per_millisecond = 1000;
            change(config);
        })
        .await
}

async fn what_a_request_took_is_charged(world: World) {
    let world = with_small_bucket(world, |_| {}).await;
    let reply = world.reader().with_header("x-graphql-cost", "true").query(READ).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["extensions"]["cost"]["rateLimit"], json!({ "burst": 100, "left": 0 }));
    let refused = world.reader().query("{ viewer { subject } }").await;
    assert_eq!((refused.status.as_u16(), refused.errors()), (429, vec!["RATE_LIMITED".to_owned()]));
    // No more than the bucket holds is owed: 100 points, and the 2 of the request.
    let wait: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((100 * 60..=102 * 60).contains(&wait), "{wait}");

    let rest = world.writer();
    let list = rest.request(Method::GET, "/v2/internal-contacts?limit=10").send().await.expect("an answer");
    assert_eq!(list.status(), 200);
    assert_eq!(rest.query("{ viewer { subject } }").await.status, 429);
}

async fn what_was_cut_off_is_charged(world: World) {
    let world = with_small_bucket(world, |config| {
        config.rate_limit.points_per_millisecond = 1;
        config.limits.request_timeout = Duration::from_millis(500);
    })
    .await;
    let held = hold_partners(&world).await;
    assert_eq!(world.writer().query(BLOCKED).await.errors(), ["TIMEOUT"]);
    assert_eq!(world.writer().query("{ viewer { subject } }").await.errors(), ["RATE_LIMITED"]);
    // And when it is the client that leaves.
    let admin = world.admin();
    assert!(timeout(Duration::from_millis(300), admin.query(BLOCKED)).await.is_err());
    until(429, async || admin.query("{ viewer { subject } }").await.status.as_u16()).await;
    drop(held);
}
