//! What happens on one connection: counted by its socket, its requests and its answers, and read by the future that
//! watches over it. Knows bytes and counts, no deadlines.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Response, header::CONNECTION},
};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// How a connection with HTTP/2 begins.
const HTTP_2: &[u8] = b"PRI ";

/// How many bytes of an incomplete head cost nothing: most heads are shorter, and the buffer for them is there anyway.
const USUAL_HEAD: usize = 8 * 1024;
/// The most bytes of all incomplete heads together, beyond those.
const HEADS: usize = 8 * 1024 * 1024;

/// The memory of the incomplete heads of all connections of a listener, beyond what is usual.
#[derive(Debug, Default)]
pub(super) struct HeadMemory(AtomicUsize);

impl HeadMemory {
    fn try_take(&self, bytes: usize) -> bool {
        let fits = self.0.fetch_add(bytes, Relaxed) + bytes <= HEADS;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Relaxed);
    }
}

/// The head of a request that is not complete yet.
#[derive(Debug, Default)]
struct Head {
    memory: Arc<HeadMemory>,
    length: AtomicUsize,
    reserved: AtomicUsize,
}

impl Head {
    /// More of it has come. Fails when there is no memory for it. The first bytes reserve nothing: they may be a whole head
    /// with its body.
    fn grow(&self, bytes: usize) -> io::Result<()> {
        let before = self.length.fetch_add(bytes, Relaxed);
        if before == 0 {
            return Ok(());
        }
        let needed = (before + bytes).saturating_sub(USUAL_HEAD);
        let more = needed.saturating_sub(self.reserved.load(Relaxed));
        if more > 0 && !self.memory.try_take(more) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.reserved.fetch_add(more, Relaxed);
        Ok(())
    }

    /// It is complete, or nobody waits for the rest.
    fn end(&self) {
        self.length.store(0, Relaxed);
        self.memory.give_back(self.reserved.swap(0, Relaxed));
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.end();
    }
}

/// The counts of one connection. With HTTP/2, requests count in tasks of their own.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Bytes that came in.
    pub(super) read: AtomicU64,
    /// Bytes that the system took over.
    pub(super) written: AtomicU64,
    /// Whether bytes wait because the system takes no more.
    pub(super) blocked: AtomicBool,
    /// Requests that are being answered.
    pub(super) working: AtomicUsize,
    /// Answers that were not taken over to their end.
    pub(super) sending: AtomicUsize,
    /// Those of them that have nothing to give just now: streams that wait for an event.
    pub(super) waiting: AtomicUsize,
    /// Requests that came to their end, one way or another.
    pub(super) ended: AtomicU64,
    /// Whether the connection carries many requests at once: HTTP/2.
    pub(super) multiplexed: AtomicBool,
    /// Whether the connection is to end.
    pub(super) closing: AtomicBool,
    /// Whether the connection is no longer HTTP.
    upgraded: AtomicBool,
    head: Head,
    /// Since when each of the answers is being sent.
    begun: Mutex<Vec<Instant>>,
}

impl Activity {
    /// A connection whose heads use this memory while they are incomplete.
    pub(super) fn new(heads: &Arc<HeadMemory>) -> Self {
        let (length, reserved) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let head = Head { memory: Arc::clone(heads), length, reserved };
        Self { head, ..Self::default() }
    }

    /// The connection is no longer HTTP: a session uses it until it ends.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Relaxed);
        self.head.end();
        self.sending.fetch_add(1, Relaxed);
    }

    /// Bytes came in: of a head, unless a request is under way whose body they may be. With HTTP/2 they may also belong to the
    /// body of a request that was answered.
    fn receive(&self, bytes: usize) -> io::Result<()> {
        let is_http1 = !self.multiplexed.load(Relaxed) && !self.upgraded.load(Relaxed);
        let is_head = is_http1 && self.working.load(Relaxed) == 0;
        if is_head { self.head.grow(bytes) } else { Ok(()) }
    }

    fn begun(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the oldest of the answers is being sent. The time of a stream restarts with each event.
    pub(super) fn oldest_answer(&self) -> Option<Instant> {
        self.begun().iter().min().copied()
    }
}

/// A request from its head until its answer was taken over, or until it is given up.
pub(super) struct Turn {
    activity: Arc<Activity>,
    answered: bool,
}

impl Turn {
    /// A request whose head is there.
    pub(super) fn begin(activity: &Arc<Activity>, multiplexed: bool) -> Self {
        activity.working.fetch_add(1, Relaxed);
        activity.multiplexed.store(multiplexed, Relaxed);
        activity.head.end();
        Self { activity: Arc::clone(activity), answered: false }
    }

    /// There is an answer: it is the client's turn.
    pub(super) fn answer(mut self, answer: Response<Body>) -> Response<Answer> {
        let (mut head, body) = answer.into_parts();
        let activity = &self.activity;
        // hyper adds the header itself if it knows in time; many responses are complete before.
        if activity.closing.load(Relaxed) && !activity.multiplexed.load(Relaxed) {
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.activity.sending.fetch_add(1, Relaxed);
        self.activity.working.fetch_sub(1, Relaxed);
        self.answered = true;
        let mut answer = Answer { body, begun: None, waiting: false, turn: self };
        answer.set_begun(Some(Instant::now()));
        Response::from_parts(head, answer)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.activity.ended.fetch_add(1, Relaxed);
        let count = if self.answered { &self.activity.sending } else { &self.activity.working };
        count.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer, which hyper drops once it has taken it over.
pub(super) struct Answer {
    body: Body,
    /// Since when it is being sent.
    begun: Option<Instant>,
    /// Whether it is counted among those that have nothing to give.
    waiting: bool,
    turn: Turn,
}

impl Answer {
    fn set_begun(&mut self, moment: Option<Instant>) {
        let mut begun = self.turn.activity.begun();
        if let Some(before) = self.begun
            && let Some(position) = begun.iter().position(|other| *other == before)
        {
            begun.swap_remove(position);
        }
        begun.extend(moment);
        drop(begun);
        self.begun = moment;
    }

    fn set_waiting(&mut self, waiting: bool) {
        let count = &self.turn.activity.waiting;
        match (self.waiting, waiting) {
            (false, true) => _ = count.fetch_add(1, Relaxed),
            (true, false) => _ = count.fetch_sub(1, Relaxed),
            _ => {}
        }
        self.waiting = waiting;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.set_waiting(false);
        self.set_begun(None);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.set_waiting(frame.is_pending());
        match (frame.is_pending(), self.begun) {
            (true, Some(_)) => self.set_begun(None),
            (false, None) => self.set_begun(Some(Instant::now())),
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that counts.
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => _ = self.activity.written.fetch_add(bytes as u64, Relaxed),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.blocked.store(true, Relaxed),
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let bytes = &buffer.filled()[before..];
        if self.activity.read.fetch_add(bytes.len() as u64, Relaxed) == 0 {
            self.activity.multiplexed.store(bytes.starts_with(HTTP_2), Relaxed);
        }
        Poll::Ready(self.activity.receive(bytes.len()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called by hyper when everything was written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.activity.blocked.store(false, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
