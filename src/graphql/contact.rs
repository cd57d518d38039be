//! What the three kinds of contacts have in common.

use async_graphql::{Enum, Interface};

use super::{
    account_contact::AccountContact,
    internal_contact::InternalContact,
    organization_contact::OrganizationContact,
    scalar::{EmailAddress, Id, PhoneNumber, Timestamp},
};

/// What kind of contact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ContactKind {
    /// One of the organization's own people.
    Internal,
    /// A person of a customer.
    Account,
    /// A card with one fixed purpose at an organization.
    Organization,
}

/// A contact of any kind.
#[expect(clippy::duplicated_attributes, reason = "clippy takes the settings of two fields for one")]
#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "Id", desc = "The global id."),
    field(name = "kind", ty = "ContactKind", desc = "What kind of contact it is."),
    field(
        name = "display_name",
        ty = "String",
        desc = "What to call it: the best of its names, never empty."
    ),
    field(name = "email", ty = "Option<EmailAddress>", desc = "The email address."),
    field(name = "phone", ty = "Option<PhoneNumber>", desc = "The phone number."),
    field(name = "created_at", ty = "Timestamp", desc = "When it was made."),
    field(name = "updated_at", ty = "Timestamp", desc = "When it was last changed."),
    field(name = "deleted_at", ty = "Option<Timestamp>", desc = "When it was deleted; null while it lives."),
    field(name = "version", ty = "i32", desc = "Starts at 1 and grows by 1 with each change.")
)]
pub enum Contact {
    /// One of the organization's own people.
    InternalContact(InternalContact),
    /// A person of a customer.
    AccountContact(AccountContact),
    /// A card with one fixed purpose.
    OrganizationContact(OrganizationContact),
}
