//! The GraphQL types of internal contacts.

mod mutation;

use async_graphql::{Name, Object, Value};

pub use self::mutation::*;
use super::{
    Gateway,
    contact::{self, ContactKind, ContactLists},
    context::ContextExt,
    document::FieldNames,
    filter::{InternalContactFilter, InternalContactOrder},
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{Prime, Primed, list_loaders, prime_lists},
    partner::Partner,
    record::{SoftDeletableFields, record},
    relay::{ListFilter, argument, list_fields, queries},
    scalar::{EmailAddress, Id, PhoneNumber},
    selection::Selection,
};
use crate::{
    entity::{
        Columns,
        id::{InternalContactId, PartnerId, PublicId},
        internal_contact::{Entity, Model},
        internal_contact_assignment::InternalRole as Role,
    },
    service::{
        contact::Relative, internal_contact as service, internal_contact_assignment::AssignmentFilter,
    },
};

/// An internal contact: an employee of the organization.
pub struct InternalContact(pub Model);

/// An employee of the organization who manages partners.
#[Object]
impl InternalContact {
    /// Global id with the prefix `ic_`.
    pub async fn id(&self) -> Id {
        self.0.id.into()
    }

    /// Always `INTERNAL`.
    pub async fn kind(&self) -> ContactKind {
        ContactKind::Internal
    }

    /// The name to display: given and family name, else the full name, else the email address.
    pub async fn display_name(&self) -> String {
        service::display_name(&self.0).into_owned()
    }

    /// The email address. Unique among the active internal contacts of the organization, ignoring case.
    pub async fn email(&self) -> Option<EmailAddress> {
        Some(EmailAddress(self.0.email.clone()))
    }

    /// The phone number in E.164 format.
    pub async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// The given name.
    async fn given_name(&self) -> Option<&str> {
        self.0.given_name.as_deref()
    }

    /// The family name.
    async fn family_name(&self) -> Option<&str> {
        self.0.family_name.as_deref()
    }

    /// The full name, for people without separate given and family names.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The job title.
    async fn job_title(&self) -> Option<&str> {
        self.0.job_title.as_deref()
    }

    /// The lists.
    #[graphql(flatten)]
    async fn lists(&self) -> InternalContactLists {
        InternalContactLists(self.0.id)
    }

    /// The common fields.
    #[graphql(flatten)]
    async fn record(&self) -> SoftDeletableFields {
        (&self.0).into()
    }

    /// The lists of all kinds of contacts.
    #[graphql(flatten)]
    async fn contact_lists(&self) -> ContactLists {
        ContactLists(self.relative())
    }
}

record! {
    InternalContact(InternalContactId) in internal_contact,
    filter InternalContactFilter, order InternalContactOrder, read columns
}

/// The lists of an internal contact.
pub struct InternalContactLists(InternalContactId);

list_fields! {
    impl InternalContactLists {}
    "Filters the results. Default: all items." {
        /// The role assignments of this person, both to partners and floating.
        assignments(
            role: Option<InternalRole> = "Returns only assignments with this role.",
            floating: Option<bool> = "True returns only floating assignments, false only assignments to a partner."
        ): InternalContactAssignment = |this, ctx, list| {
            let filter = AssignmentFilter { role: role.map(Into::into), floating };
            let loader = &ctx.gateway().loaders.assignments_by_internal_contact;
            loader.load(this.0, filter, list.request(ctx)?).await?
        };
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The partners that this person is assigned to. Each partner is listed once, regardless of the number of roles.
        partners: Partner = |this, ctx, list| {
            ctx.gateway().loaders.partners_by_internal_contact.load(this.0, (), list.request(ctx)?).await?
        };
    }
}

impl InternalContact {
    /// The contact as a key of the loader of related contacts.
    pub(super) fn relative(&self) -> Relative {
        Relative {
            id: PublicId::InternalContact(self.0.id),
            email_key: Some(self.0.email_key.clone()),
            is_living: self.0.deleted_at.is_none(),
        }
    }

    /// The database columns of the selected fields.
    pub(super) fn columns(names: &FieldNames) -> Columns<Entity> {
        Columns::selected_by(|column| {
            names.has(column)
                || names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
                || names.has("display_name")
                    && matches!(column, "given_name" | "family_name" | "name" | "email")
        })
    }
}

impl Prime for InternalContact {
    fn prime<'a>(rows: Vec<&'a Self>, selections: Vec<Selection<'a>>, gateway: &'a Gateway) -> Primed<'a> {
        Box::pin(async move {
            let ids = || rows.iter().map(|row| row.0.id);
            let loaders = &gateway.loaders;
            for selection in selections {
                match selection.name() {
                    "assignments" => {
                        prime_lists(selection, &loaders.assignments_by_internal_contact, ids(), gateway)
                            .await;
                    }
                    "partners" => {
                        prime_lists(selection, &loaders.partners_by_internal_contact, ids(), gateway).await;
                    }
                    _ => {
                        let contacts = rows.iter().map(|row| row.relative());
                        contact::prime_shared(selection, contacts, gateway).await;
                    }
                }
            }
        })
    }
}

/// The role as the filter of a partner's internal contacts.
impl ListFilter for Option<Role> {
    fn from_arguments(arguments: &[(Name, Value)]) -> Option<Self> {
        let role: Option<InternalRole> = argument(arguments, "role")?;
        Some(role.map(Into::into))
    }
}

list_loaders! {
    /// Loads the internal contacts assigned to partners.
    InternalContactsByPartner(Option<Role>): PartnerId => InternalContact = service::of_partners;
}

queries! {
    /// Queries of internal contacts.
    InternalContactQuery: InternalContact,
    by_id {
        /// The internal contact with this id. Null if it does not exist or is not accessible with this token.
        internal_contact = service::get
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The internal contacts of the organization.
        internal_contacts
    }
}
