//! The gateway's schema from introspection, of which random operations are made.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::World;

const INTROSPECTION: &str = "{ __schema { types {
    kind name
    fields { name args { ...input } type { ...type } }
    inputFields { ...input }
    enumValues { name }
    possibleTypes { name }
} } }
fragment input on __InputValue { name type { ...type } }
fragment type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// A type by its name and what is around it.
#[derive(Clone, Debug)]
pub(super) enum Ref {
    Named(String),
    List(Box<Self>),
    Required(Box<Self>),
}

impl Ref {
    fn of(json: &Value) -> Self {
        match json["kind"].as_str() {
            Some("NON_NULL") => Self::Required(Box::new(Self::of(&json["ofType"]))),
            Some("LIST") => Self::List(Box::new(Self::of(&json["ofType"]))),
            _ => Self::Named(text(&json["name"])),
        }
    }

    /// The name inside.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::Required(inner) => inner.name(),
        }
    }
}

/// As a document writes it.
impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(inner) => write!(f, "[{inner}]"),
            Self::Required(inner) => write!(f, "{inner}!"),
        }
    }
}

/// An argument or a field of an input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) r#type: Ref,
}

/// A field of an object or an interface.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) args: Vec<Input>,
    pub(super) r#type: Ref,
}

/// A type; the lists that do not belong to its kind are empty.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) kind: String,
    pub(super) fields: Vec<Field>,
    pub(super) inputs: Vec<Input>,
    pub(super) values: Vec<String>,
    pub(super) possible: Vec<String>,
}

/// All types by name.
pub(super) struct Schema(BTreeMap<String, Type>);

impl Schema {
    pub(super) async fn of(world: &World) -> Self {
        let reply = world.admin().query(INTROSPECTION).await;
        let types = reply.list("/__schema/types").iter().map(|json| {
            let r#type = Type {
                kind: text(&json["kind"]),
                fields: list(&json["fields"], |field| Field {
                    name: text(&field["name"]),
                    args: list(&field["args"], input),
                    r#type: Ref::of(&field["type"]),
                }),
                inputs: list(&json["inputFields"], input),
                values: list(&json["enumValues"], |value| text(&value["name"])),
                possible: list(&json["possibleTypes"], |possible| text(&possible["name"])),
            };
            (text(&json["name"]), r#type)
        });
        Self(types.collect())
    }

    pub(super) fn get(&self, name: &str) -> &Type {
        self.0.get(name).unwrap_or_else(|| panic!("no type {name}"))
    }
}

fn input(json: &Value) -> Input {
    Input { name: text(&json["name"]), r#type: Ref::of(&json["type"]) }
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn list<T>(json: &Value, make: impl Fn(&Value) -> T) -> Vec<T> {
    json.as_array().into_iter().flatten().map(make).collect()
}
