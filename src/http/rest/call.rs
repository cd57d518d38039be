//! A request under way: who asks, and what it says besides its body.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use axum::{
    Extension,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::{Part, Problem, Rule};
use crate::{
    app::AppState,
    auth::RequestContext,
    error::InputErrorCode,
    http::context::single,
    service::{self, Database, filter::Filter},
};

/// Makes repeating a creation harmless.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request costs, whatever it asks for: as much as a mutation or a connection of GraphQL.
pub(super) const POINTS: u64 = 10;

/// How a handler takes the call.
pub(super) type Called = Extension<Arc<Call>>;

/// How a handler takes a request that needs no token.
pub(super) type Knocked = Extension<Arc<Door>>;

/// A request that needs no token.
pub(super) struct Door {
    pub(super) app: Arc<AppState>,
}

/// A request whose caller is known.
pub(super) struct Call {
    app: Arc<AppState>,
    /// The points that were taken so far.
    spent: AtomicU64,
    /// Who asks, when, under which id.
    pub(super) request: RequestContext,
    /// The database, as the caller may see it.
    pub(super) db: Database,
    /// What makes repeating the call harmless.
    pub(super) idempotency_key: Option<String>,
    /// The version of the row that the caller has seen.
    pub(super) expected_version: Option<i32>,
}

impl Call {
    pub(super) fn new(
        app: &Arc<AppState>,
        request: RequestContext,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        Ok(Self {
            app: Arc::clone(app),
            spent: AtomicU64::new(0),
            db: app.db.within(&request.caller),
            request,
            idempotency_key: text(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")?.map(str::to_owned),
            expected_version: text(headers, &header::IF_MATCH, "If-Match")?.and_then(version),
        })
    }

    /// Whether answers show what belongs to other records. Without contacts:read the answer to a write has only the fields of
    /// the record that was written.
    pub(super) fn shows_related(&self) -> bool {
        service::viewer(&self.request).is_ok()
    }

    /// Takes points for the rows of a page, for those that it passes over, and for finding them.
    pub(super) fn spend_page(&self, size: u32, number: u32, filter: Option<&Filter>) -> Result<(), Problem> {
        let rows = u64::from(size) * (u64::from(number) + 1);
        let most = self.app.settings.cost_limit;
        if rows > most {
            let message = format!("The page ends behind {most} rows; page by cursor in GraphQL.");
            return Err(Problem::at(Part::Query, "page", Rule::Input(InputErrorCode::TooMany), message));
        }
        self.spend(rows + filter.map_or(0, Filter::work))
    }

    /// Takes points from the caller's bucket: one for each row that is read or written and those of a filter, besides what
    /// every request costs.
    pub(super) fn spend(&self, points: u64) -> Result<(), Problem> {
        match &self.app.rate_limit {
            Some(buckets) if points > 0 => {
                buckets.take(&self.request.caller, points).map_err(Problem::rate_limited)?;
                self.spent.fetch_add(points, Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The points that were taken so far.
    pub(super) fn spent(&self) -> u64 {
        self.spent.load(Relaxed)
    }
}

/// The text of a header that comes once at most.
fn text<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
    name: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let refused = |message| Problem::at(Part::Header, name, Rule::Input(InputErrorCode::Invalid), message);
    let Some(value) = single(headers, header).map_err(|_| refused("The header came twice."))? else {
        return Ok(None);
    };
    value.to_str().map(Some).map_err(|_| refused("The header holds more than ASCII."))
}

/// No row has this version.
const NO_VERSION: i32 = 0;

/// The version that an entity tag of ours stands for. Any other tag is none of the row's; a star fits every row.
fn version(if_match: &str) -> Option<i32> {
    let tag = if_match.trim();
    if tag == "*" {
        return None;
    }
    let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    Some(number.and_then(|number| number.parse().ok()).unwrap_or(NO_VERSION))
}

/// The body of the request, once it is known to have its shape.
#[derive(Clone)]
pub(super) struct ReadBody(pub(super) Value);

/// The parameters of the query, likewise.
#[derive(Clone)]
pub(super) struct ReadQuery(pub(super) Value);

/// How a handler takes the body.
pub(super) struct Given<T>(pub(super) T);

/// How a handler takes the query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.extensions.remove::<ReadBody>().map(|body| body.0);
        read(value, Part::Body).map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.extensions.remove::<ReadQuery>().map(|query| query.0);
        read(value, Part::Query).map(Self)
    }
}

/// Only numbers that are out of range still fail.
fn read<T: DeserializeOwned>(value: Option<Value>, part: Part) -> Result<T, Problem> {
    serde_json::from_value(value.unwrap_or_default()).map_err(|_| {
        let fault = super::problem::Fault {
            part,
            path: Vec::new(),
            rule: Rule::Type,
            message: "A number is out of range.".into(),
        };
        Problem::invalid(vec![fault])
    })
}
