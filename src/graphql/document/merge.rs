//! Fields that cannot be merged because a list in their arguments has another length: apollo-compiler 1.33 compares lists up to
//! the end of the shorter one. All else about merging is its work.

use std::collections::HashMap;

use apollo_compiler::{
    Node,
    ast::Value,
    executable::{ExecutableDocument, Field, Selection, SelectionSet},
};

use super::{error::Fault, schema, syntax::Syntax};

/// A field with the name of the type that its selection set is on.
type Selected<'a> = (&'a str, &'a Node<Field>);

/// The faults of a document that is valid otherwise and has been guarded: its fields are expanded here.
pub(super) fn faults(syntax: &Syntax<'_>, document: &ExecutableDocument) -> Vec<Fault> {
    let mut check = Check { syntax, document, faults: Vec::new() };
    if document.operations.iter().any(|operation| check.has_lists(&operation.selection_set))
        || document.fragments.values().any(|fragment| check.has_lists(&fragment.selection_set))
    {
        document.operations.iter().for_each(|operation| check.sets(&[&operation.selection_set]));
    }
    check.faults
}

struct Check<'a> {
    syntax: &'a Syntax<'a>,
    document: &'a ExecutableDocument,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    /// Whether an argument in a set is or holds a list. Most documents have none, and need no check.
    fn has_lists(&self, set: &SelectionSet) -> bool {
        set.selections.iter().any(|selection| match selection {
            Selection::Field(field) => {
                field.arguments.iter().any(|argument| has_list(&argument.value))
                    || self.has_lists(&field.selection_set)
            }
            Selection::InlineFragment(fragment) => self.has_lists(&fragment.selection_set),
            Selection::FragmentSpread(_) => false,
        })
    }

    /// Selection sets of one object.
    fn sets(&mut self, sets: &[&'a SelectionSet]) {
        let mut by_key: HashMap<&str, Vec<Selected<'a>>> = HashMap::new();
        for set in sets {
            self.collect(set, &mut by_key);
        }
        for fields in by_key.values() {
            self.same_key(fields);
            let below: Vec<_> = fields.iter().map(|(_, field)| &field.selection_set).collect();
            if below.iter().any(|set| !set.is_empty()) {
                self.sets(&below);
            }
        }
    }

    /// Fields of one response key: each is compared with the first one of its type, and that with those of other types.
    fn same_key(&mut self, fields: &[Selected<'a>]) {
        let mut firsts: Vec<Selected<'a>> = Vec::new();
        for field in fields.iter().filter(|(_, field)| field.arguments.iter().any(|it| has_list(&it.value))) {
            let of_type = firsts.iter().find(|(on, _)| *on == field.0);
            let conflicting = match of_type {
                Some(first) => Some(first).filter(|first| conflict(first, field)),
                None => firsts.iter().find(|first| conflict(first, field)),
            };
            if let Some((_, first)) = conflicting.copied() {
                self.report(first, field.1);
            }
            if !firsts.iter().any(|(on, _)| *on == field.0) {
                firsts.push(*field);
            }
        }
    }

    fn collect(&self, set: &'a SelectionSet, by_key: &mut HashMap<&'a str, Vec<Selected<'a>>>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    by_key.entry(field.response_key()).or_default().push((&set.ty, field));
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.selection_set, by_key),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.fragment_name) {
                        self.collect(&fragment.selection_set, by_key);
                    }
                }
            }
        }
    }

    fn report(&mut self, first: &Node<Field>, other: &Node<Field>) {
        let message =
            "The fields have the same response name and different arguments. Use an alias for one of them.";
        let mut fault = Fault::new(message, self.syntax.pos(first.location()));
        fault.locations.push(self.syntax.pos(other.location()));
        self.faults.push(fault);
    }
}

/// Whether two fields may be of one object and have lists of different lengths.
fn conflict((on, first): &Selected<'_>, (other_on, other): &Selected<'_>) -> bool {
    let is_object = |name: &str| schema::executable().get_object(name).is_some();
    let disjoint = on != other_on && is_object(on) && is_object(other_on);
    let differs = |argument: &Node<apollo_compiler::ast::Argument>| {
        let same_name = other.arguments.iter().find(|it| it.name == argument.name);
        same_name.is_some_and(|it| lengths_differ(&argument.value, &it.value))
    };
    !disjoint && first.arguments.iter().any(differs)
}

fn lengths_differ(first: &Value, other: &Value) -> bool {
    match (first, other) {
        (Value::List(first), Value::List(other)) => {
            first.len() != other.len()
                || first.iter().zip(other).any(|(first, other)| lengths_differ(first, other))
        }
        (Value::Object(first), Value::Object(other)) => first.iter().any(|(name, value)| {
            let same_name = other.iter().find(|(other, _)| other == name);
            same_name.is_some_and(|(_, other)| lengths_differ(value, other))
        }),
        _ => false,
    }
}

fn has_list(value: &Value) -> bool {
    match value {
        Value::List(_) => true,
        Value::Object(fields) => fields.iter().any(|(_, value)| has_list(value)),
        _ => false,
    }
}
