//! Whether a JSON value has the shape that the OpenAPI document publishes for it: what is documented is what is taken.
//!
//! Knows the keywords of JSON Schema that the derived schemas use, and no others; a test fails when one comes that is not
//! among them. Rules about values are the services'.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::problem::{Fault, Faults, Part, Rule};
use crate::error::InputErrorCode;

/// The most faults that are told of.
pub(super) const MOST: usize = 100;

/// A schema, and the document that it may refer to.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) document: &'a Value,
    pub(super) schema: &'a Value,
}

impl<'a> Shape<'a> {
    /// All that is wrong with a value, each with its way from the root of this part of the request.
    pub(super) fn faults(self, part: Part, value: &Value) -> Faults {
        let mut found = Found { part, path: Vec::new(), faults: Vec::new() };
        self.check(value, &mut found);
        found.faults
    }

    fn check(self, value: &Value, found: &mut Found) {
        let shape = self.resolved();
        if let Some(choices) = shape.keyword("oneOf").and_then(Value::as_array) {
            return shape.check_choices(choices, value, found);
        }
        if let Some(kind) = shape.keyword("type")
            && !allows(kind, value)
        {
            return found.report(Rule::Type, format!("This must be {}.", type_names(kind)));
        }
        if let Some(values) = shape.keyword("enum").and_then(Value::as_array)
            && !values.contains(value)
        {
            let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            let message = format!("This must be one of {}.", names.join(", "));
            return found.report(Rule::Input(InputErrorCode::Invalid), message);
        }
        if let Some(number) = value.as_f64()
            && let Some(message) = shape.out_of_range(number)
        {
            return found.report(Rule::Input(InputErrorCode::Invalid), message);
        }
        if shape.is_too_empty(value) {
            return found.report(Rule::Input(InputErrorCode::Required), "This must not be empty.");
        }
        match value {
            Value::Object(fields) => shape.check_fields(fields, found),
            Value::Array(items) => shape.check_items(items, found),
            _ => {}
        }
    }

    /// The least length that schemas ask for is 1.
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
            return Some(format!("This must be at least {least}."));
        }
        let most = limit("maximum").filter(|most| number > *most)?;
        Some(format!("This must be at most {most}."))
    }

    /// A choice is between null and something: what is not null must be that.
    fn check_choices(self, choices: &'a [Value], value: &Value, found: &mut Found) {
        let is_null = |choice: &&Value| choice["type"] == "null";
        if value.is_null() && choices.iter().any(|choice| is_null(&choice)) {
            return;
        }
        if let Some(schema) = choices.iter().find(|choice| !is_null(choice)) {
            Self { schema, ..self }.check(value, found);
        }
    }

    fn check_fields(self, fields: &Map<String, Value>, found: &mut Found) {
        let properties = self.keyword("properties").and_then(Value::as_object);
        let is_closed = self.keyword("additionalProperties") == Some(&Value::Bool(false));
        for name in self.keyword("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| !fields.contains_key(*name)) else { continue };
            found.below(name, |found| {
                found.report(Rule::Input(InputErrorCode::Required), "This is required.")
            });
        }
        for (name, value) in fields {
            found.below(name, |found| match properties.and_then(|properties| properties.get(name)) {
                Some(schema) => Self { schema, ..self }.check(value, found),
                None if is_closed => found.report(Rule::Input(InputErrorCode::NotAllowed), refusal(name)),
                None => {}
            });
        }
    }

    fn check_items(self, items: &[Value], found: &mut Found) {
        if let Some(most) = self.keyword("maxItems").and_then(Value::as_u64)
            && items.len() as u64 > most
        {
            return found
                .report(Rule::Input(InputErrorCode::TooMany), format!("At most {most} items are taken."));
        }
        let Some(schema) = self.keyword("items") else { return };
        for (position, item) in items.iter().enumerate() {
            found.below(&position.to_string(), |found| Self { schema, ..self }.check(item, found));
        }
    }

    /// The schema that is referred to, if it is a reference.
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

    /// The value that a parameter's text stands for, by the type of its schema. A text that stands for none stays a text,
    /// which the check then refuses.
    pub(super) fn value_of(self, text: &str) -> Value {
        let kinds = self.resolved().keyword("type").map(kinds).unwrap_or_default();
        for kind in kinds {
            let value = match kind {
                "integer" => text.parse::<i64>().ok().map(Value::from),
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

/// Why a field that is not in the schema is refused. The numbers of a card are the gateway's to give, and its type is
/// fixed.
fn refusal(name: &str) -> &'static str {
    match name {
        "id" | "organisation_id" => "This must not be given; the service gives it.",
        "type" => "The type is fixed at creation.",
        _ => "This field is not known here.",
    }
}

/// What was found, and where the search is.
struct Found {
    part: Part,
    path: Vec<Cow<'static, str>>,
    faults: Faults,
}

impl Found {
    fn below(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned().into());
        look(self);
        self.path.pop();
    }

    fn report(&mut self, rule: Rule, message: impl Into<Cow<'static, str>>) {
        if self.faults.len() < MOST {
            let (part, path) = (self.part, self.path.clone());
            self.faults.push(Fault { part, path, rule, message: message.into() });
        }
    }
}

/// The types that the keyword names, one or several.
fn kinds(keyword: &Value) -> Vec<&str> {
    match keyword {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn allows(keyword: &Value, value: &Value) -> bool {
    kinds(keyword).into_iter().any(|kind| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    })
}

fn type_names(keyword: &Value) -> String {
    let names: Vec<&str> = kinds(keyword)
        .into_iter()
        .map(|kind| match kind {
            "null" => "null",
            "boolean" => "true or false",
            "integer" => "an integer",
            "number" => "a number",
            "array" => "a list",
            "object" => "an object",
            _ => "a text",
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
        let shape = Shape { document: &document, schema: &schema };
        shape
            .faults(Part::Body, value)
            .iter()
            .map(|it| format!("{}: {}", it.path.join("."), it.message))
            .collect()
    }

    #[test]
    fn what_fits_passes() {
        for value in [
            json!({ "email": "a", "role": "csm" }),
            json!({ "email": "a", "role": "lead", "name": null, "second": null, "ids": [1, 2] }),
            json!({ "email": "", "role": "csm", "name": "", "second": "lead", "text": " ", "ids": [3] }),
        ] {
            assert_eq!(faults(&value), [""; 0], "{value}");
        }
    }

    #[test]
    fn everything_that_does_not_is_told() {
        assert_eq!(faults(&json!([])), [": This must be an object."]);
        let value = json!({ "role": "boss", "name": 5, "second": 1, "ids": [1, 0, 3], "id": 7 });
        assert_eq!(
            faults(&value),
            [
                "email: This is required.",
                "id: This must not be given; the service gives it.",
                "ids: At most 2 items are taken.",
                "name: This must be a text or null.",
                "role: This must be one of csm, lead.",
                "second: This must be a text.",
            ]
        );
        let empty = json!({ "email": "", "role": "csm", "text": "", "ids": [] });
        assert_eq!(faults(&empty), ["ids: This must not be empty.", "text: This must not be empty."]);
        assert_eq!(
            faults(&json!({ "email": null, "role": "csm", "ids": [0, 1.5] })),
            [
                "email: This must be a text.",
                "ids.0: This must be at least 1.",
                "ids.1: This must be an integer."
            ]
        );
    }
}
