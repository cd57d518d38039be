//! How much memory what is subscribed to may hold: a subscription keeps its document and its variables as long as it is
//! open. Without a bound, one client with long documents would take gigabytes.

use std::sync::Arc;

use async_graphql::{Value, Variables};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::operation::Prepared;
use crate::{
    error::{AppError, Code},
    fair_share::{Quota, Share, Subject, half},
};

/// The bytes of a unit.
const UNIT: usize = 1024;
/// How many units there are for each subscription that may be open: room for a document of 250 tokens, and few have as many.
const UNITS_EACH: usize = 64;

/// How many subscriptions there is room for at least, so that one may be long where few are wanted.
const FEWEST: usize = 64;

/// The room for all that is subscribed to. A subject takes at most half of it.
#[derive(Debug)]
pub struct Room {
    units: Arc<Semaphore>,
    subjects: Arc<Quota<Subject>>,
}

/// The room of one subscription, until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    _units: OwnedSemaphorePermit,
    _share: Share<Subject>,
}

impl Room {
    /// Room for so many subscriptions of the usual length.
    pub fn new(subscriptions: usize) -> Self {
        let units = subscriptions.max(FEWEST) * UNITS_EACH;
        Self { units: Arc::new(Semaphore::new(units)), subjects: Quota::new(half(units)) }
    }

    /// Takes what a subscription needs, until that is dropped.
    pub(super) fn take(&self, subject: &Subject, prepared: &Prepared) -> Result<Taken, AppError> {
        let count = (prepared.document.bytes() + size_of_all(&prepared.variables)).div_ceil(UNIT);
        let units =
            u32::try_from(count).ok().and_then(|it| Arc::clone(&self.units).try_acquire_many_owned(it).ok());
        let taken = units.zip(self.subjects.take(subject, count));
        taken.map(|(units, share)| Taken { _units: units, _share: share }).ok_or_else(|| {
            AppError::request(
                Code::Overloaded,
                "Not enough memory for another subscription. Try again later.",
            )
        })
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
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        Value::Binary(bytes) => bytes.len(),
        Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Enum(_) => 0,
    };
    size_of::<Value>() + within
}
