//! Looking ahead: what is selected below a field, with the fields that ask for the same thing put together.
//!
//! Clients compose queries of fragments, so one list is often selected in several places; it is still one list.

use async_graphql::{Name, SelectionField, Value};

/// A field that was selected, once or in several places, always with the same arguments.
#[derive(Clone)]
pub struct Selection<'a> {
    name: &'a str,
    arguments: Vec<(Name, Value)>,
    /// Whether the number of rows in the whole list is wanted; only connections have one.
    total: bool,
    fields: Vec<SelectionField<'a>>,
}

impl<'a> Selection<'a> {
    /// The selection that one field is.
    pub(super) fn of(field: SelectionField<'a>) -> Self {
        Self {
            name: field.name(),
            // Arguments that cannot be read are reported by the field itself.
            arguments: field.arguments().unwrap_or_default(),
            total: selects_total(&field),
            fields: vec![field],
        }
    }

    /// The name of the field.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Its arguments.
    pub(super) fn arguments(&self) -> &[(Name, Value)] {
        &self.arguments
    }

    /// Whether `totalCount` is selected on it.
    pub(super) fn total(&self) -> bool {
        self.total
    }

    /// What is selected on the field's value.
    pub(super) fn below(&self) -> Vec<Selection<'a>> {
        merged(self.fields.iter().flat_map(SelectionField::selection_set))
    }

    /// What is selected on the rows of a connection, by way of `nodes` and of `edges`.
    pub(super) fn of_rows(&self) -> Vec<Selection<'a>> {
        let parts = self.fields.iter().flat_map(SelectionField::selection_set);
        merged(parts.flat_map(|part| match part.name() {
            "nodes" => part.selection_set().collect(),
            "edges" => {
                let nodes = part.selection_set().filter(|field| field.name() == "node");
                nodes.flat_map(|node| node.selection_set().collect::<Vec<_>>()).collect()
            }
            _ => Vec::new(),
        }))
    }
}

/// Whether `totalCount` is selected on a connection.
pub(super) fn selects_total(connection: &SelectionField<'_>) -> bool {
    connection.selection_set().any(|field| field.name() == "totalCount")
}

fn merged<'a>(fields: impl Iterator<Item = SelectionField<'a>>) -> Vec<Selection<'a>> {
    let mut merged: Vec<Selection<'a>> = Vec::new();
    for field in fields {
        let selection = Selection::of(field);
        let same = |it: &&mut Selection<'a>| {
            it.name == selection.name && it.total == selection.total && it.arguments == selection.arguments
        };
        match merged.iter_mut().find(same) {
            Some(known) => known.fields.extend(selection.fields),
            None => merged.push(selection),
        }
    }
    merged
}
