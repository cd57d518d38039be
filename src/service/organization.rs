//! Organizations: the tenants. A caller sees those that its token names.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Select,
    sea_query::LockType,
};

use super::{
    Database, Page, PageRequest, Patch, Write, WriteContext, authorize_admin,
    change::{Action, Diff},
    contact_type,
    cursor::Order,
    input::{Checks, check_version},
    page,
    record::{self, Recorded, recorded_columns},
    search_backfill::SEARCH_VERSION,
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

impl Recorded for Entity {
    const KIND: &'static str = "Organization";
    const LIST: Order = Order::by_integer("organization");
    const WRITE_SCOPE: Scope = Scope::OrgAdmin;

    recorded_columns!();
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
pub async fn get(db: &Database, request: &RequestContext, id: Option<&str>) -> AppResult<Option<Model>> {
    request.require(Scope::ContactsRead)?;
    let id = match id {
        Some(id) => id.parse().ok(),
        None => Some(OrganizationId(request.organization()?)),
    };
    let Some(id) = id else { return Ok(None) };
    Ok(among(db, request).filter(Column::Id.eq(id)).one(db.connection()).await?)
}

/// The organizations that the token names.
pub async fn list(db: &Database, request: &RequestContext, page: &PageRequest) -> AppResult<Page<Model>> {
    request.require(Scope::ContactsRead)?;
    page::page(db.connection(), among(db, request), Columns::all(), page).await
}

/// The organization that a request selected.
pub async fn selected(db: &Database, id: OrganizationId) -> AppResult<Option<Model>> {
    Ok(Entity::find_in(id).one(db.connection()).await?)
}

/// The organizations that the token names.
fn among(db: &Database, request: &RequestContext) -> Select<Entity> {
    let numbers = request.caller.organizations.iter().copied();
    Entity::find_among(db.connection().get_database_backend(), numbers.map(OrganizationId))
}

/// Creates an organization with the contact types that every one begins with. The caller needs no organization, and is not in
/// the new one.
pub async fn create(db: &Database, request: &RequestContext, name: &str) -> AppResult<Model> {
    let name = checked(request, name)?;
    insert(db.bypass_rls().begin().await?, request, name).await
}

/// Creates the first organization of an empty database; `None` when there is one already. Of several callers at once
/// one makes it.
pub async fn create_first(db: &Database, request: &RequestContext, name: &str) -> AppResult<Option<Model>> {
    let name = checked(request, name)?;
    let txn = db.begin().await?;
    Entity::lock(&txn).await?;
    if Entity::any(&txn).await? {
        return Ok(None);
    }
    insert(txn, request, name).await.map(Some)
}

/// Changes the selected organization.
pub async fn update(db: &Database, request: &RequestContext, input: &UpdateOrganization) -> AppResult<Model> {
    let organization = authorize_admin(request)?;
    let mut checks = Checks::default();
    let name = checks.required_line_patch("name", &input.name);
    let ctx = WriteContext::begin(db, request, organization).await?;
    // An exclusive lock would wait for every write to rows of the organization.
    let Some(old) = Entity::find_in(organization).lock(LockType::NoKeyUpdate).one(&ctx.txn).await? else {
        return Err(AppError::request(Code::Forbidden, NO_ORGANIZATION));
    };
    check_version(input.expected_version, old.version)?;
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, name);
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
}

fn checked(request: &RequestContext, name: &str) -> AppResult<String> {
    request.require(Scope::GatewayAdmin)?;
    let mut checks = Checks::default();
    let name = checks.required_line("name", name);
    checks.finish()?;
    Ok(name)
}

async fn insert(txn: Write, request: &RequestContext, name: String) -> AppResult<Model> {
    let row = ActiveModel {
        id: NotSet,
        name: Set(name),
        external_id: Set(None),
        search_version: Set(SEARCH_VERSION),
        created_at: Set(request.now),
        updated_at: Set(request.now),
        version: Set(1),
    }
    .insert(&txn)
    .await?;
    change_counter::Entity::insert(change_counter::ActiveModel {
        org_id: Set(row.id),
        seq: Set(0),
        deleted_through: Set(0),
    })
    .exec_without_returning(&txn)
    .await?;
    let ctx = WriteContext { txn, request, organization: row.id };
    contact_type::insert_initial(&ctx).await?;
    let diff = Diff::default().created("name", &row.name);
    record::record::<Entity>(&ctx, row.id, Action::Created, diff);
    ctx.commit().await?;
    Ok(row)
}
