//! The filter and the order of each type.
//!
//! What is listed here is what clients can ask for: a column is neither filtered nor ordered by until it is.

mod account;
mod internal;
mod organization;

pub use self::{account::*, internal::*, organization::*};
