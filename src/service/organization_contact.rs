//! Organization contacts: cards with one fixed purpose at an organization.

use sea_orm::{ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, IntoActiveModel, Set};
use serde::Serialize;

pub use super::reading::by_ids;
use super::{
    Database, Patch, WriteContext, authorize_write,
    bulk::Status,
    change::{Action, Diff},
    contact_merge, country,
    cursor::Order,
    input::{Checks, Email, NOT_FOUND},
    reading,
    record::{self, Recorded, Unique, recorded_columns},
    search, text,
};
use crate::{
    auth::RequestContext,
    entity::{
        id::OrganizationContactId,
        organization_contact::{ActiveModel, Column, Entity, Model, OrganizationContactType},
    },
    error::{AppResult, InputErrorCode, REMOTE_ID_TAKEN},
};

impl Recorded for Entity {
    const KIND: &'static str = "OrganizationContact";
    const LIST: Order = Order::by_integer("organization_contact");
    const UNIQUE: &'static [Unique<Column>] = &[(Column::RemoteId, "remoteId", REMOTE_ID_TAKEN)];

    recorded_columns!();

    fn derive(row: &mut Model) {
        let phones = [&row.phone, &row.mobile].map(|phone| phone.as_deref().map(search::phone_words));
        let email = row.email.as_deref().map(text::email_words);
        let names = [&row.name, &row.department, &row.city].map(Option::as_deref);
        let texts = names.into_iter().chain([email.as_deref()]).chain(phones.iter().map(Option::as_deref));
        row.words = search::words(texts.flatten().chain([label(row.r#type)]));
        row.sort_key = search::sort_key(display_name(row));
    }

    async fn check_restorable(ctx: &WriteContext<'_>, id: OrganizationContactId) -> AppResult<()> {
        contact_merge::check_not_merged(ctx, id).await
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

/// Creates a card.
pub async fn create(
    db: &Database,
    request: &RequestContext,
    kind: OrganizationContactType,
    card: &Card,
    idempotency_key: Option<&str>,
) -> AppResult<Model> {
    let unit = |ctx| create_in(ctx, kind, card, idempotency_key);
    WriteContext::optimistically(db, request, idempotency_key.is_none(), unit).await
}

async fn create_in(
    ctx: WriteContext<'_>,
    kind: OrganizationContactType,
    card: &Card,
    key: Option<&str>,
) -> AppResult<Model> {
    let mut checks = Checks::of(ctx.request);
    let mut row = ActiveModel { r#type: Set(kind), ..Default::default() };
    let diff = Fields::check(&mut checks, kind, card).write(&mut row).created("type", kind);
    let claim = match record::claim::<Entity>(&ctx, &mut checks, key, &(kind, card)).await? {
        Ok(claim) => claim,
        Err(first) => return Ok(first),
    };
    checks.finish()?;
    let row = if ctx.txn.is_optimistic() {
        row.id = Set(Entity::next_id(&ctx.txn).await?);
        record::insert_row::<Entity>(&ctx, row, diff)?
    } else {
        insert(&ctx, row, diff).await?
    };
    claim.commit(ctx, row.id).await?;
    Ok(row)
}

/// Creates the card with a remote id, or changes the one that has it; a trial writes nothing. Gives the card and what
/// became of it.
pub async fn upsert(
    db: &Database,
    request: &RequestContext,
    remote_id: &str,
    (kind, card): (OrganizationContactType, &Card),
    is_trial: bool,
) -> AppResult<(Model, Status)> {
    let ctx = WriteContext::begin(db, request, authorize_write(request)?).await?;
    let mut checks = Checks::of(request);
    let remote_id = checks.required_line("remoteId", remote_id);
    let fields = Fields::check(&mut checks, kind, card);
    let old = reading::lock_where::<Entity>(&ctx, Column::RemoteId.eq(remote_id.as_str())).await?.pop();
    if old.as_ref().is_some_and(|old| old.r#type != kind) {
        let message =
            "The type of an organization contact cannot change. Delete the contact, or send its type.";
        checks.report("type", InputErrorCode::Immutable, message);
    }
    checks.finish()?;
    let (row, status) = match old {
        Some(old) => {
            let mut row = old.clone().into_active_model();
            let diff = fields.write(&mut row);
            let status = if diff.is_empty() { Status::Unchanged } else { Status::Updated };
            (record::update_row::<Entity>(&ctx, old, row, diff).await?, status)
        }
        None => {
            let mut row = ActiveModel { r#type: Set(kind), ..Default::default() };
            let mut diff = fields.write(&mut row).created("type", kind);
            diff.set("remoteId", &mut row.remote_id, Some(Some(remote_id)));
            (insert(&ctx, row, diff).await?, Status::Created)
        }
    };
    if !is_trial {
        ctx.commit().await?;
    }
    Ok((row, status))
}

/// Inserts a new card, whose number the database makes, and records its creation.
async fn insert(ctx: &WriteContext<'_>, mut row: ActiveModel, diff: Diff) -> AppResult<Model> {
    row.id = Set(OrganizationContactId(0));
    let row = record::new_row::<Entity>(ctx, row)?.into_active_model().reset_all();
    let row = ActiveModel { id: NotSet, ..row }.insert(&ctx.txn).await?;
    record::record::<Entity>(ctx, row.id, Action::Created, diff);
    Ok(row)
}

/// Changes what a card says.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    card: &Card,
    expected_version: Option<i32>,
) -> AppResult<Model> {
    let (ctx, old) = record::begin_update::<Entity>(db, request, id, expected_version).await?;
    let mut checks = Checks::of(request);
    let fields = Fields::check(&mut checks, old.r#type, card);
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let diff = fields.write(&mut row);
    let new = record::update_row::<Entity>(&ctx, old, row, diff).await?;
    ctx.commit().await?;
    Ok(new)
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

    /// Puts the fields into a row that was read or is new.
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
        let email = self.email.map(|email| email.map(|email| (email.text, email.key)).unzip());
        diff.set_email(&mut row.email, &mut row.email_key, email);
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
