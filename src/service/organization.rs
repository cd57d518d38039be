//! Organizations: the tenants. A caller sees those that its token names.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, QueryFilter, Select,
};

use super::{
    Database, Page, PageRequest,
    change::{self, Action, Diff},
    contact_type,
    cursor::{CursorKey, Order},
    input::Checks,
    page::{self, Paged},
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        Columns, Scoped,
        id::OrganizationId,
        organization::{ActiveModel, Column, Entity, Model},
    },
    error::AppResult,
};

const KIND: &str = "Organization";

impl Paged for Entity {
    const ORDER: Order = Order::by_integer("organization");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Integer(row.id.0)
    }
}

/// The selected organization, or the one with this id when the token names it.
pub async fn get(db: &Database, ctx: &RequestContext, id: Option<&str>) -> AppResult<Option<Model>> {
    ctx.require(Scope::ContactsRead)?;
    let id = match id {
        Some(id) => id.parse().ok(),
        None => Some(OrganizationId(ctx.organization()?)),
    };
    let Some(id) = id else { return Ok(None) };
    Ok(among(db, ctx).filter(Column::Id.eq(id)).one(db.connection()).await?)
}

/// The organizations that the token names.
pub async fn list(db: &Database, ctx: &RequestContext, request: &PageRequest) -> AppResult<Page<Model>> {
    ctx.require(Scope::ContactsRead)?;
    page::page(db.connection(), among(db, ctx), Columns::all(), request).await
}

/// The organization that a request selected.
pub async fn selected(db: &Database, id: OrganizationId) -> AppResult<Option<Model>> {
    Ok(Entity::find_in(id).one(db.connection()).await?)
}

/// Whether there is any organization at all: none in a database that was just made.
pub async fn any(db: &Database) -> AppResult<bool> {
    Ok(Entity::any(db.connection()).await?)
}

/// The organizations that the token names.
fn among(db: &Database, ctx: &RequestContext) -> Select<Entity> {
    let numbers = ctx.caller.organizations.iter().copied();
    Entity::find_among(db.connection().get_database_backend(), numbers.map(OrganizationId))
}

/// Makes an organization with the contact types that every one begins with.
pub async fn create(db: &Database, ctx: &RequestContext, name: &str) -> AppResult<Model> {
    ctx.require(Scope::OrgAdmin)?;
    let mut checks = Checks::default();
    let name = checks.required_line("name", name);
    checks.finish()?;
    let write = db.begin().await?;
    let txn = write.connection();
    let row = ActiveModel {
        id: NotSet,
        name: Set(name),
        created_at: Set(ctx.now),
        updated_at: Set(ctx.now),
        version: Set(1),
    }
    .insert(txn)
    .await?;
    contact_type::insert_initial(txn, ctx, row.id).await?;
    let diff = Diff::default().created("name", &row.name);
    change::record(txn, ctx, row.id, (KIND, row.id.to_string()), Action::Created, diff).await?;
    write.commit().await?;
    Ok(row)
}
