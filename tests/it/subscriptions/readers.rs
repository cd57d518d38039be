//! Ten writers on two gateways and three ways to read what they write: `changes`, `history` and `contactChanged`. Each reader
//! sees all of the log that concerns it, in order, nothing twice, whatever happens to the gateways meanwhile.
//!
//! `CONTACT_GATEWAY_TEST_FEED_SECONDS` says how long the drill with real processes takes, 6 unless it is set; two fifths of that
//! time one of them is frozen.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{card, record, subscriber::Subscriber};
use crate::{
    process::{Client, Development},
    support::{HOME, OTHER, World, big_int},
};

/// How many write at once.
const WRITERS: usize = 10;
/// How many writes are enough while nothing happens to the gateways.
const ENOUGH: usize = 100;
/// How long a reader waits for an answer before it asks the other gateway.
const ANSWER: Duration = Duration::from_secs(3);
/// How long readers may take to come to the end of the log.
const PATIENCE: Duration = Duration::from_secs(60);
/// No writer waits longer, whatever becomes of the other gateway.
const LONGEST_WAIT: Duration = Duration::from_secs(6);

pub(super) async fn three_readers_see_every_change_once_and_in_order(world: World) {
    let second = world.another_instance().await;
    let token = world.writer().token();
    let gateways = [world.address(), second.address].map(|address| Client::at(address, token.clone()));
    let card = card(&world.writer(), "Globex").await;
    // SQLite has one writer at a time, so there no other write can be uncommitted.
    let held = if world.db.is_sqlite() {
        None
    } else {
        let held = held_transaction(&world).await;
        record(&held, OTHER, &card, "held").await;
        let sql = format!("UPDATE organization SET updated_at = updated_at WHERE id = {HOME}");
        held.execute_unprepared(&sql).await.expect("a write");
        Some(held)
    };
    let run = Run::start(gateways.to_vec(), card.as_str().expect("an id"));
    let enough = async {
        while run.shared.acknowledged.load(Relaxed) < ENOUGH {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, enough).await.expect("in time");
    run.finish(world.db.pool()).await;
    if let Some(held) = held {
        held.rollback().await.expect("a rollback");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_and_a_killed_gateway_hide_no_change_from_readers() {
    let seconds = std::env::var("CONTACT_GATEWAY_TEST_FEED_SECONDS");
    let seconds: u64 = seconds.map_or(6, |seconds| seconds.parse().expect("a number of seconds"));
    let step = Duration::from_secs(seconds) / 5;
    let world = World::on_postgres().await;
    let url = world.config.database_url().expect("a database").expose().to_owned();
    let card = card(&world.writer(), "Globex").await;
    let folder = tempfile::tempdir().expect("a folder");
    let first = Development::start(folder.path(), Some(&url)).await;
    let second = Development::start(folder.path(), Some(&url)).await;
    let held = held_transaction(&world).await;
    record(&held, OTHER, &card, "held").await;
    let gateways = vec![first.client.clone(), second.client.clone()];
    let run = Run::start(gateways, card.as_str().expect("an id"));
    sleep(step).await;
    run.excuse(1, true);
    second.signal("STOP");
    sleep(step * 2).await;
    second.signal("CONT");
    sleep(step).await;
    run.excuse(1, false);
    run.excuse(0, true);
    first.kill();
    sleep(step).await;
    let longest_wait = run.finish(world.db.pool()).await;
    assert!(longest_wait < LONGEST_WAIT, "{longest_wait:?}");
    held.rollback().await.expect("a rollback");
    drop(second);
}

/// A transaction that the server does not end for being idle.
async fn held_transaction(world: &World) -> DatabaseTransaction {
    let held = world.db.pool().begin().await.expect("a transaction");
    let limit = "SET LOCAL idle_in_transaction_session_timeout = 0";
    held.execute_unprepared(limit).await.expect("no limit");
    held
}

/// The numbers of the events that a subscriber got.
type Numbers = Arc<Mutex<Vec<i64>>>;

/// Writers and readers at work.
struct Run {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    pollers: Vec<(String, JoinHandle<Vec<i64>>)>,
    subscribers: Vec<(Numbers, JoinHandle<()>)>,
}

struct Shared {
    gateways: Vec<Client>,
    /// Of which gateways no answer is expected.
    excused: Vec<AtomicBool>,
    card: String,
    stop: AtomicBool,
    /// Whether every writer has stopped.
    have_stopped: AtomicBool,
    acknowledged: AtomicUsize,
    longest_wait: Mutex<Duration>,
}

impl Run {
    fn start(gateways: Vec<Client>, card: &str) -> Self {
        let shared = Arc::new(Shared {
            excused: gateways.iter().map(|_| AtomicBool::new(false)).collect(),
            gateways,
            card: card.to_owned(),
            stop: AtomicBool::new(false),
            have_stopped: AtomicBool::new(false),
            acknowledged: AtomicUsize::new(0),
            longest_wait: Mutex::default(),
        });
        let writers = (0..WRITERS).map(|number| tokio::spawn(write(Arc::clone(&shared), number))).collect();
        let edges = "edges { cursor node { seq } }";
        let changes = format!("query($after: String) {{ changes(first: 100, after: $after) {{ {edges} }} }}");
        let history = format!(
            "query($after: String) {{ organizationContact(id: \"{card}\") {{
                history(first: 100, after: $after) {{ {edges} }}
            }} }}"
        );
        let mut pollers = Vec::new();
        for (document, pointer, condition) in [
            (changes, "/changes/edges", "1 = 1".to_owned()),
            (history, "/organizationContact/history/edges", format!("entity_id = '{card}'")),
        ] {
            for gateway in 0..shared.gateways.len() {
                let poller = poll(Arc::clone(&shared), gateway, document.clone(), pointer);
                pollers.push((condition.clone(), tokio::spawn(poller)));
            }
        }
        let subscribers = (0..shared.gateways.len()).map(|gateway| {
            let seqs = Arc::<Mutex<Vec<i64>>>::default();
            (Arc::clone(&seqs), tokio::spawn(subscribe(Arc::clone(&shared), gateway, seqs)))
        });
        let subscribers = subscribers.collect();
        Self { shared, writers, pollers, subscribers }
    }

    /// Whether no answer of a gateway is expected from now on.
    fn excuse(&self, gateway: usize, is_excused: bool) {
        self.shared.excused[gateway].store(is_excused, Relaxed);
    }

    /// Stops the writers and compares what the readers saw with the table; gives the longest wait of a writer.
    async fn finish(self, db: &DatabaseConnection) -> Duration {
        self.shared.stop.store(true, Relaxed);
        for writer in self.writers {
            timeout(PATIENCE, writer).await.expect("in time").expect("a writer");
        }
        self.shared.have_stopped.store(true, Relaxed);
        let acknowledged = self.shared.acknowledged.load(Relaxed);
        let longest_wait = *self.shared.longest_wait.lock().expect("a duration");
        let mut sizes = Vec::new();
        for (condition, poller) in self.pollers {
            let seqs = timeout(PATIENCE, poller).await.expect("in time").expect("a poller");
            assert_same(&seqs, &seqs_in(db, &condition).await, &condition);
            sizes.push(seqs.len());
        }
        let of_contacts = seqs_in(db, "entity_kind LIKE '%Contact'").await;
        for (seqs, subscriber) in self.subscribers {
            let began = Instant::now();
            while seqs.lock().expect("numbers").last() < of_contacts.last() && began.elapsed() < PATIENCE {
                assert!(!subscriber.is_finished(), "a subscriber has ended");
                sleep(Duration::from_millis(20)).await;
            }
            subscriber.abort();
            let seqs = seqs.lock().expect("numbers").clone();
            assert_same(&seqs, &of_contacts, "contactChanged");
            sizes.push(seqs.len());
        }
        eprintln!(
            "{acknowledged} writes, longest wait {longest_wait:?}, changes, history, events: {sizes:?}"
        );
        assert!(acknowledged > 0);
        longest_wait
    }
}

#[track_caller]
fn assert_same(seen: &[i64], expected: &[i64], reader: &str) {
    let difference = seen.iter().zip(expected).position(|(seen, expected)| seen != expected);
    let lengths = (seen.len(), expected.len());
    assert!(seen == expected, "{reader}: {lengths:?} changes, they differ at {difference:?}");
}

/// The numbers of the organization's changes in the table.
async fn seqs_in(db: &DatabaseConnection, condition: &str) -> Vec<i64> {
    let sql = format!("SELECT seq FROM change WHERE org_id = {HOME} AND {condition} ORDER BY seq");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    rows.expect("changes").iter().map(|row| row.try_get_by_index(0).expect("a number")).collect()
}

/// Renames the one contact and makes others, until it is to stop.
async fn write(shared: Arc<Shared>, number: usize) {
    let rename = "mutation($input: UpdateOrganizationContactInput!) {
        updateOrganizationContact(input: $input) { userErrors { code } }
    }";
    let make = "mutation($input: CreateOrganizationContactInput!) {
        createOrganizationContact(input: $input) { userErrors { code } }
    }";
    for round in 0.. {
        if shared.stop.load(Relaxed) {
            break;
        }
        let name = format!("{number}-{round}");
        let (document, input) = if round % 2 == 0 {
            (rename, json!({ "id": shared.card, "name": name }))
        } else {
            (make, json!({ "type": "FINANCE", "name": name }))
        };
        let gateway = number % shared.gateways.len();
        let began = Instant::now();
        let answer = shared.gateways[gateway].answer(document, json!({ "input": input })).await;
        if !shared.excused[gateway].load(Relaxed) {
            let mut longest = shared.longest_wait.lock().expect("a duration");
            *longest = began.elapsed().max(*longest);
        }
        match answer {
            Some(answer) if answer.get("errors").is_none() => {
                shared.acknowledged.fetch_add(1, Relaxed);
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Pages through a list of changes, until it has come to its end after the writers have stopped.
async fn poll(shared: Arc<Shared>, mut gateway: usize, document: String, pointer: &str) -> Vec<i64> {
    let (mut seqs, mut after) = (Vec::new(), Value::Null);
    loop {
        let have_stopped = shared.have_stopped.load(Relaxed);
        let answer = shared.gateways[gateway].answer(&document, json!({ "after": after }));
        let answer = timeout(ANSWER, answer).await.ok().flatten();
        let Some(edges) = answer.as_ref().and_then(|answer| answer["data"].pointer(pointer)?.as_array())
        else {
            let code = answer.as_ref().and_then(|answer| answer.pointer("/errors/0/extensions/code"));
            assert_ne!(code, Some(&json!("CURSOR_LOST")));
            gateway = (gateway + 1) % shared.gateways.len();
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        for edge in edges {
            seqs.push(big_int(&edge["node"]["seq"]));
            after = edge["cursor"].clone();
        }
        if edges.is_empty() && have_stopped {
            return seqs;
        }
        if edges.len() < 100 {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Follows all contacts from the start of the log, at the other gateway when the connection ends.
async fn subscribe(shared: Arc<Shared>, mut gateway: usize, seqs: Arc<Mutex<Vec<i64>>>) {
    // The first change of the log is of the organization itself, which is no contact.
    let first = "{ changes(first: 1) { edges { cursor } } }";
    let answer = shared.gateways[gateway].answer(first, Value::Null).await.expect("an answer");
    let mut after = answer["data"]["changes"]["edges"][0]["cursor"].clone();
    loop {
        let request =
            shared.gateways[gateway].request(Method::POST, "graphql").header("x-org-id", HOME.to_string());
        let query =
            format!("subscription {{ contactChanged(after: {after}) {{ cursor change {{ seq }} }} }}");
        if let Some(mut subscriber) = Subscriber::try_to(request, &query).await {
            while let Some(result) = subscriber.try_result().await {
                assert_eq!(result.get("errors"), None, "{result}");
                let event = &result["data"]["contactChanged"];
                after = event["cursor"].clone();
                seqs.lock().expect("numbers").push(big_int(&event["change"]["seq"]));
            }
        }
        gateway = (gateway + 1) % shared.gateways.len();
        sleep(Duration::from_millis(50)).await;
    }
}
