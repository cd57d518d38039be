//! Rows that a test needs, created through the services as a client would create them.
//!
//! Each function takes what tests care about and fills in the rest; for anything else call the service with [`Rows::db`]
//! and [`Rows::context`]. `many_rows` makes them by the hundred.

use chrono::Utc;
use contact_gateway::{
    auth::{Caller, RequestContext, Scopes},
    entity::{
        Scoped, ScopedById, account, account_contact, contact_type, custom_field, custom_field::FieldType,
        id::OrganizationId, internal_contact, internal_contact_assignment::InternalRole,
        organization_contact, organization_contact::OrganizationContactType, partner,
    },
    service::{
        self, Database,
        account::CreateAccount,
        account_contact::CreateAccountContact,
        custom_field::CreateCustomField,
        internal_contact::{AddInternalContactToPartner, CreateInternalContact, Profile},
        internal_contact_assignment::Assigned,
        organization_contact::Card,
        partner::CreatePartner,
    },
};
use sea_orm::{ColumnTrait, QueryFilter, sea_query::Expr};

/// Makes rows in one organization.
#[derive(Clone)]
pub(crate) struct Rows {
    /// The database.
    pub(crate) db: Database,
    /// The organization.
    pub(crate) organization: OrganizationId,
}

impl Rows {
    pub(super) fn new(db: Database, organization: i64) -> Self {
        Self { db, organization: OrganizationId(organization) }
    }

    /// The context of a caller with all scopes in the organization, now.
    pub(crate) fn context(&self) -> RequestContext {
        let now = Utc::now();
        let caller = Caller {
            subject: "rows".to_owned(),
            scopes: Scopes::all(),
            organizations: vec![self.organization.0],
            organization: Some(self.organization.0),
            expires_at: now,
            claims_read: None,
        };
        RequestContext::new("rows", now, caller)
    }

    /// A partner.
    pub(crate) async fn partner(&self, name: &str, remote_id: Option<&str>) -> partner::Model {
        let input = CreatePartner {
            name: name.to_owned(),
            remote_id: remote_id.map(str::to_owned),
            idempotency_key: None,
        };
        service::partner::create(&self.db, &self.context(), &input).await.expect("a partner")
    }

    /// An internal contact with a floating assignment.
    pub(crate) async fn internal_contact(&self, email: &str, role: InternalRole) -> Assigned {
        let input = CreateInternalContact {
            email: email.to_owned(),
            internal_role: role,
            profile: Profile::default(),
            remote_id: None,
            idempotency_key: None,
        };
        let made = service::internal_contact::create(&self.db, &self.context(), &input).await;
        made.expect("an internal contact")
    }

    /// An assignment to a partner, of the internal contact with this email, which is created if absent.
    pub(crate) async fn assignment(
        &self,
        email: &str,
        role: InternalRole,
        partner: &partner::Model,
    ) -> Assigned {
        let input = AddInternalContactToPartner {
            partner_id: partner.id.to_string(),
            email: email.to_owned(),
            internal_role: role,
            profile: Profile::default(),
            remote_id: None,
            idempotency_key: None,
        };
        let made = service::internal_contact::add_to_partner(&self.db, &self.context(), &input).await;
        made.expect("an assignment")
    }

    /// An account.
    pub(crate) async fn account(&self, name: &str) -> account::Model {
        let input = CreateAccount {
            name: name.to_owned(),
            primary_domain: None,
            remote_id: None,
            idempotency_key: None,
        };
        service::account::create(&self.db, &self.context(), &input).await.expect("an account")
    }

    /// An account contact of the default type, at these accounts.
    pub(crate) async fn account_contact(
        &self,
        email: &str,
        accounts: &[&account::Model],
    ) -> account_contact::Model {
        let input = CreateAccountContact {
            first_name: "Grace".to_owned(),
            email: email.to_owned(),
            last_name: None,
            phone: None,
            contact_type_id: None,
            avatar_url: None,
            account_ids: accounts.iter().map(|account| account.id.to_string()).collect(),
            custom_field_values: Vec::new(),
            metadata: None,
            remote_id: None,
            idempotency_key: None,
        };
        let made = service::account_contact::create(&self.db, &self.context(), &input).await;
        made.expect("an account contact")
    }

    /// `count` contacts of each kind, and the account of the account contacts. Those of one number have one address.
    pub(crate) async fn contacts_of_all_kinds(&self, count: usize) -> (account::Model, Vec<String>) {
        let account = self.account("Globex").await;
        let mut ids = Vec::new();
        for number in 0..count {
            let email = format!("someone{number}@example.com");
            ids.push(self.account_contact(&email, &[&account]).await.id.to_string());
            ids.push(self.internal_contact(&email, InternalRole::Csm).await.contact.id.to_string());
            let card = Card { email: Some(email).into(), ..Card::default() };
            let card = self.organization_contact(OrganizationContactType::Technical, card).await;
            ids.push(card.id.to_string());
        }
        (account, ids)
    }

    /// Deletes an internal contact as a client would, with what is hidden by that.
    pub(crate) async fn delete_person(&self, person: &internal_contact::Model) {
        let deleted =
            service::internal_contact::delete(&self.db, &self.context(), &person.id.to_string(), None).await;
        deleted.expect("a deleted person");
    }

    /// One of the contact types that the organization began with.
    pub(crate) async fn contact_type(&self, name: &str) -> contact_type::Model {
        let named = contact_type::Entity::find_in(self.organization);
        let found = named.filter(contact_type::Column::Name.eq(name)).one(self.db.connection()).await;
        found.expect("contact types").unwrap_or_else(|| panic!("no contact type {name}"))
    }

    /// A custom field that is not required; choices have these options.
    pub(crate) async fn custom_field(
        &self,
        key: &str,
        field_type: FieldType,
        options: &[&str],
    ) -> custom_field::Model {
        let input = CreateCustomField {
            key: key.to_owned(),
            label: key.to_owned(),
            field_type,
            options: options.iter().copied().map(str::to_owned).collect(),
            is_required: false,
            idempotency_key: None,
        };
        service::custom_field::create(&self.db, &self.context(), &input).await.expect("a custom field")
    }

    /// An organization contact.
    pub(crate) async fn organization_contact(
        &self,
        kind: OrganizationContactType,
        card: Card,
    ) -> organization_contact::Model {
        let made = service::organization_contact::create(&self.db, &self.context(), kind, &card, None).await;
        made.expect("an organization contact")
    }

    /// Soft-deletes a row: `delete::<partner::Entity>(partner.id)`.
    pub(crate) async fn delete<E: ScopedById>(&self, id: E::Id) {
        let deleted_at = E::DELETED_AT.expect("a table with deleted_at");
        let row = E::update_in(self.organization).filter(E::ID.eq(id));
        let update = row.col_expr(deleted_at, Expr::value(self.context().now)).exec(self.db.connection());
        assert_eq!(update.await.expect("an update").rows_affected, 1);
    }
}
