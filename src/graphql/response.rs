//! Writing a response: once, straight to bytes, its fields in the order in which the document selects them.
//!
//! async-graphql 7.2 puts a field into its object when it is resolved, so one that waited for the database stands
//! behind those that did not. The specification wants the order of the document, and so do people who read answers.

use async_graphql::{
    Response, Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};
use serde::Serialize;

use super::document::operation;

/// A response as JSON. Without data and without an error that has a path nothing was executed, and `data` is left out.
pub fn write(response: &Response, document: Option<(&ExecutableDocument, Option<&str>)>) -> Vec<u8> {
    let mut json = Vec::with_capacity(4096);
    json.push(b'{');
    if response.data == Value::Null && response.errors.is_empty() {
        // Everything was skipped, and of an object without fields async-graphql makes null.
        json.extend_from_slice(br#""data":{}"#);
    } else if was_executed(response) {
        json.extend_from_slice(b"\"data\":");
        let operation =
            document.and_then(|(document, name)| Some((document, operation(document, name).ok()?)));
        match operation {
            Some((document, operation)) => {
                let writer = Writer { document };
                writer.value(&mut json, &response.data, &[&operation.node.selection_set.node]);
            }
            None => plain(&mut json, &response.data),
        }
    }
    if !response.errors.is_empty() {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(b"\"errors\":");
        plain(&mut json, &response.errors);
    }
    if !response.extensions.is_empty() {
        json.extend_from_slice(b",\"extensions\":");
        plain(&mut json, &response.extensions);
    }
    json.push(b'}');
    json
}

/// Whether the request came as far as being executed: a request error leaves no data and has no path.
pub fn was_executed(response: &Response) -> bool {
    response.data != Value::Null
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

struct Writer<'a> {
    document: &'a ExecutableDocument,
}

type Object = IndexMap<async_graphql::Name, Value>;

impl<'a> Writer<'a> {
    fn value(&self, json: &mut Vec<u8>, value: &Value, sets: &[&'a SelectionSet]) {
        match value {
            // An object without a selection is a scalar's own.
            Value::Object(object) if sets.iter().any(|set| !set.items.is_empty()) => {
                self.object(json, object, sets);
            }
            Value::List(items) => {
                json.push(b'[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        json.push(b',');
                    }
                    self.value(json, item, sets);
                }
                json.push(b']');
            }
            other => plain(json, other),
        }
    }

    fn object(&self, json: &mut Vec<u8>, object: &Object, sets: &[&'a SelectionSet]) {
        json.push(b'{');
        let mut written = Vec::with_capacity(object.len());
        for set in sets {
            self.fields(json, object, set, sets, &mut written);
        }
        json.push(b'}');
    }

    fn fields(
        &self,
        json: &mut Vec<u8>,
        object: &Object,
        set: &'a SelectionSet,
        sets: &[&'a SelectionSet],
        written: &mut Vec<usize>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.as_str();
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
                        json.push(b',');
                    }
                    written.extend(position);
                    plain(json, key);
                    json.push(b':');
                    self.below(json, value, &field.node.selection_set.node, key, sets);
                }
                Selection::InlineFragment(fragment) => {
                    self.fields(json, object, &fragment.node.selection_set.node, sets, written);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.fields(json, object, &fragment.node.selection_set.node, sets, written);
                    }
                }
            }
        }
    }

    /// A field's value. Where fields of the same key were merged, what all of them select.
    fn below(
        &self,
        json: &mut Vec<u8>,
        value: &Value,
        set: &'a SelectionSet,
        key: &str,
        siblings: &[&'a SelectionSet],
    ) {
        if set.items.is_empty() || !matches!(value, Value::Object(_) | Value::List(_)) {
            return plain(json, value);
        }
        let mut below = Vec::with_capacity(1);
        for sibling in siblings {
            self.collect(sibling, key, &mut below);
        }
        self.value(json, value, &below);
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

/// Serde's JSON of a value. Writing to memory, of types that have a JSON form, cannot fail.
fn plain(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    if serde_json::to_writer(&mut *json, value).is_err() {
        json.extend_from_slice(b"null");
    }
}
