//! The dearest document that still passes `limits.cost`: a search among random documents, which climbs towards those that
//! take longest of the database's and the gateway's processor.
//!
//! In short on few rows. `CONTACT_GATEWAY_TEST_DEAREST=600` searches for so many seconds on each database, with 100,000
//! contacts; with a release build the gateway's own work counts too. The test reads the processor times that Linux has
//! of threads and processes, so PostgreSQL has to be on the same machine.

mod documents;
mod rows;

use std::time::{Duration, Instant};

use async_graphql::{Variables, parser::parse_query};
use contact_gateway::{
    config::Config,
    graphql::{
        document::{cost, operation},
        schema_index,
    },
};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use self::documents::{Document, List, Maker, Schema, document};
use crate::support::{Chance, Processor, World, on_both};

on_both!(the_dearest_document_has_an_end);

/// What a document may take.
const MOST: Duration = Duration::from_secs(2);
/// The rows of the short form, how long it searches, and what a document may take there.
const FEW: (usize, Duration, Duration) = (2_000, Duration::from_secs(6), Duration::from_millis(500));
const MANY: usize = 100_000;

/// What a document was measured to take.
#[derive(Clone)]
struct Measured {
    lists: Vec<List>,
    points: u64,
    database: Duration,
    gateway: Duration,
    errors: Vec<String>,
}

impl Measured {
    /// What counts. Without optimization the gateway's own work tells nothing.
    fn time(&self) -> Duration {
        if cfg!(debug_assertions) { self.database } else { self.database + self.gateway }
    }
}

async fn the_dearest_document_has_an_end(world: World) {
    // One at a time: what others do would count.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let seconds = std::env::var("CONTACT_GATEWAY_TEST_DEAREST").ok();
    let seconds = seconds.map(|it| it.parse().expect("CONTACT_GATEWAY_TEST_DEAREST is a number of seconds"));
    let (rows, time, most) = seconds.map_or(FEW, |seconds| (MANY, Duration::from_secs(seconds), MOST));
    let _alone = ALONE.lock().await;
    let world = prepared(world, rows).await;
    let mut search = Search::new(&world).await;
    let mut chance = Chance::seeded(14);
    let dearest = search.climb(&mut chance, time).await;
    let again = search.best_of(&dearest, if seconds.is_some() { 3 } else { 1 }).await;
    report(&world, &search, &again);
    assert!(again.time() < most, "{:?} of {:?}", again.time(), document(&search.schema, &again.lists).text);
    assert_eq!(again.errors, [""; 0]);
}

/// The gateway with so many contacts and one connection, so that a document's statements follow one another.
async fn prepared(world: World, rows: usize) -> World {
    rows::fill(&world, rows).await;
    if !world.db.is_sqlite() {
        // What workers of a parallel plan compute is found in no session.
        let serial = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET max_parallel_workers_per_gather = 0',
                      current_database()); END $$";
        world.db.pool().execute_unprepared(serial).await.expect("a setting");
    }
    let with_one = |config: &mut Config| {
        config.database.max_connections = 1;
        // The statements of one document wait for each other.
        config.database.acquire_timeout = Duration::from_secs(60);
    };
    world.restarted(with_one).await
}

/// Measures documents of one gateway.
struct Search<'a> {
    world: &'a World,
    schema: Schema,
    processor: Processor,
    measured: usize,
}

impl<'a> Search<'a> {
    async fn new(world: &'a World) -> Self {
        let reply = world.reader().query("{ customFields { nodes { id key } } }").await;
        let fields = reply.list("/customFields/nodes");
        let id = |key: &str| {
            let field = fields.iter().find(|field| field["key"] == key).expect("a custom field");
            field["id"].as_str().expect("an id").to_owned()
        };
        let schema = Schema::read([id("note"), id("size")]);
        Self { world, schema, processor: Processor::of(world), measured: 0 }
    }

    /// First documents of lists that are known and random ones, each full of one list, then changes of the dearest one.
    async fn climb(&mut self, chance: &mut Chance, time: Duration) -> Measured {
        let began = Instant::now();
        let mut dearest: Option<Measured> = None;
        let mut open = documents::known(&self.schema);
        while dearest.is_none() || began.elapsed() < time {
            let is_early = began.elapsed() < time / 3;
            let known = dearest.as_ref().filter(|_| !is_early && !chance.one_in(6));
            let lists = if let Some(list) = open.pop() {
                vec![list; 20]
            } else {
                let mut maker = Maker { schema: &self.schema, chance };
                match known {
                    Some(dearest) => {
                        let mut lists = dearest.lists.clone();
                        let at = maker.chance.below(lists.len());
                        let changed = maker.changed(&lists[at]);
                        // All of them, or one.
                        if maker.chance.one_in(2) {
                            vec![changed; 20]
                        } else {
                            lists[at] = changed;
                            lists
                        }
                    }
                    None => vec![maker.root(); 20],
                }
            };
            let Some(measured) = self.measure(lists).await else { continue };
            if dearest.as_ref().is_none_or(|dearest| measured.time() > dearest.time()) {
                if std::env::var_os("CONTACT_GATEWAY_TEST_DEAREST").is_some() {
                    report(self.world, self, &measured);
                }
                dearest = Some(measured);
            }
        }
        dearest.expect("a document")
    }

    /// The least of several measurements: the others had company.
    async fn best_of(&mut self, measured: &Measured, times: usize) -> Measured {
        let mut best = measured.clone();
        for _ in 0..times {
            let again = self.measure(measured.lists.clone()).await.expect("a measurement");
            if again.time() < best.time() {
                best = again;
            }
        }
        best
    }

    /// Asks for as many of the lists as pass; nothing when not even one does, or the gateway refuses the document.
    async fn measure(&mut self, mut lists: Vec<List>) -> Option<Measured> {
        let limit = self.world.config.limits.cost;
        let (asked, points) = loop {
            let asked = document(&self.schema, &lists);
            match points(&asked).filter(|points| *points <= limit) {
                Some(points) => break (asked, points),
                None => lists.pop()?,
            };
            if lists.is_empty() {
                return None;
            }
        };
        self.measured += 1;
        let body = json!({ "query": asked.text, "variables": asked.variables });
        let before = self.processor.read().await;
        let answer = self.world.reader().request(Method::POST, "/graphql").json(&body).send().await;
        let answer = answer.expect("an answer").bytes().await.expect("a body");
        let [database, gateway] = self.processor.since(&before).await;
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let errors: Vec<String> = answer["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| error["extensions"]["code"].as_str().unwrap_or_default().to_owned())
            .collect();
        let is_refused = errors.iter().any(|code| code != "TIMEOUT");
        (!is_refused).then_some(Measured { lists, points, database, gateway, errors })
    }
}

fn points(document: &Document) -> Option<u64> {
    let parsed = parse_query(&document.text).expect("a document");
    let operation = operation(&parsed, None).ok()?;
    cost(schema_index(), &parsed, operation, &Variables::from_json(document.variables.clone()), u64::MAX)
        .ok()
        .map(|cost| cost.points)
}

fn report(world: &World, search: &Search<'_>, measured: &Measured) {
    let kind = if world.db.is_sqlite() { "SQLite" } else { "PostgreSQL" };
    let document = document(&search.schema, &measured.lists);
    eprintln!(
        "{kind}: of {} documents the dearest takes {:?} of the database and {:?} of the gateway for {} points: {} {}",
        search.measured,
        measured.database,
        measured.gateway,
        measured.points,
        document.text,
        document.variables,
    );
}
