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
    error::{AppError, AppResult, InputErrorCode},
};

impl Recorded for Entity {
    const KIND: &'static str = "Organization";
    const LIST: Order = Order::by_integer("organization");
    const WRITE_SCOPE: Scope = Scope::OrgAdmin;

    recorded_columns!();
}

/// A new organization.
#[derive(Clone, Debug, Default)]
pub struct CreateOrganization {
    /// Its name, never blank.
    pub name: String,
    /// What the identity provider calls it; no other organization may have it.
    pub external_id: Option<String>,
}

/// An organization of this name that no identity provider knows.
impl From<&str> for CreateOrganization {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), external_id: None }
    }
}

/// What is to change of an organization.
#[derive(Clone, Debug, Default)]
pub struct UpdateOrganization {
    /// Its name, never blank.
    pub name: Patch<String>,
    /// What the identity provider calls it.
    pub external_id: Patch<String>,
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

/// Whether an organization has this number. Whether the caller may see it does not matter here.
pub(super) async fn exists(db: &Database, number: i64) -> AppResult<bool> {
    Ok(Entity::find_in(OrganizationId(number)).one(db.bypass_rls().connection()).await?.is_some())
}

/// The organizations that the token names.
fn among(db: &Database, request: &RequestContext) -> Select<Entity> {
    let numbers = request.caller.organizations.iter().copied();
    Entity::find_among(db.connection().get_database_backend(), numbers.map(OrganizationId))
}

/// Creates an organization with the contact types that every one begins with. The caller needs no organization, and is not in
/// the new one.
pub async fn create(
    db: &Database,
    request: &RequestContext,
    input: impl Into<CreateOrganization>,
) -> AppResult<Model> {
    let input = checked(request, input.into())?;
    let row = insert(db.bypass_rls().begin().await?, request, input).await?;
    db.external_ids.clear();
    Ok(row)
}

/// The organizations with these external ids. Which one the token may see is not known before, so the whole table is
/// looked at, for these ids.
pub(super) async fn with_external_ids(db: &Database, ids: &[String]) -> AppResult<Vec<Model>> {
    let backend = db.connection().get_database_backend();
    let select = Entity::find_by_external_ids(backend, ids.iter().cloned());
    Ok(select.all(db.bypass_rls().connection()).await?)
}

/// All organizations, for the operator's commands.
pub async fn all(db: &Database, request: &RequestContext) -> AppResult<Vec<Model>> {
    request.require(Scope::GatewayAdmin)?;
    Ok(Entity::find_all().all(db.bypass_rls().connection()).await?)
}

/// Creates the first organization of an empty database; `None` when there is one already. Of several callers at once
/// one makes it.
pub async fn create_first(db: &Database, request: &RequestContext, name: &str) -> AppResult<Option<Model>> {
    let input = checked(request, name.into())?;
    let txn = db.begin().await?;
    Entity::lock(&txn).await?;
    if Entity::any(&txn).await? {
        return Ok(None);
    }
    insert(txn, request, input).await.map(Some)
}

/// Changes the selected organization. Its external id decides whose tokens reach it, so only an administrator of the
/// gateway may change it.
pub async fn update(db: &Database, request: &RequestContext, input: &UpdateOrganization) -> AppResult<Model> {
    let organization = authorize_admin(request)?;
    if !matches!(input.external_id, Patch::Keep) {
        request.require(Scope::GatewayAdmin)?;
    }
    let mut checks = Checks::default();
    let name = checks.required_line_patch("name", &input.name);
    let external_id = match &input.external_id {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(id) => Some(Some(checked_external_id(&mut checks, id))),
    };
    let ctx = WriteContext::begin(db, request, organization).await?;
    // An exclusive lock would wait for every write to rows of the organization.
    let Some(old) = Entity::find_in(organization).lock(LockType::NoKeyUpdate).one(&ctx.txn).await? else {
        return Err(AppError::unknown_organization());
    };
    check_version(input.expected_version, old.version)?;
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, name);
    diff.set("externalId", &mut row.external_id, external_id);
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    db.external_ids.clear();
    Ok(new)
}

fn checked(request: &RequestContext, input: CreateOrganization) -> AppResult<CreateOrganization> {
    request.require(Scope::GatewayAdmin)?;
    let mut checks = Checks::default();
    let name = checks.required_line("name", &input.name);
    let external_id = input.external_id.map(|id| checked_external_id(&mut checks, &id));
    checks.finish()?;
    Ok(CreateOrganization { name, external_id })
}

/// An external id must not look like an id of the gateway. It may be a number, because the issuer's setting organization_ids
/// decides which of the two a number in a token is.
fn checked_external_id(checks: &mut Checks, external_id: &str) -> String {
    let id = checks.required_line("externalId", external_id);
    let is_own =
        id.strip_prefix("org_").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if is_own {
        let message = "Must not have the form org_42, which is an id of this service.";
        checks.report("externalId", InputErrorCode::Invalid, message);
    }
    id
}

async fn insert(txn: Write, request: &RequestContext, input: CreateOrganization) -> AppResult<Model> {
    let CreateOrganization { name, external_id } = input;
    let row = ActiveModel {
        id: NotSet,
        name: Set(name),
        external_id: Set(external_id),
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
    let diff = Diff::default().created("name", &row.name).created("externalId", &row.external_id);
    record::record::<Entity>(&ctx, row.id, Action::Created, diff);
    ctx.commit().await?;
    Ok(row)
}
