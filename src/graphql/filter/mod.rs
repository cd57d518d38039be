//! Filters and orders as clients write them, and their way to the service's.
//!
//! Each type has an input of its own; the comparators are shared. An explicit null is an error here, because it could be
//! meant as "no condition" as well as "has no value"; `isNull` says the latter.

mod comparators;
mod conditions;
mod inputs;
mod order;
mod reader;

use async_graphql::{InputType, Name, Value};

pub(super) use self::order::{order_input, sort_by, sorts};
use self::reader::Reader;
pub use self::{
    comparators::*,
    conditions::Conditions,
    inputs::*,
    order::{OrderDirection, OrderInput},
};
use super::relay::argument;
use crate::{
    error::AppResult,
    service::{filter::Filter, page::Sort},
};

/// An input that says which rows of a list are wanted.
pub trait FilterInput: InputType {
    /// Reads what it says.
    fn read(self, conditions: &mut Conditions<'_>) -> AppResult<()>;
}

/// The filter that an argument makes; none when it is absent or null.
pub(super) fn filter<F: FilterInput>(argument: Option<F>) -> AppResult<Option<Filter>> {
    argument.map(|input| Reader::default().filter(input)).transpose()
}

/// The filter and the order of a field that is seen by look-ahead; `None` when the field will refuse them.
pub(super) fn narrowed<F: FilterInput, O: OrderInput>(
    arguments: &[(Name, Value)],
) -> Option<(Option<Filter>, Vec<Sort>)> {
    let wanted: Option<F> = argument(arguments, "filter")?;
    let order: Option<Vec<O>> = argument(arguments, "orderBy")?;
    Some((filter(wanted).ok()?, sorts(order).ok()?))
}
