//! Merged contacts: whose id stands for whom.

use std::fmt::Display;

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, SelectExt};

use crate::{
    entity::{
        Scoped,
        contact_merge::{Column, Entity},
        id::OrganizationId,
    },
    error::{AppResult, InputError, InputErrorCode},
};

/// A contact that was merged into another one cannot come back: its id stands for the other one.
pub(super) async fn check_not_merged(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: impl Display,
) -> AppResult<()> {
    let merged = Entity::find_in(organization).filter(Column::MergedId.eq(id.to_string()));
    if merged.exists(db).await? {
        let message = "The contact was merged into another one and cannot come back.";
        return Err(InputError::on("id", InputErrorCode::NotAllowed, message).into());
    }
    Ok(())
}
