//! Admission: a permit before anything is done for a request, and points once its cost is known.

use super::{Call, PreparedOperation};
use crate::{
    fair_share::Principal,
    http::{admission::AdmissionPermit, request_error::RequestError, state::AppState},
};

/// What a request costs that is refused for its document: it was read, too.
const REFUSED_POINTS: u64 = 10;

/// Waits for a permit, which is held while the request is executed.
pub(super) async fn acquire(
    state: &AppState,
    call: &Call,
    principal: &Principal,
) -> Result<AdmissionPermit, RequestError> {
    state.admission.acquire(principal).await.map_err(|error| call.refused(&error))
}

/// Takes the points of an operation from the caller's bucket, where there are buckets; also of one that is refused.
pub(super) fn charge(
    state: &AppState,
    call: &Call,
    prepared: Option<&PreparedOperation>,
) -> Result<(), RequestError> {
    let Some(buckets) = &state.rate_limit else { return Ok(()) };
    let points = prepared.map_or(REFUSED_POINTS, |prepared| prepared.points);
    let taken = buckets.take(&call.context.caller, points);
    taken.map(drop).map_err(|seconds| RequestError::rate_limited(seconds, call.id()))
}
