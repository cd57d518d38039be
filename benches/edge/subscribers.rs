//! Many subscribers to the same contacts, and the delay of their events.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{Duration, Instant, sleep, timeout},
};

use crate::{
    client::{Connection, graphql},
    load::percentile,
};

/// Changes that are made, one after another.
const CHANGES: usize = 30;
/// The longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(30);

const SUBSCRIBE: &str =
    "subscription { contactChanged { cursor contact { id displayName email } change { action fields } } }";

/// Clients with an open subscription each.
pub(crate) struct Subscribers {
    count: usize,
    received: mpsc::UnboundedReceiver<Instant>,
    _tasks: JoinSet<()>,
}

impl Subscribers {
    /// Opens the subscriptions, over server-sent events.
    pub(crate) async fn connect(count: usize, address: SocketAddr, token: &str) -> Self {
        let request = String::from_utf8(graphql(token, SUBSCRIBE)).expect("a request");
        let request = request.replace("application/graphql-response+json", "text/event-stream");
        let (sender, received) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(request.as_bytes()).await.expect("a request");
            let mut head = [0; 16 * 1024];
            let read = stream.read(&mut head).await.expect("an answer");
            assert!(head[..read].starts_with(b"HTTP/1.1 200"));
            tasks.spawn(read_events(stream, sender.clone()));
        }
        Self { count, received, _tasks: tasks }
    }

    /// Makes changes, and returns the delays from each request to its first, its median and its last event.
    pub(crate) async fn delays(&mut self, address: SocketAddr, token: &str) -> [Duration; 3] {
        let mut connection = Connection::to(address).await;
        let mut delays = [const { Vec::new() }; 3];
        for number in 0..CHANGES {
            let document = format!(
                "mutation {{ createOrganizationContact(input: {{ type: FINANCE, name: \"{number}\" }}) {{ userErrors {{ code }} }} }}"
            );
            let begin = Instant::now();
            connection.ask(&graphql(token, &document)).await.expect("an answer");
            let mut times = Vec::new();
            for _ in 0..self.count {
                let at = timeout(PATIENCE, self.received.recv()).await.expect("in time").expect("an event");
                times.push(at - begin);
            }
            times.sort_unstable();
            for (place, percent) in [0.0, 50.0, 100.0].into_iter().enumerate() {
                delays[place].push(percentile(&times, percent));
            }
            sleep(Duration::from_millis(100)).await;
        }
        delays.map(|mut times| {
            times.sort_unstable();
            percentile(&times, 50.0)
        })
    }
}

/// Says when each event came.
async fn read_events(mut stream: TcpStream, received: mpsc::UnboundedSender<Instant>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        let events = bytes[..read].windows(12).filter(|it| it == b"event: next\n").count();
        for _ in 0..events {
            // The bench may be over.
            let _ = received.send(Instant::now());
        }
    }
}
