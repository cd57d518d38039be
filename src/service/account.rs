//! Accounts: the companies that account contacts work for.

use serde::Serialize;

use super::{
    Database, Patch,
    company::{self, Company, CompanyColumns, CompanyInputs, UpsertCompany},
    cursor::Order,
    page::ParentRelation,
    record::{self, Recorded, Unique, recorded_columns},
    search, text,
};
pub use super::{company::of_people as of_account_contacts, reading::by_ids};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        account::{ActiveModel, Column, Entity, Model},
        account_contact_account as link,
        id::{AccountContactId, OrganizationId},
    },
    error::{AppResult, REMOTE_ID_TAKEN},
};

/// A new account.
#[derive(Clone, Debug, Serialize)]
pub struct CreateAccount {
    /// Its name, never blank.
    pub name: String,
    /// The domain name of its web and mail addresses.
    pub primary_domain: Option<String>,
    /// Identifier of this record in the external system it was synced from, unique in the organization.
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// An account to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Serialize)]
pub struct UpsertAccount {
    /// Identifier of this record in the external system it was synced from, its identity.
    pub remote_id: String,
    /// Its name; needed when it is new.
    pub name: Option<String>,
    /// The domain name of its web and mail addresses; blank text clears it.
    pub primary_domain: Option<String>,
}

/// What is to change of an account.
#[derive(Clone, Debug, Default)]
pub struct UpdateAccount {
    /// Its name; cannot be cleared.
    pub name: Patch<String>,
    /// The domain name of its web and mail addresses.
    pub primary_domain: Patch<String>,
    /// Identifier of this record in the external system it was synced from.
    pub remote_id: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
}

/// Creates an account.
pub async fn create(db: &Database, request: &RequestContext, input: &CreateAccount) -> AppResult<Model> {
    let given = CompanyInputs {
        name: Patch::Set(&input.name),
        primary_domain: Patch::from(input.primary_domain.as_deref()),
        remote_id: Patch::from(input.remote_id.as_deref()),
    };
    let write = |checks: &mut _, row: &mut _| company::write::<Entity>(checks, &given, row);
    record::create::<Entity>(db, request, input.idempotency_key.as_deref(), input, write).await
}

/// Changes an account.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    input: &UpdateAccount,
) -> AppResult<Model> {
    let given = CompanyInputs {
        name: input.name.as_deref(),
        primary_domain: input.primary_domain.as_deref(),
        remote_id: input.remote_id.as_deref(),
    };
    let write = |checks: &mut _, row: &mut _| company::write::<Entity>(checks, &given, row);
    record::update::<Entity>(db, request, id, input.expected_version, write).await
}

impl UpsertCompany for UpsertAccount {
    type Table = Entity;

    fn remote_id(&self) -> &str {
        &self.remote_id
    }

    fn given(&self) -> CompanyInputs<'_> {
        CompanyInputs {
            name: Patch::set_or_keep(self.name.as_deref()),
            primary_domain: Patch::set_or_keep(self.primary_domain.as_deref()),
            ..CompanyInputs::default()
        }
    }
}

impl Company for Entity {
    type Person = AccountContactId;

    const REMOTE_ID: Column = Column::RemoteId;

    fn remote_id(row: &Model) -> Option<&str> {
        row.remote_id.as_deref()
    }

    fn columns(row: &mut ActiveModel) -> CompanyColumns<'_> {
        CompanyColumns {
            name: &mut row.name,
            primary_domain: Some(&mut row.primary_domain),
            remote_id: &mut row.remote_id,
        }
    }

    fn people(organization: OrganizationId) -> ParentRelation {
        let links = link::Entity::find_in(organization);
        ParentRelation::links(links, link::Column::AccountId, link::Column::AccountContactId, true)
    }
}

impl Recorded for Entity {
    const KIND: &'static str = "Account";
    const LIST: Order = Order::by_uuid("account");
    const UNIQUE: &'static [Unique<Column>] = &[(Column::RemoteId, "remoteId", REMOTE_ID_TAKEN)];

    fn derive(row: &mut Model) {
        row.sort_key = search::sort_key(&row.name);
        row.primary_domain_key = row.primary_domain.as_deref().map(text::domain_key);
        let domain = row.primary_domain.as_deref().map(text::domain_words);
        row.words = search::words([row.name.as_str()].into_iter().chain(domain.as_deref()));
    }

    recorded_columns!();
}
