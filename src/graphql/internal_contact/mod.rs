//! The GraphQL types of internal contacts.

mod mutation;
mod upsert;

use async_graphql::{Name, Value};

pub(super) use self::mutation::profile;
pub use self::{mutation::*, upsert::*};
use super::{
    contact::ContactKind,
    context::ContextExt,
    filter::{InternalContactFilter, InternalContactOrder},
    internal_contact_assignment::{InternalContactAssignment, InternalRole},
    loaders::{list_loaders, prime, prime_lists},
    partner::Partner,
    record::{object, queries, record},
    relay::{ListFilter, argument},
    scalar::{EmailAddress, Id, PhoneNumber},
};
use crate::{
    entity::{
        id::{InternalContactId, PartnerId},
        internal_contact::Model,
        internal_contact_assignment::InternalRole as Role,
    },
    service::{
        contact::Relative, internal_contact as service, internal_contact_assignment::AssignmentFilter,
    },
};

/// An internal contact: an employee of the organization.
pub struct InternalContact(pub Model);

object! {
    /// An employee of the organization who manages partners.
    InternalContact |self|
    fields {
        /// Global id with the prefix `ic_`.
        id: Id = self.0.id.into();
        /// Always `INTERNAL`.
        kind: ContactKind = ContactKind::Internal;
        /// The name to display: given and family name, else the full name, else the email address.
        display_name: String = service::display_name(&self.0).into_owned();
        /// The email address. Unique among the active internal contacts of the organization, ignoring case.
        email: Option<EmailAddress> = Some(EmailAddress(self.0.email.clone()));
        /// The phone number in E.164 format.
        phone: Option<PhoneNumber> = self.0.phone.clone().map(PhoneNumber);
        /// The given name.
        given_name: Option<&str> = self.0.given_name.as_deref();
        /// The family name.
        family_name: Option<&str> = self.0.family_name.as_deref();
        /// The full name, for people without separate given and family names.
        name: Option<&str> = self.0.name.as_deref();
        /// The job title.
        job_title: Option<&str> = self.0.job_title.as_deref();
        /// Identifier of this record in the external system it was synced from. Unique in the organization.
        remote_id: Option<&str> = self.0.remote_id.as_deref();
    }
    lists "Filters the results. Default: all items." {
        /// The role assignments of this person, both to partners and floating.
        assignments(
            role: Option<InternalRole> = "Returns only assignments with this role.",
            floating: Option<bool> = "True returns only floating assignments, false only assignments to a partner."
        ): InternalContactAssignment = |ctx, list| {
            let filter = AssignmentFilter { role: role.map(Into::into), floating };
            let loader = &ctx.gateway().loaders.assignments_by_internal_contact;
            loader.load(self.0.id, filter, list.request(ctx)?).await?
        };
    }
    lists "Filters the results. Soft-deleted records are excluded by default." {
        /// The partners that this person is assigned to. Each partner is listed once, regardless of the number of roles.
        partners: Partner = |ctx, list| {
            ctx.gateway().loaders.partners_by_internal_contact.load(self.0.id, (), list.request(ctx)?).await?
        };
    }
    contact { (&self.0).into() }
}

record! {
    InternalContact(InternalContactId) in internal_contact,
    filter InternalContactFilter, order InternalContactOrder, read columns
    also |names, column| {
        names.has("related_contacts") && matches!(column, "email_key" | "deleted_at")
            || names.has("display_name") && matches!(column, "given_name" | "family_name" | "name" | "email")
    }
}

prime! {
    InternalContact |row|
    "assignments" => prime_lists(assignments_by_internal_contact, [row.0.id]);
    "partners" => prime_lists(partners_by_internal_contact, [row.0.id]);
    "relatedContacts" => prime_lists(related_contacts, [Relative::from(&row.0)]);
    "history" => prime_lists(changes_by_entity, [row.0.id.to_string()]);
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
        internal_contact
    }
    "Filters the results. Soft-deleted records are excluded by default." {
        /// The internal contacts of the organization.
        internal_contacts
    }
}
