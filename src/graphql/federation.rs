//! The gateway as a subgraph of Apollo Federation: its entities by their keys, and the schema with the directives that
//! tell a composition what they are.
//!
//! Both fields are for routers: they are in the subgraph's schema and not in the one for clients, and introspection does
//! not show them. Entities come by the loaders and the rules of `node`.

use std::sync::{Arc, LazyLock};

use async_graphql::{
    Context, InputValueResult, Object, Result, Scalar, ScalarType, SimpleObject, Union, Value,
};

use super::{
    Gateway,
    account::Account,
    account_contact::AccountContact,
    contact_type::ContactType,
    context::ContextExt,
    custom_field::CustomField,
    internal_contact::InternalContact,
    internal_contact_assignment::InternalContactAssignment,
    node::{self, Node},
    organization::Organization,
    organization_contact::OrganizationContact,
    partner::Partner,
    sdl,
    selection::Selection,
};
use crate::{
    error::{AppError, AppResult, argument},
    service,
};

/// The most representations that `_entities` takes: as many ids as the loaders read in one statement.
const MAX_REPRESENTATIONS: usize = 1000;

/// What every subgraph says of the version of Federation that its directives are from.
const LINK: &str = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\", \"@shareable\"])";

/// An entity: any object with a global id.
#[derive(Union)]
#[graphql(name = "_Entity", visible = false)]
pub enum Entity {
    /// A tenant.
    Organization(Arc<Organization>),
    /// A company that internal contacts manage.
    Partner(Arc<Partner>),
    /// An internal contact: an employee of the organization.
    InternalContact(Arc<InternalContact>),
    /// The role that an internal contact holds.
    InternalContactAssignment(Arc<InternalContactAssignment>),
    /// A customer.
    Account(Arc<Account>),
    /// An account contact: a person at a customer.
    AccountContact(Arc<AccountContact>),
    /// What an account contact is to its accounts.
    ContactType(Arc<ContactType>),
    /// Something that an organization wants to know of account contacts.
    CustomField(Arc<CustomField>),
    /// A card with one fixed purpose.
    OrganizationContact(Arc<OrganizationContact>),
}

impl From<Node> for Entity {
    fn from(node: Node) -> Self {
        match node {
            Node::Organization(row) => Self::Organization(row),
            Node::Partner(row) => Self::Partner(row),
            Node::InternalContact(row) => Self::InternalContact(row),
            Node::InternalContactAssignment(row) => Self::InternalContactAssignment(row),
            Node::Account(row) => Self::Account(row),
            Node::AccountContact(row) => Self::AccountContact(row),
            Node::ContactType(row) => Self::ContactType(row),
            Node::CustomField(row) => Self::CustomField(row),
            Node::OrganizationContact(row) => Self::OrganizationContact(row),
        }
    }
}

/// A representation as it arrives: an object with `__typename` and the fields of a key.
pub struct Any(Value);

/// A representation of an entity: an object with `__typename` and `id`.
#[Scalar(name = "_Any", visible = false)]
impl ScalarType for Any {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

/// What a representation says: an id, and what type the object with it is of.
struct Representation<'a> {
    type_name: &'a str,
    id: &'a str,
}

impl Any {
    /// Reads the representation at this place of the list. Fields besides the key are none of ours.
    fn read(&self, index: usize) -> AppResult<Representation<'_>> {
        let field = |name: &str| match &self.0 {
            Value::Object(fields) => match fields.get(name) {
                Some(Value::String(text)) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        let type_name = field("__typename").filter(|name| Node::TYPES.contains(name));
        match (type_name, field("id")) {
            (Some(type_name), Some(id)) => Ok(Representation { type_name, id }),
            _ => Err(malformed(index)),
        }
    }
}

fn malformed(index: usize) -> AppError {
    let message = "A representation is an object with the __typename of an entity and its id, a text.";
    AppError::Argument {
        path: vec!["representations".into(), index.to_string().into()],
        message: message.into(),
    }
}

/// The schema as routers compose it.
#[derive(SimpleObject)]
#[graphql(name = "_Service", visible = false)]
pub struct Service {
    /// The schema definition language with Federation's directives.
    sdl: &'static str,
}

/// What routers ask.
#[derive(Default)]
pub struct FederationQuery;

#[Object]
impl FederationQuery {
    /// The entities with these keys, in the same order; null where there is none of the type in reach.
    #[graphql(name = "_entities", visible = false)]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Objects with __typename and id, at most 1,000.")] representations: Vec<Any>,
    ) -> Result<Vec<Option<Entity>>> {
        service::reader(&ctx.gateway().request)?;
        if representations.len() > MAX_REPRESENTATIONS {
            let message = format!("At most {MAX_REPRESENTATIONS} entities can be asked for at once.");
            return Err(argument("representations", message).into());
        }
        let asked = representations.iter().enumerate().map(|(index, any)| any.read(index));
        let asked: Vec<_> = asked.collect::<AppResult<_>>()?;
        Ok(entities(ctx.gateway(), &asked, || Selection::of(ctx.field())).await?)
    }

    /// The schema for a composition.
    #[graphql(name = "_service", visible = false)]
    async fn service(&self) -> Service {
        Service { sdl: subgraph_sdl() }
    }
}

async fn entities<'a>(
    gateway: &Gateway,
    asked: &[Representation<'_>],
    selection: impl Fn() -> Selection<'a>,
) -> AppResult<Vec<Option<Entity>>> {
    let ids: Vec<&str> = asked.iter().map(|representation| representation.id).collect();
    let nodes = node::find_all(gateway, &ids, selection).await?;
    let of_its_type = |(node, asked): (Option<Node>, &Representation<'_>)| {
        node.filter(|node| node.type_name_of() == asked.type_name).map(Entity::from)
    };
    Ok(nodes.into_iter().zip(asked).map(of_its_type).collect())
}

/// The schema in the schema definition language as a subgraph tells it: every node is an entity, known by its id, and
/// what each subgraph with connections has is shared.
pub fn subgraph_sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        let lines = sdl().lines().map(|line| match line.strip_suffix(" {") {
            Some(head) if is_entity(head) => format!("{head} @key(fields: \"id\") {{\n"),
            Some("type PageInfo") => "type PageInfo @shareable {\n".to_owned(),
            _ => format!("{line}\n"),
        });
        format!("{LINK}\n\n{}", lines.collect::<String>())
    });
    &SDL
}

/// Whether this begins the definition of an object type that is a node, as the schema is printed.
fn is_entity(head: &str) -> bool {
    let Some((_, interfaces)) = head.strip_prefix("type ").and_then(|head| head.split_once(" implements "))
    else {
        return false;
    };
    interfaces.split(" & ").any(|interface| interface == "Node")
}
