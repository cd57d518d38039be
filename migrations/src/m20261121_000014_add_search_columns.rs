//! What rows are sorted by and found by: texts that the application folds (lower case, no accents), so that both
//! databases sort and find alike. And the indexes of every order that lists can have.
//!
//! Rows that are there already have empty texts until the application folds them. May import sea_orm_migration and
//! `table`; never the entities, never another migration. Frozen once published.

use sea_orm_migration::prelude::*;

use crate::table::{folded_text, index, set_collation, without_column};

/// The tables that are sorted by name and searched.
const SEARCHED: [&str; 5] =
    ["partner", "account", "internal_contact", "account_contact", "organization_contact"];
/// Those of them that are found by the names of companies as well.
const WITH_COMPANIES: [&str; 2] = ["internal_contact", "account_contact"];
/// Those of them that have email addresses.
const WITH_EMAILS: [&str; 3] = ["internal_contact", "account_contact", "organization_contact"];
/// Those that are listed in the order of their times.
const TIMED: [&str; 6] = [
    "partner",
    "account",
    "internal_contact",
    "internal_contact_assignment",
    "account_contact",
    "organization_contact",
];
const EMAIL_INDEX: &str = "organization_contact_org_id_email_key_id_idx";

/// Adds `sort_key`, `words` and `company_words`.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in SEARCHED {
            folded_text(manager, table, "sort_key").await?;
            folded_text(manager, table, "words").await?;
            manager.create_index(index(table, ["org_id", "sort_key", "id"])).await?;
        }
        for table in WITH_COMPANIES {
            folded_text(manager, table, "company_words").await?;
            manager.create_index(index(table, ["org_id", "email_key", "id"])).await?;
        }
        for table in WITH_EMAILS {
            set_collation(manager, table, "email_key", "C").await?;
        }
        // An expression, which the builder cannot say.
        let columns = "(org_id, coalesce(email_key, ''), id)";
        let sql = format!("CREATE INDEX {EMAIL_INDEX} ON organization_contact {columns}");
        manager.get_connection().execute_unprepared(&sql).await?;
        for table in TIMED {
            manager.create_index(index(table, ["org_id", "created_at", "id"])).await?;
            manager.create_index(index(table, ["org_id", "updated_at", "id"])).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TIMED {
            drop_index(manager, format!("{table}_org_id_updated_at_id_idx")).await?;
            drop_index(manager, format!("{table}_org_id_created_at_id_idx")).await?;
        }
        drop_index(manager, EMAIL_INDEX.to_owned()).await?;
        for table in WITH_EMAILS {
            set_collation(manager, table, "email_key", "default").await?;
        }
        for table in WITH_COMPANIES {
            drop_index(manager, format!("{table}_org_id_email_key_id_idx")).await?;
            without_column(manager, table, "company_words").await?;
        }
        for table in SEARCHED {
            drop_index(manager, format!("{table}_org_id_sort_key_id_idx")).await?;
            without_column(manager, table, "words").await?;
            without_column(manager, table, "sort_key").await?;
        }
        Ok(())
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: String) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).to_owned()).await
}
