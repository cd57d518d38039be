//! Look-ahead: the selected children of a field, with equal selections merged.
//!
//! Clients compose queries of fragments, so one list is often selected in several places; it is loaded once.

use async_graphql::{Name, SelectionField, Value};

/// A selected field, merged from all places that select it with the same arguments.
#[derive(Clone)]
pub struct Selection<'a> {
    name: &'a str,
    arguments: Vec<(Name, Value)>,
    /// Whether `totalCount` is selected.
    total: bool,
    fields: Vec<SelectionField<'a>>,
}

impl<'a> Selection<'a> {
    /// The selection of one field.
    pub(super) fn of(field: SelectionField<'a>) -> Self {
        Self {
            name: field.name(),
            // The field itself reports invalid arguments.
            arguments: field.arguments().unwrap_or_default(),
            total: selects_total(&field),
            fields: vec![field],
        }
    }

    /// The name of the field.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The arguments of the field.
    pub(super) fn arguments(&self) -> &[(Name, Value)] {
        &self.arguments
    }

    /// Whether `totalCount` is selected on the field.
    pub(super) fn total(&self) -> bool {
        self.total
    }

    /// The selected children of the field.
    pub(super) fn children(&self) -> Vec<Selection<'a>> {
        merged(self.fields.iter().flat_map(SelectionField::selection_set))
    }

    /// The selected children of the rows of a connection, under `nodes` and `edges.node`.
    pub(super) fn row_selections(&self) -> Vec<Selection<'a>> {
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
