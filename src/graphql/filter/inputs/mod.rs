//! The filter and the sort order of each type. Only the columns listed here can be filtered and sorted by.

mod account;
mod internal;
mod organization;

pub use self::{account::*, internal::*, organization::*};
