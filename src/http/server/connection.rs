//! One connection from its acceptance to its end: hyper reads and writes, this watches over the time it takes.
//!
//! hyper's own limit for heads begins when a connection falls idle, and it has none for answers that nobody takes; so
//! there is one watch over all of it.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};
use tower::ServiceExt;

use super::{
    Options, Routes, Stats,
    activity::{Activity, Answer, Socket, Turn},
    handle::{ConnectionHandle, connection_handle},
    seats::Seat,
    watch::{Phase, Watch},
};

/// The most bytes of a request's head, and of what is read ahead of a body (HTTP/1; more is 431).
const BUFFER: usize = 32 * 1024;
/// The most bytes of a request's head in HTTP/2 (more is 431).
const HEAD: u32 = 32 * 1024;
/// How many requests an HTTP/2 connection may have under way.
const STREAMS: u32 = 128;
/// How much of one body a client may send before it was read (HTTP/2), and of all bodies of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of one answer waits in memory for the client (HTTP/2).
const SEND_BUFFER: usize = 256 * 1024;
/// How many requests a client may take back before they were looked at (HTTP/2); it loses the connection then.
const RESETS: usize = 20;
/// When the other side of an HTTP/2 connection is asked whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long a connection without a request stays open when the server stops: a request that is on its way to it by then
/// is answered.
pub(super) const GRACE: Duration = Duration::from_millis(500);
/// How often is looked while the server stops.
const TICK: Duration = Duration::from_millis(50);

/// hyper, as it serves all connections.
pub(super) type Protocol = auto::Builder<TokioExecutor>;

pub(super) fn protocol(options: &Options) -> Protocol {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    // The case of a request's header names is kept for answers to upgrade requests.
    protocol.http1().header_read_timeout(None).max_buf_size(BUFFER).preserve_header_case(true);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(options.write_timeout);
    protocol
}

/// Serves a connection until it ends, fails, breaks a deadline or, after `stop`, has nothing more to do.
pub(super) async fn serve(
    stream: TcpStream,
    (activity, seat): (Arc<Activity>, Seat),
    routes: Routes,
    protocol: Arc<Protocol>,
    options: Options,
    stats: Arc<Stats>,
    stop: watch::Receiver<bool>,
) {
    let _open = Open::count(&stats);
    let seat = Arc::new(seat);
    let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&activity)));
    let (handle, then) = connection_handle(stop.clone(), Arc::clone(&seat));
    let service_activity = Arc::clone(&activity);
    let service = service_fn(move |request| {
        answer(routes.current(), (peer, handle.clone()), &service_activity, request)
    });
    let connection = protocol.serve_connection_with_upgrades(socket, service);
    let served = async {
        drive(connection, &activity, options, &stats, stop).await;
        // Everybody who could have taken the connection over is gone by now, but for the one who has.
        if let Ok(session) = then.await {
            activity.upgrade();
            session.await;
        }
    };
    tokio::select! {
        () = served => {}
        () = seat.evicted() => { stats.evicted.fetch_add(1, Relaxed); }
    }
}

/// Moves a connection on to its end as HTTP.
async fn drive(
    connection: impl GracefulConnection,
    activity: &Activity,
    options: Options,
    stats: &Stats,
    mut stop: watch::Receiver<bool>,
) {
    let now = Instant::now();
    let mut driver = Driver {
        connection: pin!(connection),
        watch: Watch::new(now),
        activity,
        stats,
        timer: pin!(sleep_until(now + options.header_timeout)),
        options,
        stopping: None,
        shutdown_requested: false,
    };
    // A server that is gone without a word has stopped too.
    let mut stop = pin!(async move { stop.wait_for(|stop| *stop).await.is_ok() });
    poll_fn(|cx| {
        if driver.stopping.is_none() && stop.as_mut().poll(cx).is_ready() {
            driver.end(Instant::now());
        }
        driver.poll(cx)
    })
    .await;
}

/// The address at the other end of a connection: a client's, or a proxy's.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Peer(pub(in crate::http) IpAddr);

/// An open connection, until this is dropped.
struct Open<'a>(&'a Stats);

impl<'a> Open<'a> {
    fn count(stats: &'a Stats) -> Self {
        stats.open.fetch_add(1, Relaxed);
        Self(stats)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

fn answer(
    router: Router,
    (peer, handle): (Option<Peer>, ConnectionHandle),
    activity: &Arc<Activity>,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + use<> {
    let multiplexed = request.version() == Version::HTTP_2;
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    request.extensions_mut().insert(if multiplexed { handle.for_stream() } else { handle });
    let turn = Turn::begin(activity, multiplexed);
    async move {
        let response = router.oneshot(request.map(Body::new)).await?;
        Ok(turn.answer(response))
    }
}

/// Moves a connection on and watches over it.
struct Driver<'a, C> {
    connection: Pin<&'a mut C>,
    watch: Watch,
    activity: &'a Activity,
    stats: &'a Stats,
    /// Rings at the next deadline or before: most deadlines are put off before they come, and that costs nothing.
    timer: Pin<&'a mut Sleep>,
    options: Options,
    /// Since when the connection is to end.
    stopping: Option<Instant>,
    /// Whether hyper was asked to shut down.
    shutdown_requested: bool,
}

impl<C: GracefulConnection> Driver<'_, C> {
    /// Ready when the connection is to be dropped, which closes it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let now = Instant::now();
            self.watch.look(self.activity, now);
            if self.should_request_shutdown() {
                self.shutdown_requested = true;
                self.connection.as_mut().graceful_shutdown();
                continue;
            }
            if self.response_deadline().is_some_and(|deadline| deadline <= now) {
                self.stats.count_dropped(Phase::Writing);
                return Poll::Ready(());
            }
            let deadline = self.watch.deadline(&self.options);
            if deadline.is_some_and(|deadline| deadline <= now) && self.watch.is_over(self.activity, now) {
                self.stats.count_dropped(self.watch.phase());
                if !self.ends_politely() {
                    return Poll::Ready(());
                }
                self.end(now);
                continue;
            }
            if self.has_nothing_to_do(now) {
                return Poll::Ready(());
            }
            let next = self.next_look(now);
            if next < self.timer.deadline() || self.timer.is_elapsed() {
                self.timer.as_mut().reset(next);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Until when the client may take the answer that it was given first. A connection of HTTP/2 ends with all of its
    /// requests, because an answer that nobody takes cannot be asked what it does.
    fn response_deadline(&self) -> Option<Instant> {
        self.activity.oldest_answer().map(|begun| begun + self.options.response_timeout)
    }

    /// From now on the connection is to end.
    fn end(&mut self, now: Instant) {
        self.stopping = Some(now);
        self.activity.closing.store(true, Relaxed);
    }

    fn is_multiplexed(&self) -> bool {
        self.activity.multiplexed.load(Relaxed)
    }

    /// hyper closes HTTP/1 at once where no request was read to its head, even when one is on its way; so the shutdown waits
    /// for the first request. HTTP/2 has a protocol for that.
    fn should_request_shutdown(&self) -> bool {
        let working = matches!(self.watch.phase(), Phase::Working | Phase::Writing);
        self.stopping.is_some() && !self.shutdown_requested && (working || self.is_multiplexed())
    }

    /// Whether the client gets a notice before the idle connection closes.
    fn ends_politely(&self) -> bool {
        self.is_multiplexed() && self.watch.phase() == Phase::Idle && self.stopping.is_none()
    }

    /// Whether the connection was to end some time ago, and no request came any more.
    fn has_nothing_to_do(&self, now: Instant) -> bool {
        let waiting = match self.watch.phase() {
            Phase::Idle => true,
            Phase::New => self.is_multiplexed() || self.activity.read.load(Relaxed) == 0,
            Phase::Head | Phase::Working | Phase::Writing => false,
        };
        waiting && self.stopping.is_some_and(|since| now >= since + GRACE)
    }

    /// When to look again, whatever happens until then. An answer of HTTP/2 may come to its end unseen.
    fn next_look(&self, now: Instant) -> Instant {
        let deadline = self.watch.deadline(&self.options).unwrap_or(now + self.options.write_timeout);
        let deadline = self.response_deadline().map_or(deadline, |response| response.min(deadline));
        if self.stopping.is_some() { deadline.min(now + TICK) } else { deadline }
    }
}
