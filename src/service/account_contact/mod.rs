//! Account contacts: people of customers. `fields` has what they are, `links` the accounts that they are at, `types`
//! how they get another type, `update` how they are changed, `upsert` how they come by the thousand.

mod fields;
mod links;
mod merge;
mod types;
mod update;
mod upsert;

use std::{borrow::Cow, collections::HashMap};

use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::Value as Json;

use self::fields::{FieldInputs, Fields};
pub(super) use self::types::{have_type, replace_next_of_type, replace_type};
pub use self::{
    links::{add_to_account, remove_from_account},
    update::{CustomFieldPatch, UpdateAccountContact, update},
    upsert::{UpsertAccountContact, upsert},
};
use super::{
    Database, ListRequest, Page, Patch, Write, authorize_read, authorize_write,
    change::Diff,
    contact_merge, contact_type,
    cursor::{CursorKey, Order},
    custom_field::{self, CustomFieldInput},
    filter, idempotency,
    input::{Checks, not_found},
    optimistically,
    page::{self, Paged, ParentRelation},
    reading,
    record::{self, Recorded, Unique},
    search,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        account_contact::{Column, Entity, Model},
        account_contact_account as link,
        id::{AccountContactId, AccountId, CustomFieldId, OrganizationId},
    },
    error::{AppResult, EMAIL_TAKEN, InputErrorCode, REMOTE_ID_TAKEN},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("account_contact");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "AccountContact";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> AccountContactId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }

    fn derive(row: &mut Model) {
        let phone = row.phone.as_deref().map(search::phone_words);
        let names = [Some(row.first_name.as_str()), row.last_name.as_deref()];
        let rest = [Some(row.email.as_str()), phone.as_deref()];
        row.words = search::words(names.into_iter().chain(rest).flatten());
        row.sort_key = search::sort_key(&display_name(row));
    }

    fn unique(row: &Model) -> Vec<Unique<'_, Column>> {
        vec![
            (Column::EmailKey, Some(&row.email_key), EMAIL_TAKEN),
            (Column::RemoteId, row.remote_id.as_deref(), REMOTE_ID_TAKEN),
        ]
    }
}

/// What to call a person: first and last name.
pub fn display_name(row: &Model) -> Cow<'_, str> {
    match &row.last_name {
        Some(last_name) => [&row.first_name, " ", last_name].concat().into(),
        None => row.first_name.as_str().into(),
    }
}

/// A new person of a customer.
#[derive(Clone, Debug, Serialize)]
pub struct CreateAccountContact {
    /// First name, never blank.
    pub first_name: String,
    /// Email address, the person's identity in the organization.
    pub email: String,
    /// Last name.
    pub last_name: Option<String>,
    /// With country code.
    pub phone: Option<String>,
    /// The contact type's id; the organization's default when absent.
    pub contact_type_id: Option<String>,
    /// http or https.
    pub avatar_url: Option<String>,
    /// The ids of the accounts, without duplicates.
    pub account_ids: Vec<String>,
    /// Values of custom fields.
    pub custom_field_values: Vec<CustomFieldInput>,
    /// A JSON object.
    pub metadata: Option<Json>,
    /// Identifier of this record in the external system it was synced from, unique in the organization.
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// The account contact with this id, if the caller may read it.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The organization's account contacts.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, columns, &list.page).await
}

/// The account contacts with these ids, deleted ones included.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[AccountContactId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<AccountContactId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, columns, |row| row.id).await
}

/// For each account its contacts.
pub async fn of_accounts(
    db: &Database,
    organization: OrganizationId,
    accounts: &[AccountId],
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<AccountId, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let links = link::Entity::find_in(organization);
    let relation =
        ParentRelation::links(links, link::Column::AccountContactId, link::Column::AccountId, true);
    page::pages(db.connection(), (select, columns), relation, accounts, &list.page).await
}

/// Makes an account contact with its links and custom field values, all or nothing.
pub async fn create(db: &Database, ctx: &RequestContext, input: &CreateAccountContact) -> AppResult<Model> {
    // The fields that values are of have to be locked.
    let is_simple = input.idempotency_key.is_none() && input.custom_field_values.is_empty();
    optimistically(db, is_simple, |write| create_in(write, ctx, input)).await
}

async fn create_in(write: Write, ctx: &RequestContext, input: &CreateAccountContact) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let given = FieldInputs {
        first_name: Patch::Set(&input.first_name),
        last_name: Patch::from(input.last_name.as_deref()),
        email: Patch::Set(&input.email),
        phone: Patch::from(input.phone.as_deref()),
        avatar_url: Patch::from(input.avatar_url.as_deref()),
        metadata: Patch::from(input.metadata.as_ref()),
        remote_id: Patch::from(input.remote_id.as_deref()),
    };
    let fields = Fields::check(&mut checks, &given);
    let txn = &write;
    let key = input.idempotency_key.as_deref();
    let claim =
        match idempotency::claim(&mut checks, txn, ctx, (organization, "createAccountContact"), key, input)
            .await?
        {
            Ok(claim) => claim,
            Err(first) => return reading::replayed(find(txn, organization, first).await?),
        };
    if txn.needs_lookup(&checks) {
        if reading::value_exists::<Entity>(txn, organization, Column::EmailKey, fields.email_key()).await? {
            checks.report("email", InputErrorCode::Taken, EMAIL_TAKEN);
        }
        if reading::value_exists::<Entity>(txn, organization, Column::RemoteId, fields.remote_id()).await? {
            checks.report("remoteId", InputErrorCode::Taken, REMOTE_ID_TAKEN);
        }
    }
    let type_id = input.contact_type_id.as_deref();
    let contact_type = contact_type::chosen(&mut checks, txn, organization, type_id).await?;
    let accounts = links::chosen(&mut checks, txn, organization, &input.account_ids).await?;
    let values =
        custom_field::check_values(&mut checks, txn, organization, &input.custom_field_values).await?;
    let Some(contact_type) = contact_type else { return Err(checks.refused()) };
    checks.finish()?;

    let (row, diff) = fields.create(ctx, organization, contact_type.id);
    let diff = with_accounts_and_values(diff, &accounts, &values);
    let row = record::create::<Entity>(txn, ctx, organization, row, diff).await?;
    links::insert(txn, ctx, organization, row.id, accounts)?;
    if !values.is_empty() {
        custom_field::insert_values(txn, ctx, organization, row.id, values).await?;
    }
    claim.complete(txn, organization, row.id).await?;
    write.commit().await?;
    Ok(row)
}

/// What the record of a new contact says, with its accounts and values.
fn with_accounts_and_values(diff: Diff, accounts: &[AccountId], values: &[(CustomFieldId, Json)]) -> Diff {
    let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    let values: serde_json::Map<String, Json> =
        values.iter().map(|(field, value)| (field.to_string(), value.clone())).collect();
    diff.created("accountIds", accounts).created("customFieldValues", values)
}

/// Deletes a contact. Its links and values stay with it.
pub async fn delete(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: AccountContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let new = record::delete::<Entity>(txn, ctx, organization, old).await?;
    write.commit().await?;
    Ok(new)
}

/// Brings a deleted contact back. One that is not deleted stays as it is.
pub async fn restore(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: AccountContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update_with_deleted::<Entity>(txn, organization, id, expected_version).await?;
    if old.deleted_at.is_none() {
        return Ok(old);
    }
    contact_merge::check_not_merged(txn, organization, id).await?;
    let new = record::restore::<Entity>(txn, ctx, organization, old).await?;
    write.commit().await?;
    Ok(new)
}

/// The active account contact with this id.
async fn find(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: AccountContactId,
) -> AppResult<Option<Model>> {
    Ok(Entity::find_by_id_in(organization, id).one(db).await?)
}
