//! How much memory what is subscribed to may hold: a subscription keeps its document and its variables as long as it is
//! open. Without a bound, one client with long documents would take gigabytes.

use std::sync::Arc;

use async_graphql::{Value, Variables};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::operation::Prepared;
use crate::error::{AppError, Code};

/// The bytes of a unit.
const UNIT: usize = 1024;
/// How many units there are for each subscription that may be open: room for a document of 250 tokens, and few have as many.
const UNITS_EACH: usize = 64;

/// How many subscriptions there is room for at least, so that one may be long where few are wanted.
const FEWEST: usize = 64;

/// The room for all that is subscribed to.
#[derive(Debug)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Room for so many subscriptions of the usual length.
    pub fn new(subscriptions: usize) -> Self {
        Self(Arc::new(Semaphore::new(subscriptions.max(FEWEST) * UNITS_EACH)))
    }

    /// Takes what a subscription needs, until that is dropped.
    pub(super) fn take(&self, prepared: &Prepared) -> Result<OwnedSemaphorePermit, AppError> {
        let units = (prepared.parsed.bytes() + size_of_all(&prepared.variables)).div_ceil(UNIT);
        let taken =
            u32::try_from(units).ok().and_then(|it| Arc::clone(&self.0).try_acquire_many_owned(it).ok());
        taken
            .ok_or_else(|| AppError::request(Code::Overloaded, "Too much is subscribed to. Try again later."))
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
