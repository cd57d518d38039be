//! Admission: a permit before anything is done for a request; once its cost is known, its points, memory for its arguments, and
//! the turn of its kind.

use std::sync::PoisonError;

use async_graphql::parser::types::OperationType;

use super::{Call, PreparedOperation};
use crate::{
    fair_share::Principal,
    http::{
        admission::{AdmissionPermit, Work},
        request_error::RequestError,
        request_memory::RequestReservation,
        state::AppState,
    },
};

/// What a request costs that is refused for its document: it was read, too.
const REFUSED_POINTS: u64 = 10;

/// What a value of an argument takes while its field is executed: a copy of it, and what is read of that.
const ARGUMENT_VALUE: usize = 160;

/// What a request holds while it is executed.
#[derive(Debug)]
pub(in crate::http) struct Admission {
    pub(in crate::http) permit: AdmissionPermit,
    /// The memory of its values.
    pub(in crate::http) memory: RequestReservation,
}

/// The admission that the transport has obtained, or a new one.
pub(super) async fn acquire(
    state: &AppState,
    call: &Call,
    principal: &Principal,
) -> Result<Admission, RequestError> {
    if let Some(admission) = call.admission.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Ok(admission);
    }
    let permit = state.admission.acquire(principal).await.map_err(|error| call.refused(&error))?;
    Ok(Admission { permit, memory: state.request_memory.begin(principal) })
}

/// Reserves memory for the arguments of an operation and waits for the turn that it needs.
pub(super) async fn admit_operation(
    admission: &mut Admission,
    call: &Call,
    prepared: &PreparedOperation,
) -> Result<(), RequestError> {
    let bytes = prepared.argument_values.saturating_mul(ARGUMENT_VALUE);
    admission.memory.grow(bytes).map_err(|error| RequestError::no_memory(error, call.id()))?;
    let work = Work::of(prepared.points, prepared.ty == OperationType::Mutation);
    admission.permit.wait_for_turn(work).await.map_err(|error| call.refused(&error))
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
