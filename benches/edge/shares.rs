//! One subject that sends as many requests as it may, and another one that sends few.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Connection, graphql, head, json_request},
    gateway::Process,
    load::{Load, Seen},
};

/// How many contacts the organization has, those of the sample data not counted, each at one of as many accounts as there are
/// thousands.
const THOUSANDS: usize = 20;
const GREEDY_CONNECTIONS: usize = 12;
/// The most aliases of one heavy request; fewer if so many cost too much.
const ALIASES: usize = 10;
const SPAN: Duration = Duration::from_secs(20);

const SMALL: &str = "{ partners(first: 5) { nodes { id name } } }";

/// Two subjects of one organization: the greedy one sends all that is heavy, over and over.
pub(crate) async fn run() {
    let gateway = Process::start().await;
    let (greedy, other) = (gateway.token_of("greedy"), gateway.token_of("other"));
    let accounts = fill(gateway.address(), &greedy).await;
    let heavy = Arc::new(heavy(gateway.address(), &greedy, &accounts).await);
    let queries = Arc::new(vec![graphql(&other, SMALL)]);
    let mutations: Vec<_> = (0..50).map(|number| graphql(&other, &small_mutation(number))).collect();
    let mutations = Arc::new(mutations);
    let small = |requests: &Arc<Vec<Vec<u8>>>, rate| Load {
        connections: 2,
        rate: Some(rate),
        requests: Arc::clone(requests),
        span: SPAN,
    };
    small(&queries, 20.0).run(gateway.address()).await;
    let idle = both(&gateway, small(&queries, 20.0), small(&mutations, 10.0)).await;
    let load = Load { connections: GREEDY_CONNECTIONS, rate: None, requests: heavy, span: SPAN };
    let (greedy, beside, ready) = tokio::join!(
        load.run(gateway.address()),
        both(&gateway, small(&queries, 20.0), small(&mutations, 10.0)),
        readiness(gateway.address())
    );
    println!("the greedy one: {greedy}");
    for (what, idle, beside) in [("query", &idle.0, &beside.0), ("mutation", &idle.1, &beside.1)] {
        println!("{what} alone:   {idle}");
        println!("{what} beside:  {beside}");
        let ratio = beside.percentile(200, 99.0).as_secs_f64() / idle.percentile(200, 99.0).as_secs_f64();
        println!("{what}: p99 is {ratio:.1} times as long");
    }
    println!("/readyz: {} times 200, {} times something else", ready.0, ready.1);
}

async fn both(gateway: &Process, queries: Load, mutations: Load) -> (Seen, Seen) {
    tokio::join!(queries.run(gateway.address()), mutations.run(gateway.address()))
}

fn small_mutation(number: usize) -> String {
    format!("mutation {{ createPartner(input: {{ name: \"Small {number}\" }}) {{ partner {{ id }} }} }}")
}

/// How often the gateway said that it is ready, and how often it did not.
async fn readiness(address: SocketAddr) -> (usize, usize) {
    let (begin, mut counts) = (Instant::now(), (0, 0));
    while begin.elapsed() < SPAN {
        let answer =
            Connection::to(address).await.ask(b"GET /readyz HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
        if answer.is_some_and(|answer| answer.status == 200) {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
        sleep(Duration::from_millis(200)).await;
    }
    counts
}

/// Makes the contacts; gives the ids of their accounts.
async fn fill(address: SocketAddr, token: &str) -> Vec<String> {
    let mut connection = Connection::to(address).await;
    let mut accounts = Vec::new();
    for account in 0..THOUSANDS {
        let create = format!(
            "mutation {{ createAccount(input: {{ name: \"Greedy {account}\" }}) {{ account {{ id }} }} }}"
        );
        let made = connection.ask_json(&graphql(token, &create)).await;
        let id = made["data"]["createAccount"]["account"]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("{made}")).to_owned();
        let row = |number: usize| {
            json!({ "remoteId": format!("crm-{account}-{number}"), "firstName": format!("Ada {number}"),
                "email": format!("ada.{account}.{number}@example.com"), "lastName": "Hopper",
                "accountIds": [id] })
        };
        let rows: Vec<Value> = (0..1000).map(row).collect();
        let upsert = "mutation($rows: [UpsertAccountContactInput!]!) {
            upsertAccountContacts(input: { rows: $rows }) { created } }";
        let body = json!({ "query": upsert, "variables": { "rows": rows } });
        let made = connection.ask_json(&json_request(&head(token), &body)).await;
        assert_eq!(made["data"]["upsertAccountContacts"]["created"], 1000, "{made}");
        accounts.push(id);
    }
    accounts
}

/// The heaviest requests that are accepted, of each kind some.
async fn heavy(address: SocketAddr, token: &str, accounts: &[String]) -> Vec<Vec<u8>> {
    let (mut connection, mut requests) = (Connection::to(address).await, Vec::new());
    for round in 0..6_usize {
        let nested = (0..ALIASES).map(|alias| {
            format!(
                "accountContacts(first: 1, filter: {{ accounts: {{ some: {{ contacts: {{ some: {{ accounts: {{ some: {{ \
                 name: {{ contains: \"q{alias}{round}\" }} }} }} }} }} }} }} }}) {{ totalCount nodes {{ id }} }}"
            )
        });
        requests.push(accepted(&mut connection, token, nested).await);
        let words: Vec<_> =
            (0..48).map(|word| format!("{{ email: {{ contains: \"q{word}{round}z\" }} }}")).collect();
        let words = words.join(" ");
        let unions = (0..ALIASES).map(|_| {
            format!("contacts(first: 100, filter: {{ or: [{words}] }}) {{ totalCount nodes {{ id }} }}")
        });
        requests.push(accepted(&mut connection, token, unions).await);
        let letters = (b'a'..).take(ALIASES).map(|letter| {
            let letter = char::from(letter);
            format!(
                "contacts(first: 100, filter: {{ search: \"{letter}\" }}) {{ totalCount nodes {{ id }} }}"
            )
        });
        requests.push(accepted(&mut connection, token, letters).await);
        let totals =
            (0..ALIASES).map(|_| "contacts(first: 100) { totalCount nodes { id displayName } }".to_owned());
        requests.push(accepted(&mut connection, token, totals).await);
        for (number, account) in accounts.iter().enumerate().take(4) {
            requests.push(graphql(
                token,
                &format!(
                    "mutation {{ updateAccount(input: {{ id: \"{account}\", name: \"Greedy {number} {round}\" }}) \
                     {{ account {{ id }} }} }}"
                ),
            ));
        }
    }
    requests
}

/// The request with the most of these fields that is accepted.
async fn accepted(connection: &mut Connection, token: &str, fields: impl Iterator<Item = String>) -> Vec<u8> {
    let mut fields: Vec<_> = fields.enumerate().map(|(alias, field)| format!("a{alias}: {field}")).collect();
    loop {
        let request = graphql(token, &format!("{{ {} }}", fields.join(" ")));
        let answer = connection.ask(&request).await;
        if answer.is_some_and(|answer| answer.status == 200) {
            return request;
        }
        fields.pop().expect("a field that is accepted");
    }
}
