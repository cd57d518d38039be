//! Who may open a socket, and who it is then.

use serde_json::json;

use super::{
    CHANGES, READ, SHORT, change,
    client::{Client, Heard, NoSocket, PROTOCOL},
    contact_id, gateway, passing_reader, subscribed, until_subscriptions,
};
use crate::connections::wire::{Wire, get};
use tokio::{net::TcpStream, time::Duration};

#[tokio::test]
async fn tokens_come_in_the_payload_or_the_headers() {
    let world = gateway(|_| {}).await;
    let (reader, other, multi) = (world.reader().token(), world.other().token(), world.multi().token());
    let [reader, other, multi] = [reader, other, multi].map(|token| format!("Bearer {token}"));
    let ended = format!("Bearer {}", passing_reader(&world, Duration::ZERO).token());
    let none = json!({});
    type Case<'a> = (Vec<(&'a str, &'a str)>, serde_json::Value, Result<&'a str, u16>);
    let cases: Vec<Case<'_>> = vec![
        (vec![], none.clone(), Err(4403)),
        (vec![], json!(null), Err(4403)),
        (vec![], json!({ "authorization": "Bearer nonsense" }), Err(4403)),
        (vec![], json!({ "authorization": reader.replace("Bearer ", "") }), Err(4403)),
        (vec![], json!({ "authorization": 1 }), Err(4403)),
        (vec![], json!({ "authorization": ended }), Err(4403)),
        (vec![], json!({ "authorization": reader }), Ok("reader")),
        (vec![], json!({ "Authorization": reader }), Ok("reader")),
        (vec![], json!({ "AUTHORIZATION": reader, "X-Org-Id": "org_1" }), Ok("reader")),
        (vec![], json!({ "authorization": reader, "x-org-id": 1 }), Ok("reader")),
        (vec![], json!({ "authorization": reader, "x-org-id": null }), Ok("reader")),
        (vec![], json!({ "authorization": reader, "x-org-id": "org_2" }), Err(4403)),
        (vec![], json!({ "authorization": reader, "x-org-id": "nonsense" }), Err(4403)),
        (vec![], json!({ "authorization": reader, "x-org-id": true }), Err(4400)),
        (vec![], json!({ "authorization": "Bearer\n" }), Err(4400)),
        (vec![], json!({ "authorization": reader, "Authorization": reader }), Err(4403)),
        (vec![], json!({ "authorization": reader, "Authorization": null }), Ok("reader")),
        (vec![], json!({ "authorization": multi, "x-org-id": "org_2", "X-ORG-ID": "org_1" }), Err(4403)),
        (vec![("authorization", &reader)], none.clone(), Ok("reader")),
        (vec![("authorization", &reader)], json!(null), Ok("reader")),
        (vec![("authorization", &reader), ("x-org-id", "2")], none.clone(), Err(4403)),
        (vec![("authorization", &reader), ("authorization", &reader)], none.clone(), Err(4403)),
        (vec![("authorization", &reader)], json!({ "Authorization": other }), Ok("other")),
        (vec![("authorization", "Bearer nonsense")], json!({ "authorization": reader }), Ok("reader")),
        (vec![("authorization", &reader)], json!({ "authorization": "Bearer nonsense" }), Err(4403)),
        (vec![("authorization", &multi), ("x-org-id", "1")], json!({ "x-org-id": "2" }), Ok("multi")),
        (vec![("authorization", &reader), ("x-org-id", "1")], json!({ "x-org-id": "2" }), Err(4403)),
    ];
    for (headers, payload, expected) in cases {
        let shown = format!("{headers:?} {payload}");
        let mut client = Client::ask(world.address(), &headers).await.expect("a socket");
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        let known = match client.hear().await {
            Heard::Close(code) => Err(code),
            Heard::Message(_) => Ok(client.once("1", READ).await["data"]["viewer"]["subject"].clone()),
        };
        assert_eq!(known, expected.map(|subject| json!(subject)), "{shown}");
    }
    // Without a payload at all.
    let mut client = Client::ask(world.address(), &[("authorization", &reader)]).await.expect("a socket");
    client.say(json!({ "type": "connection_init" })).await;
    assert!(matches!(client.hear().await, Heard::Message(_)));
}

#[tokio::test]
async fn a_socket_is_of_one_organization() {
    let world = gateway(|_| {}).await;
    let mut client = Client::open(world.address()).await;
    let token = format!("Bearer {}", world.multi().token());
    let payload = json!({ "authorization": token, "x-org-id": "org_2" });
    client.say(json!({ "type": "connection_init", "payload": payload })).await;
    assert!(matches!(client.hear().await, Heard::Message(_)));
    client.subscribe("1", CHANGES).await;
    until_subscriptions(&world, 1).await;
    change(&world, "ada@example.com").await;
    assert!(client.hears_nothing(2 * SHORT).await);

    // Without a choice nothing can be listened to.
    let mut client = Client::of(&world.multi(), world.address()).await;
    client.subscribe("1", CHANGES).await;
    let next = client.hear_message().await;
    assert_eq!(next["payload"]["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{next}");
}

#[tokio::test]
async fn when_the_token_ends_the_socket_does() {
    let world = gateway(|_| {}).await;
    let mut client = subscribed(&world, &passing_reader(&world, Duration::from_secs(3)), "1").await;
    until_subscriptions(&world, 1).await;
    let id = change(&world, "ada@example.com").await;
    assert_eq!(contact_id(&client.hear_message().await), id);
    assert_eq!(client.closed().await, 4403);
    until_subscriptions(&world, 0).await;
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let world = gateway(|config| {
        config.http.allowed_origins = vec!["https://app.example.com".to_owned()];
        config.http.loopback_origins = false;
    })
    .await;
    let address = world.address();
    let own = format!("http://{address}");
    for (origin, expected) in [
        (Some(&*own), 101),
        (Some("https://app.example.com"), 101),
        (None, 101),
        (Some("https://app.example.com.evil.example"), 403),
        (Some("http://app.example.com"), 403),
        (Some("https://other.example"), 403),
        (Some("null"), 403),
        (Some(""), 403),
        (Some("http://127.0.0.1"), 403),
        (Some("\u{e9}"), 403),
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let status = match Client::ask(address, &headers).await {
            Ok(_) => 101,
            Err(NoSocket { status, request_id }) => {
                assert!(request_id, "{origin:?}");
                status
            }
        };
        assert_eq!(status, expected, "{origin:?}");
    }
}

#[tokio::test]
async fn only_the_two_subprotocols_are_spoken() {
    let world = gateway(|_| {}).await;
    let connect = async || TcpStream::connect(world.address()).await.expect("a connection");
    for headers in [
        vec![],
        vec![("sec-websocket-protocol", "graphql-sse")],
        vec![("sec-websocket-protocol", "GRAPHQL-WS")],
        vec![("sec-websocket-protocol", "GRAPHQL-TRANSPORT-WS")],
        vec![("sec-websocket-protocol", "")],
    ] {
        let refused = Client::ask_with(connect().await, &headers).await.err().expect("no socket");
        assert!(refused.status == 400 && refused.request_id, "{headers:?} {refused:?}");
    }
    let both = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    let mut client = Client::ask_with(connect().await, &both).await.expect("a socket");
    client.init(&world.reader().token()).await;
}

#[tokio::test]
async fn requests_that_are_none_for_a_socket_are_refused_in_json() {
    let world = gateway(|_| {}).await;
    let good = get("/graphql").replace(
        "\r\n\r\n",
        &format!(
            "\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: {PROTOCOL}\r\n\r\n"
        ),
    );
    for (from, to) in [
        ("GET", "PUT"),
        ("GET", "DELETE"),
        ("connection: upgrade", "connection: keep-alive"),
        ("version: 13", "version: 8"),
        ("sec-websocket-version: 13\r\n", ""),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut wire = Wire::to(world.address()).await;
        let answer = wire.ask(&good.replace(from, to)).await.expect("an answer");
        assert_eq!(answer.status, 400, "{to}: {}", answer.head);
        assert!(
            answer.header("x-request-id").is_some() && answer.body.contains("BAD_REQUEST"),
            "{}",
            answer.body
        );
        assert!(answer.header("content-type").is_some_and(|it| it.starts_with("application/json")));
    }
    let mut wire = Wire::to(world.address()).await;
    wire.send(&good).await;
    assert!(wire.head().await.expect("an answer").starts_with("http/1.1 101"));
    // Elsewhere there are none.
    let mut wire = Wire::to(world.address()).await;
    assert_eq!(wire.ask(&good.replace("/graphql", "/healthz")).await.expect("an answer").status, 200);
}
