//! Introspection, answered by apollo-compiler from the published schema: async-graphql 7.2 knows no interfaces of interfaces.

use apollo_compiler::{
    ExecutableDocument as SourceDocument, Name as SourceName, executable, introspection::partial_execute,
    response::serde_json_bytes, validation::Valid,
};
use async_graphql::{
    Name, Value, Variables,
    indexmap::IndexMap,
    parser::types::{DocumentOperations, ExecutableDocument, Selection, SelectionSet},
};

use super::{
    guard::is_introspection,
    schema::{IS_ONE_OF, KIND, Published, published},
};

/// The prefix of the response key of a `kind` field that replaces `isOneOf`.
const ONE_OF: &str = "__isOneOf_";

/// The document as apollo-compiler answers it: it asks for the kind of a type where it asked for `isOneOf`.
pub(super) fn answerable(document: Valid<SourceDocument>) -> Valid<SourceDocument> {
    let mut document = document.into_inner();
    let operations = &mut document.operations;
    let operations = operations.anonymous.iter_mut().chain(operations.named.values_mut());
    operations.for_each(|operation| replace_in(&mut operation.make_mut().selection_set));
    let fragments = document.fragments.values_mut();
    fragments.for_each(|fragment| replace_in(&mut fragment.make_mut().selection_set));
    Valid::assume_valid(document)
}

fn replace_in(set: &mut executable::SelectionSet) {
    let is_type = set.ty == "__Type";
    for selection in &mut set.selections {
        match selection {
            executable::Selection::Field(field) => {
                let field = field.make_mut();
                if is_type && field.name == IS_ONE_OF {
                    field.alias =
                        Some(SourceName::new_unchecked(&format!("{ONE_OF}{}", field.response_key())));
                    field.name = SourceName::new_unchecked(KIND);
                    if let Ok(kind) = published().schema.type_field("__Type", KIND) {
                        field.definition = kind.node.clone();
                    }
                }
                replace_in(&mut field.selection_set);
            }
            executable::Selection::InlineFragment(fragment) => {
                replace_in(&mut fragment.make_mut().selection_set)
            }
            executable::Selection::FragmentSpread(_) => {}
        }
    }
}

/// Gives the answers to `isOneOf` their keys and values: the schema has no input of which one field is given.
fn restore(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(restore).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| match key.strip_prefix(ONE_OF) {
                Some(key) if value == Value::String("INPUT_OBJECT".to_owned()) => {
                    (Name::new(key), false.into())
                }
                Some(key) => (Name::new(key), Value::Null),
                None => (key, restore(value)),
            });
            Value::Object(fields.collect())
        }
        value => value,
    }
}

/// The values of the root fields that ask for the schema, by their response keys.
pub(super) fn introspect(
    document: &Valid<SourceDocument>,
    operation_name: Option<&str>,
    variables: &Variables,
) -> IndexMap<Name, Value> {
    let Published { schema, implementers } = published();
    let answer = || {
        let operation =
            document.operations.get(operation_name).map_err(|error| error.message().to_string())?;
        let variables = serde_json_bytes::to_value(variables).map_err(|error| error.to_string())?;
        let variables = Valid::assume_valid(variables.as_object().cloned().unwrap_or_default());
        let response = partial_execute(schema, implementers, document, operation, &variables);
        let response = response.map_err(|error| error.message().to_string())?;
        async_graphql::to_value(response.data).map_err(|error| error.to_string())
    };
    match answer().map(restore) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => IndexMap::new(),
        Err(error) => {
            // Of a valid document this is a defect here or of apollo-compiler; there is no value of a client in it.
            tracing::error!(error, "introspection failed");
            IndexMap::new()
        }
    }
}

/// Takes these fields out of a document: what is left is for async-graphql to execute.
pub(super) fn remove_introspection(document: &mut ExecutableDocument) {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    let operations = operations.into_iter().map(|it| &mut it.node.selection_set.node);
    let fragments = document.fragments.values_mut().map(|it| &mut it.node.selection_set.node);
    operations.chain(fragments).for_each(remove_from);
}

fn remove_from(set: &mut SelectionSet) {
    let asks_for_schema = |selection: &Selection| matches!(selection, Selection::Field(field) if is_introspection(&field.node.name.node));
    set.items.retain(|selection| !asks_for_schema(&selection.node));
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => remove_from(&mut field.node.selection_set.node),
            Selection::InlineFragment(fragment) => remove_from(&mut fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
}
