//! Partners: the companies that internal contacts look after.

mod upsert;

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType,
};
use serde::Serialize;

pub use upsert::{UpsertPartner, upsert};

use super::{
    Database, ListRequest, Page, Patch, Write, authorize_read, authorize_write,
    bulk::RemoteFields,
    change::Diff,
    cursor::{CursorKey, Order},
    filter, idempotency,
    input::{Checks, not_found},
    internal_contact as contacts, internal_contact_assignment as assignments,
    page::{self, Paged, ParentRelation},
    reading,
    record::{self, Recorded, Unique},
    search,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        id::{InternalContactId, OrganizationId, PartnerId},
        internal_contact_assignment as assignment, keys_in,
        partner::{ActiveModel, Column, Entity, Model},
    },
    error::{AppResult, InputErrorCode, REMOTE_ID_TAKEN},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("partner");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "Partner";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> PartnerId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }

    fn derive(row: &mut Model) {
        row.sort_key = search::sort_key(&row.name);
        row.words = search::words([row.name.as_str()]);
    }

    fn unique(row: &Model) -> Vec<Unique<'_, Column>> {
        vec![(Column::RemoteId, row.remote_id.as_deref(), REMOTE_ID_TAKEN)]
    }
}

/// A new partner.
#[derive(Clone, Debug, Serialize)]
pub struct CreatePartner {
    /// Its name, never blank.
    pub name: String,
    /// Identifier of this record in the external system it was synced from, unique in the organization.
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// What is to change of a partner.
#[derive(Clone, Debug, Default)]
pub struct UpdatePartner {
    /// Its name; cannot be cleared.
    pub name: Patch<String>,
    /// Identifier of this record in the external system it was synced from.
    pub remote_id: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
}

/// The partner with this id, if the caller may read it.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The organization's partners.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, columns, &list.page).await
}

/// The partners with these ids, deleted ones included.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[PartnerId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<PartnerId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, columns, |row| row.id).await
}

/// For each internal contact the partners that it looks after.
pub async fn of_internal_contacts(
    db: &Database,
    organization: OrganizationId,
    contacts: &[InternalContactId],
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<InternalContactId, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let assignments = assignment::Entity::find_in(organization);
    let (child, parent) = (assignment::Column::PartnerId, assignment::Column::InternalContactId);
    let relation = ParentRelation::links(assignments, child, parent, false);
    page::pages(db.connection(), (select, columns), relation, contacts, &list.page).await
}

/// Makes a partner.
pub async fn create(db: &Database, ctx: &RequestContext, input: &CreatePartner) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let remote_id = Patch::from(input.remote_id.as_deref());
    let fields = Fields::check(&mut checks, &Patch::Set(&input.name), &remote_id);
    let write = db.begin().await?;
    let txn = &write;
    let key = input.idempotency_key.as_deref();
    let claim =
        match idempotency::claim(&mut checks, txn, ctx, (organization, "createPartner"), key, input).await? {
            Ok(claim) => claim,
            Err(first) => return reading::replayed(find(txn, organization, first).await?),
        };
    if reading::value_exists::<Entity>(txn, organization, Column::RemoteId, fields.remote_id()).await? {
        checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
    }
    checks.finish()?;
    let (row, diff) = fields.create(ctx, organization);
    let row = record::create::<Entity>(txn, ctx, organization, row, diff).await?;
    claim.complete(txn, organization, row.id).await?;
    write.commit().await?;
    Ok(row)
}

/// Changes a partner.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    input: &UpdatePartner,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: PartnerId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, &input.name, &input.remote_id);
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, input.expected_version).await?;
    let wanted = fields.remote_id().filter(|new| Some(*new) != old.remote_id.as_deref());
    if reading::value_exists::<Entity>(txn, organization, Column::RemoteId, wanted).await? {
        checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
    }
    checks.finish()?;

    let mut row = old.clone().into_active_model();
    let diff = fields.change(&mut row);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Deletes a partner. The assignments to it are hidden as long as it stays deleted.
pub async fn delete(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: PartnerId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let new = record::delete::<Entity>(txn, ctx, organization, old).await?;
    if !assignments::defer_of_partners(txn, ctx, organization, &[id]).await?.is_empty() {
        contacts::hold_those_of_partners(txn, organization, &[id]).await?;
        assignments::hide(txn, ctx, organization, assignment::Column::PartnerId.eq(id)).await?;
    }
    write.commit().await?;
    db.wake_worker();
    Ok(new)
}

/// Brings a deleted partner back, and the assignments to it of people who are there. One that is not deleted stays as
/// it is.
pub async fn restore(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: PartnerId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update_with_deleted::<Entity>(txn, organization, id, expected_version).await?;
    if old.deleted_at.is_none() {
        return Ok(old);
    }
    let new = record::restore::<Entity>(txn, ctx, organization, old).await?;
    let its = assignment::Column::PartnerId.eq(id);
    if assignments::defer_of_partners(txn, ctx, organization, &[id]).await?.is_empty() {
        assignments::check_remote_ids(txn, organization, its).await?;
    } else {
        contacts::hold_those_of_partners(txn, organization, &[id]).await?;
        assignments::show(txn, organization, its).await?;
    }
    write.commit().await?;
    db.wake_worker();
    Ok(new)
}

/// The fields of a partner as an input gives them, cleaned; `None` is what it does not give.
#[derive(Clone)]
pub(super) struct Fields {
    name: Option<String>,
    remote_id: Option<Option<String>>,
}

impl Fields {
    fn check(checks: &mut Checks, name: &Patch<impl AsRef<str>>, remote_id: &Patch<impl AsRef<str>>) -> Self {
        Self {
            name: checks.required_line_patch("name", name),
            remote_id: checks.line_patch("remoteId", remote_id),
        }
    }
}

impl RemoteFields<Entity> for Fields {
    const REMOTE_ID: Column = Column::RemoteId;

    fn remote_id_of(row: &Model) -> Option<&str> {
        row.remote_id.as_deref()
    }

    fn remote_id(&self) -> Option<&str> {
        self.remote_id.as_ref()?.as_deref()
    }

    fn check_complete(&self, checks: &mut Checks) {
        checks.needed("name", self.name.as_ref());
    }

    fn create(self, ctx: &RequestContext, organization: OrganizationId) -> (Model, Diff) {
        let row = Model {
            id: PartnerId(ctx.new_id()),
            org_id: organization,
            name: self.name.unwrap_or_default(),
            remote_id: self.remote_id.flatten(),
            sort_key: String::new(),
            words: String::new(),
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
            deleted_at: None,
        };
        let diff = Diff::default().created("name", &row.name).created("remoteId", &row.remote_id);
        (row, diff)
    }

    fn change(self, row: &mut ActiveModel) -> Diff {
        let mut diff = Diff::default();
        diff.set("name", &mut row.name, self.name);
        diff.set("remoteId", &mut row.remote_id, self.remote_id);
        diff
    }
}

/// The active partner with this id.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: PartnerId,
) -> AppResult<Option<Model>> {
    Ok(Entity::find_by_id_in(organization, id).one(db).await?)
}

/// The partner that an input names, held against deletion until the transaction ends; reports when it is not there.
pub(super) async fn resolve_reference(
    checks: &mut Checks,
    field: &'static str,
    db: &Write,
    organization: OrganizationId,
    id: Option<PartnerId>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else { return Ok(None) };
    let row = lock_by_id(db, organization, id).await?;
    if row.is_some() {
        db.guard::<Entity>(organization, [id], None, LockType::KeyShare);
    }
    Ok(checks.found(field, row))
}

/// The active partner with this id, held against deletion until the transaction ends.
pub(super) async fn lock_by_id(
    db: &Write,
    organization: OrganizationId,
    id: PartnerId,
) -> AppResult<Option<Model>> {
    Ok(db.locked(Entity::find_by_id_in(organization, id), LockType::KeyShare).one(db).await?)
}

/// Which of these partners are there, each held against deletion until the transaction ends.
pub(super) async fn lock_active(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: Vec<PartnerId>,
) -> AppResult<HashSet<PartnerId>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<PartnerId> = Entity::find_in(organization)
        .select_only()
        .column(Column::Id)
        .filter(keys_in(db.get_database_backend(), Column::Id.into_expr(), ids))
        .order_by_asc(Column::Id)
        .lock(LockType::KeyShare)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}
