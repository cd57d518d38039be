//! The real binary under attack and overload, over HTTP: `cargo bench --bench edge`, or only some of it:
//! `cargo bench --bench edge -- attacks slow requests responses overload shares body stop subscribers`.
//!
//! Each part prints what it saw; nothing is asserted but that the gateway still answers. The load comes from the same
//! machine, so its own CPU is in the figures. CONTACT_GATEWAY_BENCH_DATABASE names an empty PostgreSQL database to use
//! in place of a SQLite file, and settings of the gateway can be given in its environment
//! (`CONTACT_GATEWAY__LIMITS__CONCURRENCY=16`). With the gateway on a core of its own the load takes nothing from it:
//! `CONTACT_GATEWAY_BENCH_CORES=0 taskset -c 1 cargo bench --bench edge`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod attack;
mod client;
mod gateway;
mod load;
mod shares;
mod slow;
mod subscribers;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use self::{
    client::{Connection, graphql},
    gateway::Process,
    load::{Load, Seen},
    subscribers::Subscribers,
};

/// How long each load lasts.
const SPAN: Duration = Duration::from_secs(15);
/// Connections of good clients, and how many queries a second they send together.
const CLIENTS: usize = 16;
const RATE: f64 = 200.0;
/// How often good clients are alone, and then beside attacks.
const ROUNDS: usize = 5;
/// How often a gateway is stopped.
const STOPS: usize = 20;

/// What good clients ask: partners with their people.
const NESTED: &str = "{ partners(first: 30) { nodes { id name assignments(first: 5) { nodes {
    id internalRole internalContact { id givenName familyName email } } } } } }";
/// What takes long: all kinds of contacts, and for each what is around it.
const HEAVY: &str = "{ partners(first: 30) { totalCount nodes { id name assignments(first: 10) { totalCount nodes {
    id internalRole internalContact { id givenName familyName email assignments(first: 10) { nodes { id
    partner { id name } } } } } } } } accountContacts(first: 100) { totalCount nodes { id firstName lastName email
    accounts { nodes { id name contacts(first: 5) { nodes { id email } } } } } } }";

/// What has many values: all accounts with all of their contacts.
const LARGE: &str = "{ accounts(first: 100) { nodes { id name contacts(first: 100) { nodes { id firstName lastName email
    phone createdAt updatedAt metadata customFieldValues { value displayValue field { key label } } } } } } }";
/// How many clients send a body that stays incomplete.
const BODIES: usize = 500;
/// How many clients take nothing of it.
const READERS: usize = 50;

type Part = (&'static str, fn(&tokio::runtime::Runtime));

const PARTS: [Part; 9] = [
    ("attacks", |runtime| runtime.block_on(attacks())),
    ("slow", |runtime| runtime.block_on(slow_clients())),
    ("requests", |runtime| runtime.block_on(requests())),
    ("responses", |runtime| runtime.block_on(responses())),
    ("overload", |runtime| runtime.block_on(overload())),
    ("shares", |runtime| runtime.block_on(shares::run())),
    ("body", |runtime| runtime.block_on(body())),
    ("stop", |runtime| runtime.block_on(stops())),
    ("subscribers", |runtime| runtime.block_on(subscribers())),
];

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            println!("== {name}");
            part(&runtime);
        }
    }
}

fn good(gateway: &Process) -> Load {
    let request = graphql(gateway.token(), NESTED);
    Load { connections: CLIENTS, rate: Some(RATE), requests: Arc::new(vec![request]), span: SPAN }
}

/// Good clients alone, and beside 100 documents a second that are meant to take long, in turns: what else the machine does
/// makes a p99 of a few milliseconds half or twice as long from one minute to the next.
async fn attacks() {
    let gateway = Process::start().await;
    good(&gateway).run(gateway.address()).await;
    let requests: Vec<_> = attack::documents().iter().map(|it| graphql(gateway.token(), it)).collect();
    let requests = Arc::new(requests);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let alone = good(&gateway).run(gateway.address()).await;
        println!("good queries alone:          {alone}");
        let attackers =
            Load { connections: 16, rate: Some(100.0), requests: Arc::clone(&requests), span: SPAN };
        let (beside, attacked) =
            tokio::join!(good(&gateway).run(gateway.address()), attackers.run(gateway.address()));
        println!("beside 100 attacks a second: {beside}");
        println!("the attacks:                 {attacked}");
        ratios.push(compare(&alone, &beside));
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!("median of {ROUNDS} rounds: {:.2} times as long", ratios[ROUNDS / 2]);
}

/// Good clients alone, and beside a thousand that send or take nothing, or hardly anything.
async fn slow_clients() {
    let gateway = Process::start().await;
    good(&gateway).run(gateway.address()).await;
    let alone = good(&gateway).run(gateway.address()).await;
    println!("good queries alone:          {alone}");
    let begin = Instant::now();
    let slow = slow::thousand(gateway.address(), gateway.token()).await;
    println!("1,000 slow clients are there after {:?}", begin.elapsed());
    let (beside, dropped) = tokio::join!(good(&gateway).run(gateway.address()), slow::all_dropped(slow));
    println!("beside 1,000 slow clients:   {beside}");
    for (kind, last) in dropped {
        println!("the last {kind} was dropped after {last:?}");
    }
    compare(&alone, &beside);
}

/// Good clients alone, and beside those of another subject: whose large bodies stay incomplete, and that send bodies of a MiB
/// with as many values as fit, over and over.
async fn requests() {
    let gateway = Process::start().await;
    good(&gateway).run(gateway.address()).await;
    let alone = good(&gateway).run(gateway.address()).await;
    println!("good queries alone:          {alone}");
    let head = client::head(&gateway.token_of("greedy"));
    let incomplete = format!("{head}content-length: 1000001\r\n\r\n{}", " ".repeat(1_000_000));
    let held = slow::readers(gateway.address(), incomplete.as_bytes(), BODIES).await;
    println!(
        "beside {BODIES} incomplete bodies: {} KiB, at most {} KiB",
        gateway.memory("VmRSS"),
        gateway.memory("VmHWM")
    );
    drop(held);
    let values = vec![serde_json::json!({}); 340_000];
    let body = serde_json::json!({ "query": "{ __typename }", "variables": { "values": values } });
    let requests = Arc::new(vec![client::json_request(&head, &body)]);
    let greedy = Load { connections: 16, rate: None, requests, span: SPAN };
    let (beside, large) = tokio::join!(good(&gateway).run(gateway.address()), greedy.run(gateway.address()));
    println!("beside large bodies:         {beside}");
    println!("the large bodies:            {large}");
    println!("memory: {} KiB, at most {} KiB", gateway.memory("VmRSS"), gateway.memory("VmHWM"));
    compare(&alone, &beside);
}

/// Good clients alone, and beside those that take nothing of large responses.
async fn responses() {
    let gateway = Process::start().await;
    good(&gateway).run(gateway.address()).await;
    let alone = good(&gateway).run(gateway.address()).await;
    println!("good queries alone:          {alone}");
    let request = graphql(gateway.token(), LARGE);
    let readers = slow::readers(gateway.address(), &request, READERS).await;
    let beside = good(&gateway).run(gateway.address()).await;
    println!("beside {READERS} slow readers:       {beside}");
    println!("memory: {} KiB, at most {} KiB", gateway.memory("VmRSS"), gateway.memory("VmHWM"));
    compare(&alone, &beside);
    drop(readers);
}

fn compare(alone: &Seen, beside: &Seen) -> f64 {
    let ratio = beside.percentile(200, 99.0).as_secs_f64() / alone.percentile(200, 99.0).as_secs_f64();
    println!("p99 is {ratio:.2} times as long");
    ratio
}

/// The most that is answered, and what of that is left when ten times as much comes.
async fn overload() {
    let gateway = Process::start().await;
    let request = graphql(gateway.token(), HEAVY);
    let load =
        |connections, rate| Load { connections, rate, requests: Arc::new(vec![request.clone()]), span: SPAN };
    load(8, None).run(gateway.address()).await;
    let mut peak = 0.0_f64;
    for connections in [2, 4, 8] {
        let seen = load(connections, None).run(gateway.address()).await;
        println!("{connections} at once:  {seen}");
        peak = peak.max(seen.goodput());
    }
    let seen = load(1000, Some(10.0 * peak)).run(gateway.address()).await;
    println!("ten times:  {seen}");
    println!(
        "{:.0}% of the peak; of the 503, {:.2}% within 50 ms",
        100.0 * seen.goodput() / peak,
        100.0 * seen.within(503, Duration::from_millis(50))
    );
}

/// A body of a GiB, with a content-length and without.
async fn body() {
    let gateway = Process::start().await;
    Connection::to(gateway.address()).await.ask(&graphql(gateway.token(), NESTED)).await.expect("an answer");
    println!("memory before: {} KiB, at most {} KiB", gateway.memory("VmRSS"), gateway.memory("VmHWM"));
    for chunked in [false, true] {
        let (sent, status) = slow::huge_body(gateway.address(), gateway.token(), chunked).await;
        println!("1 GiB, chunked {chunked}: {status:?} after {sent} bytes were sent");
    }
    println!("memory after:  {} KiB, at most {} KiB", gateway.memory("VmRSS"), gateway.memory("VmHWM"));
}

/// SIGTERM, in the middle of a load and without one.
async fn stops() {
    let mut cut = 0;
    let mut longest = Duration::ZERO;
    let mut answered = 0;
    for _ in 0..STOPS {
        let gateway = Process::start().await;
        let load = Load { span: Duration::from_secs(2), ..good(&gateway) };
        let running = tokio::spawn(load.run(gateway.address()));
        sleep(Duration::from_secs(1)).await;
        let begin = Instant::now();
        gateway.stop().await;
        longest = longest.max(begin.elapsed());
        let seen = running.await.expect("a load");
        cut += seen.cut;
        answered += seen.count(200);
    }
    println!("{STOPS} stops under load: {answered} answered, {cut} cut, the exit after {longest:?} at most");
    let gateway = Process::start().await;
    let begin = Instant::now();
    gateway.stop().await;
    println!("without load: the exit after {:?}", begin.elapsed());
}

/// Many subscribers to all contacts: their memory, and the delay of their events.
async fn subscribers() {
    for count in [1, 100, 1000] {
        let gateway = Process::start().await;
        Connection::to(gateway.address())
            .await
            .ask(&graphql(gateway.token(), NESTED))
            .await
            .expect("an answer");
        let before = gateway.memory("VmRSS");
        let mut subscribers = Subscribers::connect(count, gateway.address(), gateway.token()).await;
        let each = (gateway.memory("VmRSS") - before) / count as u64;
        let [first, half, last] = subscribers.delays(gateway.address(), gateway.token()).await;
        println!(
            "{count} subscribers, {each} KiB each: delivered after {first:.1?}, {half:.1?} and {last:.1?} (first, half, last)"
        );
    }
}
