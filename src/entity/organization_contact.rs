//! An organization contact: a card with one fixed purpose at an organization.
//!
//! May import sea_orm and its siblings only.

use sea_orm::{DbBackend, Statement, entity::prelude::*};
use serde::Serialize;

use super::{
    Scoped, ScopedById,
    column_subset::column_subset,
    id::{OrganizationContactId, OrganizationId},
};

/// A row of `organization_contact`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_contact")]
pub struct Model {
    /// The organization it belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// Its number, made by the database; unique over all organizations.
    #[sea_orm(primary_key)]
    pub id: OrganizationContactId,
    /// Its purpose; never changes.
    pub r#type: OrganizationContactType,
    /// Name of the person or department.
    pub name: Option<String>,
    /// The honorific.
    pub title: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Street and number.
    pub street: Option<String>,
    /// Second line of the address.
    pub secondary_address: Option<String>,
    /// Postal code.
    pub zipcode: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// The numeric code of ISO 3166.
    pub country_id: Option<i16>,
    /// The address as it was written.
    pub email: Option<String>,
    /// The address in the form that is compared; not unique.
    pub email_key: Option<String>,
    /// As it was written.
    pub phone: Option<String>,
    /// As it was written.
    pub mobile: Option<String>,
    /// Only on invoice addresses, at most 50 characters.
    pub purchase_order_number: Option<String>,
    /// Identifier in the external system that it was synced from; unique among the organization's active rows.
    pub remote_id: Option<String>,
    /// The normalized name, for sorting. Empty until the application has filled it.
    pub sort_key: String,
    /// The normalized words, for searching.
    pub words: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row last changed.
    pub updated_at: DateTimeUtc,
    /// Starts at 1 and grows by 1 with each change.
    pub version: i32,
    /// Set while the row is deleted.
    pub deleted_at: Option<DateTimeUtc>,
}

/// The purpose of an organization contact, numbered as its documented API numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum OrganizationContactType {
    /// Commercial questions.
    #[sea_orm(num_value = 1)]
    Commercial,
    /// Technical questions.
    #[sea_orm(num_value = 2)]
    Technical,
    /// Payments.
    #[sea_orm(num_value = 3)]
    Finance,
    /// Where goods are sent.
    #[sea_orm(num_value = 4)]
    ShippingAddress,
    /// The seat of the company.
    #[sea_orm(num_value = 5)]
    CompanyAddress,
    /// Where invoices are sent.
    #[sea_orm(num_value = 6)]
    InvoiceAddress,
}

impl OrganizationContactType {
    /// The number that the documented API gives it.
    pub fn number(self) -> i16 {
        self.to_value()
    }

    /// The purpose with this number.
    pub fn of_number(number: i64) -> Option<Self> {
        Self::try_from_value(&number.try_into().ok()?).ok()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Takes the next number of PostgreSQL's sequence, for a row that is inserted later.
    pub async fn next_id(db: &impl ConnectionTrait) -> Result<OrganizationContactId, DbErr> {
        let sql = "SELECT nextval(pg_get_serial_sequence('organization_contact', 'id'))";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let row =
            row.ok_or_else(|| DbErr::RecordNotFound("the sequence of organization contacts".to_owned()))?;
        Ok(OrganizationContactId(row.try_get_by_index(0)?))
    }
}

impl Scoped for Entity {
    const ORG_ID: Column = Column::OrgId;
    const DELETED_AT: Option<Column> = Some(Column::DeletedAt);
}

impl ScopedById for Entity {
    type Id = OrganizationContactId;

    const ID: Column = Column::Id;
}

column_subset! {
    org_id: OrgId always,
    id: Id always,
    r#type: Type always,
    name: Name selected,
    title: Title selected,
    department: Department selected,
    street: Street selected,
    secondary_address: SecondaryAddress selected,
    zipcode: Zipcode selected,
    city: City selected,
    state: State selected,
    country_id: CountryId selected,
    email: Email selected,
    email_key: EmailKey selected,
    phone: Phone selected,
    mobile: Mobile selected,
    purchase_order_number: PurchaseOrderNumber selected,
    remote_id: RemoteId selected,
    sort_key: SortKey selected,
    words: Words selected,
    created_at: CreatedAt selected,
    updated_at: UpdatedAt selected,
    version: Version selected,
    deleted_at: DeletedAt always,
}
