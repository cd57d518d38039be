//! The names of the fields that a document selects, from which the columns to read follow.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// The names of all fields that a document selects, on whatever type, written like columns: `given_name`.
///
/// A column that nobody names need not be read. Names instead of types and paths make that safe by being generous: a
/// row that is read for one place of the document serves every other.
pub struct FieldNames(HashSet<String>);

impl FieldNames {
    pub(super) fn of(document: &ExecutableDocument) -> Self {
        let mut names = HashSet::new();
        for (_, operation) in document.operations.iter() {
            Self::collect(&operation.node.selection_set.node, &mut names);
        }
        for fragment in document.fragments.values() {
            Self::collect(&fragment.node.selection_set.node, &mut names);
        }
        Self(names)
    }

    fn collect(set: &SelectionSet, names: &mut HashSet<String>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    names.insert(snake_case(&field.node.name.node));
                    Self::collect(&field.node.selection_set.node, names);
                }
                Selection::InlineFragment(it) => Self::collect(&it.node.selection_set.node, names),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// Whether introspection answers a part of it.
    pub(super) fn has_introspection(&self) -> bool {
        self.has("__schema") || self.has("__type")
    }

    /// Whether it asks for the schema in any form.
    pub(super) fn asks_for_schema(&self) -> bool {
        self.has_introspection() || self.has("_service")
    }

    /// Whether a field of this name is selected anywhere.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
