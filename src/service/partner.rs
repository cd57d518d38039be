//! Partners: the companies that internal contacts look after.

use serde::Serialize;

use super::{
    Database, Patch, WriteContext,
    company::{self, Company, CompanyColumns, CompanyInputs, UpsertCompany},
    cursor::Order,
    internal_contact_assignment::{self as assignments, Owner},
    page::ParentRelation,
    record::{self, Recorded, recorded_columns},
    search,
};
pub use super::{company::of_people as of_internal_contacts, reading::by_ids};
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        id::{InternalContactId, OrganizationId, PartnerId},
        internal_contact_assignment as assignment,
        partner::{ActiveModel, Column, Entity, Model},
    },
    error::{AppResult, REMOTE_ID_TAKEN},
};

impl Recorded for Entity {
    const KIND: &'static str = "Partner";
    const LIST: Order = Order::by_uuid("partner");
    const UNIQUE: &'static [record::Unique<Column>] = &[(Column::RemoteId, "remoteId", REMOTE_ID_TAKEN)];

    recorded_columns!();

    fn derive(row: &mut Model) {
        row.sort_key = search::sort_key(&row.name);
        row.words = search::words([row.name.as_str()]);
    }

    /// Hides the assignments to the partner as long as it stays deleted.
    async fn after_delete(ctx: &WriteContext<'_>, id: PartnerId) -> AppResult<bool> {
        assignments::hide_of(ctx, Owner::Partner(id)).await?;
        Ok(true)
    }

    /// Shows the assignments to the partner of people who are active.
    async fn after_restore(ctx: &WriteContext<'_>, id: PartnerId) -> AppResult<bool> {
        assignments::show_of(ctx, Owner::Partner(id)).await?;
        Ok(true)
    }
}

/// A partner to create or update. What is not given keeps its value.
#[derive(Clone, Debug, Serialize)]
pub struct UpsertPartner {
    /// Identifier of this record in the external system it was synced from, its identity.
    pub remote_id: String,
    /// Its name; needed when it is new.
    pub name: Option<String>,
}

impl UpsertCompany for UpsertPartner {
    type Table = Entity;

    fn remote_id(&self) -> &str {
        &self.remote_id
    }

    fn given(&self) -> CompanyInputs<'_> {
        CompanyInputs { name: Patch::set_or_keep(self.name.as_deref()), ..CompanyInputs::default() }
    }
}

impl Company for Entity {
    type Person = InternalContactId;

    const REMOTE_ID: Column = Column::RemoteId;

    fn remote_id(row: &Model) -> Option<&str> {
        row.remote_id.as_deref()
    }

    fn people(organization: OrganizationId) -> ParentRelation {
        let (partner, person) = (assignment::Column::PartnerId, assignment::Column::InternalContactId);
        ParentRelation::links(assignment::Entity::find_in(organization), partner, person, false)
    }

    fn columns(row: &mut ActiveModel) -> CompanyColumns<'_> {
        CompanyColumns { name: &mut row.name, primary_domain: None, remote_id: &mut row.remote_id }
    }
}

/// A new partner.
#[derive(Clone, Debug, Serialize)]
pub struct CreatePartner {
    /// Its name, never blank.
    pub name: String,
    /// Identifier of this record in the external system it was synced from, unique in the organization.
    pub remote_id: Option<String>,
    /// Makes repeating the call harmless.
    pub idempotency_key: Option<String>,
}

/// Creates a partner.
pub async fn create(db: &Database, request: &RequestContext, input: &CreatePartner) -> AppResult<Model> {
    let remote_id = Patch::from(input.remote_id.as_deref());
    let given = CompanyInputs { name: Patch::Set(&input.name), remote_id, ..CompanyInputs::default() };
    let write = |checks: &mut _, row: &mut _| company::write::<Entity>(checks, &given, row);
    record::create::<Entity>(db, request, input.idempotency_key.as_deref(), input, write).await
}

/// What is to change of a partner.
#[derive(Clone, Debug, Default)]
pub struct UpdatePartner {
    /// Its name; cannot be cleared.
    pub name: Patch<String>,
    /// Identifier of this record in the external system it was synced from.
    pub remote_id: Patch<String>,
    /// The version that the caller has seen.
    pub expected_version: Option<i32>,
}

/// Changes a partner.
pub async fn update(
    db: &Database,
    request: &RequestContext,
    id: &str,
    input: &UpdatePartner,
) -> AppResult<Model> {
    let (name, remote_id) = (input.name.as_deref(), input.remote_id.as_deref());
    let given = CompanyInputs { name, remote_id, ..CompanyInputs::default() };
    let write = |checks: &mut _, row: &mut _| company::write::<Entity>(checks, &given, row);
    record::update::<Entity>(db, request, id, input.expected_version, write).await
}
