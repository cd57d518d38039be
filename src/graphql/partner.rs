//! The GraphQL types of partners.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result};

use super::{
    Gateway,
    bulk::upsert,
    context::ContextExt,
    filter::{PartnerFilter, PartnerOrder},
    internal_contact::InternalContact,
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{list_loaders, prime, prime_lists},
    patch::patch,
    payload::{payloads, soft_deletion},
    pending::pending_updates,
    record::{SoftDeletableFields, object, queries, record},
    scalar::Id,
};
use crate::{
    entity::{
        id::{InternalContactId, PartnerId},
        partner::Model,
    },
    service::{internal_contact_assignment::AssignmentFilter, partner as service},
};

/// A company that internal contacts manage.
pub struct Partner(pub Model);

object! {
    /// A company that internal contacts manage.
    Partner |self|
    fields {
        /// Global id with the prefix `ptn_`.
        id: Id = self.0.id.into();
        /// The name.
        name: &str = &self.0.name;
        /// Identifier of this record in the external system it was synced from.
        remote_id: Option<&str> = self.0.remote_id.as_deref();
    }
    lists "Filters the results. Default: all items." {
        /// The assignments of internal contacts to this partner.
        assignments(role: Option<InternalRole> = "Returns only assignments with this role."):
            InternalContactAssignment = |ctx, list| {
                let filter = AssignmentFilter { role: role.map(Into::into), floating: None };
                ctx.gateway().loaders.assignments_by_partner.load(self.0.id, filter, list.request(ctx)?).await?
            };
    }
    lists "Filters the results. Soft-deleted records are excluded by default." {
        /// The internal contacts assigned to this partner. Each contact is listed once, regardless of the number of
        /// roles.
        internal_contacts(role: Option<InternalRole> = "Returns only contacts with this role for the partner."):
            InternalContact = |ctx, list| {
                let role = role.map(Into::into);
                ctx.gateway().loaders.internal_contacts_by_partner.load(self.0.id, role, list.request(ctx)?).await?
            };
    }
    flattened {
        record: SoftDeletableFields = (&self.0).into();
    }
}

record! { Partner(PartnerId) in partner, filter PartnerFilter, order PartnerOrder, read columns }

prime! {
    Partner |row|
    "assignments" => prime_lists(assignments_by_partner, [row.0.id]);
    "internalContacts" => prime_lists(internal_contacts_by_partner, [row.0.id]);
}

list_loaders! {
    /// Loads the partners that internal contacts look after.
    PartnersByInternalContact: InternalContactId => Partner = service::of_internal_contacts;
}

queries! {
    /// Queries of partners.
    PartnerQuery: Partner,
    by_id {
        /// The partner with this id. Null if it does not exist or is not accessible with this token.
        partner
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The partners of the organization.
        partners
    }
}

/// The partner to create.
#[derive(InputObject)]
pub struct CreatePartnerInput {
    /// The name, at most 255 characters. Must not be blank.
    name: String,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: Option<String>,
    /// A key of 1 to 255 characters, chosen by the client. Repeating the mutation with the same key and input returns
    /// the first result and writes nothing; the same key with another input is an error. Keys are kept for 7 days by
    /// default.
    idempotency_key: Option<String>,
}

/// The fields to update. An omitted field keeps its value, null clears it.
#[derive(InputObject)]
pub struct UpdatePartnerInput {
    /// Global id of the partner.
    id: ID,
    /// The name, at most 255 characters. Must not be blank or null.
    name: MaybeUndefined<String>,
    /// Identifier of this record in the external system it was synced from. Unique in the organization.
    remote_id: MaybeUndefined<String>,
    /// The record's `version` that the client last read. If the stored version differs, nothing is written and the
    /// error code is CONFLICT. Omit it to write without the check.
    expected_version: Option<i32>,
}

payloads! {
    /// Result of `createPartner`.
    CreatePartnerPayload {
        /// The created partner. Null if the input was rejected.
        partner: Partner
    }

    /// Result of `updatePartner`.
    UpdatePartnerPayload {
        /// The updated partner. Null if the input was rejected.
        partner: Partner
    }
}

/// A partner to create or update. An omitted or null field keeps its value.
#[derive(InputObject)]
pub struct UpsertPartnerInput {
    /// Identifier of this record in the external system it was synced from. Selects the partner to update.
    remote_id: String,
    /// The name, at most 255 characters. Required for a new record.
    name: Option<String>,
}

/// Mutations of partners.
#[derive(Default)]
pub struct PartnerMutation;

#[Object]
impl PartnerMutation {
    /// Creates a partner.
    async fn create_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The partner to create, for example `{ name: "Example Partner", remoteId: "crm-17" }`."#
        )]
        input: CreatePartnerInput,
    ) -> Result<Option<CreatePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let CreatePartnerInput { name, remote_id, idempotency_key } = input;
        let input = service::CreatePartner { name, remote_id, idempotency_key };
        CreatePartnerPayload::of(|| service::create(db, request, &input)).await
    }

    /// Updates a partner.
    async fn update_partner(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = r#"The partner and the fields to update, for example `{ id: "ptn_…", name: "Example Partner" }`."#
        )]
        input: UpdatePartnerInput,
    ) -> Result<Option<UpdatePartnerPayload>> {
        let Gateway { request, db, .. } = ctx.fresh().await;
        let changes = service::UpdatePartner {
            name: patch(input.name),
            remote_id: patch(input.remote_id),
            expected_version: input.expected_version,
        };
        UpdatePartnerPayload::of(|| service::update(db, request, &input.id, &changes)).await
    }
}

soft_deletion! {
    /// Soft-deletion of partners.
    PartnerDeletion: partner Partner, "partner", r#"The partner, for example `{ id: "ptn_…" }`."#, complex;
    /// Soft-deletes a partner. Its assignments are hidden until it is restored.
    delete_partner "deletePartner": DeletePartnerInput => DeletePartnerPayload;
    /// Restores a soft-deleted partner and its assignments. An active partner is not changed.
    restore_partner "restorePartner": RestorePartnerInput => RestorePartnerPayload;
}

pending_updates! {
    DeletePartnerPayload: |payload| payload.partner.iter(),
    RestorePartnerPayload: |payload| payload.partner.iter(),
}

upsert! {
    /// Bulk mutations of partners.
    PartnerUpsert: partner "partner" Partner by service::UpsertPartner;
    /// Partners to create or update.
    UpsertPartnersInput;
    /// 1 to 1,000 partners. Remote ids must be unique in the list.
    rows: UpsertPartnerInput;
    /// Result of creating or updating one partner.
    UpsertPartnerResult;
    /// Result of `upsertPartners`.
    UpsertPartnersPayload;
    /// Creates or updates up to 1,000 partners, matched by remote id.
    upsert_partners(r#"The partners, for example `{ rows: [{ remoteId: "crm-17", name: "Example Partner" }] }`."#);
}

impl From<UpsertPartnerInput> for service::UpsertPartner {
    fn from(input: UpsertPartnerInput) -> Self {
        Self { remote_id: input.remote_id, name: input.name }
    }
}
