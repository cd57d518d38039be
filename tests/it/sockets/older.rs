//! The older subprotocol graphql-ws, that of subscriptions-transport-ws: its messages, and the same rules as for the newer one.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep},
};
use tokio_tungstenite::tungstenite::Message;

use super::{
    CHANGES, PATIENCE, READ, SHORT, SLACK, change,
    client::{Client, Heard, NoSocket, complete, message},
    contact_id, gateway, passing_reader, subscribed, until_gauge, until_subscriptions,
};
use crate::{
    connections::{
        LONG,
        stop::{Server, ended},
        wire::get,
    },
    support::{Actor, World, on_both},
};

on_both!(
    events_come_until_the_client_stops_them,
    queries_and_mutations_are_executed,
    a_change_of_another_organization_is_not_delivered,
);

const OLDER: &str = "graphql-ws";
const CREATE: &str = "mutation { createPartner(input: { name: \"Globex\" }) { partner { name } } }";

/// A socket of the older subprotocol, asked for with these headers besides.
async fn ask(world: &World, headers: &[(&str, &str)]) -> Result<Client, NoSocket> {
    let stream = TcpStream::connect(world.address()).await.expect("a connection");
    Client::ask_with(stream, &[&[("sec-websocket-protocol", OLDER)], headers].concat()).await
}

/// A socket on which nothing was sent yet.
async fn open(world: &World) -> Client {
    ask(world, &[]).await.expect("a socket")
}

/// A socket on which this actor is authenticated.
async fn authenticated(world: &World, actor: &Actor) -> Client {
    let mut client = open(world).await;
    client.init(&actor.token()).await;
    client
}

fn start(id: &str, document: &str) -> Value {
    json!({ "id": id, "type": "start", "payload": { "query": document } })
}

/// The payload of a response, which is the next message.
async fn data(client: &mut Client, id: &str) -> Value {
    let message = client.hear_message().await;
    assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("data")), "{message}");
    message["payload"].clone()
}

/// The response to an operation that has one.
async fn once(client: &mut Client, id: &str, document: &str) -> Value {
    client.say(start(id, document)).await;
    let payload = data(client, id).await;
    assert_eq!(client.hear().await, complete(id));
    payload
}

/// The code of the error that an operation is rejected with.
async fn rejection(client: &mut Client, id: &str) -> String {
    let payload = data(client, id).await;
    assert_eq!(client.hear().await, complete(id));
    let error = &payload["errors"][0];
    assert!(payload.get("data").is_none_or(Value::is_null), "{payload}");
    assert!(error["message"].is_string() && error["extensions"]["requestId"].is_string(), "{payload}");
    error["extensions"]["code"].as_str().expect("a code").to_owned()
}

async fn events_come_until_the_client_stops_them(world: World) {
    let mut client = authenticated(&world, &world.reader()).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    for email in ["ada@example.com", "grace@example.com"] {
        let id = change(&world, email).await;
        for _ in 0..2 {
            let event = client.hear_message().await;
            assert_eq!(
                (&event["id"], &event["type"], contact_id(&event)),
                (&json!("1"), &json!("data"), &*id)
            );
        }
    }
    client.say(json!({ "id": "1", "type": "stop" })).await;
    assert_eq!(client.hear().await, complete("1"));
    until_subscriptions(&world, 0).await;
    change(&world, "edsger@example.com").await;
    assert!(client.hears_nothing(SHORT).await);
    // An id without an operation is ignored, and the id is free again.
    client.say(json!({ "id": "1", "type": "stop" })).await;
    assert!(once(&mut client, "1", READ).await["data"]["viewer"].is_object());
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    drop(client);
    until_subscriptions(&world, 0).await;
}

async fn queries_and_mutations_are_executed(world: World) {
    let mut client = authenticated(&world, &world.writer()).await;
    assert_eq!(
        once(&mut client, "query", READ).await,
        json!({ "data": { "viewer": { "subject": "writer" } } })
    );
    let payload = json!({
        "query": "mutation Make($input: CreatePartnerInput!) { createPartner(input: $input) { partner { name } } }",
        "operationName": "Make",
        "variables": { "input": { "name": "Globex" } },
        "extensions": { "unknown": [1] },
    });
    client.say(json!({ "id": "mutation", "type": "start", "payload": payload })).await;
    let answer = json!({ "data": { "createPartner": { "partner": { "name": "Globex" } } } });
    assert_eq!(data(&mut client, "mutation").await, answer);
    assert_eq!(client.hear().await, complete("mutation"));
    assert_eq!(world.count("partner").await, 1);

    let mut reader = authenticated(&world, &world.reader()).await;
    assert_eq!(once(&mut reader, "1", CREATE).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(world.count("partner").await, 1);
}

async fn a_change_of_another_organization_is_not_delivered(world: World) {
    let mut client = authenticated(&world, &world.other()).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    change(&world, "ada@example.com").await;
    assert!(client.hears_nothing(2 * SHORT).await);
}

#[tokio::test]
async fn rejected_operations_are_responses_with_errors_and_the_socket_stays_open() {
    let world = gateway(|config| config.limits.cost = 1000).await;
    let mut client = authenticated(&world, &world.reader()).await;
    client.say(start("first", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    let expensive = "{ partners(first: 100) { nodes { assignments(first: 100) { nodes { id } } } } }";
    let unknown = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } });
    for (payload, expected) in [
        (json!({ "query": "" }), "GRAPHQL_PARSE_FAILED"),
        (json!({ "query": "{ nothing }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": expensive }), "QUERY_TOO_COMPLEX"),
        (json!({ "query": "subscription { nothing }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": "query($a: ID!) { node(id: $a) { id } }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({}), "BAD_REQUEST"),
        (json!({ "extensions": unknown }), "PERSISTED_QUERY_NOT_FOUND"),
        (json!({ "documentId": "0".repeat(64) }), "PERSISTED_QUERY_NOT_FOUND"),
    ] {
        client.say(json!({ "id": "bad", "type": "start", "payload": payload })).await;
        assert_eq!(rejection(&mut client, "bad").await, expected, "{payload}");
    }
    let id = change(&world, "ada@example.com").await;
    let event = client.hear_message().await;
    assert_eq!((&event["id"], contact_id(&event)), (&json!("first"), &*id));
}

#[tokio::test]
async fn an_operation_replaces_the_one_of_the_same_id() {
    let world = gateway(|_| {}).await;
    let mut client = authenticated(&world, &world.reader()).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    assert!(once(&mut client, "1", READ).await["data"]["viewer"].is_object());
    until_subscriptions(&world, 0).await;
    assert!(once(&mut client, "1", READ).await["data"]["viewer"].is_object());
}

#[tokio::test]
async fn tokens_that_are_not_valid_are_connection_errors() {
    let world = gateway(|_| {}).await;
    let (reader, other) = (world.reader().token(), world.other().token());
    let [reader, other] = [reader, other].map(|token| format!("Bearer {token}"));
    for (headers, payload, expected) in [
        (vec![], json!(null), Err(4403)),
        (vec![], json!({ "authorization": "Bearer nonsense" }), Err(4403)),
        (vec![], json!({ "authorization": reader, "x-org-id": "org_2" }), Err(4403)),
        (vec![], json!({ "authorization": reader, "x-org-id": true }), Err(4400)),
        (vec![], json!({ "Authorization": reader, "x-org-id": 1 }), Ok("reader")),
        (vec![("authorization", &*reader)], json!({}), Ok("reader")),
        (vec![("authorization", &*reader)], json!({ "Authorization": other }), Ok("other")),
    ] {
        let mut client = ask(&world, &headers).await.expect("a socket");
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        let first = client.hear_message().await;
        match expected {
            Ok(subject) => {
                assert_eq!(first, json!({ "type": "connection_ack" }), "{payload}");
                assert_eq!(once(&mut client, "1", READ).await["data"]["viewer"]["subject"], subject);
            }
            Err(code) => {
                assert_eq!(first["type"], "connection_error", "{payload}");
                assert!(first["payload"]["message"].is_string(), "{first}");
                assert_eq!(client.closed().await, code, "{payload}");
            }
        }
    }
}

#[tokio::test]
async fn messages_that_do_not_follow_the_protocol_close_the_socket() {
    let world = gateway(|_| {}).await;
    let token = format!("Bearer {}", world.reader().token());
    let init = json!({ "type": "connection_init", "payload": { "authorization": token } }).to_string();
    let started =
        |id: &Value, payload: Value| json!({ "id": id, "type": "start", "payload": payload }).to_string();
    let read = json!({ "query": READ });
    let long = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    for (messages, code) in [
        (vec![started(&json!("1"), read.clone())], 4401),
        (vec![json!({ "id": "1", "type": "stop" }).to_string()], 4401),
        (vec![init.clone(), init.clone()], 4429),
        (vec!["hello".to_owned()], 4400),
        (vec![r#"["connection_init",{}]"#.to_owned()], 4400),
        (vec![r#"{"type":"connection_init","payload":"token"}"#.to_owned()], 4400),
        // Messages of the newer subprotocol.
        (vec![r#"{"type":"ping"}"#.to_owned()], 4400),
        (vec![init.clone(), r#"{"id":"1","type":"complete"}"#.to_owned()], 4400),
        (vec![init.clone(), json!({ "id": "1", "type": "subscribe", "payload": read }).to_string()], 4400),
        (vec![init.clone(), started(&json!(""), read.clone())], 4400),
        (vec![init.clone(), started(&json!(1), read.clone())], 4400),
        (vec![init.clone(), started(&json!("a".repeat(300)), read.clone())], 4400),
        (vec![init.clone(), started(&json!("1"), json!(READ))], 4400),
        (vec![init.clone(), long(64 * 1024)], 4400),
        (vec![init.clone(), long(64 * 1024 + 1)], 1009),
    ] {
        let shown: Vec<String> = messages.iter().map(|it| it.chars().take(120).collect()).collect();
        let mut client = open(&world).await;
        for message in messages {
            client.send(Message::text(message)).await;
        }
        assert_eq!(client.closed().await, code, "{shown:?}");
    }
    let mut client = open(&world).await;
    client.send(Message::binary(init)).await;
    assert_eq!(client.closed().await, 4400);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_itself_in_time_is_disconnected() {
    let world = gateway(|_| {}).await;
    let begin = Instant::now();
    assert_eq!(open(&world).await.closed().await, 4408);
    assert!((Duration::from_secs(4)..PATIENCE).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_client_that_terminates_the_connection_is_disconnected() {
    let world = gateway(|_| {}).await;
    let mut client = authenticated(&world, &world.reader()).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    client.say(json!({ "type": "connection_terminate" })).await;
    assert_eq!(client.closed().await, 1000);
    until_subscriptions(&world, 0).await;
    until_gauge(&world, "connections", 0).await;
}

#[tokio::test]
async fn the_fifty_first_operation_is_rejected() {
    let world = gateway(|_| {}).await;
    let mut client = authenticated(&world, &world.reader()).await;
    for number in 0..50 {
        client.say(start(&format!("id {number}"), CHANGES)).await;
    }
    for document in [CHANGES, READ] {
        client.say(start("one more", document)).await;
        assert_eq!(rejection(&mut client, "one more").await, "OVERLOADED");
    }
    until_subscriptions(&world, 50).await;
    // One that replaces another is none more.
    client.say(start("id 8", CHANGES)).await;
    client.say(json!({ "id": "id 7", "type": "stop" })).await;
    assert_eq!(client.hear().await, complete("id 7"));
    client.say(start("one more", CHANGES)).await;
    until_subscriptions(&world, 50).await;
    change(&world, "ada@example.com").await;
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 50 {
        let event = client.hear_message().await;
        assert_eq!(event["type"], "data", "{event}");
        heard.insert(event["id"].as_str().expect("an id").to_owned());
    }
    assert!(heard.contains("one more") && !heard.contains("id 7"));
}

#[tokio::test]
async fn shares_of_subscriptions_and_points_hold() {
    let world = gateway(|config| {
        config.limits.subscriptions_per_caller = 1;
        config.rate_limit.points_per_minute = 1;
        config.rate_limit.burst = 20;
        config.rate_limit.points_per_millisecond = 0;
    })
    .await;
    let mut client = authenticated(&world, &world.reader()).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    client.say(start("2", CHANGES)).await;
    let refused = data(&mut client, "2").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED", "{refused}");
    assert_eq!(client.hear().await, complete("2"));
    // A rejected document costs 10 points.
    for expected in ["GRAPHQL_PARSE_FAILED", "RATE_LIMITED"] {
        client.say(start("3", "{")).await;
        assert_eq!(rejection(&mut client, "3").await, expected);
    }
    let metrics = world.metrics().await;
    for line in [
        "contact_gateway_requests_total{field=\"contactChanged\",outcome=\"OK\"} 2",
        "contact_gateway_requests_total{field=\"none\",outcome=\"GRAPHQL_PARSE_FAILED\"} 1",
        "contact_gateway_requests_total{field=\"none\",outcome=\"RATE_LIMITED\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn the_socket_ends_with_the_token() {
    let world = gateway(|_| {}).await;
    let mut client = authenticated(&world, &passing_reader(&world, Duration::from_secs(3))).await;
    client.say(start("1", CHANGES)).await;
    until_subscriptions(&world, 1).await;
    let id = change(&world, "ada@example.com").await;
    assert_eq!(contact_id(&client.hear_message().await), id);
    assert_eq!(client.closed().await, 4403);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn the_socket_ends_with_the_server_after_mutations_under_way() {
    let world = gateway(|_| {}).await;
    let server = Server::of(&world).await;
    let other_writer = world.db.begin().await.expect("a transaction");
    let connect = async || {
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        Client::ask_with(stream, &[("sec-websocket-protocol", OLDER)]).await.expect("a socket")
    };
    let (mut client, mut unknown, mut idle) = (connect().await, connect().await, connect().await);
    client.init(&world.writer().token()).await;
    idle.init(&world.reader().token()).await;
    client.say(start("events", CHANGES)).await;
    client.say(start("mutation", CREATE)).await;
    assert!(once(&mut client, "alive", READ).await["data"].is_object());
    sleep(SHORT).await;
    let serving = server.stop();
    sleep(SHORT).await;
    client.say(start("late", CREATE)).await;
    drop(other_writer);
    assert_eq!(data(&mut client, "mutation").await["data"]["createPartner"]["partner"]["name"], "Globex");
    assert_eq!(client.hear().await, complete("mutation"));
    // The end of the subscription is not sent: it can go on elsewhere.
    assert_eq!(client.hear().await, Heard::Close(1001));
    assert_eq!((unknown.closed().await, idle.closed().await), (1001, 1001));
    assert!(ended(serving).await < SLACK);
    assert_eq!(world.count("partner").await, 1);
}

#[tokio::test]
async fn a_slow_consumer_is_disconnected_and_its_response_is_in_the_budget_until_then() {
    let world = gateway(|config| {
        config.http.write_timeout = LONG;
        config.http.response_timeout = Duration::from_secs(3);
    })
    .await;
    for number in 0..100 {
        world.rows().partner(&format!("Partner {number} {}", "of a long response ".repeat(10)), None).await;
    }
    let mut polite = subscribed(&world, &world.reader(), "1").await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket2::SockRef::from(&socket).set_recv_buffer_size(4096).expect("a size");
    let stream = socket.connect(world.address()).await.expect("a connection");
    let mut rude = Client::ask_with(stream, &[("sec-websocket-protocol", OLDER)]).await.expect("a socket");
    rude.init(&world.reader().token()).await;
    let fields: String =
        (0..18).map(|number| format!("a{number}: partners(first: 100) {{ nodes {{ id name }} }} ")).collect();
    for number in 0..20 {
        rude.say(start(&number.to_string(), &format!("{{ {fields} }}"))).await;
    }
    until(&world, |memory| memory > 0).await;
    // Others are served meanwhile.
    let id = change(&world, "ada@example.com").await;
    assert_eq!(contact_id(&polite.hear_message().await), id);
    until(&world, |memory| memory == 0).await;
    until_gauge(&world, "connections", 1).await;
    drop(rude);
}

/// Waits until the memory of all responses is as expected.
async fn until(world: &World, expected: impl Fn(u64) -> bool) {
    let begin = Instant::now();
    loop {
        let metrics = world.metrics().await;
        let line = metrics.lines().find_map(|it| it.strip_prefix("contact_gateway_response_memory_bytes "));
        if expected(line.expect("the gauge").parse().expect("a number")) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{line:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let world =
        gateway(|config| config.http.allowed_origins = vec!["https://app.example.com".to_owned()]).await;
    assert!(ask(&world, &[("origin", "https://app.example.com")]).await.is_ok());
    let refused = ask(&world, &[("origin", "https://other.example")]).await.err().expect("no socket");
    assert!(refused.status == 403 && refused.request_id, "{refused:?}");
}

/// The head of the response to an upgrade request with these header lines, and the first message to a ping.
async fn upgraded(world: &World, lines: &str) -> (String, TcpStream) {
    let request = get("/graphql").replace(
        "\r\n\r\n",
        &format!(
            "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        ),
    );
    let mut stream = TcpStream::connect(world.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("a socket");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    (String::from_utf8(head).expect("ASCII"), stream)
}

#[tokio::test]
async fn upgrades_work_in_any_case_and_the_response_has_the_names_of_the_request() {
    let world = gateway(|_| {}).await;
    for (connection, upgrade, protocol) in [
        ("connection: upgrade", "upgrade: websocket", "sec-websocket-protocol"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol"),
        ("Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-Websocket-Protocol"),
        ("CONNECTION: UPGRADE", "UPGRADE: WEBSOCKET", "SEC-WEBSOCKET-PROTOCOL"),
    ] {
        for subprotocol in [OLDER, super::client::PROTOCOL] {
            let lines = format!("{connection}\r\n{upgrade}\r\n{protocol}: {subprotocol}\r\n");
            let (head, _) = upgraded(&world, &lines).await;
            assert!(head.starts_with("HTTP/1.1 101"), "{lines}{head}");
            assert!(head.contains(&format!("\r\n{protocol}: {subprotocol}\r\n")), "{lines}{head}");
            let name = |line: &str| format!("\r\n{}: ", line.split(':').next().expect("a name"));
            assert!(head.contains(&name(connection)) && head.contains(&name(upgrade)), "{lines}{head}");
        }
    }
    // Other responses are as before.
    let answer = crate::connections::wire::Wire::to(world.address()).await.ask(&get("/healthz")).await;
    assert_eq!(answer.expect("an answer").status, 200);
}

#[tokio::test]
async fn the_order_of_the_client_selects_the_subprotocol() {
    let world = gateway(|_| {}).await;
    let newer = super::client::PROTOCOL;
    for (lines, expected) in [
        (format!("Sec-WebSocket-Protocol: {OLDER}, {newer}\r\n"), OLDER),
        (format!("Sec-WebSocket-Protocol: {newer},{OLDER}\r\n"), newer),
        (format!("Sec-WebSocket-Protocol: {newer}\r\nSec-WebSocket-Protocol: {OLDER}\r\n"), newer),
        (format!("Sec-WebSocket-Protocol: graphql-sse, {OLDER}\r\n"), OLDER),
    ] {
        let (head, _) =
            upgraded(&world, &format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}")).await;
        assert!(head.contains(&format!("\r\nSec-WebSocket-Protocol: {expected}\r\n")), "{lines}{head}");
    }
    let stream = TcpStream::connect(world.address()).await.expect("a connection");
    let both = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    let mut client = Client::ask_with(stream, &both).await.expect("a socket");
    client.init(&world.reader().token()).await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.closed().await, 4400);
    let stream = TcpStream::connect(world.address()).await.expect("a connection");
    let both = [("sec-websocket-protocol", "graphql-transport-ws, graphql-ws")];
    let mut client = Client::ask_with(stream, &both).await.expect("a socket");
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, message(json!({ "type": "pong" })));
}
