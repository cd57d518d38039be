//! x
use crate::{error::AppResult, service::Database};
use chrono::*;
pub(super) async fn write(_: &Database, _: DateTime<Utc>) -> AppResult<bool> {
    Ok(false)
}
