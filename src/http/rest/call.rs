//! The extractors of the handlers: the authenticated call, the validated query and the validated body.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::{
    Extension,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    conditional::Conditions,
    problem::{Problem, RequestPart, Rule},
};
use crate::{
    auth::RequestContext,
    error::{AppResult, InputErrorCode},
    http::{
        admission::{AdmissionPermit, Work},
        authenticate::single,
        state::AppState,
    },
    service::{
        self, Database,
        filter::Filter,
        record::{self, Recorded},
    },
};

/// The idempotency key of a creation.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The base cost of a request: as much as a mutation or a connection in GraphQL.
pub(super) const POINTS: u64 = 10;

/// Extracts the authenticated call.
pub(super) type CallExtension = Extension<Arc<Call>>;

/// Extracts the state of a request without a token.
pub(super) type PreAuthExtension = Extension<Arc<PreAuth>>;

/// A request to a route that needs no token.
pub(super) struct PreAuth {
    pub(super) app: Arc<AppState>,
}

/// An authenticated request.
pub(super) struct Call {
    app: Arc<AppState>,
    /// The points charged so far.
    charged: AtomicU64,
    /// The permit, while the request is executed.
    permit: Mutex<Option<AdmissionPermit>>,
    /// The caller, the time and the request id.
    pub(super) request: RequestContext,
    /// The database, restricted to the organization of the caller.
    pub(super) db: Database,
    /// The header Idempotency-Key.
    pub(super) idempotency_key: Option<String>,
    /// The headers If-Match and If-None-Match.
    conditions: Conditions,
}

impl Call {
    pub(super) fn new(
        app: &Arc<AppState>,
        request: RequestContext,
        headers: &HeaderMap,
        conditions: Conditions,
    ) -> Result<Self, Problem> {
        Ok(Self {
            app: Arc::clone(app),
            charged: AtomicU64::new(0),
            permit: Mutex::default(),
            db: app.db.within(&request.caller),
            request,
            idempotency_key: single_header(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")?.map(str::to_owned),
            conditions,
        })
    }

    /// The version that a change of this record expects, by the headers If-Match and If-None-Match.
    pub(super) async fn expected_version<E: Recorded>(&self, id: &str) -> AppResult<Option<i32>>
    where
        E::Id: FromStr,
    {
        self.conditions.expected_version(record::current_version::<E>(&self.db, &self.request, id)).await
    }

    /// Whether responses include related records. Without contacts:read, the response to a write has only the fields of the
    /// written record.
    pub(super) fn can_read_related(&self) -> bool {
        service::viewer(&self.request).is_ok()
    }

    /// Holds the permit until the request ends.
    pub(super) async fn hold(&self, permit: AdmissionPermit) {
        *self.permit.lock().await = Some(permit);
    }

    /// Charges the rows of a page, the rows skipped before it, and the filter.
    pub(super) async fn charge_page(
        &self,
        size: u32,
        number: u32,
        filter: Option<&Filter>,
    ) -> Result<(), Problem> {
        let rows = u64::from(size) * (u64::from(number) + 1);
        let most = self.app.settings.cost_limit;
        if rows > most {
            let message = format!(
                "The page ends beyond row {most}. Use cursor pagination in GraphQL for longer lists."
            );
            return Err(Problem::at(
                RequestPart::Query,
                "page",
                Rule::Input(InputErrorCode::TooMany),
                message,
            ));
        }
        self.charge(rows + filter.map_or(0, Filter::work)).await
    }

    /// Charges points in addition to the base cost: one for each row that is read or written, and the cost of a filter. A
    /// request that reads whole tables then waits for its turn.
    pub(super) async fn charge(&self, points: u64) -> Result<(), Problem> {
        self.take_points(points)?;
        let work = Work { writes: false, is_heavy: self.db.is_heavy() };
        match &mut *self.permit.lock().await {
            Some(permit) => Ok(permit.wait_for_turn(work).await?),
            None => Ok(()),
        }
    }

    /// Charges points to the rate limit of the caller.
    pub(super) fn take_points(&self, points: u64) -> Result<(), Problem> {
        self.db.expect_work(points);
        match &self.app.rate_limit {
            Some(buckets) if points > 0 => {
                buckets.take(&self.request.caller, points).map_err(Problem::rate_limited)?;
                self.charged.fetch_add(points, Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The points charged so far.
    pub(super) fn charged(&self) -> u64 {
        self.charged.load(Relaxed)
    }
}

/// The value of a header that may occur at most once.
fn single_header<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
    name: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let invalid =
        |message| Problem::at(RequestPart::Header, name, Rule::Input(InputErrorCode::Invalid), message);
    let Some(value) = single(headers, header).map_err(|_| invalid("Duplicate header. Send it once."))? else {
        return Ok(None);
    };
    value.to_str().map(Some).map_err(|_| invalid("The header contains characters other than ASCII."))
}

/// The body of the request after validation.
#[derive(Clone)]
pub(super) struct BodyValue(pub(super) Value);

/// The query of the request after validation.
#[derive(Clone)]
pub(super) struct QueryValue(pub(super) Value);

/// Extracts the body, validated against the OpenAPI document.
pub(super) struct ValidatedBody<T>(pub(super) T);

/// Extracts the query, validated against the OpenAPI document.
pub(super) struct ValidatedQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ValidatedBody<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.extensions.remove::<BodyValue>().map(|body| body.0);
        deserialize(value, RequestPart::Body).map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ValidatedQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.extensions.remove::<QueryValue>().map(|query| query.0);
        deserialize(value, RequestPart::Query).map(Self)
    }
}

/// Deserializes a validated value. Only numbers out of range fail.
fn deserialize<T: DeserializeOwned>(value: Option<Value>, part: RequestPart) -> Result<T, Problem> {
    serde_json::from_value(value.unwrap_or_default()).map_err(|_| {
        let fault = super::problem::Fault {
            part,
            path: Vec::new(),
            rule: Rule::Type,
            message: "A number is out of range. Integers have 64 bits.".into(),
        };
        Problem::invalid(vec![fault])
    })
}
