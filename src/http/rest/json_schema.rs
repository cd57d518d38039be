//! Validates JSON values against the schemas of the OpenAPI document.
//!
//! Supports only the keywords of JSON Schema that the generated schemas use; a test fails if another keyword appears.
//! The services validate the values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::problem::{Fault, Faults, RequestPart, Rule};
use crate::{
    error::InputErrorCode,
    service::json::{canonical, inexact_number, json_text},
};

/// The maximum number of reported faults.
pub(super) const MAX_FAULTS: usize = 100;

/// A schema, and the document that it may refer to.
#[derive(Clone, Copy)]
pub(super) struct JsonSchema<'a> {
    pub(super) document: &'a Value,
    pub(super) schema: &'a Value,
}

impl<'a> JsonSchema<'a> {
    /// All errors of a value, each with its path from the root of this part of the request.
    pub(super) fn validate(self, part: RequestPart, value: &Value) -> Faults {
        let mut collector = FaultCollector { part, path: Vec::new(), faults: Vec::new() };
        self.check(value, &mut collector);
        collector.faults
    }

    fn check(self, value: &Value, collector: &mut FaultCollector) {
        let shape = self.resolved();
        if let Some(choices) = shape.keyword("oneOf").and_then(Value::as_array) {
            return shape.check_choices(choices, value, collector);
        }
        if let Some(kind) = shape.keyword("type")
            && !matches_type(kind, value)
        {
            return collector.report(Rule::Type, format!("Must be {}.", type_names(kind)));
        }
        if let Some(values) = shape.keyword("enum").and_then(Value::as_array)
            && !values.contains(value)
        {
            let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            let message = format!("Must be one of: {}.", names.join(", "));
            return collector.report(Rule::Input(InputErrorCode::Invalid), message);
        }
        if let Some(number) = value.as_f64()
            && let Some(message) = shape.out_of_range(number)
        {
            return collector.report(Rule::Input(InputErrorCode::Invalid), message);
        }
        if shape.is_too_empty(value) {
            return collector.report(Rule::Input(InputErrorCode::Required), "Must not be empty.");
        }
        match value {
            Value::Object(fields) => shape.check_fields(fields, collector),
            Value::Array(items) => shape.check_items(items, collector),
            _ => {}
        }
    }

    /// The only minimum length in the schemas is 1.
    fn is_too_empty(self, value: &Value) -> bool {
        let asks = |name| self.keyword(name).is_some();
        match value {
            Value::String(text) => text.is_empty() && asks("minLength"),
            Value::Array(items) => items.is_empty() && asks("minItems"),
            _ => false,
        }
    }

    fn out_of_range(self, number: f64) -> Option<String> {
        let limit = |name| self.keyword(name).and_then(Value::as_f64);
        if let Some(least) = limit("minimum").filter(|least| number < *least) {
            return Some(format!("Must be at least {least}."));
        }
        let most = limit("maximum").filter(|most| number > *most)?;
        Some(format!("Must be at most {most}."))
    }

    /// A choice is always between null and one other schema.
    fn check_choices(self, choices: &'a [Value], value: &Value, collector: &mut FaultCollector) {
        let is_null = |choice: &&Value| choice["type"] == "null";
        if value.is_null() && choices.iter().any(|choice| is_null(&choice)) {
            return;
        }
        if let Some(schema) = choices.iter().find(|choice| !is_null(choice)) {
            Self { schema, ..self }.check(value, collector);
        }
    }

    fn check_fields(self, fields: &Map<String, Value>, collector: &mut FaultCollector) {
        let properties = self.keyword("properties").and_then(Value::as_object);
        let is_closed = self.keyword("additionalProperties") == Some(&Value::Bool(false));
        for name in self.keyword("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| !fields.contains_key(*name)) else { continue };
            collector.at_path(name, |collector| {
                collector.report(Rule::Input(InputErrorCode::Required), "This field is required.")
            });
        }
        for (name, value) in fields {
            collector.at_path(name, |collector| {
                match properties.and_then(|properties| properties.get(name)) {
                    Some(schema) => Self { schema, ..self }.check(value, collector),
                    None if is_closed => {
                        collector.report(Rule::Input(InputErrorCode::NotAllowed), unknown_field_message(name))
                    }
                    None => {}
                }
            });
        }
    }

    fn check_items(self, items: &[Value], collector: &mut FaultCollector) {
        if let Some(most) = self.keyword("maxItems").and_then(Value::as_u64)
            && items.len() as u64 > most
        {
            return collector
                .report(Rule::Input(InputErrorCode::TooMany), format!("Must have at most {most} items."));
        }
        let Some(schema) = self.keyword("items") else { return };
        for (position, item) in items.iter().enumerate() {
            collector
                .at_path(&position.to_string(), |collector| Self { schema, ..self }.check(item, collector));
        }
    }

    /// Resolves a reference.
    fn resolved(self) -> Self {
        let pointer = self.keyword("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        match pointer.and_then(|pointer| self.document.pointer(pointer)) {
            Some(schema) => Self { schema, ..self }.resolved(),
            None => self,
        }
    }

    fn keyword(self, name: &str) -> Option<&'a Value> {
        self.schema.get(name)
    }

    /// Parses the text of a parameter by the type in its schema. A text that does not parse stays a string, which the
    /// validation then rejects.
    pub(super) fn parse_parameter(self, text: &str) -> Value {
        let kinds = self.resolved().keyword("type").map(type_list).unwrap_or_default();
        for kind in kinds {
            let value = match kind {
                "integer" => text.parse::<i64>().ok().map(Value::from).or_else(|| whole(text)),
                "boolean" => text.parse::<bool>().ok().map(Value::from),
                _ => None,
            };
            if let Some(value) = value {
                return value;
            }
        }
        Value::from(text)
    }
}

/// The whole number that JSON writes so, such as `10.0`.
fn whole(text: &str) -> Option<Value> {
    let number = canonical(serde_json::from_slice(&json_text(text.as_bytes())).ok()?);
    number.is_i64().then_some(number)
}

/// The message for a field that is not in the schema. The gateway assigns the numbers of an organization contact, and its
/// type is immutable.
fn unknown_field_message(name: &str) -> &'static str {
    match name {
        "id" | "organisation_id" => "The server assigns this field. Remove it.",
        "type" => "The type cannot be changed after creation. Remove it.",
        _ => "Unknown field. Remove it.",
    }
}

/// Collects faults, with the current path.
struct FaultCollector {
    part: RequestPart,
    path: Vec<Cow<'static, str>>,
    faults: Faults,
}

impl FaultCollector {
    fn at_path(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned().into());
        look(self);
        self.path.pop();
    }

    fn report(&mut self, rule: Rule, message: impl Into<Cow<'static, str>>) {
        if self.faults.len() < MAX_FAULTS {
            let (part, path) = (self.part, self.path.clone());
            self.faults.push(Fault { part, path, rule, message: message.into() });
        }
    }
}

/// The types in the keyword `type`, one or several.
fn type_list(keyword: &Value) -> Vec<&str> {
    match keyword {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn matches_type(keyword: &Value, value: &Value) -> bool {
    type_list(keyword).into_iter().any(|kind| match kind {
        "null" => value.is_null(),
        "string" => value.is_string() && inexact_number(value).is_none(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    })
}

fn type_names(keyword: &Value) -> String {
    let names: Vec<&str> = type_list(keyword)
        .into_iter()
        .map(|kind| match kind {
            "null" => "null",
            "boolean" => "true or false",
            "integer" => "a 64-bit integer",
            "number" => "a number",
            "array" => "an array",
            "object" => "an object",
            _ => "a string",
        })
        .collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(value: &Value) -> Vec<String> {
        let document = json!({ "components": { "schemas": {
            "Role": { "type": "string", "enum": ["csm", "lead"] },
        } } });
        let schema = json!({
            "type": "object",
            "required": ["email", "role"],
            "additionalProperties": false,
            "properties": {
                "email": { "type": "string" },
                "name": { "type": ["string", "null"] },
                "role": { "$ref": "#/components/schemas/Role" },
                "second": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Role" }] },
                "text": { "type": "string", "minLength": 1 },
                "ids": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "integer", "minimum": 1 } },
            },
        });
        let shape = JsonSchema { document: &document, schema: &schema };
        shape
            .validate(RequestPart::Body, value)
            .iter()
            .map(|it| format!("{}: {}", it.path.join("."), it.message))
            .collect()
    }

    #[test]
    fn valid_values_have_no_faults() {
        for value in [
            json!({ "email": "a", "role": "csm" }),
            json!({ "email": "a", "role": "lead", "name": null, "second": null, "ids": [1, 2] }),
            json!({ "email": "", "role": "csm", "name": "", "second": "lead", "text": " ", "ids": [3] }),
        ] {
            assert_eq!(faults(&value), [""; 0], "{value}");
        }
    }

    #[test]
    fn every_fault_is_reported() {
        assert_eq!(faults(&json!([])), [": Must be an object."]);
        let value = json!({ "role": "boss", "name": 5, "second": 1, "ids": [1, 0, 3], "id": 7 });
        assert_eq!(
            faults(&value),
            [
                "email: This field is required.",
                "id: The server assigns this field. Remove it.",
                "ids: Must have at most 2 items.",
                "name: Must be a string or null.",
                "role: Must be one of: csm, lead.",
                "second: Must be a string.",
            ]
        );
        let empty = json!({ "email": "", "role": "csm", "text": "", "ids": [] });
        assert_eq!(faults(&empty), ["ids: Must not be empty.", "text: Must not be empty."]);
        assert_eq!(
            faults(&json!({ "email": null, "role": "csm", "ids": [0, 1.5] })),
            ["email: Must be a string.", "ids.0: Must be at least 1.", "ids.1: Must be a 64-bit integer."]
        );
    }
}
