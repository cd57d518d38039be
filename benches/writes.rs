//! The cost of writes over HTTP on PostgreSQL: `CONTACT_GATEWAY_BENCH_POSTGRES=postgres://… cargo bench --bench writes`.
//!
//! The URL names a server on which databases can be made; each figure has a new one. 32 clients, each of which sends its
//! next request when it has its answer, create internal contacts, or upsert account contacts by 100 and by 1,000, in one
//! organization and each in an organization of its own. CONTACT_GATEWAY_BENCH_BINARY names another build of the gateway
//! to compare with; CONTACT_GATEWAY_BENCH_SECONDS says how long each figure takes (15).

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::{
    env,
    net::TcpListener,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Client;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};
use url::Url;

const CLIENTS: usize = 32;
/// How many connections the gateway has to the database.
const POOL: usize = 10;
const SECRET: &str = "0123456789abcdef0123456789abcdef";

const CREATE: &str = "mutation ($input: CreateInternalContactInput!) {
    createInternalContact(input: $input) { internalContact { id } assignment { id } userErrors { message } } }";
const UPSERT: &str = "mutation ($input: UpsertAccountContactsInput!) {
    upsertAccountContacts(input: $input) { created userErrors { message } } }";

/// What a client writes at once.
#[derive(Clone, Copy)]
enum Write {
    InternalContact,
    AccountContacts(usize),
}

const WRITES: [(&str, Write); 3] = [
    ("createInternalContact", Write::InternalContact),
    ("upsertAccountContacts, 100 rows", Write::AccountContacts(100)),
    ("upsertAccountContacts, 1,000 rows", Write::AccountContacts(1_000)),
];

impl Write {
    /// The request with this number.
    fn request(self, number: usize) -> Value {
        match self {
            Self::InternalContact => json!({ "query": CREATE, "variables": { "input": {
                "email": format!("Grace.Hopper.{number}@example.com"), "givenName": format!("Grace {number}"),
                "familyName": "Hopper", "internalRole": "CSM", "jobTitle": "Rear admiral",
            } } }),
            Self::AccountContacts(rows) => {
                let row = |row: usize| {
                    let number = number * rows + row;
                    json!({
                        "remoteId": format!("crm-{number}"), "email": format!("Grace.Hopper.{number}@example.com"),
                        "firstName": format!("Grace {number}"), "lastName": "Hopper",
                    })
                };
                let rows: Vec<Value> = (0..rows).map(row).collect();
                json!({ "query": UPSERT, "variables": { "input": { "rows": rows } } })
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let server = env::var("CONTACT_GATEWAY_BENCH_POSTGRES");
    let Ok(server) = server else { return println!("CONTACT_GATEWAY_BENCH_POSTGRES names no server") };
    let seconds = env::var("CONTACT_GATEWAY_BENCH_SECONDS").ok().and_then(|it| it.parse().ok());
    let span = Duration::from_secs(seconds.unwrap_or(15));
    println!(
        "| by {CLIENTS} clients, a second | one organization | {CLIENTS} organizations |\n|---|---|---|"
    );
    for (name, write) in WRITES {
        let mut cells = Vec::new();
        for organizations in [1, CLIENTS] {
            let gateway = Gateway::start(&server).await;
            cells.push(gateway.sender.load(write, organizations, span).await);
            gateway.stop(&server).await;
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// `contact-gateway serve` on a database of its own with 32 organizations.
struct Gateway {
    child: Child,
    sender: Sender,
    database: String,
    _folder: TempDir,
}

/// What sends requests to it.
#[derive(Clone)]
struct Sender {
    client: Client,
    url: String,
    token: String,
}

impl Gateway {
    async fn start(server: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
        let database: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let database = format!("bench_{}", database.to_lowercase());
        on_server(server, &format!("CREATE DATABASE {database}")).await;
        let mut url: Url = server.parse().expect("a URL");
        url.set_path(&database);
        let address = free_address();
        let settings = [
            ("HTTP__LISTEN", address.clone()),
            ("DATABASE__URL", url.to_string()),
            ("DATABASE__MAX_CONNECTIONS", POOL.to_string()),
            // Clients wait for each other here, and are not refused.
            ("DATABASE__ACQUIRE_TIMEOUT", "60s".to_owned()),
            ("DATABASE__STATEMENT_TIMEOUT", "60s".to_owned()),
            ("LIMITS__REQUEST_TIMEOUT", "60s".to_owned()),
            ("AUTH__ISSUER", "bench".to_owned()),
            ("AUTH__AUDIENCE", "contact-gateway".to_owned()),
            ("AUTH__ALGORITHM", "HS256".to_owned()),
            ("AUTH__SECRET", SECRET.to_owned()),
            ("LOG__LEVEL", "error".to_owned()),
        ];
        let command = |arguments: &[&str]| {
            let binary = env::var("CONTACT_GATEWAY_BENCH_BINARY");
            let mut command =
                Command::new(binary.as_deref().unwrap_or(env!("CARGO_BIN_EXE_contact-gateway")));
            command.args(arguments).current_dir(folder.path());
            let variables = settings.iter().map(|(name, value)| (format!("CONTACT_GATEWAY__{name}"), value));
            command.envs(variables);
            command
        };
        let migrated = command(&["migrate", "up"]).output().expect("the binary");
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let child = command(&["serve"]).spawn().expect("the binary");
        let sender = Sender { client: Client::new(), url: format!("http://{address}"), token: token() };
        while sender.client.get(format!("{}/readyz", sender.url)).send().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..CLIENTS {
            let query =
                "mutation { createOrganization(input: { name: \"Bench\" }) { userErrors { message } } }";
            sender.send(None, &json!({ "query": query })).await;
        }
        Self { child, sender, database, _folder: folder }
    }

    /// Ends it and drops its database.
    async fn stop(mut self, server: &str) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("a process that ended");
        on_server(server, &format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }
}

impl Sender {
    /// Sends a request that succeeds.
    async fn send(&self, organization: Option<usize>, request: &Value) {
        let mut post = self.client.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        if let Some(organization) = organization {
            post = post.header("x-org-id", format!("org_{organization}"));
        }
        let answer = post.json(request).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        assert!(status == 200 && text.contains("\"userErrors\":[]"), "{status} {text}");
    }

    /// What the clients saw.
    async fn load(&self, write: Write, organizations: usize, span: Duration) -> String {
        let (turn, begin) = (Arc::new(AtomicUsize::new(0)), Instant::now());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (sender, turn) = (self.clone(), Arc::clone(&turn));
            clients.spawn(async move {
                let mut times = Vec::new();
                while begin.elapsed() < span {
                    let request = write.request(turn.fetch_add(1, Relaxed));
                    let sent = Instant::now();
                    sender.send(Some(1 + number % organizations), &request).await;
                    times.push(sent.elapsed());
                }
                times
            });
        }
        let mut times = clients.join_all().await.concat();
        let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
        times.sort_unstable();
        let [half, most] = [50, 99].map(|percent| times[times.len() * percent / 100]);
        format!("{rate:.1} (p50 {half:.1?}, p99 {most:.1?})")
    }
}

async fn on_server(server: &str, sql: &str) {
    let connection = Database::connect(server).await.expect("the server");
    connection.execute_unprepared(sql).await.expect(sql);
    connection.close().await.expect("a closed connection");
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// The context of a caller with all scopes in all organizations.
fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let organizations: Vec<usize> = (1..=CLIENTS).collect();
    let claims = json!({ "iss": "bench", "aud": "contact-gateway", "sub": "bench", "orgs": organizations,
        "iat": now, "exp": now + 7200, "scope": "contacts:read contacts:write org:admin" });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token")
}
