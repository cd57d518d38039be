//! Many clients for a while, and the responses that they got.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::client::Connection;

/// What is sent, by how many, how often.
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Requests a second of all connections together; without one, each sends its next when it has its answer.
    pub(crate) rate: Option<f64>,
    /// They are sent in turn.
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    pub(crate) span: Duration,
}

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Seen {
    span: Duration,
    /// How long the answers of each status took, from the moment that they were asked for.
    times: BTreeMap<u16, Vec<Duration>>,
    /// Requests on a connection that ended without an answer.
    pub(crate) cut: usize,
}

impl Load {
    /// Sends all of it and waits for the answers.
    pub(crate) async fn run(self, address: SocketAddr) -> Seen {
        let (begin, turn) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..self.connections {
            let client = Client {
                address,
                begin,
                turn: Arc::clone(&turn),
                rate: self.rate,
                requests: Arc::clone(&self.requests),
                end: begin + self.span,
            };
            clients.spawn(client.run());
        }
        let mut all = Seen { span: self.span, ..Seen::default() };
        while let Some(seen) = clients.join_next().await {
            all.add(seen.expect("a client"));
        }
        for times in all.times.values_mut() {
            times.sort_unstable();
        }
        all
    }
}

struct Client {
    address: SocketAddr,
    begin: Instant,
    /// Which request is the next, of those of all clients.
    turn: Arc<AtomicUsize>,
    rate: Option<f64>,
    requests: Arc<Vec<Vec<u8>>>,
    end: Instant,
}

impl Client {
    async fn run(self) -> Seen {
        let mut seen = Seen::default();
        let mut connection = None;
        loop {
            let turn = self.turn.fetch_add(1, Relaxed);
            if let Some(rate) = self.rate {
                let seconds = f64::from(u32::try_from(turn).expect("fewer requests")) / rate;
                sleep_until((self.begin + Duration::from_secs_f64(seconds)).min(self.end)).await;
            }
            if Instant::now() >= self.end {
                return seen;
            }
            let mut open = match connection.take() {
                Some(open) => open,
                None => match Connection::try_to(self.address).await {
                    Ok(open) => open,
                    // The gateway has stopped.
                    Err(_) => return seen,
                },
            };
            let begin = Instant::now();
            match open.ask(&self.requests[turn % self.requests.len()]).await {
                Some(answer) => {
                    seen.times.entry(answer.status).or_default().push(begin.elapsed());
                    if !answer.last {
                        connection = Some(open);
                    }
                }
                None => seen.cut += 1,
            }
        }
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        for (status, times) in other.times {
            self.times.entry(status).or_default().extend(times);
        }
        self.cut += other.cut;
    }

    pub(crate) fn count(&self, status: u16) -> usize {
        self.times.get(&status).map_or(0, Vec::len)
    }

    /// Answers of status 200 a second.
    pub(crate) fn goodput(&self) -> f64 {
        self.count(200) as f64 / self.span.as_secs_f64()
    }

    /// How long the answers of a status took at most, but for the slowest.
    pub(crate) fn percentile(&self, status: u16, percent: f64) -> Duration {
        percentile(self.times.get(&status).map_or(&[][..], Vec::as_slice), percent)
    }

    /// The part of the answers of a status that took no longer than this.
    pub(crate) fn within(&self, status: u16, limit: Duration) -> f64 {
        let times = self.times.get(&status).map_or(&[][..], Vec::as_slice);
        times.partition_point(|time| *time <= limit) as f64 / times.len().max(1) as f64
    }
}

/// How long sorted times take at most, but for the longest of them.
pub(crate) fn percentile(times: &[Duration], percent: f64) -> Duration {
    let index = (times.len() as f64 * percent / 100.0) as usize;
    times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for status in self.times.keys() {
            let [half, most, longest] = [50.0, 99.0, 100.0].map(|it| self.percentile(*status, it));
            let rate = self.count(*status) as f64 / self.span.as_secs_f64();
            write!(f, "{status}: {rate:.0}/s, p50 {half:.1?}, p99 {most:.1?}, max {longest:.1?}; ")?;
        }
        write!(f, "cut {}", self.cut)
    }
}
