//! Completing a response that has errors: where a field failed, null goes to the nearest place that may be null.
//!
//! async-graphql 7.2 leaves a failed field out of its object, nullable or not. Clients and the specification expect
//! null, and null in place of the whole parent where the field itself cannot be null.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, PathSegment, Response, Value,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

use super::document::operation;

/// The types of the schema.
pub struct FieldTypes {
    /// The fields of every object and interface type, with their types.
    fields: HashMap<String, HashMap<String, Type>>,
    /// The fields of every input, with the names of their types.
    inputs: HashMap<String, HashMap<String, String>>,
    /// The names of all types.
    names: HashSet<String>,
}

/// The type of a field, as far as a list or not.
#[derive(Clone, Copy)]
pub(super) struct FieldType<'a> {
    /// The name of the type, or of a list's items.
    pub(super) name: &'a str,
    pub(super) is_list: bool,
}

/// The scalars that every schema has, which are not defined in it.
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

/// What becomes of the place that holds a failed field.
enum Place {
    /// It stays.
    Kept,
    /// It cannot stay: what was required in it is missing.
    Lost,
}

impl FieldTypes {
    /// Reads the types of a schema in the schema definition language.
    pub fn of_sdl(sdl: &str) -> Self {
        let (mut fields_of, mut inputs) = (HashMap::new(), HashMap::new());
        let mut names: HashSet<String> = BUILT_IN.map(str::to_owned).into();
        for definition in parse_schema(sdl).map(|schema| schema.definitions).unwrap_or_default() {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            names.insert(definition.node.name.node.to_string());
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
        Self { fields: fields_of, inputs, names }
    }

    /// What a field of a type is, if there is one of the name.
    pub(super) fn field(&self, on: &str, name: &str) -> Option<FieldType<'_>> {
        let ty = self.fields.get(on)?.get(name)?;
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

    /// Whether the schema has a type of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Puts null where the response's errors say that a field failed.
    pub fn complete(&self, response: &mut Response, document: &ExecutableDocument, name: Option<&str>) {
        let Ok(operation) = operation(document, name) else { return };
        let root = match operation.node.ty {
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
            OperationType::Query => "Query",
        };
        let walk = Walk { types: self, document };
        let Response { data, errors, .. } = response;
        // A pass of its own: what one error makes null must not be revived by the next.
        for error in errors.iter() {
            revive(data, &error.path);
        }
        for error in errors.iter().filter(|error| !error.path.is_empty()) {
            let sets = vec![(root, &operation.node.selection_set.node)];
            if matches!(walk.object(data, &sets, &error.path), Place::Lost) {
                *data = Value::Null;
            }
        }
    }
}

/// Where all fields of an object failed, async-graphql leaves null in place of the object: give it back, empty.
fn revive(value: &mut Value, path: &[PathSegment]) {
    let Some((segment, below)) = path.split_first() else { return };
    if value == &Value::Null && matches!(segment, PathSegment::Field(_)) {
        *value = Value::Object(Default::default());
    }
    match (value, segment) {
        (Value::Object(object), PathSegment::Field(key)) => {
            if let Some(child) = object.get_mut(key.as_str()) {
                revive(child, below);
            }
        }
        (Value::List(items), PathSegment::Index(index)) => {
            if let Some(item) = items.get_mut(*index) {
                revive(item, below);
            }
        }
        _ => {}
    }
}

struct Walk<'a> {
    types: &'a FieldTypes,
    document: &'a ExecutableDocument,
}

/// Selection sets on one object, each with the type it is written for.
type Sets<'a> = Vec<(&'a str, &'a SelectionSet)>;

impl<'a> Walk<'a> {
    fn object(&self, value: &mut Value, sets: &Sets<'a>, path: &[PathSegment]) -> Place {
        let (Value::Object(object), Some((PathSegment::Field(key), rest))) = (value, path.split_first())
        else {
            return Place::Kept;
        };
        let Some((ty, below)) = self.field(sets, key) else { return Place::Kept };
        let place = match object.get_mut(key.as_str()) {
            _ if rest.is_empty() => Place::Lost,
            Some(child) => self.typed(child, ty, &below, rest),
            None => Place::Kept,
        };
        match place {
            Place::Lost if ty.nullable => {
                object.insert(Name::new(key), Value::Null);
                Place::Kept
            }
            place => place,
        }
    }

    /// Goes on below a field's value, which may be a list.
    fn typed(&self, value: &mut Value, ty: &Type, below: &Sets<'a>, path: &[PathSegment]) -> Place {
        match &ty.base {
            BaseType::Named(_) => self.object(value, below, path),
            BaseType::List(item_type) => {
                let (Value::List(items), Some((PathSegment::Index(index), rest))) =
                    (value, path.split_first())
                else {
                    return Place::Kept;
                };
                let Some(item) = items.get_mut(*index) else { return Place::Kept };
                match self.typed(item, item_type, below, rest) {
                    Place::Lost if item_type.nullable => {
                        *item = Value::Null;
                        Place::Kept
                    }
                    place => place,
                }
            }
        }
    }

    /// The type of the field with this response key, and what is selected below it.
    fn field(&self, sets: &Sets<'a>, key: &str) -> Option<(&'a Type, Sets<'a>)> {
        let mut fields = Vec::new();
        for (on, set) in sets {
            self.collect(on, set, key, &mut fields);
        }
        let (on, field) = *fields.first()?;
        let ty = self.types.fields.get(on)?.get(field.name.node.as_str())?;
        let below = fields.iter().map(|(_, field)| (named(&ty.base), &field.selection_set.node)).collect();
        Some((ty, below))
    }

    fn collect(&self, on: &'a str, set: &'a SelectionSet, key: &str, found: &mut Vec<(&'a str, &'a Field)>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == key => {
                    found.push((on, &field.node));
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    self.collect(on, &fragment.node.selection_set.node, key, found);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.collect(on, &fragment.node.selection_set.node, key, found);
                    }
                }
            }
        }
    }
}

fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(&item.base),
    }
}
