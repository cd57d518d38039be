//! Writing a response: once, straight to bytes, its fields in the order in which the document selects them.
//!
//! async-graphql 7.2 puts a field into its object when it is resolved, so one that waited for the database stands
//! behind those that did not. The specification wants the order of the document, and so do people who read answers.

use std::io::{self, Write};

use async_graphql::{
    Response, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use serde::Serialize;

use super::document::{HIDDEN, operation};

/// Writes a response as JSON. Without data and without an error that has a path nothing was executed, and `data` is left
/// out. Fails only where `json` does.
pub fn write(
    response: &Response,
    document: Option<(&ExecutableDocument, Option<&str>)>,
    json: &mut impl Write,
) -> io::Result<()> {
    json.write_all(b"{")?;
    let has_data = was_executed(response);
    if has_data {
        json.write_all(b"\"data\":")?;
        let operation =
            document.and_then(|(document, name)| Some((document, operation(document, name).ok()?)));
        match operation {
            Some((document, operation)) => {
                let mut writer = Writer { document, json };
                writer.value(&response.data, &[&operation.node.selection_set.node])?;
            }
            None => scalar(json, &response.data)?,
        }
    }
    if !response.errors.is_empty() {
        if has_data {
            json.write_all(b",")?;
        }
        json.write_all(b"\"errors\":")?;
        plain(json, &response.errors)?;
    }
    if !response.extensions.is_empty() {
        json.write_all(b",\"extensions\":")?;
        plain(json, &response.extensions)?;
    }
    json.write_all(b"}")
}

/// Whether the request came as far as being executed: a request error leaves no data and has no path.
pub fn was_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

struct Writer<'a, W> {
    document: &'a ExecutableDocument,
    json: &'a mut W,
}

type Object = IndexMap<async_graphql::Name, Value>;

impl<'a, W: Write> Writer<'a, W> {
    fn value(&mut self, value: &Value, sets: &[&'a SelectionSet]) -> io::Result<()> {
        match value {
            // An object without a selection is a scalar's own.
            Value::Object(object) if sets.iter().any(|set| !set.items.is_empty()) => {
                self.object(object, sets)
            }
            Value::List(items) => {
                self.json.write_all(b"[")?;
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        self.json.write_all(b",")?;
                    }
                    self.value(item, sets)?;
                }
                self.json.write_all(b"]")
            }
            other => scalar(self.json, other),
        }
    }

    fn object(&mut self, object: &Object, sets: &[&'a SelectionSet]) -> io::Result<()> {
        self.json.write_all(b"{")?;
        let mut written = Vec::with_capacity(object.len());
        for set in sets {
            self.fields(object, set, sets, &mut written)?;
        }
        self.json.write_all(b"}")
    }

    fn fields(
        &mut self,
        object: &Object,
        set: &'a SelectionSet,
        sets: &[&'a SelectionSet],
        written: &mut Vec<usize>,
    ) -> io::Result<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    if key == HIDDEN {
                        continue;
                    }
                    // Usually the fields are in order already.
                    let next = written.len();
                    let position = match object.get_index(next) {
                        Some((name, _)) if name == key && !written.contains(&next) => Some(next),
                        _ => object.get_index_of(key).filter(|position| !written.contains(position)),
                    };
                    let Some((_, value)) = position.and_then(|position| object.get_index(position)) else {
                        continue;
                    };
                    if !written.is_empty() {
                        self.json.write_all(b",")?;
                    }
                    written.extend(position);
                    plain(self.json, key)?;
                    self.json.write_all(b":")?;
                    self.below(value, &field.node.selection_set.node, key, sets)?;
                }
                Selection::InlineFragment(fragment) => {
                    self.fields(object, &fragment.node.selection_set.node, sets, written)?;
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.fields(object, &fragment.node.selection_set.node, sets, written)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A field's value. Where fields of the same key were merged, what all of them select.
    fn below(
        &mut self,
        value: &Value,
        set: &'a SelectionSet,
        key: &str,
        siblings: &[&'a SelectionSet],
    ) -> io::Result<()> {
        if set.items.is_empty() || !matches!(value, Value::Object(_) | Value::List(_)) {
            return scalar(self.json, value);
        }
        let mut below = Vec::with_capacity(1);
        for sibling in siblings {
            self.collect(sibling, key, &mut below);
        }
        self.value(value, &below)
    }

    fn collect(&self, set: &'a SelectionSet, key: &str, found: &mut Vec<&'a SelectionSet>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == key => {
                    found.push(&field.node.selection_set.node);
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => {
                    self.collect(&fragment.node.selection_set.node, key, found);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(&fragment.node.selection_set.node, key, found);
                    }
                }
            }
        }
    }
}

/// A scalar's value. JSON comes as the bytes of its text, because the tree of its values takes many times as much memory.
fn scalar(json: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Binary(text) => json.write_all(text),
        value => plain(json, value),
    }
}

/// Serde's JSON of a value.
fn plain(json: &mut impl Write, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(serde_json::to_writer(json, value)?)
}
