//! Filter and sort inputs, and their conversion to the service's types. Each type has its own input; the comparators
//! are shared.
//!
//! An explicit null is an error, because it could mean "no condition" or "has no value"; `isNull` expresses the
//! latter.

mod comparators;
mod conditions;
mod inputs;
mod order;
mod reader;

use async_graphql::InputType;

use self::reader::Reader;
pub use self::{
    comparators::*,
    conditions::Conditions,
    inputs::*,
    order::{OrderDirection, OrderInput},
};
pub(super) use self::{
    conditions::filter_input,
    order::{order_input, sort_by, sorts},
};
use crate::{error::AppResult, service::filter::Filter};

/// A filter input.
pub trait FilterInput: InputType {
    /// Reads the input into conditions.
    fn read(self, conditions: &mut Conditions<'_>) -> AppResult<()>;
}

/// Parses a filter argument. None if it is omitted or null.
pub(super) fn filter<F: FilterInput>(argument: Option<F>) -> AppResult<Option<Filter>> {
    argument.map(|input| Reader::default().filter(input)).transpose()
}
