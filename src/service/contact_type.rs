//! Contact types: what an account contact is to its accounts. An organization begins with five; one is the default.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LockType},
};
use serde::Serialize;

use super::{
    Database, ListRequest, Page, Patch, Write, account_contact as contacts, authorize_admin, authorize_read,
    background,
    change::{Action, Diff},
    cursor::{CursorKey, Order},
    filter, idempotency,
    input::{Checks, NOT_FOUND, check_version, not_found},
    page::{self, Paged},
    reading,
    record::{self, Recorded},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById, account_contact,
        contact_type::{ActiveModel, Column, Entity, Model},
        id::{AccountContactId, ContactTypeId, OrganizationId},
        keys_in,
    },
    error::{AppError, AppResult, InputErrorCode, TYPE_NAME_TAKEN},
};

/// The types that every organization begins with; the first is the default.
const INITIAL: [&str; 5] = ["Primary", "Billing", "Legal", "Executive", "Other"];

/// How often the default type is looked for while others change it.
const ATTEMPTS: usize = 5;

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("contact_type");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "ContactType";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> ContactTypeId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }
}

/// A new contact type.
#[derive(Clone, Debug, Serialize)]
pub struct CreateContactType {
    /// Its name, unique in the organization, never blank.
    pub name: String,
    /// Whether it is the default from now on, which the one before it then is no more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// What is to change of a contact type.
#[derive(Clone, Debug, Default)]
pub struct UpdateContactType {
    /// Its name, unique in the organization, never blank.
    pub name: Patch<String>,
    /// Whether it is the default; set for the one that is to be it, in the place of the one before it.
    pub is_default: Patch<bool>,
    /// The version that the caller read.
    pub expected_version: Option<i32>,
}

/// The organization's contact types.
pub async fn list(db: &Database, ctx: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, Columns::all(), &list.page).await
}

/// The contact types with these ids. One that was replaced and that contacts still have is shown as its replacement.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[ContactTypeId],
) -> AppResult<HashMap<ContactTypeId, Model>> {
    let db = db.connection();
    let mut types = reading::by_ids::<Entity, _>(db, organization, ids, Columns::all(), |row| row.id).await?;
    let replacements: Vec<ContactTypeId> = types.values().filter_map(|row| row.replaced_by).collect();
    if replacements.is_empty() {
        return Ok(types);
    }
    let replacements =
        reading::by_ids::<Entity, _>(db, organization, &replacements, Columns::all(), |row| row.id).await?;
    types.retain(|_, row| match row.replaced_by {
        Some(replacement) => {
            let replacement = replacements.get(&replacement).cloned();
            replacement.map(|replacement| *row = replacement).is_some()
        }
        None => true,
    });
    Ok(types)
}

/// For each account contact, deleted or not, the type that it has now.
pub async fn of_account_contacts(
    db: &Database,
    organization: OrganizationId,
    contacts: &[AccountContactId],
) -> AppResult<HashMap<AccountContactId, Model>> {
    let connection = db.connection();
    let named = keys_in(
        connection.get_database_backend(),
        account_contact::Column::Id.into_expr(),
        contacts.iter().copied(),
    );
    let contacts: Vec<(AccountContactId, ContactTypeId)> =
        account_contact::Entity::find_in_with_deleted(organization)
            .filter(named)
            .select_only()
            .columns([account_contact::Column::Id, account_contact::Column::ContactTypeId])
            .into_tuple()
            .all(connection)
            .await?;
    let types: Vec<ContactTypeId> = contacts.iter().map(|(_, contact_type)| *contact_type).collect();
    let types = by_ids(db, organization, &types).await?;
    let typed = |(contact, contact_type)| Some((contact, types.get(&contact_type)?.clone()));
    Ok(contacts.into_iter().filter_map(typed).collect())
}

/// Makes a contact type.
pub async fn create(db: &Database, ctx: &RequestContext, input: &CreateContactType) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let mut checks = Checks::default();
    let name = checks.required_line("name", &input.name);
    let write = db.begin().await?;
    let txn = &write;
    let key = input.idempotency_key.as_deref();
    let claim =
        match idempotency::claim(&mut checks, txn, ctx, (organization, "createContactType"), key, input)
            .await?
        {
            Ok(claim) => claim,
            Err(first) => {
                return reading::replayed(Entity::find_by_id_in(organization, first).one(txn).await?);
            }
        };
    check_name_free(&mut checks, txn, organization, &name).await?;
    checks.finish()?;
    if input.is_default {
        unmark(txn, ctx, &all_held(txn, organization).await?).await?;
    }
    let row = Model {
        id: ContactTypeId(ctx.new_id()),
        org_id: organization,
        name,
        is_default: input.is_default,
        replaced_by: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        version: 1,
    };
    let diff = Diff::default().created("name", &row.name).created("isDefault", row.is_default);
    let row = record::create::<Entity>(txn, ctx, organization, row, diff).await?;
    claim.complete(txn, organization, row.id).await?;
    write.commit().await?;
    Ok(row)
}

/// Changes a contact type.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    input: &UpdateContactType,
) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let id: ContactTypeId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let name = checks.required_line_patch("name", &input.name);
    let is_default = checks.required_patch("isDefault", &input.is_default);
    let write = db.begin().await?;
    let txn = &write;
    // All of them where one is to take another one's place, and in the order in which everybody holds them.
    let types = match is_default {
        Some(true) => all_held(txn, organization).await?,
        _ => Vec::new(),
    };
    let old = record::find_for_update::<Entity>(txn, organization, id, input.expected_version).await?;
    if let Some(name) = name.as_ref().filter(|name| **name != old.name) {
        check_name_free(&mut checks, txn, organization, name).await?;
    }
    if old.is_default && is_default == Some(false) {
        checks.report(
            "isDefault",
            InputErrorCode::NotAllowed,
            "The default type cannot be unset. Make another type the default.",
        );
    }
    checks.finish()?;
    if is_default == Some(true) && !old.is_default {
        unmark(txn, ctx, &types).await?;
    }
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, name);
    diff.set("isDefault", &mut row.is_default, is_default);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Makes a type the default, which the one before it then is no more. Both are changes.
pub async fn set_default(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let id: ContactTypeId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let types = all_held(txn, organization).await?;
    let next = types.iter().find(|row| row.id == id).ok_or_else(|| not_found("id"))?;
    check_version(expected_version, next.version)?;
    if next.is_default {
        return Ok(next.clone());
    }
    // First the one, then the other: at no time are there two.
    unmark(txn, ctx, &types).await?;
    let new = mark(txn, ctx, next, true).await?;
    write.commit().await?;
    Ok(new)
}

/// Takes the place from the default among these types.
async fn unmark(db: &Write, ctx: &RequestContext, types: &[Model]) -> AppResult<()> {
    for former in types.iter().filter(|row| row.is_default) {
        mark(db, ctx, former, false).await?;
    }
    Ok(())
}

async fn mark(db: &Write, ctx: &RequestContext, old: &Model, is_default: bool) -> AppResult<Model> {
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("isDefault", &mut row.is_default, Some(is_default));
    record::update::<Entity>(db, ctx, old.org_id, old.clone(), row, diff).await
}

/// Removes a contact type for good. The contacts that have it get the replacement, many of them in the background: until
/// then the type is kept, but nobody sees it. Gives the type as it was.
pub async fn delete(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    replacement_id: Option<&str>,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_admin(ctx)?;
    let id: ContactTypeId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let write = db.begin().await?;
    let txn = &write;
    // Nobody gives a contact one of these types from here on.
    let types = Entity::find_in_with_deleted(organization).order_by_asc(Column::Id).lock(LockType::Update);
    let (types, replaced): (Vec<Model>, Vec<Model>) =
        types.all(txn).await?.into_iter().partition(|row| row.replaced_by.is_none());
    let is_replacement = replaced.iter().any(|row| row.replaced_by == Some(id));
    let old = types.iter().find(|row| row.id == id).ok_or_else(|| not_found("id"))?;
    check_version(expected_version, old.version)?;
    let replacement = check_replacement(&mut checks, &types, id, replacement_id);
    if old.is_default {
        let message = "The default type cannot be deleted. Make another type the default first.";
        checks.report("id", InputErrorCode::NotAllowed, message);
    } else if replacement_id.is_none()
        && (is_replacement || contacts::have_type(txn, organization, id).await?)
    {
        let message = "Contacts have this type, possibly soft-deleted ones. Set replacementId.";
        checks.report("id", InputErrorCode::InUse, message);
    }
    checks.finish()?;
    if let Some(replacement) = replacement
        && is_replacement
    {
        let earlier = Column::ReplacedBy.eq(id);
        set_replacement(txn, organization, earlier, replacement).await?;
    }
    match replacement {
        Some(replacement) if !contacts::replace_type(txn, ctx, organization, id, replacement).await? => {
            set_replacement(txn, organization, Column::Id.eq(id), replacement).await?;
        }
        _ => remove(txn, organization, id).await?,
    }
    let mut diff = Diff::default();
    diff.note("name", &old.name, None::<String>);
    record::record::<Entity>(txn, ctx, organization, id, Action::Deleted, diff);
    write.commit().await?;
    db.wake_worker();
    Ok(old.clone())
}

/// Hides these types, which contacts still have, behind another one.
async fn set_replacement(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    which: Expr,
    replacement: ContactTypeId,
) -> AppResult<()> {
    let hidden = ActiveModel { replaced_by: sea_orm::Set(Some(replacement)), ..Default::default() };
    Entity::update_in(organization).filter(which).set(hidden).exec(db).await?;
    Ok(())
}

/// The replacement of a type that was replaced, if it is still there. Both are held until the transaction ends.
pub(super) async fn hold_with_replacement(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: ContactTypeId,
) -> AppResult<Option<ContactTypeId>> {
    let all = Entity::find_in_with_deleted(organization);
    let Some(seen) = all.clone().filter(Column::Id.eq(id)).one(db).await? else { return Ok(None) };
    let Some(replacement) = seen.replaced_by else { return Ok(None) };
    let both = all.filter(Column::Id.is_in([id, replacement])).order_by_asc(Column::Id);
    let both = both.lock(LockType::KeyShare).all(db).await?;
    match both.iter().find(|row| row.id == id).and_then(|row| row.replaced_by) {
        Some(now) if now == replacement => Ok(Some(replacement)),
        Some(_) => Err(background::overtaken()),
        None => Ok(None),
    }
}

/// Removes a type that no contact has.
pub(super) async fn remove(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: ContactTypeId,
) -> AppResult<()> {
    Entity::delete_in(organization).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// The type that takes the place of the one that goes, if one is named.
fn check_replacement(
    checks: &mut Checks,
    types: &[Model],
    id: ContactTypeId,
    replacement_id: Option<&str>,
) -> Option<ContactTypeId> {
    let replacement: ContactTypeId = checks.id("replacementId", replacement_id?)?;
    if replacement == id {
        let message = "A contact type cannot replace itself. Use another type.";
        checks.report("replacementId", InputErrorCode::Invalid, message);
    } else if !types.iter().any(|row| row.id == replacement) {
        checks.report("replacementId", InputErrorCode::NotFound, NOT_FOUND);
    }
    Some(replacement)
}

/// The organization's types, locked until the transaction ends, to make one of them the default. Everybody takes
/// them in this order, so that nobody waits for somebody who waits for them. Read a second time, because a type that was
/// made under the lock before this one is not seen in the first: nobody else makes one the default from there on.
async fn all_held(db: &impl ConnectionTrait, organization: OrganizationId) -> AppResult<Vec<Model>> {
    let types = Entity::find_in(organization).order_by_asc(Column::Id).lock(LockType::NoKeyUpdate);
    types.clone().all(db).await?;
    Ok(types.all(db).await?)
}

async fn check_name_free(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    name: &str,
) -> AppResult<()> {
    if reading::value_exists::<Entity>(db, organization, Column::Name, Some(name)).await? {
        checks.report("name", InputErrorCode::Taken, TYPE_NAME_TAKEN);
    }
    Ok(())
}

/// The type that an input names, or the default where it names none; reports when it is not there.
///
/// It is held until the transaction ends, so that it cannot go before the contact has it. Call this before holding
/// contacts: who removes a type holds types first and then its contacts.
pub(super) async fn chosen(
    checks: &mut Checks,
    db: &Write,
    organization: OrganizationId,
    id: Option<&str>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else { return default(db, organization).await.map(Some) };
    let Some(id) = checks.id("contactTypeId", id) else { return Ok(None) };
    db.guard::<Entity>(organization, [id], None, LockType::KeyShare);
    let row = db.locked(Entity::find_by_id_in(organization, id), LockType::KeyShare).one(db).await?;
    Ok(checks.found("contactTypeId", row))
}

/// The default type, held. When another one became the default after it was seen, PostgreSQL gives no row: ask again.
async fn default(db: &Write, organization: OrganizationId) -> AppResult<Model> {
    let is_default = Column::IsDefault.eq(true);
    for _ in 0..ATTEMPTS {
        let default = Entity::find_in(organization).filter(is_default.clone());
        if let Some(row) = db.locked(default, LockType::KeyShare).one(db).await? {
            db.guard::<Entity>(organization, [row.id], Some(is_default), LockType::KeyShare);
            return Ok(row);
        }
    }
    Err(AppError::Internal("no default contact type".into()))
}

/// The types that any number of inputs name, and the default type, held as [`chosen`] holds one.
pub(super) struct HeldTypes(Vec<Model>);

impl HeldTypes {
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        ids: impl IntoIterator<Item = &str>,
    ) -> AppResult<Self> {
        let ids: HashSet<ContactTypeId> = ids.into_iter().filter_map(|id| id.parse().ok()).collect();
        let named = keys_in(db.get_database_backend(), Column::Id.into_expr(), ids);
        let wanted = Condition::any().add(Column::IsDefault.eq(true)).add(named);
        let select = Entity::find_in(organization).filter(wanted).order_by_asc(Column::Id);
        for _ in 0..ATTEMPTS {
            let types = select.clone().lock(LockType::KeyShare).all(db).await?;
            if types.iter().any(|row| row.is_default) {
                return Ok(Self(types));
            }
        }
        Err(AppError::Internal("no default contact type".into()))
    }

    /// The type that an input names; reports when it is not there.
    pub(super) fn named(&self, checks: &mut Checks, id: &str) -> Option<ContactTypeId> {
        let id: ContactTypeId = checks.id("contactTypeId", id)?;
        let row = self.0.iter().find(|row| row.id == id);
        checks.found("contactTypeId", row).map(|row| row.id)
    }

    /// The default type.
    pub(super) fn default(&self) -> Option<ContactTypeId> {
        self.0.iter().find(|row| row.is_default).map(|row| row.id)
    }
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
        replaced_by: sea_orm::Set(None),
        created_at: sea_orm::Set(ctx.now),
        updated_at: sea_orm::Set(ctx.now),
        version: sea_orm::Set(1),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}
