//! Addresses of clients behind trusted proxies: in limits, and in the access log.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use contact_gateway::config::Network;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    process::{Process, command, run},
    support::{Reply, World},
};

/// The status of an attempt to exchange an application token, with this header.
async fn attempt(world: &World, forwarded: &str) -> u16 {
    let request =
        world.anonymous().request(Method::POST, "/api/v1/authenticate").header("x-forwarded-for", forwarded);
    Reply::of(request.json(&json!({ "application_token": "x" }))).await.status.as_u16()
}

#[tokio::test]
async fn limits_are_those_of_the_client_behind_a_trusted_proxy() {
    let world = World::on_sqlite().await;
    let limited = world.restarted(|config| config.app_tokens.attempts_per_minute = 1).await;
    assert_eq!([attempt(&limited, "203.0.113.1").await, attempt(&limited, "203.0.113.2").await], [401, 429]);

    let network: Network = "127.0.0.0/8".parse().expect("a network");
    let trusting = limited.restarted(|config| config.http.trusted_proxies = vec![network]).await;
    assert_eq!(
        [attempt(&trusting, "203.0.113.1").await, attempt(&trusting, "203.0.113.2").await],
        [401, 401]
    );
    // What a client writes before the address that the proxy saw changes nothing.
    assert_eq!(attempt(&trusting, "203.0.113.9, 203.0.113.1").await, 429);
    assert_eq!(attempt(&trusting, "203.0.113.3, 127.0.0.2").await, 401);
}

#[tokio::test]
async fn the_access_log_has_the_address_of_the_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[http]\nlisten = \"127.0.0.1:0\"\nforwarded = \"forwarded\"\n[database]\nurl = \"sqlite://gateway.db?mode=rwc\"\n\
                [auth]\nissuer = \"tests\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\n\
                secret = \"0123456789abcdef0123456789abcdef\"\n";
    fs::write(folder.path().join("gateway.toml"), text).expect("a file");
    let migrated = run(command(folder.path(), ["migrate", "up", "--config", "gateway.toml"])).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let mut serving = command(folder.path(), ["serve", "--config", "gateway.toml"]);
    serving.env("CONTACT_GATEWAY__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1");
    let (log, writer) = std::io::pipe().expect("a pipe");
    serving.stderr(Stdio::from(writer)).stdout(Stdio::null());
    let process = Process::spawn(serving);
    let mut lines = BufReader::new(log)
        .lines()
        .map_while(Result::ok)
        .map(|line| serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("no JSON: {line}")));
    let address =
        lines.find_map(|line| line["fields"]["address"].as_str().map(str::to_owned)).expect("an address");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (forwarded, expected) in
        [("for=203.0.113.9;proto=https", "203.0.113.9"), ("for=unknown", "127.0.0.1")]
    {
        let request = client.get(format!("http://{address}/healthz")).header("forwarded", forwarded);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
        let line = lines.find(|line| line["target"] == "contact_gateway::access").expect("a line");
        assert_eq!(line["fields"]["client_address"], expected, "{line}");
    }
    process.ask_to_stop();
    assert_eq!(process.ended().await, Some(0));
}
