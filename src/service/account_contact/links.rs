//! The accounts that account contacts are at: one added, one removed, all replaced.
//!
//! Links to deleted accounts are not seen and stay as they are, so that a restored account has its people back. A writer that
//! changes links holds the accounts and then the contact.

use std::{borrow::Cow, collections::HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::{
    auth::RequestContext,
    entity::{
        Scoped, ScopedById, account as account_row,
        account_contact::{Entity, Model},
        account_contact_account::{Column as LinkColumn, Entity as Links, Model as Link},
        id::{AccountContactId, AccountId, OrganizationId},
        keys_in,
    },
    error::{AppResult, InputErrorCode},
    service::{
        Database, Write, account, authorize_write,
        change::Diff,
        input::{Checks, NOT_FOUND, check_version, not_found},
        record,
    },
};

/// The most accounts that one input may name.
const MAX_ACCOUNTS: usize = 100;

/// A contact and one of the accounts.
pub(super) type ContactAtAccount = (Model, account_row::Model);

/// Links a contact to one more account. A link that is there already stays, and nothing changes.
pub async fn add_to_account(
    db: &Database,
    ctx: &RequestContext,
    contact_id: &str,
    account_id: &str,
    expected_version: Option<i32>,
) -> AppResult<ContactAtAccount> {
    let with = |mut accounts: Vec<AccountId>, account| {
        if !accounts.contains(&account) {
            accounts.push(account);
        }
        Ok(accounts)
    };
    change(db, ctx, (contact_id, account_id), expected_version, with).await
}

/// Removes the link of a contact to an account.
pub async fn remove_from_account(
    db: &Database,
    ctx: &RequestContext,
    contact_id: &str,
    account_id: &str,
    expected_version: Option<i32>,
) -> AppResult<ContactAtAccount> {
    let without = |mut accounts: Vec<AccountId>, account| {
        let position = accounts.iter().position(|id| *id == account);
        accounts.remove(position.ok_or_else(|| not_found("accountId"))?);
        Ok(accounts)
    };
    change(db, ctx, (contact_id, account_id), expected_version, without).await
}

/// Gives a contact the accounts that `edit` makes of those it has and the named one.
async fn change(
    db: &Database,
    ctx: &RequestContext,
    (contact_id, account_id): (&str, &str),
    expected_version: Option<i32>,
    edit: impl FnOnce(Vec<AccountId>, AccountId) -> AppResult<Vec<AccountId>>,
) -> AppResult<ContactAtAccount> {
    let organization = authorize_write(ctx)?;
    let write = db.begin().await?;
    let txn = &write;
    let (old, account) = both(txn, organization, contact_id, account_id).await?;
    check_version(expected_version, old.version)?;
    let before = of_contact(txn, organization, old.id).await?;
    let after = edit(before.clone(), account.id)?;
    let mut diff = Diff::default();
    replace(txn, ctx, organization, old.id, (before, after), &mut diff).await?;
    let row = old.clone().into_active_model();
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok((new, account))
}

/// The contact and the account that an input names, both held.
async fn both(
    db: &Write,
    organization: OrganizationId,
    contact_id: &str,
    account_id: &str,
) -> AppResult<ContactAtAccount> {
    let mut checks = Checks::default();
    let contact_id = checks.id("accountContactId", contact_id);
    let account_id = checks.id("accountId", account_id);
    let account = account::resolve_reference(&mut checks, "accountId", db, organization, account_id).await?;
    let contact = resolve_reference(&mut checks, db, organization, contact_id).await?;
    contact.zip(account).ok_or_else(|| checks.refused())
}

/// The contact that an input names, held fast until the transaction ends.
async fn resolve_reference(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: Option<AccountContactId>,
) -> AppResult<Option<Model>> {
    let Some(id) = id else { return Ok(None) };
    let row = Entity::find_by_id_in(organization, id).lock_exclusive().one(db).await?;
    Ok(checks.found("accountContactId", row))
}

/// The accounts that an input names, each once and held; reports each that is not there.
pub(super) async fn chosen(
    checks: &mut Checks,
    db: &Write,
    organization: OrganizationId,
    ids: &[String],
) -> AppResult<Vec<AccountId>> {
    let parsed = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let known = account::lock_active(db, organization, parsed).await?;
    Ok(check(checks, ids, |id| known.contains(&id)))
}

/// The same, where it is known which accounts are there.
pub(super) fn check(
    checks: &mut Checks,
    ids: &[String],
    is_known: impl Fn(AccountId) -> bool,
) -> Vec<AccountId> {
    if ids.len() > MAX_ACCOUNTS {
        let message = format!("At most {MAX_ACCOUNTS} accounts are allowed.");
        checks.report("accountIds", InputErrorCode::TooMany, message);
        return Vec::new();
    }
    let mut accounts = Vec::with_capacity(ids.len());
    for (position, id) in ids.iter().enumerate() {
        match id.parse().ok().filter(|id| is_known(*id)) {
            Some(id) if accounts.contains(&id) => {}
            Some(id) => accounts.push(id),
            None => {
                let path = vec![Cow::Borrowed("accountIds"), position.to_string().into()];
                checks.report_at(path, InputErrorCode::NotFound, NOT_FOUND);
            }
        }
    }
    accounts
}

/// The active accounts that a contact is at, in the order of their ids.
pub(super) async fn of_contact(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    contact: AccountContactId,
) -> AppResult<Vec<AccountId>> {
    let mut accounts = of_contacts(db, organization, vec![contact]).await?;
    Ok(accounts.remove(&contact).unwrap_or_default())
}

/// The same of any number of contacts; those that are at none are left out.
pub(super) async fn of_contacts(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    contacts: Vec<AccountContactId>,
) -> AppResult<HashMap<AccountContactId, Vec<AccountId>>> {
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let active = account_row::Entity::find_in(organization).select_only().column(account_row::Column::Id);
    let theirs = keys_in(db.get_database_backend(), LinkColumn::AccountContactId.into_expr(), contacts);
    let links = Links::find_in(organization)
        .filter(theirs)
        .filter(LinkColumn::AccountId.in_subquery(active.into_query()))
        .order_by_asc(LinkColumn::AccountId)
        .all(db)
        .await?;
    let mut accounts: HashMap<AccountContactId, Vec<AccountId>> = HashMap::new();
    for link in links {
        accounts.entry(link.account_contact_id).or_default().push(link.account_id);
    }
    Ok(accounts)
}

/// Gives a contact other accounts, and notes them. Nothing happens where they are the same.
pub(super) async fn replace(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    contact: AccountContactId,
    (before, mut after): (Vec<AccountId>, Vec<AccountId>),
    diff: &mut Diff,
) -> AppResult<()> {
    after.sort_unstable();
    if before == after {
        return Ok(());
    }
    let gone: Vec<_> = before.iter().copied().filter(|id| !after.contains(id)).collect();
    if !gone.is_empty() {
        let gone = keys_in(db.get_database_backend(), LinkColumn::AccountId.into_expr(), gone);
        let links = Links::delete_in(organization).filter(LinkColumn::AccountContactId.eq(contact));
        links.filter(gone).exec(db).await?;
    }
    let new = after.iter().copied().filter(|id| !before.contains(id));
    insert(db, ctx, organization, contact, new)?;
    note(diff, &before, &after);
    Ok(())
}

/// Notes other accounts than before.
pub(super) fn note(diff: &mut Diff, before: &[AccountId], after: &[AccountId]) {
    if before != after {
        let texts = |ids: &[AccountId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        diff.note("accountIds", texts(before), texts(after));
    }
}

/// Links a contact to accounts.
pub(super) fn insert(
    write: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    contact: AccountContactId,
    accounts: impl IntoIterator<Item = AccountId>,
) -> AppResult<()> {
    let link = |account_id| Link {
        org_id: organization,
        account_contact_id: contact,
        account_id,
        created_at: ctx.now,
    };
    write.insert_later::<Links>(accounts.into_iter().map(link))
}
