//! Import from other systems: our own REST routes speak the shapes of the sources, behind a server that fails in between.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::Utc;
use contact_gateway::{
    auth::{Caller, RequestContext, Scopes},
    files::Format,
    transfer::{
        Kind, Session, export,
        import::{Counts, ImportError, run_source},
        source::{Access, Source, SourceError},
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use uuid::Uuid;

use crate::support::{HOME, OTHER, World, on_both};

on_both!(
    partners_come_whole_and_once,
    account_contacts_come_whole_and_once,
    organization_contacts_come_whole_and_once,
    a_refusal_and_another_shape_end_the_import,
);

/// A server in front of the gateway's routes: of five answers one is 429, one 503, one is cut and one is slow.
struct Unreliable {
    address: String,
    requests: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Unreliable {
    async fn before(world: &World) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (requests, gateway) = (Arc::<AtomicUsize>::default(), world.address().to_string());
        let counted = Arc::clone(&requests);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut answers = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let number = counted.fetch_add(1, Relaxed);
                answers.spawn(answer(client, number, gateway.clone()));
            }
        });
        Self { address, requests, _tasks: tasks }
    }
}

/// Answers one request, and closes the connection.
async fn answer(mut client: TcpStream, number: usize, gateway: String) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(length @ 1..) => request.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    let failure = match number % 5 {
        0 => Some("429 Too Many Requests\r\nretry-after: 0"),
        1 => Some("503 Service Unavailable"),
        _ => None,
    };
    if let Some(failure) = failure {
        let response = format!("HTTP/1.1 {failure}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = client.write_all(response.as_bytes()).await;
        return;
    }
    if number % 5 == 3 {
        sleep(Duration::from_millis(200)).await;
    }
    let (status, headers, body) = forward(&String::from_utf8_lossy(&request), &gateway).await;
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    let sent = if number % 5 == 2 { length / 2 } else { length };
    let _ = client.write_all(&[head.as_bytes(), &body[..sent]].concat()).await;
    let _ = client.shutdown().await;
}

/// Sends the request to the gateway: the status, the headers of paging and the body.
async fn forward(request: &str, gateway: &str) -> (u16, String, Vec<u8>) {
    let mut lines = request.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a path");
    let token = lines.find_map(|line| line.strip_prefix("authorization: ")).expect("a token");
    let answer = reqwest::Client::new().get(format!("http://{gateway}{path}")).header("authorization", token);
    let answer = answer.send().await.expect("an answer");
    let mut headers = String::new();
    for name in ["x-current-page", "x-total-pages"] {
        if let Some(value) = answer.headers().get(name) {
            let _ = write!(headers, "{name}: {}\r\n", value.to_str().expect("text"));
        }
    }
    let status = answer.status().as_u16();
    (status, headers, answer.bytes().await.expect("a body").to_vec())
}

fn session(world: &World, organization: i64) -> Session {
    let caller = Caller {
        subject: "importer".to_owned(),
        scopes: Scopes::all(),
        organizations: vec![organization],
        organization: Some(organization),
        expires_at: Utc::now(),
        claims_read: None,
    };
    let request = |caller| RequestContext::new(Uuid::now_v7().to_string(), Utc::now(), caller);
    Session::new(&world.db, caller, request)
}

async fn import(world: &World, access: &Access) -> Result<Counts, ImportError> {
    run_source(&session(world, HOME), access, None, false, &mut |_| {}).await
}

/// Writes records into the other organization.
async fn fill(world: &World, kind: Kind, content: &str) {
    use contact_gateway::transfer::{
        columns::Rules,
        import::{Options, run},
    };

    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("rows.csv");
    std::fs::write(&input, content).expect("a file");
    let options = Options {
        kind: Some(kind),
        input,
        format: None,
        encoding: None,
        delimiter: None,
        rules: Rules::default(),
        rejects: None,
        is_dry_run: false,
        is_resumed: false,
    };
    let counts = run(&session(world, OTHER), &options, &mut |_| {}).await.expect("an import");
    assert_eq!(counts.rejected, 0);
}

/// The records of a kind without ids, in the order of their texts.
async fn records(world: &World, organization: i64, kind: Kind) -> Vec<String> {
    let options = export::Options {
        kind: Some(kind),
        format: Format::JsonLines,
        search: None,
        changed_since: None,
        escapes_formulas: false,
    };
    let mut out = Vec::new();
    export::run(&session(world, organization), &options, &mut out).await.expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    let without_ids = text.lines().map(|line| {
        let mut object: Value = serde_json::from_str(line).expect("JSON");
        let members = object.as_object_mut().expect("an object");
        members.remove("id");
        members.remove("remoteId");
        object.to_string()
    });
    let mut records: Vec<String> = without_ids.collect();
    records.sort_unstable();
    records
}

fn access(world: &World, source: Source, address: &str) -> Access {
    Access {
        source,
        url: address.parse().expect("a URL"),
        token: world.other().token(),
        organization: Some(OTHER.to_string()),
    }
}

/// Imports twice and compares.
async fn comes_whole_and_once(world: &World, source: Source, count: u64) {
    let server = Unreliable::before(world).await;
    let access = access(world, source, &server.address);
    let first = import(world, &access).await.expect("an import");
    assert_eq!(first, Counts { created: count, ..Counts::default() });
    assert!(server.requests.load(Relaxed) > 4);
    let kind = source.kind();
    assert_eq!(records(world, HOME, kind).await, records(world, OTHER, kind).await);
    let again = world.nothing_written(import(world, &access)).await.expect("an import");
    assert_eq!(again, Counts { unchanged: count, ..Counts::default() });
}

async fn partners_come_whole_and_once(world: World) {
    let rows: String = (0..450).map(|number| format!("r{number},Partner {number}\n")).collect();
    fill(&world, Kind::Partners, &format!("remoteId,name\n{rows}")).await;
    comes_whole_and_once(&world, Source::Stuut, 450).await;
}

async fn account_contacts_come_whole_and_once(world: World) {
    let row = |number: usize| {
        let kind = if number.is_multiple_of(3) { "Billing" } else { "" };
        format!("p{number}@x.example,P{number},,+4930{:07},{kind},n{number}\n", 9_018_200 + number)
    };
    let rows: String = (0..230).map(row).collect();
    let content = format!("email,firstName,lastName,phone,contactType,metadata.note\n{rows}");
    fill(&world, Kind::AccountContacts, &content).await;
    comes_whole_and_once(&world, Source::Thena, 230).await;
}

async fn organization_contacts_come_whole_and_once(world: World) {
    let row = |number: usize| format!("{},Name {number},nl,+31 20 {number},\n", 1 + number % 5);
    let rows: String = (0..1050).map(row).collect();
    let content = format!("type,name,country,phone,purchaseOrderNumber\n{rows}6,Invoice,,,PO-7\n");
    fill(&world, Kind::OrganizationContacts, &content).await;
    comes_whole_and_once(&world, Source::Emnify, 1051).await;
}

async fn a_refusal_and_another_shape_end_the_import(world: World) {
    let gateway = format!("http://{}", world.address());
    let mut refused = access(&world, Source::Stuut, &gateway);
    refused.token = "nobody's".to_owned();
    let result = world.nothing_written(import(&world, &refused)).await;
    let is_refused = matches!(result, Err(ImportError::Source(SourceError::Status { status: 401, .. })));
    assert!(is_refused, "{result:?}");
    let mut elsewhere = access(&world, Source::Stuut, "http://db.example");
    let result = import(&world, &elsewhere).await;
    assert!(matches!(result, Err(ImportError::Source(SourceError::Insecure))), "{result:?}");
    elsewhere.source = Source::Emnify;
    elsewhere.url = gateway.parse().expect("a URL");
    elsewhere.organization = None;
    let result = import(&world, &elsewhere).await;
    assert!(matches!(result, Err(ImportError::Source(SourceError::NoOrganization))), "{result:?}");
}
