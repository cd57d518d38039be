//! The server loop: accepts connections and serves them over hyper, each within its deadlines and all within a cap.
//!
//! axum's own loop has none of these: a client that sends its headers slowly, or takes its answer slowly, holds its
//! connection for ever there. Imports of the crate who has which share.

mod activity;
mod connection;
mod handle;
mod seats;
mod watch;

use std::{
    io::{self, Read, Write},
    pin::pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch as signal,
    task::JoinSet,
    time::{sleep, timeout},
};

use self::{
    activity::{Activity, HeadMemory},
    connection::{Protocol, protocol},
    seats::Seats,
    watch::Phase,
};
pub(super) use self::{connection::Peer, handle::ConnectionHandle};

/// What one listener grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long the head of a request may take, and a new connection to bring one.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may take for each part of an answer.
    pub write_timeout: Duration,
    /// How long a client may take for a whole answer, or for the events that a stream sends at once.
    pub response_timeout: Duration,
    /// How long requests may still take when the server stops.
    pub shutdown_timeout: Duration,
    /// The most connections that are open at once.
    pub max_connections: usize,
}

/// The connections of one listener, counted.
#[derive(Debug, Default)]
pub struct Stats {
    /// Those that are open.
    pub(super) open: AtomicUsize,
    /// Those that came when all were taken.
    pub(super) refused: AtomicU64,
    /// Those that gave way to newcomers.
    pub(super) evicted: AtomicU64,
    /// Those that were dropped while they waited for a request.
    idle: AtomicU64,
    /// Those that were dropped while they waited for the head of a request.
    head: AtomicU64,
    /// Those that were dropped while they waited for the client to take its answer.
    answer: AtomicU64,
    /// The memory of their incomplete heads.
    heads: Arc<HeadMemory>,
}

impl Stats {
    /// A deadline has ended a connection.
    fn count_dropped(&self, phase: Phase) {
        let count = match phase {
            Phase::New | Phase::Head => &self.head,
            Phase::Idle => &self.idle,
            Phase::Writing => &self.answer,
            Phase::Working => return,
        };
        count.fetch_add(1, Relaxed);
    }

    /// The connections that were dropped, and what they were waiting for.
    pub(super) fn dropped(&self) -> [(&'static str, u64); 3] {
        [("head", &self.head), ("idle", &self.idle), ("answer", &self.answer)]
            .map(|(name, count)| (name, count.load(Relaxed)))
    }
}

/// The routes of a listener. They can be replaced: a request is handled by those that are current when it comes.
#[derive(Clone, Debug)]
pub struct Routes(Arc<RwLock<Router>>);

impl Routes {
    /// From now on these are current. Requests under way are not affected.
    pub fn replace(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    fn current(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }
}

/// How long the loop rests when the system gives it no connection, usually for want of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// The response to a client when all connections are in use.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 0\r\n\r\n";

/// Serves until `stop` is ready. Then no connection is accepted any more, and those that are open end with the request
/// that is under way on them; what is not done by `shutdown_timeout` is cut off. Dropping this cuts everything off.
pub async fn serve(
    listener: TcpListener,
    routes: impl Into<Routes>,
    options: Options,
    stats: Arc<Stats>,
    stop: impl Future<Output = ()>,
) {
    let mut server = Server {
        stats,
        protocol: Arc::new(protocol(&options)),
        routes: routes.into(),
        options,
        seats: Seats::new(options.max_connections),
        connections: JoinSet::new(),
        stop: signal::Sender::new(false),
    };
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream),
                Err(error) => {
                    tracing::warn!(kind = %error.kind(), "cannot accept a connection");
                    sleep(REST).await;
                }
            },
            Some(_) = server.connections.join_next() => {}
        }
    }
    server.take_waiting(listener);
    server.finish().await;
}

struct Server {
    routes: Routes,
    protocol: Arc<Protocol>,
    options: Options,
    stats: Arc<Stats>,
    seats: Arc<Seats>,
    connections: JoinSet<()>,
    stop: signal::Sender<bool>,
}

impl Server {
    /// Serves a connection. When there are too many, one without a token gives way, or this one is refused at once.
    ///
    /// Letting newcomers wait would be worse: a client would hang behind those that fill the server on purpose, and so
    /// would a health check. A rejected client retries, or uses another instance.
    fn take(&mut self, stream: TcpStream) {
        while self.connections.try_join_next().is_some() {}
        let activity = Arc::new(Activity::new(&self.stats.heads));
        let Some(seat) = self.seats.take(&activity) else {
            self.stats.refused.fetch_add(1, Relaxed);
            return refuse(stream);
        };
        if let Err(error) = tune(&stream, &self.options) {
            tracing::debug!(kind = %error.kind(), "cannot set socket options");
        }
        self.connections.spawn(connection::serve(
            stream,
            (activity, seat),
            self.routes.clone(),
            Arc::clone(&self.protocol),
            self.options,
            Arc::clone(&self.stats),
            self.stop.subscribe(),
        ));
    }

    /// Serves the connections that the system has accepted for us, whose clients may have sent a request by now, and
    /// stops listening.
    fn take_waiting(&mut self, listener: TcpListener) {
        // Tokio's own listener would wait for the system to report them.
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, _)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.take(stream);
            }
        }
    }

    /// Lets the connections end.
    async fn finish(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.connections.join_next().await.is_some() {} };
        if timeout(self.options.shutdown_timeout, ended).await.is_err() {
            tracing::warn!(
                connections = self.connections.len(),
                "closed connections that did not finish in time"
            );
            self.connections.shutdown().await;
        }
    }
}

/// How many bytes of answers the system takes for a connection before they are on their way. Without a limit it takes
/// megabytes, for each of a thousand clients that do not read.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// How long the system tries at least to get bytes to a client that does not acknowledge them. By itself it tries for a
/// quarter of an hour, and somebody who listened and vanished would take a place as long.
#[cfg(target_os = "linux")]
const VANISHED: Duration = Duration::from_secs(30);

/// Sets what a client's connection needs of the system.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "other systems have no such options"))]
fn tune(stream: &TcpStream, options: &Options) -> io::Result<()> {
    // Answers are written in one piece; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.set_tcp_user_timeout(Some(options.write_timeout.max(VANISHED)))?;
    }
    Ok(())
}

/// Says no, as far as that takes no time.
fn refuse(stream: TcpStream) {
    // Tokio's own stream would wait for the system to report it as writable.
    let Ok(mut stream) = stream.into_std() else { return };
    // A request that is left unread would make the system take the refusal back.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(REFUSAL);
}
