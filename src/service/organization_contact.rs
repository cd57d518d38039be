//! Organization contacts: cards with one fixed purpose at an organization.

use std::collections::HashMap;

use sea_orm::{ActiveModelTrait, ActiveValue::NotSet, ConnectionTrait, IntoActiveModel, TryIntoModel};
use serde::Serialize;

use super::{
    Database, ListRequest, Page, Patch, Write, authorize_read, authorize_write,
    change::{Action, Diff},
    contact_merge, country,
    cursor::{CursorKey, Order},
    filter, idempotency,
    input::{Checks, Email, NOT_FOUND, not_found},
    optimistically,
    page::{self, Paged},
    reading,
    record::{self, Recorded},
    search,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, ScopedById,
        id::{OrganizationContactId, OrganizationId},
        organization_contact::{ActiveModel, Column, Entity, Model, OrganizationContactType},
    },
    error::{AppResult, InputErrorCode},
};

impl Paged for Entity {
    const ORDER: Order = Order::by_integer("organization_contact");

    fn key_column() -> <Self as sea_orm::EntityTrait>::Column {
        <Self as ScopedById>::ID
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Integer(row.id.0)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "OrganizationContact";
    const VERSION: Column = Column::Version;
    const UPDATED_AT: Column = Column::UpdatedAt;

    fn id(row: &Model) -> OrganizationContactId {
        row.id
    }

    fn version(row: &Model) -> i32 {
        row.version
    }

    fn derive(row: &mut Model) {
        let phones = [&row.phone, &row.mobile].map(|phone| phone.as_deref().map(search::phone_words));
        let names = [&row.name, &row.department, &row.email, &row.city].map(Option::as_deref);
        let texts = names.into_iter().chain(phones.iter().map(Option::as_deref));
        row.words = search::words(texts.flatten().chain([label(row.r#type)]));
        row.sort_key = search::sort_key(display_name(row));
    }
}

/// What to call a card: its name, else its email address, else its department, else its type.
pub fn display_name(row: &Model) -> &str {
    let name = row.name.as_deref().or(row.email.as_deref()).or(row.department.as_deref());
    name.unwrap_or_else(|| label(row.r#type))
}

/// What a purpose is called in English.
pub const fn label(kind: OrganizationContactType) -> &'static str {
    match kind {
        OrganizationContactType::Commercial => "Commercial",
        OrganizationContactType::Technical => "Technical",
        OrganizationContactType::Finance => "Finance",
        OrganizationContactType::ShippingAddress => "Shipping address",
        OrganizationContactType::CompanyAddress => "Company address",
        OrganizationContactType::InvoiceAddress => "Invoice address",
    }
}

/// What a card says; its type is fixed when it is made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Card {
    /// First and last name.
    pub name: Patch<String>,
    /// Honorific.
    pub title: Patch<String>,
    /// Department.
    pub department: Patch<String>,
    /// Street and number.
    pub street: Patch<String>,
    /// Second line of the address.
    pub secondary_address: Patch<String>,
    /// Postal code.
    pub zipcode: Patch<String>,
    /// City.
    pub city: Patch<String>,
    /// State or province.
    pub state: Patch<String>,
    /// The numeric code of ISO 3166, as text.
    pub country_id: Patch<String>,
    /// Email address.
    pub email: Patch<String>,
    /// As written.
    pub phone: Patch<String>,
    /// As written.
    pub mobile: Patch<String>,
    /// Only on invoice addresses, at most 50 characters.
    pub purchase_order_number: Patch<String>,
}

/// The organization contact with this id, if the caller may read it.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The organization's cards.
pub async fn list(
    db: &Database,
    ctx: &RequestContext,
    columns: Columns<Entity>,
    list: &ListRequest,
) -> AppResult<Page<Model>> {
    let select = filter::rows::<Entity>(db.connection(), authorize_read(ctx)?, list.filter.as_ref()).await?;
    page::page(db.connection(), select, columns, &list.page).await
}

/// The cards with these ids, deleted ones included.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[OrganizationContactId],
    columns: Columns<Entity>,
) -> AppResult<HashMap<OrganizationContactId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, columns, |row| row.id).await
}

/// Makes a card.
pub async fn create(
    db: &Database,
    ctx: &RequestContext,
    kind: OrganizationContactType,
    card: &Card,
    idempotency_key: Option<&str>,
) -> AppResult<Model> {
    let is_new = idempotency_key.is_none();
    optimistically(db, is_new, |write| create_in(write, ctx, kind, card, idempotency_key)).await
}

async fn create_in(
    write: Write,
    ctx: &RequestContext,
    kind: OrganizationContactType,
    card: &Card,
    idempotency_key: Option<&str>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, kind, card);
    let txn = &write;
    let operation = "createOrganizationContact";
    let claim = match idempotency::claim(
        &mut checks,
        txn,
        ctx,
        (organization, operation),
        idempotency_key,
        &(kind, card),
    )
    .await?
    {
        Ok(claim) => claim,
        Err(first) => return reading::replayed(find(txn, organization, first).await?),
    };
    checks.finish()?;
    let mut row = blank(ctx, organization, kind).into_active_model();
    let diff = fields.write(&mut row).of_creation().created("type", kind);
    let row = if txn.is_optimistic() {
        let id = Entity::next_id(txn).await?;
        record::create::<Entity>(txn, ctx, organization, Model { id, ..row.try_into_model()? }, diff).await?
    } else {
        let row = insert(txn, row).await?;
        record::record::<Entity>(txn, ctx, organization, row.id, Action::Created, diff);
        row
    };
    claim.complete(txn, organization, row.id).await?;
    write.commit().await?;
    Ok(row)
}

/// Changes what a card says.
pub async fn update(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    card: &Card,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: OrganizationContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, old.r#type, card);
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let diff = fields.write(&mut row);
    let new = record::update::<Entity>(txn, ctx, organization, old, row, diff).await?;
    write.commit().await?;
    Ok(new)
}

/// Deletes a card.
pub async fn delete(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: OrganizationContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = &write;
    let old = record::find_for_update::<Entity>(txn, organization, id, expected_version).await?;
    let new = record::delete::<Entity>(txn, ctx, organization, old).await?;
    write.commit().await?;
    Ok(new)
}

/// Brings a deleted card back. One that is not deleted stays as it is.
pub async fn restore(
    db: &Database,
    ctx: &RequestContext,
    id: &str,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let organization = authorize_write(ctx)?;
    let id: OrganizationContactId = id.parse().map_err(|_| not_found("id"))?;
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

/// A card that says nothing, and has no number yet.
fn blank(ctx: &RequestContext, organization: OrganizationId, kind: OrganizationContactType) -> Model {
    Model {
        id: OrganizationContactId(0),
        org_id: organization,
        r#type: kind,
        name: None,
        title: None,
        department: None,
        street: None,
        secondary_address: None,
        zipcode: None,
        city: None,
        state: None,
        country_id: None,
        email: None,
        email_key: None,
        phone: None,
        mobile: None,
        purchase_order_number: None,
        remote_id: None,
        sort_key: String::new(),
        words: String::new(),
        created_at: ctx.now,
        updated_at: ctx.now,
        version: 1,
        deleted_at: None,
    }
}

/// Inserts a new card; the database makes the number.
async fn insert(db: &impl ConnectionTrait, row: ActiveModel) -> AppResult<Model> {
    let mut whole = row.try_into_model()?;
    Entity::derive(&mut whole);
    let row = ActiveModel { id: NotSet, ..whole.into_active_model().reset_all() };
    Ok(row.insert(db).await?)
}

async fn find(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: OrganizationContactId,
) -> AppResult<Option<Model>> {
    Ok(Entity::find_by_id_in(organization, id).one(db).await?)
}

/// The checked fields of a card; `None` keeps what is there.
struct Fields {
    name: Option<Option<String>>,
    title: Option<Option<String>>,
    department: Option<Option<String>>,
    street: Option<Option<String>>,
    secondary_address: Option<Option<String>>,
    zipcode: Option<Option<String>>,
    city: Option<Option<String>>,
    state: Option<Option<String>>,
    country_id: Option<Option<i16>>,
    email: Option<Option<Email>>,
    phone: Option<Option<String>>,
    mobile: Option<Option<String>>,
    purchase_order_number: Option<Option<String>>,
}

impl Fields {
    fn check(checks: &mut Checks, kind: OrganizationContactType, card: &Card) -> Self {
        Self {
            name: checks.line_patch("name", &card.name),
            title: checks.line_patch("title", &card.title),
            department: checks.line_patch("department", &card.department),
            street: checks.line_patch("street", &card.street),
            secondary_address: checks.line_patch("secondaryAddress", &card.secondary_address),
            zipcode: checks.line_patch("zipcode", &card.zipcode),
            city: checks.line_patch("city", &card.city),
            state: checks.line_patch("state", &card.state),
            country_id: country_patch(checks, &card.country_id),
            email: checks.email_patch("email", &card.email),
            phone: checks.line_patch("phone", &card.phone),
            mobile: checks.line_patch("mobile", &card.mobile),
            purchase_order_number: checks.purchase_order_number(
                "purchaseOrderNumber",
                kind,
                &card.purchase_order_number,
            ),
        }
    }

    fn write(self, row: &mut ActiveModel) -> Diff {
        let mut diff = Diff::default();
        diff.set("name", &mut row.name, self.name);
        diff.set("title", &mut row.title, self.title);
        diff.set("department", &mut row.department, self.department);
        diff.set("street", &mut row.street, self.street);
        diff.set("secondaryAddress", &mut row.secondary_address, self.secondary_address);
        diff.set("zipcode", &mut row.zipcode, self.zipcode);
        diff.set("city", &mut row.city, self.city);
        diff.set("state", &mut row.state, self.state);
        diff.set("countryId", &mut row.country_id, self.country_id);
        if let Some(email) = self.email {
            let (text, key) = email.map(|email| (email.text, email.key)).unzip();
            diff.set("email", &mut row.email, Some(text));
            row.email_key.set_if_not_equals(key);
        }
        diff.set("phone", &mut row.phone, self.phone);
        diff.set("mobile", &mut row.mobile, self.mobile);
        diff.set("purchaseOrderNumber", &mut row.purchase_order_number, self.purchase_order_number);
        diff
    }
}

fn country_patch(checks: &mut Checks, patch: &Patch<String>) -> Option<Option<i16>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(id) => {
            let country = id.parse().ok().and_then(country::by_id);
            if country.is_none() {
                checks.report("countryId", InputErrorCode::NotFound, NOT_FOUND);
            }
            country.map(|country| Some(country.id))
        }
    }
}
