//! SIGHUP: a running gateway applies a new configuration without cutting a request.

use std::{
    fs::{self, File},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::Utc;
use contact_gateway::auth::{Scopes, Signer};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::process::{Client, Process, command, run};

const FILE: &str = "gateway.toml";
pub(crate) const LOG: &str = "log";
const SECRET: &str = "a secret of the tests that nobody may see";
const PATIENCE: Duration = Duration::from_secs(30);
const RELOADED: &str = "configuration reloaded";
const READ: &str = "{ viewer { subject } organizations(first: 1) { nodes { name } } }";

/// `contact-gateway serve` on SQLite.
pub(crate) struct Gateway {
    pub(crate) folder: TempDir,
    pub(crate) process: Process,
    address: SocketAddr,
}

impl Gateway {
    async fn start(issuers: &[&str]) -> Self {
        Self::configured(issuers, "").await
    }

    /// With more settings, one organization and nothing else.
    pub(crate) async fn configured(issuers: &[&str], more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        configure(&folder, issuers, more);
        let create = ["org", "create", "--name", "Initech", "--config", FILE];
        for arguments in [&["migrate", "up", "--config", FILE][..], &create] {
            let finished = run(command(folder.path(), arguments)).await;
            assert_eq!(finished.code, Some(0), "{finished:?}");
        }
        let mut serve = command(folder.path(), ["serve", "--config", FILE]);
        serve.stderr(File::create(folder.path().join(LOG)).expect("a log"));
        let process = Process::spawn(serve);
        let listening = logged(&folder, "listening", 1).await;
        let address = listening["address"].as_str().expect("an address").parse().expect("an address");
        Self { folder, process, address }
    }

    /// A client with a token of this issuer.
    pub(crate) fn client(&self, issuer: &str) -> Client {
        let signer = Signer::with_secret(issuer, "gateway", SECRET.as_bytes()).expect("a signer");
        let token = signer.mint("ada", &[1], Scopes::all(), Duration::from_mins(10), Utc::now());
        Client::at(self.address, token.expect("a token"))
    }

    async fn accepts(&self, issuer: &str) -> bool {
        let answer = self.client(issuer).answer(READ, json!({})).await.expect("an answer");
        match &answer["errors"][0]["extensions"]["code"] {
            Value::Null => true,
            code => {
                assert_eq!(code, "UNAUTHENTICATED", "{answer}");
                false
            }
        }
    }
}

/// Writes the configuration, with issuers of these names.
fn configure(folder: &TempDir, issuers: &[&str], more: &str) {
    let issuers: String = issuers
        .iter()
        .map(|name| {
            format!(
                "[[auth.issuers]]\nissuer = \"{name}\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n"
            )
        })
        .collect();
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite://gateway.db?mode=rwc\"\n{issuers}{more}"
    );
    fs::write(folder.path().join(FILE), text).expect("a file");
}

/// Waits for the line of the log with this message that is the `count`-th, and returns its fields.
async fn logged(folder: &TempDir, message: &str, count: usize) -> Value {
    let search = async {
        loop {
            let log = fs::read_to_string(folder.path().join(LOG)).expect("a log");
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut fields = lines.map(|line| line["fields"].clone()).filter(|it| it["message"] == message);
            if let Some(fields) = fields.nth(count - 1) {
                return fields;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{message:?} was not logged {count} times"))
}

/// Clients that each send requests until they are told to stop, ten at least. Each request must be answered with data.
struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(gateway: &Gateway) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut clients = JoinSet::new();
        for _ in 0..4 {
            let (client, stop) = (gateway.client("kept"), Arc::clone(&stop));
            clients.spawn(async move {
                let mut count = 0;
                while count < 10 || !stop.load(Relaxed) {
                    let data = client.ask(READ, json!({})).await.expect("a whole response");
                    assert_eq!(data["viewer"]["subject"], "ada");
                    count += 1;
                }
            });
        }
        Self { stop, clients }
    }

    async fn stop(self) {
        self.stop.store(true, Relaxed);
        self.clients.join_all().await;
    }
}

#[tokio::test]
async fn issuers_are_replaced_under_load() {
    let gateway = Gateway::start(&["kept", "first"]).await;
    assert!(gateway.accepts("first").await && !gateway.accepts("second").await);
    let load = Load::start(&gateway);
    let issuers = ["second", "first"].into_iter().cycle();
    for (number, issuer) in issuers.take(9).enumerate() {
        configure(&gateway.folder, &["kept", issuer], "");
        gateway.process.signal("HUP");
        logged(&gateway.folder, RELOADED, number + 1).await;
    }
    assert!(gateway.accepts("second").await && !gateway.accepts("first").await);
    load.stop().await;
    gateway.process.ask_to_stop();
    assert_eq!(gateway.process.ended().await, Some(0));
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing() {
    let gateway = Gateway::start(&["kept", "first"]).await;
    let load = Load::start(&gateway);
    for (number, (text, reason)) in [
        ("[limits]\ncost = 0", "limits.cost: \"0\" is not valid"),
        ("[documents]\nmanifest = \"absent.json\"", "documents.manifest"),
        ("no TOML", "is not valid TOML"),
    ]
    .into_iter()
    .enumerate()
    {
        configure(&gateway.folder, &["kept", "second"], text);
        gateway.process.signal("HUP");
        let message = "configuration not reloaded; nothing has changed";
        let fields = logged(&gateway.folder, message, number + 1).await;
        let error = fields["error"].as_str().expect("an error");
        assert!(error.contains(reason) && !error.contains(SECRET), "{error}");
        assert!(gateway.accepts("first").await && !gateway.accepts("second").await);
    }
    fs::remove_file(gateway.folder.path().join(FILE)).expect("a file");
    gateway.process.signal("HUP");
    logged(&gateway.folder, "configuration not reloaded; nothing has changed", 4).await;
    assert!(gateway.accepts("first").await);
    load.stop().await;
}

#[tokio::test]
async fn limits_apply_and_other_settings_wait_for_a_restart() {
    let gateway = Gateway::start(&["kept"]).await;
    let client = gateway.client("kept");
    let cost_of_two =
        "{ a: organizations(first: 100) { nodes { id } } b: organizations(first: 100) { nodes { id } } }";
    assert!(client.ask(cost_of_two, json!({})).await.is_some());
    configure(&gateway.folder, &["kept"], "[limits]\ncost = 10\nconcurrency = 7\n[log]\nformat = \"text\"");
    gateway.process.signal("HUP");
    let message = "configuration reloaded except for these settings, which need a restart";
    let fields = logged(&gateway.folder, message, 1).await;
    assert_eq!(fields["settings"], "limits.concurrency, log.format");
    let refused = client.answer(cost_of_two, json!({})).await.expect("an answer");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{refused}");
}

#[tokio::test]
async fn the_fixed_organization_of_an_issuer_that_does_not_exist_is_reported() {
    let issuer = format!(
        "[[auth.issuers]]\nissuer = \"fixed\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n\
         organization = "
    );
    let gateway = Gateway::configured(&["kept"], &format!("{issuer}\"org_99\"")).await;
    let message = "the organization of an issuer does not exist; create it, or change the setting organization of the issuer";
    let fields = logged(&gateway.folder, message, 1).await;
    assert_eq!((&fields["issuer"], &fields["organization"]), (&json!("fixed"), &json!("org_99")));
    for (number, organization) in ["org_1", "acme"].into_iter().enumerate() {
        configure(&gateway.folder, &["kept"], &format!("{issuer}\"{organization}\""));
        gateway.process.signal("HUP");
        logged(&gateway.folder, RELOADED, number + 1).await;
    }
    assert_eq!(logged(&gateway.folder, message, 2).await["organization"], "acme");
}

#[tokio::test]
async fn the_level_of_the_log_changes() {
    let gateway = Gateway::start(&["kept"]).await;
    let request = async |id: &str| {
        let request = gateway.client("kept").request(Method::GET, "healthz").header("x-request-id", id);
        assert_eq!(request.send().await.expect("a response").status(), 200);
    };
    request("before-the-reload").await;
    configure(&gateway.folder, &["kept"], "[log]\nlevel = \"info,contact_gateway::access=off\"");
    gateway.process.signal("HUP");
    logged(&gateway.folder, RELOADED, 1).await;
    request("after-the-reload").await;
    gateway.process.ask_to_stop();
    assert_eq!(gateway.process.ended().await, Some(0));
    let log = fs::read_to_string(gateway.folder.path().join(LOG)).expect("a log");
    assert!(log.contains("before-the-reload") && !log.contains("after-the-reload"), "{log}");
}
