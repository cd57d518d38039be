//! Random filters, made after the schema's own description of them, so that no field and no comparator is left out.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{TypeKind, TypeSystemDefinition},
};
use contact_gateway::entity::custom_field::FieldType;
use sea_orm::Iterable;
use serde_json::{Map, Value, json};

use super::{
    custom,
    model::Model,
    rows::{MICROS, TEXTS, WORDS, time},
};
use crate::support::Chance;

/// The inputs and enums of the schema.
pub(super) struct Schema {
    /// The fields of each input, with their types as they are written.
    pub(super) inputs: BTreeMap<String, Vec<(String, String)>>,
    /// The values of each enum.
    pub(super) enums: BTreeMap<String, Vec<String>>,
}

impl Schema {
    /// As it is in schema.graphql, which is the gateway's own: the tests of the schema see to that.
    pub(super) fn read() -> Self {
        let document = parse_schema(include_str!("../../../schema.graphql")).expect("a schema");
        let mut schema = Self { inputs: BTreeMap::new(), enums: BTreeMap::new() };
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::InputObject(input) => {
                    let fields = input.fields.into_iter().map(|field| field.node);
                    let fields = fields.map(|field| (field.name.to_string(), field.ty.to_string()));
                    schema.inputs.insert(name, fields.collect());
                }
                TypeKind::Enum(values) => {
                    let values = values.values.into_iter().map(|value| value.node.value.to_string());
                    schema.enums.insert(name, values.collect());
                }
                _ => {}
            }
        }
        schema
    }
}

/// Makes filters, and notes what it has used.
pub(super) struct Trees<'a> {
    schema: &'a Schema,
    model: &'a Model,
    chance: &'a mut Chance,
    /// The fields of inputs that were used, as `PartnerFilter.name`.
    used: BTreeSet<String>,
    comparisons: usize,
}

/// How many comparisons a filter may make, less one that a test may add.
const MAX_COMPARISONS: usize = 49;

impl<'a> Trees<'a> {
    pub(super) fn new(schema: &'a Schema, model: &'a Model, chance: &'a mut Chance) -> Self {
        Self { schema, model, chance, used: BTreeSet::new(), comparisons: 0 }
    }

    /// A filter of this type, at most five deep.
    pub(super) fn filter(&mut self, kind: &str) -> Value {
        loop {
            self.comparisons = 0;
            let depth = 1 + self.chance.below(5);
            let filter = self.tree(&format!("{kind}Filter"), depth);
            if self.comparisons <= MAX_COMPARISONS {
                return filter;
            }
        }
    }

    /// The fields of the type's filter, and those of the filters of its comparators, that were never used.
    pub(super) fn unused(&self, kind: &str) -> Vec<String> {
        let filter = format!("{kind}Filter");
        let comparators = self.fields(&filter).into_iter().map(|(_, of)| of).filter(|of| self.compares(of));
        let inputs = comparators.chain([filter.clone()]);
        let fields = inputs.flat_map(|input| {
            self.fields(&input).into_iter().map(move |(field, _)| format!("{input}.{field}"))
        });
        fields.filter(|field| !self.used.contains(field)).collect()
    }

    fn fields(&self, input: &str) -> Vec<(String, String)> {
        self.schema.inputs.get(input).unwrap_or_else(|| panic!("the schema has no {input}")).clone()
    }

    /// Whether this is an input of comparators.
    fn compares(&self, input: &str) -> bool {
        let fields = self.schema.inputs.get(input);
        fields.is_some_and(|fields| fields.iter().any(|(name, _)| name == "eq"))
    }

    fn tree(&mut self, input: &str, depth: usize) -> Value {
        let kind = input.strip_suffix("Filter").expect("a filter");
        let nests = |of: &str| of == input || of == format!("[{input}!]") || self.relates(of);
        let (deeper, flat): (Vec<_>, Vec<_>) = self.fields(input).into_iter().partition(|(_, of)| nests(of));
        let mut conditions = Map::new();
        let wide = 1 + self.chance.below(2);
        let narrow = if depth > 1 { self.chance.below(2) } else { wide };
        let flat = self.chance.several(&flat, narrow);
        let deeper = if depth > 1 { self.chance.several(&deeper, wide) } else { Vec::new() };
        for (name, of) in flat.into_iter().chain(deeper) {
            self.used.insert(format!("{input}.{name}"));
            let condition = self.condition(kind, &name, &of, depth);
            conditions.insert(name, condition);
        }
        Value::Object(conditions)
    }

    /// Whether this is the filter of other rows, or of one of a list of them.
    fn relates(&self, of: &str) -> bool {
        let fields = self.schema.inputs.get(of);
        fields.is_some_and(|fields| fields.iter().any(|(name, _)| name == "and" || name == "some"))
    }

    fn condition(&mut self, kind: &str, field: &str, of: &str, depth: usize) -> Value {
        if of == "[CustomFieldValueFilter!]" {
            let count = 1 + self.chance.below(2);
            return (0..count).map(|_| self.of_custom_field()).collect();
        }
        if let Some(items) = of.strip_prefix('[').and_then(|of| of.strip_suffix("!]")) {
            let count = 1 + self.chance.below(3);
            return (0..count).map(|_| self.tree(items, depth - 1)).collect();
        }
        match of {
            of if of.ends_with("ListFilter") => self.quantified(of, depth),
            of if self.compares(of) => self.comparisons(kind, field, of),
            of if self.relates(of) => self.tree(of, depth - 1),
            of => {
                self.comparisons += 1;
                self.operand(kind, field, of)
            }
        }
    }

    /// A condition on any of the custom fields.
    fn of_custom_field(&mut self) -> Value {
        let fields: Vec<_> = self.model.of_kind("CustomField").collect();
        let field = self.chance.pick(&fields);
        let field_type = FieldType::iter().find(|it| json!(it) == *field.value("fieldType"));
        let (condition, count) = custom::condition(self.chance, &field.id, field_type.expect("a type"));
        self.comparisons += count;
        condition
    }

    /// Some or none of the related rows, or both.
    fn quantified(&mut self, input: &str, depth: usize) -> Value {
        let wide = 1 + self.chance.below(2);
        let fields = self.chance.several(&self.fields(input), wide);
        fields.into_iter().map(|(name, of)| (name, self.tree(&of, depth - 1))).collect::<Map<_, _>>().into()
    }

    fn comparisons(&mut self, kind: &str, field: &str, input: &str) -> Value {
        let wide = if self.chance.one_in(4) { 2 } else { 1 };
        let mut comparisons = Map::new();
        for (comparator, of) in self.chance.several(&self.fields(input), wide) {
            self.used.insert(format!("{input}.{comparator}"));
            self.comparisons += 1;
            let operand = match of.strip_prefix('[').and_then(|of| of.strip_suffix("!]")) {
                Some(of) => {
                    let count = 1 + self.chance.below(4);
                    (0..count).map(|_| self.operand(kind, field, of)).collect()
                }
                None => self.operand(kind, field, &of),
            };
            let operand = if comparator == "contains" { self.part(&operand) } else { operand };
            let operand = if comparator == "startsWith" { self.start(&operand) } else { operand };
            comparisons.insert(comparator, operand);
        }
        Value::Object(comparisons)
    }

    /// A value to compare with: often one that a row has.
    fn operand(&mut self, kind: &str, field: &str, of: &str) -> Value {
        match of {
            "Boolean" => json!(self.chance.one_in(2)),
            "DateTime" => self.time(),
            "ID" if self.chance.one_in(6) => json!(self.chance.pick(&["", "7", "ptn_", "oc_x", "Ümläut"])),
            "String" if field == "search" => self.query(),
            "String" if self.chance.one_in(3) => json!(self.chance.pick(&TEXTS)),
            "ID" | "String" => {
                // Contacts of all kinds are filtered by what belongs to some of them only.
                let (kind, field) = match (kind, field) {
                    ("Contact", "partnerId") => ("Partner", "id"),
                    ("Contact", "accountId") => ("Account", "id"),
                    other => other,
                };
                let rows: Vec<_> = self.model.of_kind(kind).collect();
                let value = self.chance.pick(&rows).value(field).clone();
                if value.is_null() { json!("none") } else { value }
            }
            of => json!(self.chance.pick(&self.schema.enums[of])),
        }
    }

    /// Sometimes in another zone, sometimes finer than databases keep it.
    fn time(&mut self) -> Value {
        let time = time(*self.chance.pick(&MICROS));
        let zone = chrono::FixedOffset::east_opt(7200).expect("a zone");
        match self.chance.below(4) {
            0 => json!(time.with_timezone(&zone).to_rfc3339()),
            1 => json!((time + chrono::TimeDelta::nanoseconds(1)).to_rfc3339()),
            _ => json!(time.to_rfc3339()),
        }
    }

    fn query(&mut self) -> Value {
        let count = 1 + self.chance.below(2);
        let words = self.chance.several(&WORDS, count);
        let words: Vec<String> = words.iter().map(|word| self.beginning(word).to_uppercase()).collect();
        json!(self.chance.pick(&[words.join(" "), words.join(", "), " ".to_owned(), "!?".to_owned()]))
    }

    fn beginning(&mut self, text: &str) -> String {
        let length = text.chars().count();
        text.chars().take(1 + self.chance.below(length.max(1))).collect()
    }

    fn start(&mut self, text: &Value) -> Value {
        json!(self.beginning(text.as_str().expect("a text")))
    }

    fn part(&mut self, text: &Value) -> Value {
        let text: Vec<char> = text.as_str().expect("a text").chars().collect();
        let start = self.chance.below(text.len() + 1);
        let length = self.chance.below(4);
        json!(text.into_iter().skip(start).take(length).collect::<String>())
    }
}
