//! Organizations: the tenants. A caller sees those that its token names.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Select,
    sea_query::LockType,
};

use super::{
    Database, Page, PageRequest, Patch, Write, authorize_admin,
    change::{Action, Diff},
    contact_type,
    cursor::{CursorKey, Order},
    input::{Checks, check_version},
    page::{self, Paged},
    record::{self, Recorded},
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        Columns, Scoped, change_counter,
        id::OrganizationId,
        organization::{ActiveModel, Column, Entity, Model},
    },
    error::{AppError, AppResult, Code, NO_ORGANIZATION},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_integer("organization");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Integer(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "Organization";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> OrganizationId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }
}

/// What is to change of an organization.
#[derive(Clone, Debug, Default)]
pub struct UpdateOrganization {
    /// Its name, never blank.
    pub name: Patch<String>,
    /// The version that the caller read.
    pub expected_version: Option<i32>,
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

/// The organizations that the token names.
fn among(db: &Database, ctx: &RequestContext) -> Select<Entity> {
    let numbers = ctx.caller.organizations.iter().copied();
    Entity::find_among(db.connection().get_database_backend(), numbers.map(OrganizationId))
}

/// Makes an organization with the contact types that every one begins with. The caller needs no organization, and is not in
/// the new one.
pub async fn create(db: &Database, ctx: &RequestContext, name: &str) -> AppResult<Model> {
    let name = checked(ctx, name)?;
    let write = db.bypass_rls().begin().await?;
    let row = insert(&write, ctx, name).await?;
    write.commit().await?;
    Ok(row)
}

/// Makes the first organization of an empty database; `None` when there is one already. Of several callers at once
/// one makes it.
pub async fn create_first(db: &Database, ctx: &RequestContext, name: &str) -> AppResult<Option<Model>> {
    let name = checked(ctx, name)?;
    let write = db.begin().await?;
    Entity::lock(&write).await?;
    if Entity::any(&write).await? {
        return Ok(None);
    }
    let row = insert(&write, ctx, name).await?;
    write.commit().await?;
    Ok(Some(row))
}

/// Changes the selected organization.
pub async fn update(db: &Database, ctx: &RequestContext, input: &UpdateOrganization) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let mut checks = Checks::default();
    let name = checks.required_line_patch("name", &input.name);
    let write = db.begin().await?;
    let txn = &write;
    // An exclusive lock would wait for every write to rows of the organization.
    let Some(old) = Entity::find_in(organization).lock(LockType::NoKeyUpdate).one(txn).await? else {
        return Err(AppError::request(Code::Forbidden, NO_ORGANIZATION));
    };
    check_version(input.expected_version, old.version)?;
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, name);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

fn checked(ctx: &RequestContext, name: &str) -> AppResult<String> {
    ctx.require(Scope::GatewayAdmin)?;
    let mut checks = Checks::default();
    let name = checks.required_line("name", name);
    checks.finish()?;
    Ok(name)
}

async fn insert(txn: &Write, ctx: &RequestContext, name: String) -> AppResult<Model> {
    let row = ActiveModel {
        id: NotSet,
        name: Set(name),
        external_id: Set(None),
        created_at: Set(ctx.now),
        updated_at: Set(ctx.now),
        version: Set(1),
    }
    .insert(txn)
    .await?;
    change_counter::Entity::insert(change_counter::ActiveModel {
        org_id: Set(row.id),
        seq: Set(0),
        deleted_through: Set(0),
    })
    .exec_without_returning(txn)
    .await?;
    contact_type::insert_initial(txn, ctx, row.id).await?;
    let diff = Diff::default().created("name", &row.name);
    record::record::<Entity>(txn, ctx, row.id, row.id, Action::Created, diff);
    Ok(row)
}
