//! The memory of open subscriptions: each keeps its document and its variables. Without a bound, one client with long documents
//! would take gigabytes.

use std::sync::Arc;

use async_graphql::{Value, Variables};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::executor::PreparedOperation;
use crate::{
    error::{AppError, Code},
    fair_share::{Quota, Share, Subject, half},
};

/// The bytes of a unit.
const UNIT: usize = 1024;
/// How many units there are for each subscription that may be open: enough for a document of 250 tokens, and few have as many.
const UNITS_EACH: usize = 64;

/// What an object with fields takes besides them.
const OBJECT: usize = 320;
/// What a field of an object takes besides its name and value.
const ENTRY: usize = 96;

/// The fewest subscriptions that memory is set aside for, so that one may be long where few are wanted.
const FEWEST: usize = 64;

/// Limits the memory of all open subscriptions. A subject has at most half of it.
#[derive(Debug)]
pub struct SubscriptionMemoryLimiter {
    units: Arc<Semaphore>,
    subjects: Arc<Quota<Subject>>,
}

/// The memory of one subscription, until this is dropped.
#[derive(Debug)]
pub(super) struct SubscriptionMemoryPermit {
    _units: OwnedSemaphorePermit,
    _share: Share<Subject>,
}

impl SubscriptionMemoryLimiter {
    /// Memory for so many subscriptions of the usual length.
    pub fn new(subscriptions: usize) -> Self {
        let units = subscriptions.max(FEWEST) * UNITS_EACH;
        Self { units: Arc::new(Semaphore::new(units)), subjects: Quota::new(half(units)) }
    }

    /// Reserves what a subscription needs.
    pub(super) fn acquire(
        &self,
        subject: &Subject,
        prepared: &PreparedOperation,
    ) -> Result<SubscriptionMemoryPermit, AppError> {
        let count = (prepared.document.bytes() + size_of_all(&prepared.variables)).div_ceil(UNIT);
        let units =
            u32::try_from(count).ok().and_then(|it| Arc::clone(&self.units).try_acquire_many_owned(it).ok());
        let reserved = units.zip(self.subjects.take(subject, count));
        reserved.map(|(units, share)| SubscriptionMemoryPermit { _units: units, _share: share }).ok_or_else(
            || {
                AppError::request(
                    Code::Overloaded,
                    "Not enough memory for another subscription. Try again later.",
                )
            },
        )
    }
}

/// About how many bytes the variables take.
fn size_of_all(variables: &Variables) -> usize {
    variables.iter().map(|(name, value)| name.len() + size(value)).sum()
}

fn size(value: &Value) -> usize {
    let within = match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(size).sum(),
        Value::Object(fields) if fields.is_empty() => 0,
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| ENTRY + name.len() + size(value));
            OBJECT + fields.sum::<usize>()
        }
        Value::Binary(bytes) => bytes.len(),
        Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => 0,
    };
    size_of::<Value>() + within
}
