//! An organization contact: a card with one fixed purpose at an organization.
//!
//! May import sea_orm and its siblings only.

use sea_orm::{DbBackend, Statement, entity::prelude::*};
use serde::Serialize;

use super::{
    id::OrganizationContactId,
    record::{record, record_subset, scoped},
};

record! {
    "organization_contact" {
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
    }
    relations {}
}

/// The purpose of an organization contact, numbered as its documented API numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum OrganizationContactType {
    /// Commercial questions.
    Commercial = 1,
    /// Technical questions.
    Technical = 2,
    /// Payments.
    Finance = 3,
    /// Where goods are sent.
    ShippingAddress = 4,
    /// The seat of the company.
    CompanyAddress = 5,
    /// Where invoices are sent.
    InvoiceAddress = 6,
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

scoped!(id: OrganizationContactId, deleted_at: Some(Column::DeletedAt));

record_subset! {
    deleted_at always;
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
}
