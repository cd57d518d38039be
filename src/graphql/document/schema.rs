//! The schema as apollo-compiler reads it.

use std::sync::LazyLock;

use apollo_compiler::{
    Name, Schema,
    collections::HashMap,
    name,
    schema::{Component, ExtendedType, FieldDefinition, Implementers},
    ty,
    validation::Valid,
};

use crate::graphql::{self, Introspection};

/// A name of the schema's for diagnostics that nobody prints.
const SOURCE: &str = "schema.graphql";

/// The schema that documents are validated against, with the fields that only routers select.
pub(super) fn executable() -> &'static Valid<Schema> {
    static SCHEMA: LazyLock<Valid<Schema>> =
        LazyLock::new(|| read(&graphql::schema(Introspection::On).sdl()));
    &SCHEMA
}

/// The values of an enum type, for messages.
pub(super) fn choices(name: &str) -> Option<String> {
    let values = &executable().get_enum(name)?.values;
    Some(values.keys().map(Name::as_str).collect::<Vec<_>>().join(", "))
}

/// The schema for introspection: that of `schema.graphql`.
pub(super) struct Published {
    pub(super) schema: Valid<Schema>,
    pub(super) implementers: HashMap<Name, Implementers>,
}

pub(super) fn published() -> &'static Published {
    static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
        let schema = read(graphql::sdl());
        Published { implementers: schema.implementers_map(), schema }
    });
    &PUBLISHED
}

/// The field of `__Type` that apollo-compiler 1.33 does not know, and the field whose value implies it.
pub(super) const IS_ONE_OF: &str = "isOneOf";
pub(super) const KIND: &str = "kind";

/// Reads a schema that async-graphql exports.
fn read(sdl: &str) -> Valid<Schema> {
    let mut schema = match Schema::parse_and_validate(sdl, SOURCE) {
        Ok(schema) => schema.into_inner(),
        Err(invalid) => {
            // `tests` assert that both are valid; a later version may have a rule more than async-graphql keeps.
            tracing::error!("the schema breaks a rule of apollo-compiler");
            invalid.partial
        }
    };
    if let Some(ExtendedType::Object(ty)) = schema.types.get_mut("__Type") {
        let definition = FieldDefinition {
            description: None,
            name: name!(isOneOf),
            arguments: Vec::new(),
            ty: ty!(Boolean),
            directives: Default::default(),
        };
        ty.make_mut().fields.insert(name!(isOneOf), Component::new(definition));
    }
    Valid::assume_valid(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemas_are_valid() {
        for sdl in [graphql::schema(Introspection::On).sdl(), graphql::sdl().to_owned()] {
            if let Err(invalid) = Schema::parse_and_validate(sdl, SOURCE) {
                panic!("{}", invalid.errors);
            }
        }
        assert!(executable().type_field("Query", "_entities").is_ok());
        assert!(published().schema.type_field("Query", "_entities").is_err());
    }
}
