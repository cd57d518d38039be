//! Contact types: what an account contact is to its accounts. An organization begins with five; one is the default.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::{
    Database, ListRequest, Page,
    cursor::{CursorKey, Order},
    filter,
    input::Checks,
    page::{self, Paged},
    reader, reading,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        contact_type::{ActiveModel, Column, Entity, Model},
        id::{ContactTypeId, OrganizationId},
    },
    error::{AppError, AppResult},
};

/// The types that every organization begins with; the first is the default.
const INITIAL: [&str; 5] = ["Primary", "Billing", "Legal", "Executive", "Other"];

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("contact_type");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

/// The organization's contact types.
pub async fn list(db: &Database, ctx: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), reader(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, Columns::all(), &list.page).await
}

/// The contact types with these ids.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[ContactTypeId],
) -> AppResult<HashMap<ContactTypeId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, Columns::all(), |row| row.id).await
}

/// The type that an input names, or the default where it names none; reports when it is not there.
pub(super) async fn chosen(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: Option<&str>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else {
        let default = Entity::find_in(organization).filter(Column::IsDefault.eq(true)).one(db).await?;
        return default.map(Some).ok_or_else(|| AppError::Internal("no default contact type".into()));
    };
    let Some(id) = checks.id("contactTypeId", id) else { return Ok(None) };
    let row = Entity::find_by_id_in(organization, id).one(db).await?;
    Ok(checks.found("contactTypeId", row))
}

/// Makes the types that an organization begins with.
pub(super) async fn insert_initial(
    db: &impl ConnectionTrait,
    ctx: &RequestContext,
    organization: OrganizationId,
) -> AppResult<()> {
    let rows = INITIAL.into_iter().enumerate().map(|(position, name)| ActiveModel {
        id: sea_orm::Set(ContactTypeId(ctx.new_id())),
        org_id: sea_orm::Set(organization),
        name: sea_orm::Set(name.to_owned()),
        is_default: sea_orm::Set(position == 0),
        created_at: sea_orm::Set(ctx.now),
        updated_at: sea_orm::Set(ctx.now),
        version: sea_orm::Set(1),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}
