//! The variables of a request and its document: whether they fit, and what to do about those that were left out.

use std::collections::HashSet;

use async_graphql::{
    Name, Number, Positioned, ServerError, Value as ConstValue, Variables,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection,
        SelectionSet, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::operation;

/// The error of the first variable that does not fit: required and left out or null, or an `Int` beyond 32 bits.
/// async-graphql 7.2 would notice these only while executing, when mutations before it have written.
pub fn misfit_variable(operation: &OperationDefinition, variables: &Variables) -> Option<ServerError> {
    operation.variable_definitions.iter().find_map(|definition| {
        let VariableDefinition { name, var_type, default_value, .. } = &definition.node;
        let message = match variables.get(&name.node) {
            None | Some(ConstValue::Null) if !var_type.node.nullable && default_value.is_none() => {
                format!("The variable ${} is required.", name.node)
            }
            Some(ConstValue::Number(number)) if is_int(&var_type.node.base) && !fits_int(number) => {
                format!("The variable ${} is not an Int: a whole number of 32 bits.", name.node)
            }
            _ => return None,
        };
        Some(ServerError::new(message, Some(definition.pos)))
    })
}

/// The error of the first variable of a type that the schema does not have, in any operation. async-graphql 7.2 notices
/// it only where the type is not a list; the default of a list of it makes its validation panic.
pub fn unknown_type(document: &ExecutableDocument, knows: impl Fn(&str) -> bool) -> Option<ServerError> {
    let definitions = document.operations.iter().flat_map(|(_, it)| &it.node.variable_definitions);
    let unknown = definitions.filter_map(|it| {
        let name = named(&it.node.var_type.node.base);
        (!knows(name)).then(|| ServerError::new(format!("Unknown type \"{name}\""), Some(it.pos)))
    });
    unknown.min_by_key(|error| error.locations.first().copied())
}

fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(&item.base),
    }
}

fn is_int(base: &BaseType) -> bool {
    matches!(base, BaseType::Named(name) if name == "Int")
}

fn fits_int(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// The document without the input fields and arguments whose variable the request left out.
///
/// GraphQL lets an absent variable leave its field absent, which for a patch is not the same as null; async-graphql
/// 7.2 refuses the request instead.
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
