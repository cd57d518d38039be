//! Account contacts: people of customers. `fields` has what they are, `links` the accounts that they are at, `update` how
//! they are changed, `upsert` how they come by the thousand.

mod fields;
mod links;
mod merge;
mod update;
mod upsert;

use std::{borrow::Cow, collections::HashMap};

use serde::Serialize;
use serde_json::Value as Json;

use self::fields::{FieldInputs, Fields};
pub use self::{
    links::{add_to_account, remove_from_account},
    update::{CustomFieldPatch, UpdateAccountContact, update},
    upsert::UpsertAccountContact,
};
pub use super::reading::by_ids;
use super::{
    Database, ListRequest, Page, Patch, ReadContext, WriteContext,
    change::Diff,
    contact_merge, contact_type,
    cursor::Order,
    custom_field::{self, CustomFieldInput},
    input::Checks,
    page::ParentRelation,
    reading,
    record::{self, Recorded, Unique, recorded_columns},
    search, text,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped,
        account_contact::{ActiveModel, Column, Entity, Model},
        account_contact_account as link,
        id::{AccountContactId, AccountId, CustomFieldId},
    },
    error::{AppResult, EMAIL_TAKEN, REMOTE_ID_TAKEN},
};

impl Recorded for Entity {
    const KIND: &'static str = "AccountContact";
    const LIST: Order = Order::by_uuid("account_contact");
    const UNIQUE: &'static [Unique<Column>] =
        &[(Column::EmailKey, "email", EMAIL_TAKEN), (Column::RemoteId, "remoteId", REMOTE_ID_TAKEN)];

    recorded_columns!();

    fn derive(row: &mut Model) {
        let phone = row.phone.as_deref().map(search::phone_words);
        let names = [Some(row.first_name.as_str()), row.last_name.as_deref()];
        let email = text::email_words(&row.email);
        let rest = [Some(&*email), phone.as_deref()];
        row.words = search::words(names.into_iter().chain(rest).flatten());
        row.sort_key = search::sort_key(&display_name(row));
    }

    async fn check_restorable(ctx: &WriteContext<'_>, id: AccountContactId) -> AppResult<()> {
        contact_merge::check_not_merged(ctx, id).await
    }
}

/// What to call a person: first and last name.
pub fn display_name(row: &Model) -> Cow<'_, str> {
    match &row.last_name {
        Some(last_name) => [&row.first_name, " ", last_name].concat().into(),
        None => row.first_name.as_str().into(),
    }
}

/// For each account its contacts.
pub async fn of_accounts(
    ctx: ReadContext<'_>,
    accounts: &[AccountId],
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<AccountId, Page<Model>>> {
    let links = link::Entity::find_in(ctx.organization);
    let (child, parent) = (link::Column::AccountContactId, link::Column::AccountId);
    reading::pages(ctx, ParentRelation::links(links, child, parent, true), accounts, columns, list).await
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

/// Creates an account contact with its links and custom field values, all or nothing.
pub async fn create(
    db: &Database,
    request: &RequestContext,
    input: &CreateAccountContact,
) -> AppResult<Model> {
    // The fields that values are of have to be locked.
    let is_simple = input.idempotency_key.is_none() && input.custom_field_values.is_empty();
    WriteContext::optimistically(db, request, is_simple, |ctx| create_in(ctx, input)).await
}

async fn create_in(ctx: WriteContext<'_>, input: &CreateAccountContact) -> AppResult<Model> {
    let mut checks = Checks::of(ctx.request);
    let given = FieldInputs {
        first_name: Patch::Set(&input.first_name),
        last_name: Patch::from(input.last_name.as_deref()),
        email: Patch::Set(&input.email),
        phone: Patch::from(input.phone.as_deref()),
        avatar_url: Patch::from(input.avatar_url.as_deref()),
        metadata: Patch::from(input.metadata.as_ref()),
        remote_id: Patch::from(input.remote_id.as_deref()),
    };
    let mut row = ActiveModel::default();
    let mut diff = Fields::check(&mut checks, &given).write(&mut row);
    let key = input.idempotency_key.as_deref();
    let claim = match record::claim::<Entity>(&ctx, &mut checks, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return Ok(first),
    };
    record::check_unique::<Entity>(&ctx, &mut checks, &row).await?;
    let contact_type = contact_type::chosen(&ctx, &mut checks, input.contact_type_id.as_deref()).await?;
    let accounts = links::chosen(&ctx, &mut checks, &input.account_ids).await?;
    let values = custom_field::check_values(&ctx, &mut checks, &input.custom_field_values).await?;
    let Some(contact_type) = contact_type else { return Err(checks.refused()) };
    checks.finish()?;

    diff.set("contactTypeId", &mut row.contact_type_id, Some(contact_type.id));
    note_accounts_and_values(&mut diff, &accounts, &values);
    let row = record::insert_row::<Entity>(&ctx, row, diff)?;
    links::insert(&ctx, row.id, accounts)?;
    if !values.is_empty() {
        custom_field::insert_values(&ctx, row.id, values).await?;
    }
    claim.commit(ctx, row.id).await?;
    Ok(row)
}

/// Notes the accounts and the values of a new contact.
fn note_accounts_and_values(diff: &mut Diff, accounts: &[AccountId], values: &[(CustomFieldId, Json)]) {
    let values: serde_json::Map<String, Json> =
        values.iter().map(|(field, value)| (field.to_string(), value.clone())).collect();
    diff.note_new("accountIds", accounts);
    diff.note_new("customFieldValues", values);
}
