//! Organization contacts: cards with one fixed purpose, 1 commercial to 6 invoice address.
//!
//! May import sea_orm_migration and `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_pk_auto, small_integer, small_integer_null, text_null},
};

use crate::table::{
    self, check, created_at, deleted_at, index, organization_key, unique, updated_at, version, version_check,
};

const TABLE: &str = "organization_contact";

/// Creates `organization_contact`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(big_pk_auto("id"))
                    .col(big_integer("org_id"))
                    .col(small_integer("type"))
                    .col(text_null("name"))
                    .col(text_null("title"))
                    .col(text_null("department"))
                    .col(text_null("street"))
                    .col(text_null("secondary_address"))
                    .col(text_null("zipcode"))
                    .col(text_null("city"))
                    .col(text_null("state"))
                    .col(small_integer_null("country_id"))
                    .col(text_null("email"))
                    .col(text_null("email_key"))
                    .col(text_null("phone"))
                    .col(text_null("mobile"))
                    .col(text_null("purchase_order_number"))
                    .col(created_at())
                    .col(updated_at())
                    .col(version())
                    .col(deleted_at())
                    .index(&mut unique(TABLE, ["org_id", "id"]))
                    .foreign_key(&mut organization_key(TABLE))
                    .check(check(TABLE, "type", Expr::col("type").between(1, 6)))
                    .check(check(TABLE, "purchase_order_number", purchase_order_number_is_allowed()))
                    .check(version_check(TABLE))
                    .take(),
            )
            .await?;
        manager.create_index(index(TABLE, ["org_id", "email_key"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::drop(manager, TABLE).await
    }
}

/// Only invoice addresses have one, of at most 50 characters.
fn purchase_order_number_is_allowed() -> Expr {
    let number = || Expr::col("purchase_order_number");
    let length = Expr::expr(Func::cust("length").arg(number()));
    number().is_null().or(Expr::col("type").eq(6).and(length.lte(50)))
}
