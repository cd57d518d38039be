//! The gateway as a subgraph of Apollo Federation: entities by key, and the SDL with the directives of Federation.
//!
//! The two fields are for routers: they are in the subgraph's schema only, not in the one for clients or in
//! introspection. Entities are loaded by the same loaders and rules as `node`.

use std::sync::LazyLock;

use async_graphql::{Context, InputValueResult, Object, Result, Scalar, ScalarType, SimpleObject, Value};

use super::{
    Gateway,
    context::ContextExt,
    node::{self, Entity, Node},
    sdl,
    selection::Selection,
};
use crate::{
    error::{AppError, AppResult, argument},
    service,
};

/// The maximum number of representations in `_entities`: as many ids as the loaders read in one statement.
const MAX_REPRESENTATIONS: usize = 1000;

/// The link to the version of Federation that defines the directives.
const LINK: &str = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\", \"@shareable\"])";

/// An unparsed representation: an object with `__typename` and the fields of a key.
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

/// A parsed representation: the id and the type of an entity.
struct Representation<'a> {
    type_name: &'a str,
    id: &'a str,
}

impl Any {
    /// Parses the representation at this index. Other fields than the key are ignored.
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
    let message =
        "A representation must be an object with the __typename of an entity and its id as a string.";
    AppError::Argument {
        path: vec!["representations".into(), index.to_string().into()],
        message: message.into(),
    }
}

/// The schema of the subgraph.
#[derive(SimpleObject)]
#[graphql(name = "_Service", visible = false)]
pub struct Service {
    /// The schema definition language with Federation's directives.
    sdl: &'static str,
}

/// The queries of federation routers.
#[derive(Default)]
pub struct FederationQuery;

#[Object]
impl FederationQuery {
    /// The entities with these keys, in the same order. Null for each one that does not exist or is not accessible
    /// with this token.
    #[graphql(name = "_entities", visible = false)]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Objects with __typename and id, at most 1,000.")] representations: Vec<Any>,
    ) -> Result<Vec<Option<Entity>>> {
        service::authorize_read(&ctx.gateway().request)?;
        if representations.len() > MAX_REPRESENTATIONS {
            let message = format!("At most {MAX_REPRESENTATIONS} representations are allowed.");
            return Err(argument("representations", message).into());
        }
        let parsed = representations.iter().enumerate().map(|(index, any)| any.read(index));
        let parsed: Vec<_> = parsed.collect::<AppResult<_>>()?;
        Ok(entities(ctx.gateway(), &parsed, || Selection::of(ctx.field())).await?)
    }

    /// The schema of this subgraph.
    #[graphql(name = "_service", visible = false)]
    async fn service(&self) -> Service {
        Service { sdl: subgraph_sdl() }
    }
}

async fn entities<'a>(
    gateway: &Gateway,
    representations: &[Representation<'_>],
    selection: impl Fn() -> Selection<'a>,
) -> AppResult<Vec<Option<Entity>>> {
    let ids: Vec<&str> = representations.iter().map(|representation| representation.id).collect();
    let nodes = node::find_all(gateway, &ids, selection).await?;
    let of_its_type = |(node, representation): (Option<Node>, &Representation<'_>)| {
        node.filter(|node| node.type_name_of() == representation.type_name).map(Entity::from)
    };
    Ok(nodes.into_iter().zip(representations).map(of_its_type).collect())
}

/// The SDL of the subgraph: every node is an entity with the key `id`, and PageInfo is shareable.
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

/// Whether this line starts the definition of an object type that implements Node.
fn is_entity(head: &str) -> bool {
    let Some((_, interfaces)) = head.strip_prefix("type ").and_then(|head| head.split_once(" implements "))
    else {
        return false;
    };
    interfaces.split(" & ").any(|interface| interface == "Node")
}
