//! Lists in pages that are numbered, in the order that a parameter names.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{call::Call, problem::Problem};
use crate::service::{
    ListRequest, PageRequest,
    filter::Filter,
    page::{Direction, Paged, Sort, SortBy, SortKey},
};

/// Which page of a list is wanted, of which size, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Sorted {
    /// The number of the page, counted from 0.
    #[param(minimum = 0, default = 0)]
    page: u32,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: u32,
    /// Which way they are ordered.
    #[param(inline)]
    sort_order: SortOrder,
    /// What they are ordered by; by their creation when it is left out.
    #[param(inline)]
    sort_by: Option<SortedBy>,
}

impl Default for Sorted {
    fn default() -> Self {
        Self { page: 0, limit: 50, sort_order: SortOrder::Asc, sort_by: None }
    }
}

/// Which way a list is ordered.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortOrder {
    Asc,
    Desc,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortedBy {
    CreatedAt,
    ModifiedAt,
}

impl Sorted {
    /// The part of the list that is wanted, once its points are taken.
    pub(super) fn list<E: Paged>(
        &self,
        call: &Arc<Call>,
        filter: Option<Filter>,
    ) -> Result<ListRequest, Problem> {
        call.spend_page(self.limit, self.page, filter.as_ref())?;
        let direction = match self.sort_order {
            SortOrder::Asc => Direction::Ascending,
            SortOrder::Desc => Direction::Descending,
        };
        let key = match self.sort_by {
            None | Some(SortedBy::CreatedAt) => SortKey::CREATED_AT,
            Some(SortedBy::ModifiedAt) => SortKey::UPDATED_AT,
        };
        let sorts = vec![Sort { by: SortBy::Key(key), direction }];
        Ok(ListRequest { filter, page: PageRequest::numbered(E::ORDER, self.limit, self.page, sorts, false) })
    }
}
