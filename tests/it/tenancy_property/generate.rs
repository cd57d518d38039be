//! Random operations from the schema: fields, arguments and inputs of every type, with values that all organizations know.

use serde_json::{Map, Value, json};

use super::{
    pool::{Known, PREFIXES, Pair, nobodys},
    schema::{Field, Input, Ref, Schema},
};
use crate::support::Chance;

/// Texts that both organizations use, so that they meet in every key.
const NAMES: [&str; 8] = ["Ada", "Grace", "Globex", "Initech", "Zoë Ärmel", "Vandelay", "x", " "];
const EMAILS: [&str; 7] = [
    "ada@example.com",
    "ADA@example.com",
    "grace@example.com",
    "alan@example.com",
    "barbara@example.com",
    "ken@example.com",
    "no email",
];
const PHONES: [&str; 4] = ["+49 30 901820", "+12025550123", "030 901820", "12"];
const WORDS: [&str; 6] = ["ada", "exam", "glob", "zoe", "zzz", ""];
const URLS: [&str; 3] = ["https://example.com/a.png", "http://example.com", "ftp://example.com"];
/// Far from now: the two worlds do the same at different times.
const TIMES: [&str; 3] = ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "yesterday"];

/// How deep inputs go.
const DEPTH: usize = 3;

/// One operation, for each of the two worlds.
pub(super) struct Operation {
    pub(super) root: Vec<String>,
    pub(super) document: String,
    pub(super) crowded: Value,
    pub(super) alone: Value,
    /// The ids of others that it names, each with what stands in its place.
    pub(super) sent: Vec<Pair>,
    /// It names positions among the rows of others, which mean nothing where there are none.
    pub(super) has_foreign_cursor: bool,
}

pub(super) struct Generator<'a> {
    pub(super) schema: &'a Schema,
    pub(super) chance: &'a mut Chance,
    /// The organization of the caller, and the other one.
    pub(super) own: &'a Known,
    pub(super) others: &'a Known,
    variables: Vec<String>,
    crowded: Map<String, Value>,
    alone: Map<String, Value>,
    sent: Vec<Pair>,
    has_foreign_cursor: bool,
    aliases: usize,
    is_mutation: bool,
}

impl<'a> Generator<'a> {
    pub(super) fn new(schema: &'a Schema, chance: &'a mut Chance, own: &'a Known, others: &'a Known) -> Self {
        Self {
            schema,
            chance,
            own,
            others,
            variables: Vec::new(),
            crowded: Map::new(),
            alone: Map::new(),
            sent: Vec::new(),
            has_foreign_cursor: false,
            aliases: 0,
            is_mutation: false,
        }
    }

    pub(super) fn operation(mut self) -> Operation {
        let is_mutation = self.chance.below(5) < 2;
        self.is_mutation = is_mutation;
        let schema = self.schema;
        let fields = &schema.get(if is_mutation { "Mutation" } else { "Query" }).fields;
        let fields: Vec<&Field> = fields.iter().filter(|field| !field.name.starts_with('_')).collect();
        let count = if is_mutation { 1 } else { 1 + self.chance.below(2) };
        let chosen: Vec<&Field> = (0..count).map(|_| *self.chance.pick(&fields)).collect();
        let depth = *self.chance.pick(&[0, 0, 1, 1, 1, 2]);
        let body: Vec<String> = chosen.iter().map(|field| self.field(field, depth)).collect();
        let variables = if self.variables.is_empty() {
            String::new()
        } else {
            format!("({})", self.variables.join(", "))
        };
        let kind = if is_mutation { "mutation" } else { "query" };
        Operation {
            root: chosen.iter().map(|field| field.name.clone()).collect(),
            document: format!("{kind}{variables} {{ {} }}", body.join(" ")),
            crowded: Value::Object(self.crowded),
            alone: Value::Object(self.alone),
            sent: self.sent,
            has_foreign_cursor: self.has_foreign_cursor,
        }
    }

    fn field(&mut self, field: &Field, depth: usize) -> String {
        self.aliases += 1;
        let alias = format!("{}_{}", field.name, self.aliases);
        let arguments: Vec<String> =
            self.chosen(&field.args).into_iter().map(|input| self.argument(field, input)).collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let selection = self.selection(field.r#type.name(), depth);
        format!("{alias}: {}{arguments}{selection}", field.name)
    }

    /// The arguments that are given: what is required, and a window in one direction, most of the time.
    fn chosen<'i>(&mut self, inputs: &'i [Input]) -> Vec<&'i Input> {
        let away: &[&str] = match self.chance.below(20) {
            0 => &[],
            1..=6 => &["first", "after"],
            _ => &["last", "before"],
        };
        let mut chosen: Vec<&Input> = Vec::new();
        for input in inputs {
            let required = matches!(input.r#type, Ref::Required(_));
            if required || (!away.contains(&input.name.as_str()) && self.chance.below(5) < 2) {
                chosen.push(input);
            }
        }
        chosen
    }

    fn argument(&mut self, field: &Field, input: &Input) -> String {
        let is_window = matches!(input.name.as_str(), "after" | "before");
        let around = if is_window { field.r#type.name() } else { &field.name };
        let (crowded, alone) = self.value(&input.r#type, around, &input.name, DEPTH);
        let name = format!("v{}", self.variables.len());
        self.variables.push(format!("${name}: {}", input.r#type));
        self.crowded.insert(name.clone(), crowded);
        self.alone.insert(name.clone(), alone);
        format!("{}: ${name}", input.name)
    }

    /// What is selected of a type; nothing of a scalar.
    fn selection(&mut self, name: &str, depth: usize) -> String {
        let schema = self.schema;
        let r#type = schema.get(name);
        if !matches!(r#type.kind.as_str(), "OBJECT" | "INTERFACE" | "UNION") {
            return String::new();
        }
        let is_leaf =
            |field: &&Field| matches!(schema.get(field.r#type.name()).kind.as_str(), "SCALAR" | "ENUM");
        let (leaves, nodes): (Vec<&Field>, Vec<&Field>) = r#type.fields.iter().partition(is_leaf);
        let mut parts = vec!["__typename".to_owned()];
        parts.extend(leaves.iter().filter(|field| field.name == "id").map(|field| field.name.clone()));
        for field in self.chance.several(&leaves, 3) {
            parts.push(self.field(field, depth));
        }
        let is_connection =
            name.ends_with("Connection") || name.ends_with("Edge") || name.ends_with("Payload");
        if depth > 0 || is_connection {
            let count = 1 + self.chance.below(2);
            for field in self.chance.several(&nodes, count) {
                parts.push(self.field(field, if is_connection { depth } else { depth - 1 }));
            }
            for possible in self.chance.several(&r#type.possible, 1) {
                if possible != name && depth > 0 {
                    parts.push(format!("... on {possible}{}", self.selection(&possible, depth - 1)));
                }
            }
        }
        format!(" {{ {} }}", parts.join(" "))
    }

    /// A value of a type, for either world. `around` is what it belongs to and `name` what it is called.
    fn value(&mut self, r#type: &Ref, around: &str, name: &str, depth: usize) -> (Value, Value) {
        match r#type {
            Ref::Required(inner) => self.value(inner, around, name, depth),
            Ref::List(inner) => {
                let values = (0..self.chance.below(3) + usize::from(name != "ids"))
                    .map(|_| self.value(inner, around, name, depth));
                let (crowded, alone): (Vec<Value>, Vec<Value>) = values.unzip();
                (crowded.into(), alone.into())
            }
            Ref::Named(_) if self.chance.one_in(40) => (Value::Null, Value::Null),
            Ref::Named(inner) => self.named(inner, around, name, depth),
        }
    }

    fn named(&mut self, r#type: &str, around: &str, name: &str, depth: usize) -> (Value, Value) {
        let schema = self.schema;
        let known = schema.get(r#type);
        match known.kind.as_str() {
            "ENUM" => both(json!(self.chance.pick(&known.values))),
            "INPUT_OBJECT" => self.object(r#type, &known.inputs, around, name, depth),
            _ => match r#type {
                "ID" => self.id(around, name),
                "Int" => both(json!(1 + self.chance.below(6))),
                "Boolean" => both(json!(self.chance.one_in(2))),
                "DateTime" => both(json!(self.chance.pick(&TIMES))),
                "JSON" if name == "metadata" => both(json!({ "floor": self.chance.below(4) })),
                "JSON" => {
                    let values = [json!("Ada"), json!(3), json!(true), json!("2024-02-29"), json!(["a"])];
                    both(self.chance.pick(&values).clone())
                }
                _ => self.text(r#type, around, name),
            },
        }
    }

    fn object(
        &mut self,
        r#type: &str,
        inputs: &[Input],
        around: &str,
        name: &str,
        depth: usize,
    ) -> (Value, Value) {
        // Ids are random texts: what is compared with a part of one says nothing.
        if name == "entityId" {
            let (crowded, alone) = self.id(around, "");
            return (json!({ "eq": crowded }), json!({ "eq": alone }));
        }
        let (mut crowded, mut alone) = (Map::new(), Map::new());
        let is_comparison = r#type.ends_with("Filter") || r#type.ends_with("Order");
        let around =
            if is_comparison && !name.is_empty() && r#type.ends_with("IDFilter") { name } else { r#type };
        let optional: Vec<&Input> =
            inputs.iter().filter(|input| !matches!(input.r#type, Ref::Required(_))).collect();
        let count = if is_comparison { 1 + self.chance.below(2) } else { 1 + self.chance.below(4) };
        let mut chosen: Vec<&Input> =
            inputs.iter().filter(|input| matches!(input.r#type, Ref::Required(_))).collect();
        chosen.extend(self.chance.several(&optional, count));
        for input in chosen {
            let is_deep = self.schema.get(input.r#type.name()).kind == "INPUT_OBJECT";
            if is_deep && depth == 0 {
                continue;
            }
            let (one, other) = self.value(&input.r#type, around, &input.name, depth.saturating_sub(1));
            crowded.insert(input.name.clone(), one);
            alone.insert(input.name.clone(), other);
        }
        (crowded.into(), alone.into())
    }

    /// An own id, one of the other organization, an unknown one, or none; mostly of the right kind.
    fn id(&mut self, around: &str, name: &str) -> (Value, Value) {
        let prefix =
            if self.chance.one_in(8) { *self.chance.pick(&PREFIXES) } else { self.fitting(around, name) };
        let choice = self.chance.below(20);
        let pair = match choice {
            0..=12 => self.recent(self.own.ids(prefix)),
            13..=17 => {
                self.recent(self.others.ids(prefix)).map(|(foreign, _)| self.strangers(foreign, prefix))
            }
            _ => None,
        };
        let (crowded, alone) = pair.unwrap_or_else(|| {
            let id = if choice == 19 {
                self.chance.pick(&["", "ptn_", "partner", "42"]).to_string()
            } else {
                nobodys(prefix)
            };
            (id.clone(), id)
        });
        (crowded.into(), alone.into())
    }

    /// An id of another organization, and the unknown id that replaces it: the same each time.
    fn strangers(&mut self, foreign: String, prefix: &str) -> Pair {
        if let Some(named) = self.sent.iter().find(|(crowded, _)| *crowded == foreign) {
            return named.clone();
        }
        let pair = (foreign, nobodys(prefix));
        self.sent.push(pair.clone());
        pair
    }

    fn recent(&mut self, pairs: &[Pair]) -> Option<Pair> {
        let recent = &pairs[pairs.len().saturating_sub(40)..];
        (!recent.is_empty()).then(|| self.chance.pick(recent).clone())
    }

    fn fitting(&mut self, around: &str, name: &str) -> &'static str {
        let kinds = [
            ("assignment", "ica"),
            ("internalcontact", "ic"),
            ("accountcontact", "ac"),
            ("organizationcontact", "oc"),
            ("contacttype", "ct"),
            ("replacement", "ct"),
            ("customfield", "cf"),
            ("partner", "ptn"),
            ("account", "acc"),
            ("organization", "org"),
        ];
        let kind_of = |text: &str| {
            let text = text.to_ascii_lowercase();
            kinds.iter().find(|(kind, _)| text.contains(kind)).map(|(_, prefix)| *prefix)
        };
        kind_of(name)
            .or_else(|| kind_of(around))
            .unwrap_or_else(|| *self.chance.pick(&["ic", "ac", "oc", "ptn", "acc"]))
    }

    fn text(&mut self, r#type: &str, around: &str, name: &str) -> (Value, Value) {
        let context = format!("{around} {name}").to_ascii_lowercase();
        let text = match name {
            "after" | "before" => return self.cursor(around),
            "remoteId" => format!("r-{}", self.chance.below(6)),
            // Unique over all organizations: only who creates organizations learns that one is taken.
            "externalId" => format!("x-{}", self.chance.below(1 << 40)),
            "idempotencyKey" => format!("k-{}", self.chance.below(60)),
            "key" => format!("field_{}", self.chance.below(6)),
            "search" => (*self.chance.pick(&WORDS)).to_owned(),
            _ if r#type == "EmailAddress" || context.contains("email") => {
                (*self.chance.pick(&EMAILS)).to_owned()
            }
            _ if r#type == "PhoneNumber" || context.contains("phone") || context.contains("mobile") => {
                (*self.chance.pick(&PHONES)).to_owned()
            }
            _ if r#type == "URL" || context.contains("url") => (*self.chance.pick(&URLS)).to_owned(),
            _ if context.contains("domain") => "example.com".to_owned(),
            _ => (*self.chance.pick(&NAMES)).to_owned(),
        };
        both(text.into())
    }

    /// A position in a list of this type, one's own or a stranger's.
    fn cursor(&mut self, connection: &str) -> (Value, Value) {
        let edge = connection.replace("Connection", "Edge");
        let edge = if self.chance.one_in(10) { "PageInfo" } else { &edge };
        // What changes something must be done in both worlds.
        if !self.is_mutation
            && self.chance.one_in(6)
            && let Some((cursor, _)) = self.recent(self.others.cursors(edge))
        {
            self.has_foreign_cursor = true;
            return both(cursor.into());
        }
        match self.recent(self.own.cursors(edge)) {
            Some((crowded, alone)) => (crowded.into(), alone.into()),
            None => both(Value::Null),
        }
    }
}

fn both(value: Value) -> (Value, Value) {
    (value.clone(), value)
}
