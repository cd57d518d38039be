//! The sort order of lists.

use std::borrow::Cow;

use async_graphql::{Enum, InputType};

use crate::{
    error::{AppError, AppResult},
    service::page::{Direction, Sort, SortBy, SortKey},
};

/// The maximum number of sort keys.
const MAX_ORDER: usize = 4;

/// Sort directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "Direction")]
pub enum OrderDirection {
    /// Smallest value first: names from A to Z, times from the earliest.
    #[default]
    #[graphql(name = "ASC")]
    Ascending,
    /// Greatest value first.
    #[graphql(name = "DESC")]
    Descending,
}

/// A sort key input.
pub trait OrderInput: InputType {
    /// The sort key of the service.
    fn sort(self) -> Sort;
}

/// Parses the argument `orderBy`.
pub(in crate::graphql) fn sorts<O: OrderInput>(argument: Option<Vec<O>>) -> AppResult<Vec<Sort>> {
    let mut sorts: Vec<Sort> = Vec::new();
    for (position, input) in argument.into_iter().flatten().enumerate() {
        let path = || vec![Cow::Borrowed("orderBy"), Cow::Owned(position.to_string())];
        let sort = input.sort();
        if position >= MAX_ORDER {
            let message = format!("At most {MAX_ORDER} sort keys are allowed.");
            return Err(AppError::Argument { path: path(), message: message.into() });
        }
        if sorts.iter().any(|known| known.by == sort.by) {
            let message = "Duplicate sort key. Use each field once.";
            return Err(AppError::Argument { path: path(), message: message.into() });
        }
        sorts.push(sort);
    }
    Ok(sorts)
}

/// Declares the sort key input of a type: an enum of its fields, and an input with field and direction.
macro_rules! order_input {
    (
        $(#[doc = $doc:literal])* $order:ident,
        $(#[doc = $fields_doc:literal])* $fields:ident { $($(#[doc = $field_doc:literal])* $field:ident => $key:expr,)+ }
    ) => {
        $(#[doc = $fields_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
        pub enum $fields {
            $($(#[doc = $field_doc])* $field,)+
        }

        $(#[doc = $doc])*
        #[derive(Clone, async_graphql::InputObject)]
        pub struct $order {
            /// The field to sort by.
            field: $fields,
            /// The sort direction.
            #[graphql(default)]
            direction: $crate::graphql::filter::OrderDirection,
        }

        impl $crate::graphql::filter::OrderInput for $order {
            fn sort(self) -> $crate::service::page::Sort {
                let key = match self.field {
                    $($fields::$field => $key,)+
                };
                $crate::graphql::filter::sort_by(key, self.direction)
            }
        }
    };
}
pub(in crate::graphql) use order_input;

/// A sort key of the service.
pub(in crate::graphql) fn sort_by(key: SortKey, direction: OrderDirection) -> Sort {
    Sort { by: SortBy::Key(key), direction: direction.into() }
}
