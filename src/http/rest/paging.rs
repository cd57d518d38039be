//! Numbered pages with a sort order.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{call::Call, problem::Problem};
use crate::service::{
    ListRequest, PageRequest,
    filter::Filter,
    page::{Direction, Paged, Sort, SortBy, SortKey},
};

/// Page number, page size and sort order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct SortedPageQuery {
    /// Zero-based page number.
    #[param(minimum = 0, default = 0)]
    page: u32,
    /// Page size.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: u32,
    /// Sort direction.
    #[param(inline)]
    sort_order: SortOrder,
    /// Field to sort by. Default: creation time.
    #[param(inline)]
    sort_by: Option<SortField>,
}

impl Default for SortedPageQuery {
    fn default() -> Self {
        Self { page: 0, limit: 50, sort_order: SortOrder::Asc, sort_by: None }
    }
}

/// Sort direction.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortOrder {
    Asc,
    Desc,
}

/// Field to sort by.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortField {
    CreatedAt,
    ModifiedAt,
}

impl SortedPageQuery {
    /// Charges the page and returns the request for it.
    pub(super) async fn to_list_request<E: Paged>(
        &self,
        call: &Arc<Call>,
        filter: Option<Filter>,
    ) -> Result<ListRequest, Problem> {
        call.charge_page(self.limit, self.page, filter.as_ref()).await?;
        let direction = match self.sort_order {
            SortOrder::Asc => Direction::Ascending,
            SortOrder::Desc => Direction::Descending,
        };
        let key = match self.sort_by {
            None | Some(SortField::CreatedAt) => SortKey::CREATED_AT,
            Some(SortField::ModifiedAt) => SortKey::UPDATED_AT,
        };
        let sorts = vec![Sort { by: SortBy::Key(key), direction }];
        Ok(ListRequest { filter, page: PageRequest::numbered(E::ORDER, self.limit, self.page, sorts, false) })
    }
}
