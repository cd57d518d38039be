//! The accounts that account contacts are at: one added, one removed, all replaced.
//!
//! Links to deleted accounts are not seen and stay as they are, so that a restored account has its people back. A writer that
//! changes links holds the accounts and then the contact.

use std::{borrow::Cow, collections::HashMap};

use sea_orm::{ColumnTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::{
    auth::RequestContext,
    entity::{
        Scoped, account,
        account_contact::{Entity, Model},
        account_contact_account::{Column as LinkColumn, Entity as Links, Model as Link},
        id::{AccountContactId, AccountId},
    },
    error::{AppResult, InputErrorCode},
    service::{
        Database, WriteContext, authorize_write,
        change::Diff,
        input::{Checks, NOT_FOUND, check_version, not_found},
        reading, record,
    },
};

/// The most accounts that one input may name.
const MAX_ACCOUNTS: usize = 100;

/// A contact and one of the accounts.
pub(super) type ContactAtAccount = (Model, account::Model);

/// Links a contact to one more account. A link that is there already stays, and nothing changes.
pub async fn add_to_account(
    db: &Database,
    request: &RequestContext,
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
    change(db, request, (contact_id, account_id), expected_version, with).await
}

/// Removes the link of a contact to an account.
pub async fn remove_from_account(
    db: &Database,
    request: &RequestContext,
    contact_id: &str,
    account_id: &str,
    expected_version: Option<i32>,
) -> AppResult<ContactAtAccount> {
    let without = |mut accounts: Vec<AccountId>, account| {
        let position = accounts.iter().position(|id| *id == account);
        accounts.remove(position.ok_or_else(|| not_found("accountId"))?);
        Ok(accounts)
    };
    change(db, request, (contact_id, account_id), expected_version, without).await
}

/// Gives a contact the accounts that `edit` makes of those it has and the named one.
async fn change(
    db: &Database,
    request: &RequestContext,
    (contact_id, account_id): (&str, &str),
    expected_version: Option<i32>,
    edit: impl FnOnce(Vec<AccountId>, AccountId) -> AppResult<Vec<AccountId>>,
) -> AppResult<ContactAtAccount> {
    let ctx = WriteContext::begin(db, request, authorize_write(request)?).await?;
    let (old, account) = both(&ctx, contact_id, account_id).await?;
    check_version(expected_version, old.version)?;
    let before = of_contact(&ctx, old.id).await?;
    let after = edit(before.clone(), account.id)?;
    let mut diff = Diff::default();
    replace(&ctx, old.id, (before, after), &mut diff).await?;
    let row = old.clone().into_active_model();
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok((new, account))
}

/// The contact and the account that an input names, both locked.
async fn both(ctx: &WriteContext<'_>, contact_id: &str, account_id: &str) -> AppResult<ContactAtAccount> {
    let mut checks = Checks::default();
    let contact_id = checks.id("accountContactId", contact_id);
    let account_id = checks.id("accountId", account_id);
    let account =
        reading::resolve_reference::<account::Entity>(ctx, &mut checks, "accountId", account_id).await?;
    let contact =
        reading::resolve_for_update::<Entity>(ctx, &mut checks, "accountContactId", contact_id).await?;
    contact.zip(account).ok_or_else(|| checks.refused())
}

/// The accounts that an input names, each once and held; reports each that is not there.
pub(super) async fn chosen(
    ctx: &WriteContext<'_>,
    checks: &mut Checks,
    ids: &[String],
) -> AppResult<Vec<AccountId>> {
    let parsed: Vec<AccountId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let known = reading::lock_active::<account::Entity>(ctx, parsed).await?;
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
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
) -> AppResult<Vec<AccountId>> {
    let mut accounts = of_contacts(ctx, vec![contact]).await?;
    Ok(accounts.remove(&contact).unwrap_or_default())
}

/// The same of any number of contacts; those that are at none are left out.
pub(super) async fn of_contacts(
    ctx: &WriteContext<'_>,
    contacts: Vec<AccountContactId>,
) -> AppResult<HashMap<AccountContactId, Vec<AccountId>>> {
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let active = account::Entity::find_in(ctx.organization).select_only().column(account::Column::Id);
    let theirs = ctx.keys_in(LinkColumn::AccountContactId, contacts);
    let links = Links::find_in(ctx.organization)
        .filter(theirs)
        .filter(LinkColumn::AccountId.in_subquery(active.into_query()))
        .order_by_asc(LinkColumn::AccountId)
        .all(&ctx.txn)
        .await?;
    let mut accounts: HashMap<AccountContactId, Vec<AccountId>> = HashMap::new();
    for link in links {
        accounts.entry(link.account_contact_id).or_default().push(link.account_id);
    }
    Ok(accounts)
}

/// Gives a contact other accounts, and notes them. Nothing happens where they are the same.
pub(super) async fn replace(
    ctx: &WriteContext<'_>,
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
        let gone = ctx.keys_in(LinkColumn::AccountId, gone);
        let links = Links::delete_in(ctx.organization).filter(LinkColumn::AccountContactId.eq(contact));
        links.filter(gone).exec(&ctx.txn).await?;
    }
    let new = after.iter().copied().filter(|id| !before.contains(id));
    insert(ctx, contact, new)?;
    note(diff, &before, &after);
    Ok(())
}

/// Notes other accounts than before.
pub(super) fn note(diff: &mut Diff, before: &[AccountId], after: &[AccountId]) {
    if before != after {
        diff.note("accountIds", before, after);
    }
}

/// Links a contact to accounts.
pub(super) fn insert(
    ctx: &WriteContext<'_>,
    contact: AccountContactId,
    accounts: impl IntoIterator<Item = AccountId>,
) -> AppResult<()> {
    let link = |account_id| Link {
        org_id: ctx.organization,
        account_contact_id: contact,
        account_id,
        created_at: ctx.request.now,
    };
    ctx.txn.insert_later::<Links>(accounts.into_iter().map(link))
}
