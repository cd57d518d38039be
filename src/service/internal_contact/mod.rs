//! Internal contacts: people of the organization itself, who look after partners.

mod merge;
mod upsert;

use std::{borrow::Cow, collections::HashMap};

use sea_orm::{ColumnTrait, QueryFilter};
use serde::Serialize;

pub(super) use self::merge::take_over_next;
pub use self::upsert::UpsertInternalContact;
use super::{
    Database, ListRequest, Page, ReadContext, WriteContext, contact_merge,
    cursor::Order,
    idempotency,
    input::Checks,
    internal_contact_assignment::{self as assignments, Assigned, Owner},
    page::ParentRelation,
    person::Fields,
    reading,
    record::{self, Recorded, recorded_columns},
    search, text,
};
pub use super::{
    person::{Profile, UpdateInternalContact},
    reading::by_ids,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped,
        id::{InternalContactId, PartnerId},
        internal_contact::{ActiveModel, Column, Entity, Model},
        internal_contact_assignment::{self as assignment, InternalRole},
        partner,
    },
    error::{AppResult, EMAIL_TAKEN, REMOTE_ID_TAKEN},
};

impl Recorded for Entity {
    const KIND: &'static str = "InternalContact";
    const LIST: Order = Order::by_uuid("internal_contact");
    const UNIQUE: &'static [record::Unique<Column>] =
        &[(Column::EmailKey, "email", EMAIL_TAKEN), (Column::RemoteId, "remoteId", REMOTE_ID_TAKEN)];

    recorded_columns!();

    fn derive(row: &mut Model) {
        let phone = row.phone.as_deref().map(search::phone_words);
        let names = [&row.given_name, &row.family_name, &row.name].map(Option::as_deref);
        let email = text::email_words(&row.email);
        let rest = [Some(&*email), phone.as_deref(), row.job_title.as_deref()];
        row.words = search::words(names.into_iter().chain(rest).flatten());
        row.sort_key = search::sort_key(&display_name(row));
    }

    async fn check_restorable(ctx: &WriteContext<'_>, id: InternalContactId) -> AppResult<()> {
        contact_merge::check_not_merged(ctx, id).await
    }

    /// Hides the person's assignments as long as the person stays deleted.
    async fn after_delete(ctx: &WriteContext<'_>, id: InternalContactId) -> AppResult<bool> {
        assignments::hide_of(ctx, Owner::Person(id)).await?;
        Ok(true)
    }

    /// Shows the person's floating assignments and those to active partners.
    async fn after_restore(ctx: &WriteContext<'_>, id: InternalContactId) -> AppResult<bool> {
        assignments::show_of(ctx, Owner::Person(id)).await?;
        Ok(true)
    }
}

/// What to call a person: given and family name, else the name, else the email address.
pub fn display_name(row: &Model) -> Cow<'_, str> {
    match (row.given_name.as_deref(), row.family_name.as_deref(), row.name.as_deref()) {
        (Some(given), Some(family), _) => [given, " ", family].concat().into(),
        (Some(one), None, _) | (None, Some(one), _) | (None, None, Some(one)) => one.into(),
        (None, None, None) => row.email.as_str().into(),
    }
}

/// A new person and the role that they hold for no partner yet.
#[derive(Clone, Debug, Serialize)]
pub struct CreateInternalContact {
    /// Email address, the person's identity in the organization.
    pub email: String,
    /// The role of the floating assignment.
    pub internal_role: InternalRole,
    /// The other fields of the person.
    pub profile: Profile,
    /// Identifier of the person in the external system it was synced from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// A person to add to a partner: found by email address, or made.
#[derive(Clone, Debug, Serialize)]
pub struct AddInternalContactToPartner {
    /// The partner's id.
    pub partner_id: String,
    /// Email address, which finds the person.
    pub email: String,
    /// The role for the partner.
    pub internal_role: InternalRole,
    /// The other fields, used only when the person is new.
    pub profile: Profile,
    /// Identifier of the assignment in the external system it was synced from.
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// The active person with this email address, if there is one.
pub async fn by_email(db: &Database, request: &RequestContext, email: &str) -> AppResult<Option<Model>> {
    let ctx = ReadContext::authorize(db, request)?;
    let active = Entity::find_in(ctx.organization).filter(Column::DeletedAt.is_null());
    Ok(Box::pin(active.filter(Column::EmailKey.eq(text::email_key(email))).one(ctx.db)).await?)
}

/// For each partner the people who look after it, in `role` when one is given.
pub async fn of_partners(
    ctx: ReadContext<'_>,
    partners: &[PartnerId],
    role: Option<InternalRole>,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<PartnerId, Page<Model>>> {
    let mut links = assignment::Entity::find_in(ctx.organization);
    if let Some(role) = role {
        links = links.filter(assignment::Column::InternalRole.eq(role));
    }
    let (child, parent) = (assignment::Column::InternalContactId, assignment::Column::PartnerId);
    let relation = ParentRelation::links(links, child, parent, false);
    reading::pages(ctx, relation, partners, columns, list).await
}

/// Creates a person and a floating assignment with the role, both or neither.
pub async fn create(
    db: &Database,
    request: &RequestContext,
    input: &CreateInternalContact,
) -> AppResult<Assigned> {
    let is_new = input.idempotency_key.is_none();
    WriteContext::optimistically(db, request, is_new, |ctx| create_in(ctx, input)).await
}

async fn create_in(ctx: WriteContext<'_>, input: &CreateInternalContact) -> AppResult<Assigned> {
    let mut checks = Checks::of(ctx.request);
    let mut row = ActiveModel::default();
    let mut diff = Fields::of_new(&mut checks, &input.email, &input.profile).write(&mut row);
    if let Some(remote_id) = checks.optional_line("remoteId", input.remote_id.as_deref()) {
        diff.set("remoteId", &mut row.remote_id, Some(Some(remote_id)));
    }
    let key = input.idempotency_key.as_deref();
    let claim = match idempotency::claim(&ctx, &mut checks, "createInternalContact", key, input).await? {
        Ok(claim) => claim,
        Err(first) => return assignments::replayed(&ctx, first).await,
    };
    record::check_unique::<Entity>(&ctx, &mut checks, &row).await?;
    checks.finish()?;
    let contact = record::insert_row::<Entity>(&ctx, row, diff)?;
    let assignment = assignments::insert(&ctx, (contact.id, None, input.internal_role), None)?;
    claim.commit(ctx, assignment.id).await?;
    Ok(Assigned { assignment, contact })
}

/// Finds the person by email address or creates them, and assigns them to the partner. A person that was found keeps
/// every field as it is.
pub async fn add_to_partner(
    db: &Database,
    request: &RequestContext,
    input: &AddInternalContactToPartner,
) -> AppResult<Assigned> {
    let is_new = input.idempotency_key.is_none();
    WriteContext::optimistically(db, request, is_new, |ctx| add_to_partner_in(ctx, input)).await
}

async fn add_to_partner_in(
    ctx: WriteContext<'_>,
    input: &AddInternalContactToPartner,
) -> AppResult<Assigned> {
    let mut checks = Checks::of(ctx.request);
    let partner_id = checks.id("partnerId", &input.partner_id);
    let person = Fields::of_new(&mut checks, &input.email, &input.profile);
    let remote_id = checks.optional_line("remoteId", input.remote_id.as_deref());
    let key = input.idempotency_key.as_deref();
    let operation = "addInternalContactToPartner";
    let claim = match idempotency::claim(&ctx, &mut checks, operation, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return assignments::replayed(&ctx, first).await,
    };
    let partner =
        reading::resolve_reference::<partner::Entity>(&ctx, &mut checks, "partnerId", partner_id).await?;
    if ctx.txn.needs_lookup(&checks) {
        assignments::check_remote_id(&ctx, &mut checks, remote_id.as_deref()).await?;
    }
    let found = person.find(&ctx).await?;
    if let (Some(contact), Some(partner)) = (&found, &partner)
        && ctx.txn.needs_lookup(&checks)
    {
        let role = (contact.id, Some(partner.id), input.internal_role);
        assignments::check_free(&ctx, &mut checks, role).await?;
    }
    let Some(partner) = partner else { return Err(checks.refused()) };
    checks.finish()?;
    let contact = match found {
        Some(contact) => contact,
        None => person.find_or_insert(&ctx).await?,
    };
    let role = (contact.id, Some(partner.id), input.internal_role);
    let assignment = assignments::insert(&ctx, role, remote_id)?;
    claim.commit(ctx, assignment.id).await?;
    Ok(Assigned { assignment, contact })
}

/// Changes a person.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    input: &UpdateInternalContact,
) -> AppResult<Model> {
    let write = |checks: &mut _, row: &mut _| Fields::check(checks, input).write(row);
    record::update::<Entity>(db, request, id, input.expected_version, write).await
}

/// Deletes a person.
pub async fn delete(
    db: &Database,
    request: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    record::delete::<Entity>(db, request, id, expected_version).await
}
