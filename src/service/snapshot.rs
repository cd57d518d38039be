//! Reading all records of an organization as they are at one moment, whatever is written meanwhile.

use std::collections::HashMap;

use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, IsolationLevel, QueryFilter, QueryOrder, QuerySelect, Select,
    TransactionOptions, prelude::DateTimeUtc,
};
use serde_json::Value as Json;

use super::{
    Database, ReadContext, authorize_read,
    filter::{self, Filter},
    record::Recorded,
    search::SearchQuery,
    transaction::Transaction,
};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped, account_contact_account as link, contact_type, custom_field, custom_field_value,
        id::{AccountContactId, AccountId, CustomFieldId, OrganizationId},
        keys_in,
    },
    error::AppResult,
};

/// How many records are read at once.
pub const PAGE: u64 = 1_000;

/// The records of an organization at one moment.
pub struct Snapshot {
    transaction: Transaction,
    organization: OrganizationId,
}

impl Snapshot {
    /// Begins a snapshot for a caller whose token allows reading.
    pub async fn begin(db: &Database, request: &RequestContext) -> AppResult<Self> {
        let organization = authorize_read(request)?;
        // On SQLite a transaction sees the database as it is at its first read.
        let options = if db.is_sqlite() {
            TransactionOptions::default()
        } else {
            TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            }
        };
        Ok(Self { transaction: db.connection().begin(options).await?, organization })
    }

    /// The active records that a search finds and that changed since a time.
    pub async fn select<E: Recorded>(
        &self,
        db: &Database,
        search: Option<&str>,
        changed_since: Option<DateTimeUtc>,
    ) -> AppResult<Select<E>> {
        let search = search.filter(|text| !text.trim().is_empty());
        let filter = search.map(|text| Filter::Search(SearchQuery::new(text)));
        let rows = filter::rows::<E>(ReadContext::new(db, self.organization), filter.as_ref()).await?;
        Ok(match changed_since {
            Some(since) => rows.filter(E::UPDATED_AT.gte(since)),
            None => rows,
        })
    }

    /// The next of these records after the one with an id, in the order of their ids. An empty page is the end.
    pub async fn page<E: Recorded>(
        &self,
        rows: &Select<E>,
        after: Option<E::Id>,
    ) -> AppResult<Vec<E::Model>> {
        let mut rows = rows.clone();
        if let Some(after) = after {
            rows = rows.filter(E::ID.gt(after));
        }
        Ok(rows.order_by_asc(E::ID).limit(PAGE).all(&self.transaction).await?)
    }

    /// All custom fields.
    pub async fn custom_fields(&self) -> AppResult<Vec<custom_field::Model>> {
        let fields = custom_field::Entity::find_in(self.organization).order_by_asc(custom_field::Column::Id);
        Ok(fields.all(&self.transaction).await?)
    }

    /// The records with these ids, deleted ones included.
    pub async fn by_ids<E: Recorded>(&self, ids: Vec<E::Id>) -> AppResult<HashMap<E::Id, E::Model>> {
        let is_one = keys_in(self.transaction.get_database_backend(), E::ID.into_expr(), ids);
        let rows = E::find_in_with_deleted(self.organization).filter(is_one).all(&self.transaction).await?;
        Ok(rows.into_iter().map(|row| (E::id(&row), row)).collect())
    }

    /// The contact types, those that were replaced included.
    pub async fn contact_types(&self) -> AppResult<Vec<contact_type::Model>> {
        Ok(contact_type::Entity::find_in_with_deleted(self.organization).all(&self.transaction).await?)
    }

    /// The accounts of account contacts.
    pub async fn accounts(
        &self,
        contacts: Vec<AccountContactId>,
    ) -> AppResult<HashMap<AccountContactId, Vec<AccountId>>> {
        let backend = self.transaction.get_database_backend();
        let is_one = keys_in(backend, link::Column::AccountContactId.into_expr(), contacts);
        let links = link::Entity::find_in(self.organization).filter(is_one);
        let links = links.order_by_asc(link::Column::AccountId).all(&self.transaction).await?;
        let mut accounts: HashMap<_, Vec<_>> = HashMap::new();
        for link in links {
            accounts.entry(link.account_contact_id).or_default().push(link.account_id);
        }
        Ok(accounts)
    }

    /// The values of the custom fields of account contacts.
    pub async fn custom_field_values(
        &self,
        contacts: Vec<AccountContactId>,
    ) -> AppResult<HashMap<AccountContactId, Vec<(CustomFieldId, Json)>>> {
        let backend = self.transaction.get_database_backend();
        let column = custom_field_value::Column::AccountContactId;
        let is_one = keys_in(backend, column.into_expr(), contacts);
        let rows = custom_field_value::Entity::find_in(self.organization).filter(is_one);
        let mut values: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows.all(&self.transaction).await? {
            let value = row.value.value().cloned().unwrap_or_default();
            values.entry(row.account_contact_id).or_default().push((row.custom_field_id, value));
        }
        Ok(values)
    }
}
