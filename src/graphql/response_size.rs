//! Counts the values of a response while they are resolved, so that resolving ends soon after the response is too large.
//!
//! An extension sees every field of every type, so none is forgotten; but it makes each field dearer. So there are two
//! schemas, and the one with the extension executes only what may become large.

use std::{future::pending, sync::Arc};

use async_graphql::{
    ServerResult, Value,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};

use crate::service::response_memory::ResponseMeter;

/// The most bytes that the value of a point of cost has: a text has at most 255 characters.
pub const POINT: usize = 1024;
/// The same where JSON or a long text is selected, which costs a point for each 4 KiB.
pub const LONG_POINT: usize = 4096;
/// The bytes that a value usually has at most.
pub const USUAL_POINT: usize = 64;
/// What a value takes in memory besides its text: its place in its object, and the text in the response.
pub const VALUE: usize = 160;
/// The most bytes of a response whose values are not counted while they are resolved.
pub const UNCOUNTED: usize = 4 * 1024 * 1024;

/// The extension that counts.
pub(super) struct CountValues;

impl ExtensionFactory for CountValues {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for CountValues {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let Some(meter) = ResponseMeter::current() else { return next.run(ctx, info).await };
        if meter.is_stopped() {
            return pending().await;
        }
        let key = info.alias.unwrap_or(info.name);
        let is_item = info.parent_type.starts_with('[');
        let is_leaf = info.field.selection_set.node.items.is_empty();
        let key_length = if is_item { 0 } else { key.len() + r#""":"#.len() };
        if info.parent_type == "Mutation" {
            meter.begin_root_field(key);
        }
        let value = next.run(ctx, info).await?;
        // A list of scalars is counted with its field.
        if !(is_item && is_leaf) {
            let (text, values) = size(value.as_ref().unwrap_or(&Value::Null), is_leaf);
            meter.count_value(text + key_length + 1, 2 * text + VALUE * values).await;
        }
        Ok(value)
    }
}

/// The least bytes that a value has as JSON, and how many values it is. What stands in objects and in lists of them was
/// counted before.
fn size(value: &Value, is_leaf: bool) -> (usize, usize) {
    match value {
        Value::Null => (4, 1),
        Value::Boolean(_) | Value::Number(_) => (1, 1),
        Value::String(text) => (text.len() + 2, 1),
        Value::Enum(name) => (name.len() + 2, 1),
        Value::Binary(text) => (text.len(), 1),
        Value::List(items) if is_leaf => items.iter().fold((2, 1), |(bytes, values), item| {
            let (text, count) = size(item, is_leaf);
            (bytes + text, values + count)
        }),
        Value::List(_) | Value::Object(_) => (2, 1),
    }
}

/// The bytes that a value with all in it has at least as JSON, and how many values it is.
pub fn size_of_tree(value: &Value) -> (usize, usize) {
    let sum = |(bytes, values), (more_bytes, more_values)| (bytes + more_bytes, values + more_values);
    match value {
        Value::List(items) => items.iter().map(size_of_tree).fold((2, 1), sum),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| sum((key.len() + 4, 0), size_of_tree(value)));
            fields.fold((2, 1), sum)
        }
        value => size(value, true),
    }
}
