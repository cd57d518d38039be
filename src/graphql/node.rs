//! Relay's global object identification: any object, or any contact, by its id.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, Object, OutputType, Positioned, Result, ServerResult, Union,
    parser::types::Field, registry::Registry,
};

use super::{
    Gateway,
    account::Account,
    account_contact::AccountContact,
    contact::{Contact, Contacts},
    contact_type::ContactType,
    context::ContextExt,
    custom_field::CustomField,
    internal_contact::InternalContact,
    internal_contact_assignment::InternalContactAssignment,
    loaders::{ById, Source, prime_rows},
    organization::Organization,
    organization_contact::OrganizationContact,
    partner::Partner,
    scalar::Id,
    selection::Selection,
};
use crate::{
    entity::id::{OrganizationId, PublicId},
    error::{AppResult, argument},
    service::{self, contact_merge},
};

/// The maximum number of ids in `nodes`.
const MAX_NODES: usize = 100;

/// Declares the types that are nodes, which are the entities of Federation too.
macro_rules! nodes {
    ($($(#[doc = $doc:literal])* $type:ident,)+) => {
        /// An object with a global id.
        #[derive(Interface)]
        #[graphql(field(name = "id", ty = "Id", desc = "Opaque global id, unique across all types."))]
        pub enum Node {
            $($(#[doc = $doc])* $type(Arc<$type>),)+
        }

        impl Node {
            /// The names of the types that are nodes.
            pub(super) const TYPES: &[&str] = &[$(stringify!($type)),+];

            /// The name of the GraphQL type.
            pub(super) fn type_name_of(&self) -> &'static str {
                match self {
                    $(Self::$type(_) => stringify!($type),)+
                }
            }
        }

        /// An entity: any object with a global id.
        #[derive(Union)]
        #[graphql(name = "_Entity", visible = false)]
        pub enum Entity {
            $($(#[doc = $doc])* $type(Arc<$type>),)+
        }

        impl From<Node> for Entity {
            fn from(node: Node) -> Self {
                match node {
                    $(Node::$type(row) => Self::$type(row),)+
                }
            }
        }
    };
}

nodes! {
/// A tenant.
    Organization,
    /// A company that internal contacts manage.
    Partner,
    /// An internal contact: an employee of the organization.
    InternalContact,
    /// An assignment of an internal contact.
    InternalContactAssignment,
    /// An account.
    Account,
    /// An account contact: a person at a customer.
    AccountContact,
    /// A type of account contact.
    ContactType,
    /// A custom field.
    CustomField,
    /// An organization contact.
    OrganizationContact,
}

/// A node as the value of a field. It also registers that the interface Contact implements Node, which
/// async-graphql's derive does not support.
pub struct NodeField(Node);

impl From<Node> for NodeField {
    fn from(node: Node) -> Self {
        Self(node)
    }
}

impl OutputType for NodeField {
    fn type_name() -> Cow<'static, str> {
        Node::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Contact::create_type_info(registry);
        registry.add_implements(&Contact::type_name(), &Node::type_name());
        Node::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<async_graphql::Value> {
        OutputType::resolve(&self.0, ctx, field).await
    }
}

/// Queries for any object by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this id. Null if it does not exist or is not accessible with this token.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the object.")] id: ID,
    ) -> Result<Option<NodeField>> {
        service::authorize_read(&ctx.gateway().request)?;
        Ok(find(ctx.gateway(), &id).await?.map(NodeField))
    }

    /// The objects with these ids, in the same order. Null for each id that does not exist or is not accessible with
    /// this token.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids of the objects, at most 100.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<NodeField>>>> {
        service::authorize_read(&ctx.gateway().request)?;
        if ids.len() > MAX_NODES {
            let message = format!("At most {MAX_NODES} ids are allowed.");
            return Err(argument("ids", message).into());
        }
        let nodes = find_all(ctx.gateway(), &ids, || Selection::of(ctx.field())).await?;
        Ok(Some(nodes.into_iter().map(|node| node.map(NodeField)).collect()))
    }

    /// The contact with this id, of any kind. For the id of a merged contact, the survivor. Null if it does not exist or
    /// is not accessible with this token.
    async fn contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id of the contact.")] id: ID,
    ) -> Result<Option<Contact>> {
        service::authorize_read(&ctx.gateway().request)?;
        Ok(find(ctx.gateway(), &id).await?.and_then(Node::into_contact))
    }
}

/// The nodes with these ids, in the same order, with their selected children. One statement per type.
pub(super) async fn find_all<'a>(
    gateway: &Gateway,
    ids: &[impl AsRef<str>],
    selection: impl Fn() -> Selection<'a>,
) -> AppResult<Vec<Option<Node>>> {
    prime_all(gateway, ids, selection).await?;
    let mut nodes = Vec::with_capacity(ids.len());
    for id in ids {
        nodes.push(find(gateway, id.as_ref()).await?);
    }
    Ok(nodes)
}

/// Loads the nodes with these ids and their selected children. One statement per type.
pub(super) async fn prime_all<'a>(
    gateway: &Gateway,
    ids: &[impl AsRef<str>],
    selection: impl Fn() -> Selection<'a>,
) -> AppResult<()> {
    let parsed: Vec<PublicId> = ids.iter().filter_map(|id| id.as_ref().parse().ok()).collect();
    prime(&parsed, &selection, gateway).await;
    prime(&survivors(gateway, &parsed).await?, &selection, gateway).await;
    Ok(())
}

/// Loads all nodes of a type in one statement, and their selected children.
async fn prime<'a>(ids: &[PublicId], selection: impl Fn() -> Selection<'a>, gateway: &Gateway) {
    let loaders = &gateway.loaders;
    macro_rules! ids_of {
        ($kind:ident) => {{
            let of_kind =
                ids.iter().filter_map(|id| if let PublicId::$kind(id) = id { Some(*id) } else { None });
            of_kind.collect::<Vec<_>>()
        }};
    }
    macro_rules! prime_each {
        ($($kind:ident by $loader:ident),+ $(,)?) => {$(
            prime_rows(selection(), &loaders.$loader, ids_of!($kind), gateway).await;
        )+};
    }
    prime_each!(
        Organization by organization,
        Partner by partner,
        InternalContactAssignment by assignment,
        Account by account,
        ContactType by contact_type,
        CustomField by custom_field,
    );
    let internal = loaders.internal_contact.prime(ids_of!(InternalContact)).await;
    let account = loaders.account_contact.prime(ids_of!(AccountContact)).await;
    let organization = loaders.organization_contact.prime(ids_of!(OrganizationContact)).await;
    let contacts = Contacts {
        internal: internal.iter().map(Arc::as_ref).collect(),
        account: account.iter().map(Arc::as_ref).collect(),
        organization: organization.iter().map(Arc::as_ref).collect(),
    };
    contacts.prime(selection().children(), gateway).await;
}

/// The node with this id. For the id of a merged contact, the survivor.
pub(super) async fn find(gateway: &Gateway, id: &str) -> AppResult<Option<Node>> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let mut node = load(gateway, id).await?;
    if node.as_ref().is_some_and(Node::is_deleted_contact)
        && let Some(survivor) = gateway.loaders.survivor.load(id).await?
    {
        node = load(gateway, *survivor).await?;
    }
    Ok(node)
}

/// The contact with exactly this id, even if it is deleted.
pub(super) async fn contact(gateway: &Gateway, id: PublicId) -> AppResult<Option<Contact>> {
    Ok(load(gateway, id).await?.and_then(Node::into_contact))
}

/// The survivors of the merged contacts among these, in one statement. Empty if no contact is deleted.
async fn survivors(gateway: &Gateway, ids: &[PublicId]) -> AppResult<Vec<PublicId>> {
    let mut deleted = Vec::new();
    for id in ids {
        if load(gateway, *id).await?.as_ref().is_some_and(Node::is_deleted_contact) {
            deleted.push(*id);
        }
    }
    Ok(gateway.loaders.survivor.prime(deleted).await.iter().map(|id| **id).collect())
}

impl Node {
    fn into_contact(self) -> Option<Contact> {
        let contact = match self {
            Self::InternalContact(contact) => service::contact::Contact::Internal(contact.0.clone()),
            Self::AccountContact(contact) => service::contact::Contact::Account(contact.0.clone()),
            Self::OrganizationContact(contact) => service::contact::Contact::Organization(contact.0.clone()),
            _ => return None,
        };
        Some(contact.into())
    }

    fn is_deleted_contact(&self) -> bool {
        match self {
            Self::InternalContact(row) => row.0.deleted_at.is_some(),
            Self::AccountContact(row) => row.0.deleted_at.is_some(),
            Self::OrganizationContact(row) => row.0.deleted_at.is_some(),
            _ => false,
        }
    }
}

/// Loads the survivors of merged contacts.
pub struct SurvivorByMerged;

impl ById for SurvivorByMerged {
    type Id = PublicId;
    type Row = PublicId;

    async fn load(
        source: &Source,
        organization: OrganizationId,
        ids: &[PublicId],
    ) -> AppResult<HashMap<PublicId, PublicId>> {
        contact_merge::survivors(source.read(organization), ids).await
    }
}

/// The selected organization, or another one that the token names. Tokens name few organizations.
async fn organization(gateway: &Gateway, id: OrganizationId) -> AppResult<Option<Arc<Organization>>> {
    let Gateway { request, db, loaders, .. } = gateway;
    let selected = request.caller.organization == Some(id.0);
    if selected || !request.caller.organizations.contains(&id.0) {
        return loaders.organization.load(id).await;
    }
    let row = service::organization::get(db, request, Some(&id.to_string())).await?;
    Ok(row.map(|row| Arc::new(Organization(row))))
}

/// Loads a node with the loaders, so that many ids of one type need one statement.
async fn load(gateway: &Gateway, id: PublicId) -> AppResult<Option<Node>> {
    let loaders = &gateway.loaders;
    Ok(match id {
        PublicId::Organization(id) => organization(gateway, id).await?.map(Node::Organization),
        PublicId::Partner(id) => loaders.partner.load(id).await?.map(Node::Partner),
        PublicId::InternalContact(id) => loaders.internal_contact.load(id).await?.map(Node::InternalContact),
        PublicId::InternalContactAssignment(id) => {
            loaders.assignment.load(id).await?.map(Node::InternalContactAssignment)
        }
        PublicId::Account(id) => loaders.account.load(id).await?.map(Node::Account),
        PublicId::AccountContact(id) => loaders.account_contact.load(id).await?.map(Node::AccountContact),
        PublicId::ContactType(id) => {
            // A replaced type no longer exists, although its id still resolves to the replacement for contacts.
            loaders.contact_type.load(id).await?.filter(|it| it.0.id == id).map(Node::ContactType)
        }
        PublicId::CustomField(id) => loaders.custom_field.load(id).await?.map(Node::CustomField),
        PublicId::OrganizationContact(id) => {
            loaders.organization_contact.load(id).await?.map(Node::OrganizationContact)
        }
    })
}
