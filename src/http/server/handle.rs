//! What a request may know of the server of its connection: when that stops, and how to go on with the
//! connection as something else than HTTP.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{oneshot, watch};

use super::seats::Seat;
use crate::{auth::Caller, fair_share::Principal};

/// What is done with a connection that was taken over.
type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A handle of one connection. Clones are of the same connection.
#[derive(Clone, Debug)]
pub(in crate::http) struct ConnectionHandle {
    stop: watch::Receiver<bool>,
    seat: Arc<Seat>,
    /// To the one who serves the connection; nothing in HTTP/2, where the connection is not the request's alone.
    then: Option<Arc<Mutex<Option<Then>>>>,
}

/// Takes the session over, once.
struct Then(oneshot::Sender<Session>);

impl std::fmt::Debug for Then {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Then")
    }
}

/// The handle of a connection, and what comes of it: a session, if one takes the connection over.
pub(super) fn connection_handle(
    stop: watch::Receiver<bool>,
    seat: Arc<Seat>,
) -> (ConnectionHandle, oneshot::Receiver<Session>) {
    let (sender, receiver) = oneshot::channel();
    (ConnectionHandle { stop, seat, then: Some(Arc::new(Mutex::new(Some(Then(sender))))) }, receiver)
}

impl ConnectionHandle {
    /// The same, of one of the many requests that a connection carries at once.
    pub(super) fn for_stream(self) -> Self {
        Self { then: None, ..self }
    }

    /// A token was verified on the connection: it does not give way to newcomers any more, within its caller's share.
    pub(in crate::http) fn identify(&self, caller: &Caller) {
        self.seat.identify(&Principal::of(caller));
    }

    /// Waits for the signal to stop.
    pub(in crate::http) async fn stopped(&self) {
        // A server that is gone without a word has stopped too.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Hands the connection, which is no longer HTTP, back to the server with what is to be done with it: it counts among
    /// its connections, and ends with it.
    pub(in crate::http) fn spawn_upgraded(&self, session: impl Future<Output = ()> + Send + 'static) {
        let then = self.then.as_ref().and_then(|it| it.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(Then(sender)) = then {
            // The task that served the connection has ended, so there is nothing to continue.
            let _ = sender.send(Box::pin(session));
        }
    }
}
