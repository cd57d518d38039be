//! The link between an account contact and an account.
//!
//! It goes with either side. May import sea_orm and its siblings only.

use sea_orm::entity::prelude::*;

use super::{
    id::{AccountContactId, AccountId, OrganizationId},
    record::scoped,
};

/// A row of `account_contact_account`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_contact_account")]
pub struct Model {
    /// The organization of both sides.
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: OrganizationId,
    /// The person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_contact_id: AccountContactId,
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    /// When the link was made.
    pub created_at: DateTimeUtc,
    /// The person.
    #[sea_orm(belongs_to, from = "(org_id, account_contact_id)", to = "(org_id, id)")]
    pub account_contact: BelongsTo<super::account_contact::Entity>,
    /// The account.
    #[sea_orm(belongs_to, from = "(org_id, account_id)", to = "(org_id, id)")]
    pub account: BelongsTo<super::account::Entity>,
}

scoped!(deleted_at: None);
