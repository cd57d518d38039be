//! Null completion of a response that has errors: where a field failed, null goes to the nearest place that may be null.
//!
//! async-graphql 7.2 leaves a failed field out of its object, nullable or not. The specification wants null, and null in place
//! of the whole parent where the field itself cannot be null.

use async_graphql::{
    Name, PathSegment, Response, Value,
    parser::types::{BaseType, ExecutableDocument, Field, OperationType, Selection, SelectionSet, Type},
};

use super::{
    document::operation,
    schema_index::{SchemaIndex, named},
};

/// What becomes of the object that holds a failed field.
enum Outcome {
    /// It stays.
    Unchanged,
    /// It cannot stay: what was required in it is missing.
    Lost,
}

/// Puts null where the response's errors say that a field failed.
pub fn complete(
    index: &SchemaIndex,
    response: &mut Response,
    document: &ExecutableDocument,
    name: Option<&str>,
) {
    let Ok(operation) = operation(document, name) else { return };
    let root = match operation.node.ty {
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
        OperationType::Query => "Query",
    };
    let walk = Walk { index, document };
    let Response { data, errors, .. } = response;
    // A pass of its own: what one error makes null must not be revived by the next.
    for error in errors.iter() {
        revive(data, &error.path);
    }
    for error in errors.iter().filter(|error| !error.path.is_empty()) {
        let sets = vec![(root, &operation.node.selection_set.node)];
        if matches!(walk.object(data, &sets, &error.path), Outcome::Lost) {
            *data = Value::Null;
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
    index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
}

/// Selection sets on one object, each with the type it is written for.
type Sets<'a> = Vec<(&'a str, &'a SelectionSet)>;

impl<'a> Walk<'a> {
    fn object(&self, value: &mut Value, sets: &Sets<'a>, path: &[PathSegment]) -> Outcome {
        let (Value::Object(object), Some((PathSegment::Field(key), rest))) = (value, path.split_first())
        else {
            return Outcome::Unchanged;
        };
        let Some((ty, below)) = self.field(sets, key) else { return Outcome::Unchanged };
        let outcome = match object.get_mut(key.as_str()) {
            _ if rest.is_empty() => Outcome::Lost,
            Some(child) => self.typed(child, ty, &below, rest),
            None => Outcome::Unchanged,
        };
        match outcome {
            Outcome::Lost if ty.nullable => {
                object.insert(Name::new(key), Value::Null);
                Outcome::Unchanged
            }
            outcome => outcome,
        }
    }

    /// Goes on below a field's value, which may be a list.
    fn typed(&self, value: &mut Value, ty: &Type, below: &Sets<'a>, path: &[PathSegment]) -> Outcome {
        match &ty.base {
            BaseType::Named(_) => self.object(value, below, path),
            BaseType::List(item_type) => {
                let (Value::List(items), Some((PathSegment::Index(index), rest))) =
                    (value, path.split_first())
                else {
                    return Outcome::Unchanged;
                };
                let Some(item) = items.get_mut(*index) else { return Outcome::Unchanged };
                match self.typed(item, item_type, below, rest) {
                    Outcome::Lost if item_type.nullable => {
                        *item = Value::Null;
                        Outcome::Unchanged
                    }
                    outcome => outcome,
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
        let ty = self.index.field_type(on, field.name.node.as_str())?;
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
