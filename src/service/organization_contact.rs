//! Organization contacts: cards with one fixed purpose at an organization.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ConnectionTrait, IntoActiveModel, QuerySelect,
};
use serde::Serialize;

use super::{
    Database, Page, PageRequest, Patch,
    change::{self, Action, Diff},
    country,
    cursor::{CursorKey, Order},
    idempotency,
    input::{Checks, Email, NOT_FOUND, check_version, not_found},
    page::{self, Paged},
    reader, reading, writer,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns, Scoped, ScopedById,
        id::{OrganizationContactId, OrganizationId},
        organization_contact::{ActiveModel, Entity, Model, OrganizationContactType},
    },
    error::{AppResult, InputErrorCode},
};

const KIND: &str = "OrganizationContact";

impl Paged for Entity {
    const ORDER: Order = Order::by_integer("organization_contact");

    fn key_column() -> <Self as sea_orm::EntityTrait>::Column {
        <Self as ScopedById>::ID
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Integer(row.id.0)
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

/// The organization contact with this id, if it is in reach.
pub async fn get(db: &Database, ctx: &RequestContext, id: &str) -> AppResult<Option<Model>> {
    reading::get::<Entity>(db, ctx, id).await
}

/// The organization's cards.
pub async fn list(db: &Database, ctx: &RequestContext, request: &PageRequest) -> AppResult<Page<Model>> {
    page::page(db.connection(), Entity::find_in(reader(ctx)?), Columns::all(), request).await
}

/// The cards with these ids, deleted ones included.
pub async fn by_ids(
    db: &Database,
    organization: OrganizationId,
    ids: &[OrganizationContactId],
) -> AppResult<HashMap<OrganizationContactId, Model>> {
    reading::by_ids::<Entity, _>(db.connection(), organization, ids, Columns::all(), |row| row.id).await
}

/// Makes a card.
pub async fn create(
    db: &Database,
    ctx: &RequestContext,
    kind: OrganizationContactType,
    card: &Card,
    idempotency_key: Option<&str>,
) -> AppResult<Model> {
    let organization = writer(ctx)?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, kind, card);
    let write = db.begin().await?;
    let txn = write.connection();
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
    let mut row = ActiveModel {
        id: NotSet,
        org_id: Set(organization),
        r#type: Set(kind),
        created_at: Set(ctx.now),
        updated_at: Set(ctx.now),
        version: Set(1),
        ..Default::default()
    };
    let diff = fields.write(&mut row).created("type", kind);
    let row = row.insert(txn).await?;
    change::record(txn, ctx, organization, (KIND, row.id.to_string()), Action::Created, diff).await?;
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
    let organization = writer(ctx)?;
    let id: OrganizationContactId = id.parse().map_err(|_| not_found("id"))?;
    let write = db.begin().await?;
    let txn = write.connection();
    let Some(old) = Entity::find_by_id_in(organization, id).lock_exclusive().one(txn).await? else {
        return Err(not_found("id"));
    };
    check_version(expected_version, old.version)?;
    let mut checks = Checks::default();
    let fields = Fields::check(&mut checks, old.r#type, card);
    checks.finish()?;
    let mut row = old.clone().into_active_model();
    let diff = fields.write(&mut row);
    if diff.is_empty() {
        return Ok(old);
    }
    row.version = Set(old.version + 1);
    row.updated_at = Set(ctx.now);
    let new = row.update(txn).await?;
    change::record(txn, ctx, organization, (KIND, id.to_string()), Action::Updated, diff).await?;
    write.commit().await?;
    Ok(new)
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
