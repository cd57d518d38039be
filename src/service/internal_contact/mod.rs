//! Internal contacts: people of the organization itself, who look after partners.

mod merge;
mod new_person;

use std::{borrow::Cow, collections::HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, prelude::DateTimeUtc, sea_query::Expr,
};
use serde::Serialize;

pub(super) use self::{merge::take_over_next, new_person::NewPerson};
use super::{
    Database, ListRequest, Page, Patch, Write, authorize_read, authorize_write,
    change::Diff,
    contact_merge,
    cursor::{CursorKey, Order},
    filter, idempotency,
    input::{Checks, Email, not_found},
    internal_contact_assignment::{self as assignments, Assigned},
    optimistically,
    page::{self, Paged, ParentRelation},
    reading,
    record::{self, Recorded, Unique},
    search,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped,
        id::{InternalContactId, OrganizationId, PartnerId},
        internal_contact::{Column, Entity, Model},
        internal_contact_assignment::{self as assignment, InternalRole},
        keys_in,
    },
    error::{AppResult, EMAIL_TAKEN, InputErrorCode},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_uuid("internal_contact");

    fn key_column() -> Column {
        Column::Id
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Uuid(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "InternalContact";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> InternalContactId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }

    fn derive(row: &mut Model) {
        let phone = row.phone.as_deref().map(search::phone_words);
        let names = [&row.given_name, &row.family_name, &row.name].map(Option::as_deref);
        let rest = [Some(row.email.as_str()), phone.as_deref(), row.job_title.as_deref()];
        row.words = search::words(names.into_iter().chain(rest).flatten());
        row.sort_key = search::sort_key(&display_name(row));
    }

    fn unique(row: &Model) -> Vec<Unique<'_, Column>> {
        vec![(Column::EmailKey, Some(&row.email_key), EMAIL_TAKEN)]
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

/// What is known of a person besides the email address.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The whole name, of people without given and family name.
    pub name: Option<String>,
    /// With country code.
    pub phone: Option<String>,
    /// Job title.
    pub job_title: Option<String>,
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
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// What is to change of a person.
#[derive(Clone, Debug, Default)]
pub struct UpdateInternalContact {
    /// Email address; cannot be cleared.
    pub email: Patch<String>,
    /// Given name.
    pub given_name: Patch<String>,
    /// Family name.
    pub family_name: Patch<String>,
    /// The whole name.
    pub name: Patch<String>,
    /// With country code.
    pub phone: Patch<String>,
    /// Job title.
    pub job_title: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
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

/// The internal contact with this id, if the caller may read it.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The organization's internal contacts.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, columns, &list.page).await
}

/// The internal contacts with these ids, deleted ones included.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[InternalContactId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<InternalContactId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, columns, |row| row.id).await
}

/// For each partner the people who look after it, in `role` when one is given.
pub async fn of_partners(
    db: &Database,
    organization: OrganizationId,
    partners: &[PartnerId],
    role: Option<InternalRole>,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<HashMap<PartnerId, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let mut links = assignment::Entity::find_in(organization);
    if let Some(role) = role {
        links = links.filter(assignment::Column::InternalRole.eq(role));
    }
    let (child, parent) = (assignment::Column::InternalContactId, assignment::Column::PartnerId);
    let relation = ParentRelation::links(links, child, parent, false);
    page::pages(db.connection(), (select, columns), relation, partners, &list.page).await
}

/// Makes a person and a floating assignment with the role, both or neither.
pub async fn create(
    db: &Database,
    ctx: &RequestContext,
    input: &CreateInternalContact,
) -> AppResult<Assigned> {
    let is_new = input.idempotency_key.is_none();
    optimistically(db, is_new, |write| create_in(write, ctx, input)).await
}

async fn create_in(write: Write, ctx: &RequestContext, input: &CreateInternalContact) -> AppResult<Assigned> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let person = NewPerson::check(&mut checks, &input.email, &input.profile);
    let txn = &write;
    let key = input.idempotency_key.as_deref();
    let claim =
        match idempotency::claim(&mut checks, txn, ctx, (organization, "createInternalContact"), key, input)
            .await?
        {
            Ok(claim) => claim,
            Err(first) => return assignments::replayed(txn, organization, first).await,
        };
    if txn.needs_lookup(&checks) {
        check_email_free(&mut checks, txn, organization, &person.email).await?;
    }
    checks.finish()?;
    let contact = person.insert(txn, ctx, organization).await?;
    let role = input.internal_role;
    let assignment = assignments::insert(txn, ctx, organization, (contact.id, None, role), None).await?;
    claim.complete(txn, organization, assignment.id).await?;
    write.commit().await?;
    Ok(Assigned { assignment, contact })
}

/// Finds the person by email address or makes them, and assigns them to the partner. A person that was found keeps
/// every field as it is.
pub async fn add_to_partner(
    db: &Database,
    ctx: &RequestContext,
    input: &AddInternalContactToPartner,
) -> AppResult<Assigned> {
    let is_new = input.idempotency_key.is_none();
    optimistically(db, is_new, |write| add_to_partner_in(write, ctx, input)).await
}

async fn add_to_partner_in(
    write: Write,
    ctx: &RequestContext,
    input: &AddInternalContactToPartner,
) -> AppResult<Assigned> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let partner_id = checks.id("partnerId", &input.partner_id);
    let person = NewPerson::check(&mut checks, &input.email, &input.profile);
    let remote_id = checks.optional_line("remoteId", input.remote_id.as_deref());
    let txn = &write;
    let key = input.idempotency_key.as_deref();
    let operation = (organization, "addInternalContactToPartner");
    let claim = match idempotency::claim(&mut checks, txn, ctx, operation, key, input).await? {
        Ok(claim) => claim,
        Err(first) => return assignments::replayed(txn, organization, first).await,
    };
    let partner =
        super::partner::resolve_reference(&mut checks, "partnerId", txn, organization, partner_id).await?;
    if txn.needs_lookup(&checks) {
        assignments::check_remote_id(&mut checks, txn, organization, remote_id.as_deref()).await?;
    }
    let found = person.find(txn, organization).await?;
    if let (Some(contact), Some(partner)) = (&found, &partner)
        && txn.needs_lookup(&checks)
    {
        assignments::check_free(
            &mut checks,
            txn,
            organization,
            (contact.id, Some(partner.id), input.internal_role),
        )
        .await?;
    }
    let Some(partner) = partner else { return Err(checks.refused()) };
    checks.finish()?;
    let contact = match found {
        Some(contact) => contact,
        None => person.find_or_insert(txn, ctx, organization).await?,
    };
    let held = (contact.id, Some(partner.id), input.internal_role);
    let assignment = assignments::insert(txn, ctx, organization, held, remote_id).await?;
    claim.complete(txn, organization, assignment.id).await?;
    write.commit().await?;
    Ok(Assigned { assignment, contact })
}

/// Changes a person.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    input: &UpdateInternalContact,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: InternalContactId = id.parse().map_err(|_| not_found("id"))?;
    let mut checks = Checks::default();
    let email = checks.required_email_patch("email", &input.email);
    let given_name = checks.line_patch("givenName", &input.given_name);
    let family_name = checks.line_patch("familyName", &input.family_name);
    let name = checks.line_patch("name", &input.name);
    let phone = checks.phone_patch("phone", &input.phone);
    let job_title = checks.line_patch("jobTitle", &input.job_title);
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, input.expected_version).await?;
    if let Some(email) = email.as_ref().filter(|email| email.key != old.email_key) {
        check_email_free(&mut checks, txn, organization, email).await?;
    }
    checks.finish()?;

    let mut row = old.clone().into_active_model();
    let mut diff = Diff::default();
    if let Some(Email { text, key }) = email {
        diff.set("email", &mut row.email, Some(text));
        row.email_key.set_if_not_equals(key);
    }
    diff.set("givenName", &mut row.given_name, given_name);
    diff.set("familyName", &mut row.family_name, family_name);
    diff.set("name", &mut row.name, name);
    diff.set("phone", &mut row.phone, phone);
    diff.set("jobTitle", &mut row.job_title, job_title);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Deletes a person. Their assignments are hidden as long as they stay deleted.
pub async fn delete(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: InternalContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let new = record::delete::<Entity>(txn, ctx, organization, old).await?;
    if assignments::defer_of_person(txn, ctx, organization, id).await? {
        assignments::hide(txn, ctx, organization, assignment::Column::InternalContactId.eq(id)).await?;
    }
    write.commit().await?;
    db.wake_worker();
    Ok(new)
}

/// Brings a deleted person back, with the floating assignments and those to partners that are there. Somebody who is not
/// deleted stays as they are.
pub async fn restore(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: InternalContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update_with_deleted::<Entity>(txn, organization, id, expected_version).await?;
    if old.deleted_at.is_none() {
        return Ok(old);
    }
    contact_merge::check_not_merged(txn, organization, id).await?;
    let new = record::restore::<Entity>(txn, ctx, organization, old).await?;
    let theirs = assignment::Column::InternalContactId.eq(id);
    if assignments::defer_of_person(txn, ctx, organization, id).await? {
        assignments::show(txn, organization, theirs).await?;
    } else {
        assignments::check_remote_ids(txn, organization, theirs).await?;
    }
    write.commit().await?;
    db.wake_worker();
    Ok(new)
}

/// Holds everybody who has or had an assignment to one of these partners until the transaction ends, in the order of
/// their ids.
pub(super) async fn hold_those_of_partners(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    partners: &[PartnerId],
) -> AppResult<()> {
    let is_theirs = is_of_partners(db.get_database_backend(), organization, partners);
    let people = Entity::find_in_with_deleted(organization).filter(is_theirs);
    let people = people.select_only().column(Column::Id).order_by_asc(Column::Id).lock_exclusive();
    let _: Vec<InternalContactId> = people.into_tuple().all(db).await?;
    Ok(())
}

/// Holds these people until the transaction ends, in the order of their ids. Gives when they were deleted, if they were.
pub(super) async fn hold_with_deleted(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = InternalContactId>,
) -> AppResult<HashMap<InternalContactId, Option<DateTimeUtc>>> {
    let is_one = keys_in(db.get_database_backend(), Column::Id.into_expr(), ids);
    let people = Entity::find_in_with_deleted(organization).filter(is_one).order_by_asc(Column::Id);
    let people = people.select_only().columns([Column::Id, Column::DeletedAt]).lock_exclusive();
    let people: Vec<(InternalContactId, Option<DateTimeUtc>)> = people.into_tuple().all(db).await?;
    Ok(people.into_iter().collect())
}

fn is_of_partners(backend: DbBackend, organization: OrganizationId, partners: &[PartnerId]) -> Expr {
    let is_partner = keys_in(backend, assignment::Column::PartnerId.into_expr(), partners.iter().copied());
    let people = assignment::Entity::find_in_with_deleted(organization)
        .filter(is_partner)
        .select_only()
        .column(assignment::Column::InternalContactId);
    Column::Id.in_subquery(people.into_query())
}

/// The person behind an assignment, held fast until the transaction ends.
pub(super) async fn of_assignment(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    assignment: &assignment::Model,
) -> AppResult<Option<Model>> {
    let person = Entity::find_in_with_deleted(organization);
    let person = person.filter(Column::Id.eq(assignment.internal_contact_id));
    Ok(person.lock_exclusive().one(db).await?)
}

async fn check_email_free(
    checks: &mut Checks,
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    email: &Email,
) -> AppResult<()> {
    if reading::value_exists::<Entity>(db, organization, Column::EmailKey, Some(&email.key)).await? {
        checks.report("email", InputErrorCode::Taken, EMAIL_TAKEN);
    }
    Ok(())
}
