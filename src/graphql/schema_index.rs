//! The types of the schema by their names, for what is worked out of a document before and after it is executed.

use std::collections::HashMap;

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, Type, TypeKind, TypeSystemDefinition},
};

/// The types of the fields of the schema.
pub struct SchemaIndex {
    /// The fields of every object and interface type, with their types.
    fields: HashMap<String, HashMap<String, Type>>,
    /// The fields of every input, with the names of their types.
    inputs: HashMap<String, HashMap<String, String>>,
}

/// The type of a field, as far as a list or not.
#[derive(Clone, Copy)]
pub(super) struct FieldType<'a> {
    /// The name of the type, or of a list's items.
    pub(super) name: &'a str,
    pub(super) is_list: bool,
}

impl SchemaIndex {
    /// Reads the types of a schema in the schema definition language.
    pub fn of_sdl(sdl: &str) -> Self {
        let (mut fields_of, mut inputs) = (HashMap::new(), HashMap::new());
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::InputObject(input) => {
                    let fields = input.fields.into_iter().map(|field| field.node);
                    let fields = fields
                        .map(|field| (field.name.to_string(), named(&field.ty.node.base).to_owned()))
                        .collect();
                    inputs.insert(definition.node.name.node.to_string(), fields);
                    continue;
                }
                _ => continue,
            };
            let fields = fields
                .into_iter()
                .map(|field| (field.node.name.node.to_string(), field.node.ty.node))
                .collect();
            fields_of.insert(definition.node.name.node.to_string(), fields);
        }
        Self { fields: fields_of, inputs }
    }

    /// What a field of a type is, if there is one of the name.
    pub(super) fn field(&self, on: &str, name: &str) -> Option<FieldType<'_>> {
        let ty = self.field_type(on, name)?;
        Some(FieldType { name: named(&ty.base), is_list: matches!(ty.base, BaseType::List(_)) })
    }

    /// The name of the type that a field of an input has, or its items.
    pub(super) fn input_field(&self, input: &str, name: &str) -> Option<&str> {
        self.inputs.get(input)?.get(name).map(String::as_str)
    }

    /// Whether a type is a connection.
    pub(super) fn is_connection(&self, name: &str) -> bool {
        name.ends_with("Connection") && self.fields.contains_key(name)
    }

    /// The type of a field, if the type has one of the name.
    pub(super) fn field_type(&self, on: &str, name: &str) -> Option<&Type> {
        self.fields.get(on)?.get(name)
    }
}

/// The name of a type, or of the items of a list.
pub(super) fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(&item.base),
    }
}
