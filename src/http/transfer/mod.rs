//! Import and export over HTTP: `POST /import/{kind}` and `GET /export/{kind}`, for front ends.
//!
//! Both are streams of any length. Each batch and each page takes a permit and points of its own, so that a long import is
//! slowed down by the limits of its caller and never refused in the middle.

mod export;
mod import;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Response, StatusCode, Uri, header},
    response::IntoResponse,
    routing::{get, post},
};
use chrono::{TimeDelta, Utc};
use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::{
    access::RequestMetadata,
    admission::Work,
    authenticate::{RequestId, authenticate},
    request_error::RequestError,
    server::ConnectionHandle,
    state::AppState,
};
use crate::{
    auth::{Caller, RequestContext},
    entity::id::OrganizationId,
    error::{AppError, AppResult, Code},
    fair_share::Principal,
    files::Format,
    service::authorize_read,
    transfer::{Kind, Session, Turn},
};

/// How many imports, and how many exports, run at once, of an organization one. An export has a connection to the database
/// while its client reads.
const AT_ONCE: usize = 3;
/// How long a batch or a page waits while the gateway is overloaded.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the first wait between two attempts is.
const PAUSE: Duration = Duration::from_millis(100);
/// The clocks of two machines may differ: a token is valid for some seconds more.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// The routes.
pub(super) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/import/{kind}", post(import::handle))
        .route("/export/{kind}", get(export::handle))
        .with_state(TransferState {
            app: Arc::clone(state),
            imports: Arc::default(),
            exports: Arc::default(),
        })
}

/// The state of both routes.
#[derive(Clone)]
struct TransferState {
    app: Arc<AppState>,
    imports: Arc<Places>,
    exports: Arc<Places>,
}

/// The organizations whose imports, or whose exports, run.
#[derive(Default)]
struct Places(Mutex<Vec<OrganizationId>>);

impl Places {
    fn taken(&self) -> MutexGuard<'_, Vec<OrganizationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of an organization, or why there is none.
    fn take(self: &Arc<Self>, organization: OrganizationId) -> Result<Place, &'static str> {
        let mut taken = self.taken();
        if taken.contains(&organization) {
            return Err(
                "Another import or export of the organization is running. Try again when it has ended.",
            );
        }
        if taken.len() >= AT_ONCE {
            return Err("Other imports or exports are running. Try again shortly.");
        }
        taken.push(organization);
        Ok(Place { places: Arc::clone(self), organization })
    }
}

/// One of the few imports or exports that run at once, until it is dropped.
struct Place {
    places: Arc<Places>,
    organization: OrganizationId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().retain(|organization| *organization != self.organization);
    }
}

type Failure = Box<RequestError>;

/// A request of either route, whose caller is known.
struct Transfer {
    state: Arc<AppState>,
    /// None is all kinds.
    kind: Option<Kind>,
    context: RequestContext,
    connection: ConnectionHandle,
    _place: Place,
}

impl Transfer {
    /// Authenticates the request, and takes one of the places.
    async fn begin(
        (state, id, metadata, connection): (Arc<AppState>, &RequestId, &RequestMetadata, ConnectionHandle),
        kind: &str,
        headers: &HeaderMap,
        places: &Arc<Places>,
    ) -> Result<Self, Failure> {
        let refused = |error: AppError| Box::new(RequestError::new(&error, id.as_str()));
        let context = authenticate(&state, headers, id.as_str().to_owned()).await.map_err(refused)?;
        if let Some(organization) = context.caller.organization {
            _ = metadata.organization.set(organization);
        }
        connection.identify(&context.caller);
        let organization = authorize_read(&context).map_err(refused)?;
        let kind = match kind {
            "all" => None,
            name => Some(Kind::of_name(name).ok_or_else(|| unknown_kind(id.as_str()))?),
        };
        let overloaded = |message| refused(AppError::request(Code::Overloaded, message));
        let place = places.take(organization).map_err(overloaded)?;
        let context = context.with_smtputf8(state.settings.smtputf8);
        Ok(Self { state, kind, context, connection, _place: place })
    }

    /// The session of the caller, whose batches or pages take turns and cost so many points a record.
    fn session(&self, points: u64, writes: bool) -> Session {
        let (id, smtputf8) = (self.context.request_id.clone(), self.state.settings.smtputf8);
        let caller = self.context.caller.clone();
        let session = Session::new(&self.state.db, caller.clone(), move |caller| {
            RequestContext::new(id.clone(), Utc::now(), caller).with_smtputf8(smtputf8)
        });
        let gate = Arc::new(Gate {
            state: Arc::clone(&self.state),
            principal: Principal::of(&caller),
            caller,
            connection: self.connection.clone(),
            points,
            writes,
        });
        session.with_gate(move |records| {
            let gate = Arc::clone(&gate);
            async move { gate.pass(records).await }.boxed()
        })
    }
}

/// Where batches and pages wait.
struct Gate {
    state: Arc<AppState>,
    caller: Caller,
    principal: Principal,
    connection: ConnectionHandle,
    /// The points of a record.
    points: u64,
    writes: bool,
}

impl Gate {
    /// Waits until so many records may be read or written. The permit is held by what is returned.
    async fn pass(&self, records: u64) -> AppResult<Turn> {
        if self.connection.stopped().now_or_never().is_some() {
            let message = "The server stops. Send the request again; what is written stays.";
            return Err(AppError::request(Code::Unavailable, message));
        }
        if self.caller.expires_at + LEEWAY < Utc::now() {
            return Err(AppError::request(Code::Unauthenticated, "The token has expired."));
        }
        self.take_points(records.saturating_mul(self.points)).await;
        let (begin, mut pause) = (Instant::now(), PAUSE);
        loop {
            match self.acquire().await {
                Err(error) if error.code() == Code::Overloaded && begin.elapsed() < PATIENCE => {
                    sleep(pause).await;
                    pause *= 2;
                }
                permit => return permit,
            }
        }
    }

    /// Waits until the caller's bucket holds the points.
    async fn take_points(&self, points: u64) {
        let Some(buckets) = &self.state.rate_limit else { return };
        while let Err(seconds) = buckets.take(&self.caller, points) {
            sleep(Duration::from_secs(seconds)).await;
        }
    }

    async fn acquire(&self) -> AppResult<Turn> {
        let mut permit = self.state.admission.acquire(&self.principal).await?;
        permit.wait_for_turn(Work { writes: self.writes, is_heavy: false }).await?;
        Ok(Box::new(permit))
    }
}

fn unknown_kind(id: &str) -> Failure {
    let kinds = Kind::ALL.map(Kind::name).join(", ");
    let message = format!("Unknown kind of records. The kinds are {kinds}, all.");
    Box::new(RequestError::bad(StatusCode::NOT_FOUND, message, id))
}

/// The parameters of a query. Each may come several times.
fn parameters(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(query).into_owned().collect()
}

fn invalid_parameter(name: &str, reason: &str, id: &str) -> Failure {
    let message = format!("The parameter {name} is invalid: {reason}.");
    Box::new(RequestError::bad(StatusCode::BAD_REQUEST, message, id))
}

/// The value of a parameter that is a truth value.
fn flag(name: &str, value: &str, id: &str) -> Result<bool, Failure> {
    value.parse().map_err(|_| invalid_parameter(name, "it must be true or false", id))
}

/// The media type of a format.
const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::JsonLines => "application/jsonl; charset=utf-8",
        Format::Vcard => "text/vcard; charset=utf-8",
    }
}

fn refusal(error: RequestError) -> Response<Body> {
    let (status, header) = (error.status, error.header.clone());
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    let mut response = (status, content_type, error.json()).into_response();
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}
