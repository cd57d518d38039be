//! Import and export: files and other systems on one side, the services on the other.
//!
//! An import goes through the bulk services, so that every rule of the gateway holds, in batches of flat memory. May name
//! `files`, `service` and what stands below them; neither GraphQL nor HTTP.

pub mod columns;
pub mod export;
pub mod import;
pub mod source;

use std::fmt;

use futures_util::future::BoxFuture;

use crate::{
    auth::{Caller, RequestContext},
    error::AppResult,
    service::Database,
};

/// The member that names the kind of a record in an export of all kinds.
const KIND: &str = "kind";

/// A kind of records that can be imported and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Contact types, matched by name.
    ContactTypes,
    /// Custom fields, matched by key.
    CustomFields,
    /// Partners, matched by remote id.
    Partners,
    /// Accounts, matched by remote id.
    Accounts,
    /// Internal contacts, matched by remote id, else by email.
    InternalContacts,
    /// Internal contacts with a role, matched by remote id, else by email, partner and role.
    InternalContactAssignments,
    /// Account contacts, matched by remote id, else by email.
    AccountContacts,
    /// Organization contacts, matched by remote id.
    OrganizationContacts,
}

impl Kind {
    /// All kinds, in the order in which they refer to each other.
    pub const ALL: [Self; 8] = [
        Self::ContactTypes,
        Self::CustomFields,
        Self::Partners,
        Self::Accounts,
        Self::InternalContacts,
        Self::InternalContactAssignments,
        Self::AccountContacts,
        Self::OrganizationContacts,
    ];

    /// The name in commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContactTypes => "contact-types",
            Self::CustomFields => "custom-fields",
            Self::Partners => "partners",
            Self::Accounts => "accounts",
            Self::InternalContacts => "internal-contacts",
            Self::InternalContactAssignments => "internal-contact-assignments",
            Self::AccountContacts => "account-contacts",
            Self::OrganizationContacts => "organization-contacts",
        }
    }

    /// The kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the facts of each request, whose time and ids are new.
type MakeRequest = Box<dyn Fn(Caller) -> RequestContext + Send + Sync>;

/// A turn among others who use the database, until this is dropped.
pub type Turn = Box<dyn Send>;
/// Waits for a turn to read or write so many records.
type Gate = Box<dyn Fn(u64) -> BoxFuture<'static, AppResult<Turn>> + Send + Sync>;

/// The database, and on whose behalf it is read and written.
pub struct Session {
    db: Database,
    caller: Caller,
    make_request: MakeRequest,
    gate: Option<Gate>,
}

impl Session {
    /// A session of a caller who selected an organization. Each unit of work gets a request of its own.
    pub fn new(
        db: &Database,
        caller: Caller,
        make_request: impl Fn(Caller) -> RequestContext + Send + Sync + 'static,
    ) -> Self {
        Self { db: db.within(&caller), caller, make_request: Box::new(make_request), gate: None }
    }

    /// Has each batch and page wait for a turn, where others are to be served too.
    #[must_use]
    pub fn with_gate(
        self,
        gate: impl Fn(u64) -> BoxFuture<'static, AppResult<Turn>> + Send + Sync + 'static,
    ) -> Self {
        Self { gate: Some(Box::new(gate)), ..self }
    }

    /// Waits for the turn of so many records.
    async fn turn(&self, records: u64) -> AppResult<Option<Turn>> {
        match &self.gate {
            Some(gate) => gate(records).await.map(Some),
            None => Ok(None),
        }
    }

    fn request(&self) -> RequestContext {
        (self.make_request)(self.caller.clone())
    }
}
