//! Subscribers that are behind, or whose organization cannot be read: they take little, and block no others.

use std::{thread::available_parallelism, time::Duration};

use contact_gateway::{
    entity::{id::OrganizationId, internal_contact_assignment::InternalRole::Csm},
    service::{
        change::Position,
        events::{Feed, Interest, Listener, SubscriptionLimits},
    },
};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{card, record};
use crate::{
    mutation::done,
    support::{HOME, OTHER, World},
};

/// How long an event may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Each subscriber gets all events.
fn limits(total: usize) -> SubscriptionLimits {
    SubscriptionLimits { total, of_subject: total, of_organization: total }
}

async fn listen(
    feed: &Feed,
    world: &World,
    organization: i64,
    interest: Interest,
    after: Option<Position>,
) -> Listener {
    let who = ("ada", OrganizationId(organization));
    feed.listen(world.db.clone(), who, interest, after).await.expect("a listener")
}

/// The position of the organization's last change.
async fn last_position(world: &World) -> Position {
    let reply = world.reader().query("{ changes(last: 1) { edges { cursor } } }").await;
    let cursor = reply.data("/changes/edges/0/cursor").as_str().expect("a cursor").to_owned();
    Position::parse(&cursor).expect("a position")
}

async fn next_seq(listener: &mut Listener) -> i64 {
    let event = timeout(PATIENCE, listener.next()).await.expect("an event in time");
    event.expect("an event").change.seq
}

async fn execute(world: &World, sql: &str) {
    world.db.pool().execute_unprepared(sql).await.expect(sql);
}

pub(super) async fn a_subscriber_that_is_behind_reads_few_changes_at_once(world: World) {
    let id = card(&world.writer(), "Globex").await;
    let after = last_position(&world).await;
    for number in 0..40 {
        record(world.db.pool(), HOME, &id, &number.to_string()).await;
    }
    let feed = Feed::new(&world.db, limits(1));
    let mut listener = listen(&feed, &world, HOME, Interest::default(), Some(after)).await;
    execute(&world, "ALTER TABLE change RENAME TO elsewhere").await;
    let read_all = async {
        let mut seqs = Vec::new();
        for _ in 0..40 {
            seqs.push(next_seq(&mut listener).await);
        }
        seqs
    };
    let back = async {
        sleep(Duration::from_millis(300)).await;
        execute(&world, "ALTER TABLE elsewhere RENAME TO change").await;
    };
    let ((seqs, ()), statements) = world.recorded(async { tokio::join!(read_all, back) }).await;
    let expected: Vec<i64> = (after.seq + 1..).take(40).collect();
    assert_eq!(seqs, expected);
    let limits = statements
        .into_iter()
        .filter(|statement| statement.sql.contains("FROM \"change\"") && statement.sql.contains("LIMIT"))
        .map(|statement| format!("{:?}", statement.values.expect("values").0.last()));
    let limits: Vec<String> =
        limits.map(|limit| limit.chars().filter(char::is_ascii_digit).collect()).collect();
    // Eight and the row at the position. After the failure one, then more again.
    assert_eq!(limits, ["9", "2", "3", "5", "9", "9", "9", "9", "9"]);
}

/// As after a failover that lost the last changes: the tail of the log does not know it yet.
pub(super) async fn a_position_that_survived_is_kept(world: World) {
    let id = card(&world.writer(), "Globex").await;
    for round in 0..3 {
        record(world.db.pool(), HOME, &id, &format!("kept {round}")).await;
        let kept = last_position(&world).await;
        for number in 0..5 {
            record(world.db.pool(), HOME, &id, &format!("lost {round} {number}")).await;
        }
        let feed = Feed::new(&world.db, limits(1));
        let mut listener = listen(&feed, &world, HOME, Interest::default(), Some(kept)).await;
        let seq = kept.seq;
        execute(
            &world,
            &format!(
                "DELETE FROM change WHERE org_id = {HOME} AND seq > {seq};
                 UPDATE change_counter SET seq = {seq} WHERE org_id = {HOME}"
            ),
        )
        .await;
        let write = async {
            sleep(Duration::from_millis(500)).await;
            record(world.db.pool(), HOME, &id, &format!("new {round}")).await;
        };
        let (next, ()) = tokio::join!(next_seq(&mut listener), write);
        assert_eq!(next, seq + 1);
    }
}

/// PostgreSQL only: readers of SQLite never wait for its writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_the_database_holds_up_no_other_organization() {
    let world = World::on_postgres().await;
    let partner = world.rows().partner("Globex", None).await;
    let ada = world.rows().assignment("ada@example.com", Csm, &partner).await.contact.id;
    // More than may be at work at once.
    let count = available_parallelism().map_or(1, usize::from) + 2;
    let feed = Feed::new(&world.db, limits(1000));
    let interest = Interest { partner: Some(partner.id), ..Interest::default() };
    let mut waiting = Vec::new();
    for _ in 0..count {
        waiting.push(listen(&feed, &world, HOME, interest.clone(), None).await);
    }
    let mut other = listen(&feed, &world, OTHER, Interest::default(), None).await;
    let input = json!({ "id": ada.to_string(), "givenName": "Ada" });
    done(&world.writer(), "updateInternalContact", input, "__typename").await;
    let theirs: Value = card(&world.other(), "Theirs").await;
    // Until the changes are known, an interested subscriber has to read them.
    sleep(Duration::from_millis(500)).await;
    let held = world.db.pool().begin().await.expect("a transaction");
    let lock = "SET LOCAL idle_in_transaction_session_timeout = 0;
        LOCK TABLE internal_contact_assignment IN ACCESS EXCLUSIVE MODE";
    held.execute_unprepared(lock).await.expect("a lock");
    let wait = |mut listener: Listener| tokio::spawn(async move { next_seq(&mut listener).await });
    let waiting: Vec<_> = waiting.into_iter().map(wait).collect();
    // All of them have failed at least once.
    sleep(Duration::from_secs(6)).await;
    let event = timeout(Duration::from_secs(10), other.next()).await.expect("an event in time");
    assert_eq!(event.expect("an event").contact.to_string(), theirs.as_str().expect("an id"));
    assert!(waiting.iter().all(|listener| !listener.is_finished()));
    held.rollback().await.expect("a rollback");
    for listener in waiting {
        listener.await.expect("an event");
    }
}
