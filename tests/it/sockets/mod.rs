//! Subscriptions at the edge: the protocols as clients and attackers speak them, on real sockets. What is delivered, and to
//! whom, is tested in `subscriptions`.
//!
//! Little here depends on the database, so there is one of most tests, on SQLite.

mod attacks;
pub(crate) mod client;
mod http2;
mod identity;
mod limits;
mod older;
mod protocol;
mod slow;
mod sse;
mod stop;
pub(crate) mod stream;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use contact_gateway::{
    auth::{Scopes, Signer},
    config,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::client::Client;
use crate::{
    connections::{LONG, gateway},
    support::{Actor, HOME, World},
};

/// No message and no end of a connection is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The deadline that a test is about.
const SHORT: Duration = Duration::from_millis(300);
/// What may come on top of a deadline on a busy machine.
const SLACK: Duration = Duration::from_secs(10);

const READ: &str = "{ viewer { subject } }";
const CHANGES: &str = "subscription { contactChanged { contactId } }";

/// A contact comes into being, which is a change; gives its id.
async fn change(world: &World, email: &str) -> String {
    let input = json!({ "email": email, "internalRole": "LEAD" });
    let reply = world.writer().mutate("createInternalContact", input, "internalContact { id }").await;
    reply.text("/createInternalContact/internalContact/id").to_owned()
}

/// Waits until the gateway's gauge of this name has this value.
async fn until_gauge(world: &World, name: &str, value: usize) {
    let begin = Instant::now();
    let line = format!("contact_gateway_{name} {value}");
    loop {
        let metrics = world.metrics().await;
        if metrics.lines().any(|it| it == line) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "no {line} in {metrics}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until so many subscriptions are open.
async fn until_subscriptions(world: &World, count: usize) {
    until_gauge(world, "subscriptions", count).await;
}

/// A reader whose token ends in about so long.
fn passing_reader(world: &World, left: Duration) -> Actor {
    let signer: Signer = config::development_signer(b"a key that everybody may know...").expect("a signer");
    // What the clocks of two machines may differ by is granted on top.
    let leeway = TimeDelta::seconds(30);
    let life = Duration::from_secs(60);
    let made = Utc::now() - leeway + TimeDelta::from_std(left).expect("a time")
        - TimeDelta::from_std(life).expect("a time");
    let minted = signer.mint("passing", &[HOME], Scopes::all(), life, made);
    world.anonymous().with_token(&minted.expect("a token"))
}

/// The id of the contact in a `next`.
fn contact_id(message: &Value) -> &str {
    message["payload"]["data"]["contactChanged"]["contactId"].as_str().unwrap_or_else(|| panic!("{message}"))
}

/// A socket of this actor's with a subscription that is under way.
async fn subscribed(world: &World, actor: &Actor, id: &str) -> Client {
    let mut client = Client::of(actor, world.address()).await;
    client.subscribe(id, CHANGES).await;
    client
}
