//! The variables of a request: their values are coerced to the types that the document declares, and what names one that was
//! left out leaves the document.
//!
//! apollo-compiler 1.33 could coerce them, but refuses `10.0` for an `Int`, quotes values in its messages and does not tell
//! which part of a variable is wrong.

use std::collections::HashSet;

use apollo_compiler::{
    Name as SourceName, Schema,
    ast::Type as SourceType,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql::{
    Name, Number, Positioned, Value as ConstValue, Variables,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection,
        SelectionSet, Type, VariableDefinition,
    },
};
use async_graphql_value::Value;
use serde_json::Value as Json;

use super::{DocumentError, error::Fault, operation, schema};
use crate::{
    graphql::scalar,
    service::json::{canonical, inexact_text},
};

/// The values of an operation's variables, coerced to their types; those with defaults are there. Values of variables that
/// the operation does not declare are dropped.
pub fn coerce_variables(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    mut given: Variables,
) -> Result<Variables, DocumentError> {
    let (mut coerced, mut faults) = (Variables::default(), Vec::new());
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        match coerced_value(&definition.node, given.remove(name)) {
            Ok(Some(value)) => _ = coerced.insert(name.clone(), value),
            Ok(None) => {}
            Err(error) => {
                let message = error.message(name);
                let (owner, argument) = usage(document, operation, name).unzip();
                let argument = argument.map(|usage| [usage, error.path].concat()).unwrap_or_default();
                faults.push(Fault::new(message, definition.pos).of_argument(owner, argument));
            }
        }
    }
    if faults.is_empty() { Ok(coerced) } else { Err(DocumentError::invalid(None, faults)) }
}

/// The value of a variable; `None` where it is absent and may be.
fn coerced_value(
    definition: &VariableDefinition,
    given: Option<ConstValue>,
) -> Result<Option<ConstValue>, Misfit> {
    let ty = source_type(&definition.var_type.node);
    let default = || definition.default_value.as_ref().map(|default| default.node.clone());
    match given.or_else(default) {
        None if definition.var_type.node.nullable => Ok(None),
        None => Err(Misfit::required()),
        Some(value) => coerce(schema::executable(), &ty, value).map(Some).map_err(Misfit::in_order),
    }
}

/// Why a value does not fit its type.
struct Misfit {
    /// Where in the value, list positions as decimal text.
    path: Vec<String>,
    /// What is expected there; absent where a value is.
    expected: Option<String>,
}

impl Misfit {
    fn required() -> Self {
        Self { path: Vec::new(), expected: None }
    }

    fn expected(what: impl Into<String>) -> Self {
        Self { path: Vec::new(), expected: Some(what.into()) }
    }

    /// The same below a field or an item; the path is in reverse order until the whole value is read.
    fn below(mut self, part: impl Into<String>) -> Self {
        self.path.push(part.into());
        self
    }

    fn in_order(mut self) -> Self {
        self.path.reverse();
        self
    }

    fn message(&self, name: &Name) -> String {
        let place = [&[name.to_string()], &self.path[..]].concat().join(".");
        match &self.expected {
            None if self.path.is_empty() => format!("The variable ${name} is required."),
            None => format!("A value is required at ${place}."),
            Some(expected) => format!("The value of ${place} does not fit: expected {expected}."),
        }
    }
}

/// The coercion of the specification, but that of custom scalars, whose values are checked.
fn coerce(schema: &Schema, ty: &SourceType, value: ConstValue) -> Result<ConstValue, Misfit> {
    match (ty, value) {
        (SourceType::NonNullNamed(_) | SourceType::NonNullList(_), ConstValue::Null) => {
            Err(Misfit::required())
        }
        (_, ConstValue::Null) => Ok(ConstValue::Null),
        (SourceType::List(item) | SourceType::NonNullList(item), ConstValue::List(items)) => {
            let items = items.into_iter().enumerate();
            let coerced = items.map(|(index, value)| {
                coerce(schema, item, value).map_err(|error| error.below(index.to_string()))
            });
            coerced.collect::<Result<_, _>>().map(ConstValue::List)
        }
        // One value is the list of it.
        (SourceType::List(item) | SourceType::NonNullList(item), value) => {
            Ok(ConstValue::List(vec![coerce(schema, item, value)?]))
        }
        (SourceType::Named(name) | SourceType::NonNullNamed(name), value) => match schema.types.get(name) {
            Some(ExtendedType::InputObject(input)) => coerce_object(schema, input, value),
            Some(ExtendedType::Enum(choices)) => match &value {
                ConstValue::String(text) if choices.values.contains_key(text.as_str()) => Ok(value),
                ConstValue::Enum(text) if choices.values.contains_key(text.as_str()) => Ok(value),
                _ => Err(Misfit::expected(format!("one of {}", schema::choices(name).unwrap_or_default()))),
            },
            _ => coerce_scalar(name, value),
        },
    }
}

fn coerce_object(schema: &Schema, input: &InputObjectType, value: ConstValue) -> Result<ConstValue, Misfit> {
    let ConstValue::Object(fields) = value else { return Err(Misfit::expected(format!("a {}", input.name))) };
    let required = input.fields.iter().filter(|(_, field)| field.is_required());
    let is_missing = |name: &str| matches!(fields.get(name), None | Some(ConstValue::Null));
    if let Some((name, _)) = required.into_iter().find(|(name, _)| is_missing(name)) {
        return Err(Misfit::required().below(name.as_str()));
    }
    let coerced = fields.into_iter().map(|(name, value)| match input.fields.get(name.as_str()) {
        Some(field) => match coerce(schema, &field.ty, value) {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(error.below(name.as_str())),
        },
        None => Err(Misfit::expected(format!("a field of {}", input.name)).below(name.as_str())),
    });
    coerced.collect::<Result<_, _>>().map(ConstValue::Object)
}

fn coerce_scalar(name: &SourceName, value: ConstValue) -> Result<ConstValue, Misfit> {
    let expected = |what: String| Err(Misfit::expected(what));
    // A number that cannot be kept as it is written; only JSON tells how it is to be sent.
    if let ConstValue::String(text) = &value
        && let Some(number) = inexact_text(text)
    {
        return match name.as_str() {
            "JSON" => Ok(value),
            "ID" if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(ConstValue::String(number.to_owned()))
            }
            "Int" => expected(INT.to_owned()),
            _ => expected(format!("{}, not a number; send it as a string", scalar::expected(name))),
        };
    }
    match (name.as_str(), &value) {
        ("Int", ConstValue::Number(number)) => match whole(number) {
            Some(number) => Ok(ConstValue::from(number)),
            None => expected(INT.to_owned()),
        },
        ("Int", _) => expected(INT.to_owned()),
        ("Float", ConstValue::Number(_))
        | ("String" | "ID", ConstValue::String(_))
        | ("Boolean", ConstValue::Boolean(_)) => Ok(value),
        ("ID", ConstValue::Number(number)) => match canonical(Json::Number(number.clone())) {
            Json::Number(number) if !number.is_f64() => Ok(ConstValue::String(number.to_string())),
            _ => expected("an ID, a string or a whole number".to_owned()),
        },
        ("String", ConstValue::Number(_)) => expected("a String; send the number in quotes".to_owned()),
        ("Boolean", _) => expected("a Boolean, true or false without quotes".to_owned()),
        ("Float" | "String" | "ID", _) => expected(format!("a value of {name}")),
        (name, value) if !scalar::is_valid(name, value) => expected(scalar::expected(name)),
        _ => Ok(value),
    }
}

const INT: &str = "an Int, a whole number of 32 bits without quotes";

/// The `Int` that a number is, however it is written: clients without integers send `10.0`.
fn whole(number: &Number) -> Option<i32> {
    let Json::Number(number) = canonical(Json::Number(number.clone())) else { return None };
    i32::try_from(number.as_i64()?).ok()
}

fn source_type(ty: &Type) -> SourceType {
    let nullable = match &ty.base {
        BaseType::Named(name) => SourceType::Named(SourceName::new_unchecked(name)),
        BaseType::List(item) => SourceType::List(Box::new(source_type(item))),
    };
    if ty.nullable { nullable } else { nullable.non_null() }
}

/// Where a variable is used first: the field or directive, and the path of its argument.
type Place = (String, Vec<String>);

fn usage(document: &ExecutableDocument, operation: &OperationDefinition, name: &Name) -> Option<Place> {
    let fragments = document.fragments.values().map(|it| &it.node.selection_set.node);
    let mut sets = std::iter::once(&operation.selection_set.node).chain(fragments);
    sets.find_map(|set| usage_in_set(set, name))
}

fn usage_in_set(set: &SelectionSet, name: &Name) -> Option<Place> {
    set.items.iter().find_map(|selection| {
        let (field, below) = match &selection.node {
            Selection::Field(field) => (Some(&field.node), Some(&field.node.selection_set.node)),
            Selection::InlineFragment(it) => (None, Some(&it.node.selection_set.node)),
            Selection::FragmentSpread(_) => (None, None),
        };
        let used = field.and_then(|it| usage_in_arguments(it.name.node.to_string(), &it.arguments, name));
        let mut directives = selection.node.directives().iter().map(|it| &it.node);
        used.or_else(|| {
            directives.find_map(|it| usage_in_arguments(format!("@{}", it.name.node), &it.arguments, name))
        })
        .or_else(|| usage_in_set(below?, name))
    })
}

fn usage_in_arguments(
    owner: String,
    arguments: &[(Positioned<Name>, Positioned<Value>)],
    name: &Name,
) -> Option<Place> {
    let path = arguments.iter().find_map(|(argument, value)| {
        let path = usage_in_value(&value.node, name)?;
        Some([vec![argument.node.to_string()], path].concat())
    });
    Some((owner, path?))
}

fn usage_in_value(value: &Value, name: &Name) -> Option<Vec<String>> {
    let below = |part: String, value| Some([vec![part], usage_in_value(value, name)?].concat());
    match value {
        Value::Variable(variable) if variable == name => Some(Vec::new()),
        Value::List(items) => items.iter().enumerate().find_map(|(index, it)| below(index.to_string(), it)),
        Value::Object(fields) => fields.iter().find_map(|(field, it)| below(field.to_string(), it)),
        _ => None,
    }
}

/// The document without the input fields and arguments whose variable the request left out.
///
/// GraphQL lets an absent variable leave its field absent, which for a patch is not the same as null; async-graphql
/// 7.2 fails while it executes instead.
pub fn without_absent_variables(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> ExecutableDocument {
    let mut document = document.clone();
    let absent = absent_variables(&document, name, variables);
    if !absent.is_empty() {
        for fragment in document.fragments.values_mut() {
            prune(&mut fragment.node.selection_set.node, &absent);
        }
        let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut document.operations {
            DocumentOperations::Single(operation) => vec![operation],
            DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
        };
        for operation in operations {
            prune(&mut operation.node.selection_set.node, &absent);
            operation.node.variable_definitions.retain(|it| !absent.contains(&it.node.name.node));
        }
    }
    document
}

/// The variables that may be left out, have no default and were left out. Those of directives stay: a directive has no
/// optional arguments here.
fn absent_variables(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> HashSet<Name> {
    let Ok(operation) = operation(document, name) else { return HashSet::new() };
    let mut absent: HashSet<Name> = operation
        .node
        .variable_definitions
        .iter()
        .filter(|it| it.node.var_type.node.nullable && it.node.default_value.is_none())
        .map(|it| it.node.name.node.clone())
        .filter(|name| !variables.contains_key(name))
        .collect();
    if !absent.is_empty() {
        keep_in_directives(&operation.node.selection_set.node, &mut absent);
        for fragment in document.fragments.values() {
            keep_in_directives(&fragment.node.selection_set.node, &mut absent);
        }
    }
    absent
}

fn keep_in_directives(set: &SelectionSet, absent: &mut HashSet<Name>) {
    for selection in &set.items {
        let (directives, below) = match &selection.node {
            Selection::Field(field) => (&field.node.directives, Some(&field.node.selection_set.node)),
            Selection::InlineFragment(it) => (&it.node.directives, Some(&it.node.selection_set.node)),
            Selection::FragmentSpread(it) => (&it.node.directives, None),
        };
        for (_, value) in directives.iter().flat_map(|it: &Positioned<Directive>| &it.node.arguments) {
            if let Value::Variable(name) = &value.node {
                absent.remove(name);
            }
        }
        if let Some(below) = below {
            keep_in_directives(below, absent);
        }
    }
}

fn prune(set: &mut SelectionSet, absent: &HashSet<Name>) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => prune_field(&mut field.node, absent),
            Selection::InlineFragment(fragment) => prune(&mut fragment.node.selection_set.node, absent),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn prune_field(field: &mut Field, absent: &HashSet<Name>) {
    field.arguments.retain(|(_, value)| !is_absent(&value.node, absent));
    for (_, value) in &mut field.arguments {
        prune_value(&mut value.node, absent);
    }
    prune(&mut field.selection_set.node, absent);
}

fn prune_value(value: &mut Value, absent: &HashSet<Name>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !is_absent(value, absent));
            fields.values_mut().for_each(|value| prune_value(value, absent));
        }
        Value::List(items) => {
            for item in items {
                // A list has no absent items.
                if is_absent(item, absent) {
                    *item = ConstValue::Null.into_value();
                } else {
                    prune_value(item, absent);
                }
            }
        }
        _ => {}
    }
}

fn is_absent(value: &Value, absent: &HashSet<Name>) -> bool {
    matches!(value, Value::Variable(name) if absent.contains(name))
}
