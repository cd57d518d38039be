//! Contact types: what an account contact is to its accounts. An organization begins with five; one is the default.
//! `replacement` has what becomes of the contacts of a type that goes.

mod replacement;

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use serde::Serialize;

pub(super) use self::replacement::replace_next;
use super::{
    Database, Patch, ReadContext, WriteContext, authorize_admin, background,
    change::{Action, Diff},
    cursor::Order,
    input::{Checks, NOT_FOUND, check_version, not_found},
    reading,
    record::{self, Recorded, Unique, recorded_columns},
};
use crate::{
    auth::{RequestContext, Scope},
    entity::{
        Columns, Scoped, account_contact,
        contact_type::{ActiveModel, Column, Entity, Model},
        id::{AccountContactId, ContactTypeId},
    },
    error::{AppError, AppResult, InputErrorCode, TYPE_NAME_TAKEN},
};

/// The types that every organization begins with; the first is the default.
const INITIAL: [&str; 5] = ["Primary", "Billing", "Legal", "Executive", "Other"];

/// How often the default type is looked for while others change it.
const ATTEMPTS: usize = 5;

impl Recorded for Entity {
    const KIND: &'static str = "ContactType";
    const LIST: Order = Order::by_uuid("contact_type");
    const WRITE_SCOPE: Scope = Scope::OrgAdmin;
    const UNIQUE: &'static [Unique<Column>] = &[(Column::Name, "name", TYPE_NAME_TAKEN)];

    recorded_columns!();
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

/// The contact types with these ids. One that was replaced and that contacts still have is shown as its replacement.
pub async fn by_ids(
    ctx: ReadContext<'_>,
    ids: &[ContactTypeId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<ContactTypeId, Model>> {
    let mut types = reading::by_ids(ctx, ids, columns).await?;
    let replacements: Vec<ContactTypeId> = types.values().filter_map(|row| row.replaced_by).collect();
    if replacements.is_empty() {
        return Ok(types);
    }
    let replacements = reading::by_ids(ctx, &replacements, columns).await?;
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
    ctx: ReadContext<'_>,
    contacts: &[AccountContactId],
) -> AppResult<HashMap<AccountContactId, Model>> {
    let contacts: Vec<(AccountContactId, ContactTypeId)> =
        account_contact::Entity::find_in_with_deleted(ctx.organization)
            .filter(ctx.keys_in(account_contact::Column::Id, contacts.iter().copied()))
            .select_only()
            .columns([account_contact::Column::Id, account_contact::Column::ContactTypeId])
            .into_tuple()
            .all(ctx.db)
            .await?;
    let types: Vec<ContactTypeId> = contacts.iter().map(|(_, contact_type)| *contact_type).collect();
    let types = by_ids(ctx, &types, Columns::all()).await?;
    let typed = |(contact, contact_type)| Some((contact, types.get(&contact_type)?.clone()));
    Ok(contacts.into_iter().filter_map(typed).collect())
}

/// Creates a contact type.
pub async fn create(db: &Database, request: &RequestContext, input: &CreateContactType) -> AppResult<Model> {
    let organization = authorize_admin(request)?;
    let mut checks = Checks::default();
    let mut row = ActiveModel::default();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, Some(checks.required_line("name", &input.name)));
    diff.set("isDefault", &mut row.is_default, Some(input.is_default));
    let ctx = WriteContext::begin(db, request, organization).await?;
    let key = input.idempotency_key.as_deref();
    let claim = match record::claim::<Entity>(&ctx, &mut checks, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return Ok(first),
    };
    record::check_unique::<Entity>(&ctx, &mut checks, &row).await?;
    checks.finish()?;
    if input.is_default {
        unmark(&ctx, &lock_all(&ctx).await?).await?;
    }
    let row = record::insert_row::<Entity>(&ctx, row, diff)?;
    claim.commit(ctx, row.id).await?;
    Ok(row)
}

/// Changes a contact type.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    input: &UpdateContactType,
) -> AppResult<Model> {
    let (ctx, id) = record::begin::<Entity>(db, request, id).await?;
    let mut checks = Checks::default();
    let name = checks.required_line_patch("name", &input.name);
    let is_default = checks.required_patch("isDefault", &input.is_default);
    // All of them where one is to take another one's place, and in the order in which every writer locks them.
    let types = match is_default {
        Some(true) => lock_all(&ctx).await?,
        _ => Vec::new(),
    };
    let old = record::find_for_update::<Entity>(&ctx, id, input.expected_version).await?;
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("name", &mut row.name, name);
    diff.set("isDefault", &mut row.is_default, is_default);
    record::check_unique::<Entity>(&ctx, &mut checks, &row).await?;
    if old.is_default && is_default == Some(false) {
        let message = "The default type cannot be unset. Make another type the default.";
        checks.report("isDefault", InputErrorCode::NotAllowed, message);
    }
    checks.finish()?;
    if is_default == Some(true) && !old.is_default {
        unmark(&ctx, &types).await?;
    }
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
}

/// Makes a type the default, which the one before it then is no more. Both are changes.
pub async fn set_default(
    db: &Database,
    request: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let (ctx, id) = record::begin::<Entity>(db, request, id).await?;
    let types = lock_all(&ctx).await?;
    let next = types.iter().find(|row| row.id == id).ok_or_else(|| not_found("id"))?;
    check_version(expected_version, next.version)?;
    if next.is_default {
        return Ok(next.clone());
    }
    // First the one, then the other: at no time are there two.
    unmark(&ctx, &types).await?;
    let new = mark(&ctx, next, true).await?;
    ctx.commit().await?;
    Ok(new)
}

/// Takes the place from the default among these types.
async fn unmark(ctx: &WriteContext<'_>, types: &[Model]) -> AppResult<()> {
    for former in types.iter().filter(|row| row.is_default) {
        mark(ctx, former, false).await?;
    }
    Ok(())
}

async fn mark(ctx: &WriteContext<'_>, old: &Model, is_default: bool) -> AppResult<Model> {
    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    diff.set("isDefault", &mut row.is_default, Some(is_default));
    record::update_row::<Entity>(ctx, old.clone(), row, diff).await
}

/// Removes a contact type for good. The contacts that have it get the replacement, many of them in the background: until
/// then the type is kept, but nobody sees it. Gives the type as it was.
pub async fn delete(
    db: &Database,
    request: &RequestContext,
    id: &str,
    replacement_id: Option<&str>,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let (ctx, id) = record::begin::<Entity>(db, request, id).await?;
    let mut checks = Checks::default();
    // Nobody gives a contact one of these types from here on.
    let types = Entity::find_in_with_deleted(ctx.organization).order_by_asc(Column::Id);
    let types = types.lock(LockType::Update).all(&ctx.txn).await?;
    let (types, replaced): (Vec<Model>, Vec<Model>) =
        types.into_iter().partition(|row| row.replaced_by.is_none());
    let is_replacement = replaced.iter().any(|row| row.replaced_by == Some(id));
    let old = types.iter().find(|row| row.id == id).ok_or_else(|| not_found("id"))?;
    check_version(expected_version, old.version)?;
    let replacement = check_replacement(&mut checks, &types, id, replacement_id);
    if old.is_default {
        let message = "The default type cannot be deleted. Make another type the default first.";
        checks.report("id", InputErrorCode::NotAllowed, message);
    } else if replacement_id.is_none() && (is_replacement || replacement::is_used(&ctx, id).await?) {
        let message = "Contacts have this type, possibly soft-deleted ones. Set replacementId.";
        checks.report("id", InputErrorCode::InUse, message);
    }
    checks.finish()?;
    if let Some(replacement) = replacement
        && is_replacement
    {
        set_replacement(&ctx, Column::ReplacedBy.eq(id), replacement).await?;
    }
    match replacement {
        Some(replacement) if !replacement::replace(&ctx, id, replacement).await? => {
            set_replacement(&ctx, Column::Id.eq(id), replacement).await?;
        }
        _ => remove(&ctx, id).await?,
    }
    let mut diff = Diff::default();
    diff.note("name", &old.name, None::<String>);
    record::record::<Entity>(&ctx, id, Action::Deleted, diff);
    ctx.commit().await?;
    db.wake_worker();
    Ok(old.clone())
}

/// Hides these types, which contacts still have, behind another one.
async fn set_replacement(ctx: &WriteContext<'_>, which: Expr, replacement: ContactTypeId) -> AppResult<()> {
    let hidden = ActiveModel { replaced_by: sea_orm::Set(Some(replacement)), ..Default::default() };
    Entity::update_in(ctx.organization).filter(which).set(hidden).exec(&ctx.txn).await?;
    Ok(())
}

/// The replacement of a type that was replaced, if it still exists. Both are locked until the transaction ends.
async fn lock_with_replacement(
    ctx: &WriteContext<'_>,
    id: ContactTypeId,
) -> AppResult<Option<ContactTypeId>> {
    let all = Entity::find_in_with_deleted(ctx.organization);
    let Some(seen) = all.clone().filter(Column::Id.eq(id)).one(&ctx.txn).await? else { return Ok(None) };
    let Some(replacement) = seen.replaced_by else { return Ok(None) };
    let both = all.filter(Column::Id.is_in([id, replacement])).order_by_asc(Column::Id);
    let both = both.lock(LockType::KeyShare).all(&ctx.txn).await?;
    match both.iter().find(|row| row.id == id).and_then(|row| row.replaced_by) {
        Some(now) if now == replacement => Ok(Some(replacement)),
        Some(_) => Err(background::overtaken()),
        None => Ok(None),
    }
}

/// Removes a type that no contact has.
async fn remove(ctx: &WriteContext<'_>, id: ContactTypeId) -> AppResult<()> {
    Entity::delete_in(ctx.organization).filter(Column::Id.eq(id)).exec(&ctx.txn).await?;
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

/// The organization's types, locked until the transaction ends, to make one of them the default. Every writer locks
/// them in this order, so that none waits in a circle. Read a second time, because a type that was created under the lock
/// before this one is not seen in the first: nobody else makes one the default from there on.
async fn lock_all(ctx: &WriteContext<'_>) -> AppResult<Vec<Model>> {
    let types = Entity::find_in(ctx.organization).order_by_asc(Column::Id).lock(LockType::NoKeyUpdate);
    types.clone().all(&ctx.txn).await?;
    Ok(types.all(&ctx.txn).await?)
}

/// The type that an input names, or the default where it names none; reports when it does not exist.
///
/// It is locked until the transaction ends, so that it cannot go before the contact has it. Call this before locking
/// contacts: who removes a type locks types first and then its contacts.
pub(super) async fn chosen(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    id: Option<&str>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else { return default(ctx).await.map(Some) };
    let id = checks.id("contactTypeId", id);
    reading::resolve_reference::<Entity>(ctx, checks, "contactTypeId", id).await
}

/// The default type, locked. When another one became the default after it was seen, PostgreSQL gives no row: ask again.
async fn default(ctx: &WriteContext<'_>) -> AppResult<Model> {
    let is_default = Column::IsDefault.eq(true);
    for _ in 0..ATTEMPTS {
        let default = Entity::find_in(ctx.organization).filter(is_default.clone());
        if let Some(row) = ctx.txn.locked(default, LockType::KeyShare).one(&ctx.txn).await? {
            ctx.txn.guard::<Entity>(ctx.organization, [row.id], Some(is_default), LockType::KeyShare);
            return Ok(row);
        }
    }
    Err(no_default())
}

fn no_default() -> AppError {
    AppError::Internal("no default contact type".into())
}

/// The types that any number of inputs name, and the default type, held as [`chosen`] holds one.
pub(super) struct HeldTypes(Vec<Model>);

impl HeldTypes {
    pub(super) async fn read(ctx: &WriteContext<'_>, ids: impl IntoIterator<Item = &str>) -> AppResult<Self> {
        let ids: HashSet<ContactTypeId> = ids.into_iter().filter_map(|id| id.parse().ok()).collect();
        let named = ctx.keys_in(Column::Id, ids);
        let wanted = Condition::any().add(Column::IsDefault.eq(true)).add(named);
        let select = Entity::find_in(ctx.organization).filter(wanted).order_by_asc(Column::Id);
        for _ in 0..ATTEMPTS {
            let types = select.clone().lock(LockType::KeyShare).all(&ctx.txn).await?;
            if types.iter().any(|row| row.is_default) {
                return Ok(Self(types));
            }
        }
        Err(no_default())
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

/// Creates the types that an organization begins with.
pub(super) async fn insert_initial(ctx: &WriteContext<'_>) -> AppResult<()> {
    let rows = INITIAL.into_iter().enumerate().map(|(position, name)| ActiveModel {
        id: sea_orm::Set(ContactTypeId(ctx.request.new_id())),
        org_id: sea_orm::Set(ctx.organization),
        name: sea_orm::Set(name.to_owned()),
        is_default: sea_orm::Set(position == 0),
        replaced_by: sea_orm::Set(None),
        created_at: sea_orm::Set(ctx.request.now),
        updated_at: sea_orm::Set(ctx.request.now),
        version: sea_orm::Set(1),
    });
    Entity::insert_many(rows).exec_without_returning(&ctx.txn).await?;
    Ok(())
}
