//! Random documents of lists from the schema: each with a filter, an order, a total and lists of its rows, which can be
//! changed step by step.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use async_graphql::parser::{
    parse_schema,
    types::{FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition},
};
use contact_gateway::graphql::sdl;
use serde_json::{Map, Value, json};

use crate::support::Chance;

/// What all limits of documents and filters allow at most.
const ROOT_FIELDS: usize = 20;
const ALIASES: usize = 30;
const FILTER_DEPTH: usize = 5;

/// Of words that all, some or no rows have.
const TEXTS: [&str; 8] = ["zz", "a", "e", "example", "account", "ada", "partner 1", ""];
const SEARCHES: [&str; 7] =
    ["a", "e", "zz", "example", "c ac exam", "a b c d e f g h i j k l m n o p", "account 1"];
const TIMES: [&str; 2] = ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];

/// The fields of a type or an input by name, each with its type as it is written.
type Fields = Vec<(String, String)>;

/// What documents are made of.
pub(super) struct Schema {
    /// The lists of each type: their names and the connections.
    lists: BTreeMap<String, Fields>,
    /// The plain fields of each type.
    scalars: BTreeMap<String, Vec<String>>,
    /// What connections list.
    rows: BTreeMap<String, String>,
    arguments: BTreeMap<(String, String), Fields>,
    inputs: BTreeMap<String, Fields>,
    enums: BTreeMap<String, Vec<String>>,
    /// The ids of a text and of an integer field.
    pub(super) custom_fields: [String; 2],
}

impl Schema {
    pub(super) fn read(custom_fields: [String; 2]) -> Self {
        let mut schema = Self {
            lists: BTreeMap::new(),
            scalars: BTreeMap::new(),
            rows: BTreeMap::new(),
            arguments: BTreeMap::new(),
            inputs: BTreeMap::new(),
            enums: BTreeMap::new(),
            custom_fields,
        };
        for definition in parse_schema(sdl()).expect("a schema").definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    schema.add_object(&name, object.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::Interface(interface) => {
                    schema.add_object(&name, interface.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::InputObject(input) => {
                    let fields = input.fields.into_iter().map(|field| typed(field.node)).collect();
                    schema.inputs.insert(name, fields);
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

    fn add_object(&mut self, name: &str, fields: Vec<FieldDefinition>) {
        for field in fields {
            let (field_name, of) = (field.name.node.to_string(), field.ty.node.to_string());
            let plain = of.trim_end_matches('!');
            if field_name == "nodes" && name.ends_with("Connection") {
                self.rows.insert(name.to_owned(), plain.trim_matches(['[', ']', '!']).to_owned());
            } else if plain.ends_with("Connection") {
                let arguments = field.arguments.into_iter().map(|argument| typed(argument.node)).collect();
                self.arguments.insert((name.to_owned(), field_name.clone()), arguments);
                self.lists.entry(name.to_owned()).or_default().push((field_name, plain.to_owned()));
            } else if ["ID", "String", "DateTime", "Int", "JSON", "EmailAddress"].contains(&plain) {
                self.scalars.entry(name.to_owned()).or_default().push(field_name);
            }
        }
    }

    fn fields(&self, input: &str) -> Fields {
        self.inputs.get(input).cloned().unwrap_or_default()
    }

    fn has(&self, input: &str, field: &str) -> bool {
        self.inputs.get(input).is_some_and(|fields| fields.iter().any(|(name, _)| name == field))
    }
}

fn typed(input: InputValueDefinition) -> (String, String) {
    (input.name.node.to_string(), input.ty.node.to_string())
}

/// A list and what is selected of it.
#[derive(Clone)]
pub(super) struct List {
    field: String,
    /// The type of the rows.
    row: String,
    arguments: Fields,
    first: u32,
    filter: Option<Value>,
    order: Vec<Value>,
    is_counted: bool,
    scalars: usize,
    below: Vec<List>,
}

/// A document with its variables.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) variables: Value,
}

/// As many of these lists as a document may have, as aliases.
pub(super) fn document(schema: &Schema, lists: &[List]) -> Document {
    let mut writer = Writer { schema, aliases: 0, definitions: Vec::new(), variables: Map::new() };
    let mut body = String::new();
    for list in lists.iter().take(ROOT_FIELDS) {
        if writer.aliases + list.size() <= ALIASES {
            writer.list(list, &mut body).expect("a text");
        }
    }
    let definitions = writer.definitions.join(", ");
    let definitions = if definitions.is_empty() { definitions } else { format!("({definitions})") };
    Document { text: format!("query{definitions} {{ {body}}}"), variables: Value::Object(writer.variables) }
}

struct Writer<'a> {
    schema: &'a Schema,
    aliases: usize,
    definitions: Vec<String>,
    variables: Map<String, Value>,
}

impl Writer<'_> {
    fn list(&mut self, list: &List, to: &mut String) -> fmt::Result {
        self.aliases += 1;
        write!(to, "a{}: {}(first: {}", self.aliases, list.field, list.first)?;
        for (name, of) in &list.arguments {
            let value = match name.as_str() {
                "filter" => list.filter.clone(),
                "orderBy" if !list.order.is_empty() => Some(json!(list.order)),
                _ => None,
            };
            if let Some(value) = value {
                let variable = format!("v{}", self.variables.len());
                self.definitions.push(format!("${variable}: {of}"));
                write!(to, ", {name}: ${variable}")?;
                self.variables.insert(variable, value);
            }
        }
        write!(to, ") {{ {}nodes {{ __typename ", if list.is_counted { "totalCount " } else { "" })?;
        let scalars = self.schema.scalars.get(&list.row).map(Vec::as_slice).unwrap_or_default();
        for scalar in scalars.iter().take(list.scalars) {
            write!(to, "{scalar} ")?;
        }
        for below in &list.below {
            self.list(below, to)?;
        }
        to.write_str("} } ")
    }
}

impl List {
    /// How many lists it is, with those below it.
    fn size(&self) -> usize {
        1 + self.below.iter().map(Self::size).sum::<usize>()
    }
}

/// Lists that are known to take long: what the search begins with.
pub(super) fn known(schema: &Schema) -> Vec<List> {
    let related = |quantifier: &str, filter: Value, inner: &str| {
        let contacts = json!({ "contacts": { quantifier: { "accounts": { inner: filter } } } });
        json!({ "accounts": { quantifier: contacts } })
    };
    let any = |filter: Value, count: usize| json!({ "or": vec![filter; count] });
    let named = |text: &str| json!({ "name": { "contains": text } });
    let [text, number] = &schema.custom_fields;
    let nested =
        |text: &str| known_list(schema, "Account", "contacts", json!({ "email": { "contains": text } }), &[]);
    let counted = [
        ("accountContacts", related("some", named("zz"), "some"), &[][..]),
        ("accountContacts", related("some", named("Account"), "some"), &[]),
        ("accountContacts", related("none", named("Account"), "none"), &[]),
        ("accountContacts", any(json!({ "accounts": { "some": named("Acc") } }), 4), &["EMAIL"]),
        ("accountContacts", any(json!({ "email": { "contains": "zz", "startsWith": "y" } }), 20), &[]),
        ("contacts", any(json!({ "email": { "contains": "zz" } }), 48), &[]),
        ("contacts", json!({ "search": "a" }), &[]),
        ("accountContacts", json!({ "search": SEARCHES[5] }), &["EMAIL"]),
        ("accountContacts", any(json!({ "search": "e" }), 4), &["DISPLAY_NAME", "CREATED_AT"]),
        (
            "accountContacts",
            json!({ "customFieldValues": [{ "customFieldId": text, "contains": "note" }] }),
            &[],
        ),
        (
            "accountContacts",
            json!({ "customFieldValues": [{ "customFieldId": number, "in": [-1, -2, -3, -4] }] }),
            &[],
        ),
        (
            "accountContacts",
            json!({ "firstName": { "isNull": false } }),
            &["DISPLAY_NAME", "EMAIL", "UPDATED_AT"],
        ),
    ];
    let mut lists: Vec<List> = counted
        .into_iter()
        .flat_map(|(field, filter, order)| {
            let list = known_list(schema, "Query", field, filter, order);
            [List { is_counted: false, ..list.clone() }, list]
        })
        .collect();
    for text in ["zz", "example"] {
        let accounts = known_list(schema, "Query", "accounts", named(""), &[]);
        lists.push(List { first: 100, below: vec![nested(text)], ..accounts });
    }
    lists
}

fn known_list(schema: &Schema, on: &str, field: &str, filter: Value, order: &[&str]) -> List {
    let (_, connection) = schema.lists[on].iter().find(|(name, _)| name == field).expect("a list");
    List {
        field: field.to_owned(),
        row: schema.rows[connection].clone(),
        arguments: schema.arguments[&(on.to_owned(), field.to_owned())].clone(),
        first: 10,
        filter: Some(filter),
        order: order.iter().map(|field| json!({ "field": field })).collect(),
        is_counted: true,
        scalars: 1,
        below: Vec::new(),
    }
}

/// Makes and changes lists.
pub(super) struct Maker<'a> {
    pub(super) schema: &'a Schema,
    pub(super) chance: &'a mut Chance,
}

impl Maker<'_> {
    /// A list of the root.
    pub(super) fn root(&mut self) -> List {
        self.list("Query", 3).expect("a list")
    }

    fn list(&mut self, on: &str, depth: usize) -> Option<List> {
        let (field, connection) = self.chance.pick(self.schema.lists.get(on)?).clone();
        let row = self.schema.rows.get(&connection)?.clone();
        let arguments = self.schema.arguments.get(&(on.to_owned(), field.clone()))?.clone();
        let mut list = List {
            field,
            row,
            arguments,
            first: 1,
            filter: None,
            order: Vec::new(),
            is_counted: self.chance.one_in(2),
            scalars: self.chance.below(8),
            below: Vec::new(),
        };
        list.first = self.size();
        list.filter = self.filter_of(&list);
        list.order = self.order_of(&list);
        if depth > 1 && self.chance.one_in(2) {
            list.below.extend(self.list(&list.row.clone(), depth - 1));
        }
        Some(list)
    }

    fn size(&mut self) -> u32 {
        *self.chance.pick(&[1, 10, 100])
    }

    /// The same list with something changed.
    pub(super) fn changed(&mut self, list: &List) -> List {
        let mut list = list.clone();
        match self.chance.below(8) {
            0 => list.is_counted = !list.is_counted,
            1 => list.first = self.size(),
            2 => list.order = self.order_of(&list),
            3 => list.filter = self.filter_of(&list),
            4 => list.scalars = self.chance.below(12),
            5 => match list.below.pop() {
                Some(below) => list.below.push(self.changed(&below)),
                None => list.below.extend(self.list(&list.row.clone(), 2)),
            },
            _ => {
                let mut filter = list.filter.take();
                let input = argument(&list, "filter").map(str::to_owned);
                if let (Some(filter), Some(input)) = (&mut filter, input) {
                    self.change(filter, &input, FILTER_DEPTH);
                }
                list.filter = filter;
            }
        }
        list
    }

    /// One more condition, or one in place of another.
    fn change(&mut self, filter: &mut Value, input: &str, depth: usize) {
        let fields = self.schema.fields(input);
        let Value::Object(conditions) = filter else { return };
        let deeper = fields
            .iter()
            .find(|(name, _)| conditions.contains_key(name) && ["and", "or"].contains(&name.as_str()));
        if let Some((name, _)) = deeper
            && let Some(Value::Array(branches)) = conditions.get_mut(name)
        {
            let branch = self.chance.below(branches.len());
            if self.chance.one_in(2) {
                let twice = branches[branch].clone();
                branches.push(twice);
            } else {
                self.change(&mut branches[branch], input, depth - 1);
            }
            return;
        }
        let (name, of) = self.chance.pick(&fields).clone();
        if let Some(condition) = self.condition(input, &name, &of, depth) {
            conditions.insert(name, condition);
        }
    }

    fn order_of(&mut self, list: &List) -> Vec<Value> {
        let Some(order) = argument(list, "orderBy") else { return Vec::new() };
        let fields = self.schema.enums.get(&format!("{order}Field")).cloned().unwrap_or_default();
        let count = self.chance.below(4);
        let fields = self.chance.several(&fields, count);
        fields
            .into_iter()
            .map(|field| json!({ "field": field, "direction": self.chance.pick(&["ASC", "DESC"]) }))
            .collect()
    }

    fn filter_of(&mut self, list: &List) -> Option<Value> {
        let input = argument(list, "filter")?.to_owned();
        let depth = 1 + self.chance.below(FILTER_DEPTH);
        (!self.chance.one_in(5)).then(|| self.filter(&input, depth))
    }

    fn filter(&mut self, input: &str, depth: usize) -> Value {
        let count = *self.chance.pick(&[1, 1, 2, 4]);
        let fields = self.chance.several(&self.schema.fields(input), count);
        let conditions = fields
            .into_iter()
            .filter_map(|(name, of)| Some((name.clone(), self.condition(input, &name, &of, depth)?)));
        Value::Object(conditions.collect())
    }

    /// A condition on a field; none where it would nest too deep.
    fn condition(&mut self, input: &str, name: &str, of: &str, depth: usize) -> Option<Value> {
        let plain = of.trim_matches(['[', ']', '!']);
        if of == "[CustomFieldValueFilter!]" {
            let count = *self.chance.pick(&[1, 2, 6]);
            return Some((0..count).map(|_| self.of_custom_field()).collect());
        }
        if of.starts_with('[') {
            let count = *self.chance.pick(&[1, 2, 4, 12]);
            return (depth > 1).then(|| (0..count).map(|_| self.filter(plain, depth - 1)).collect());
        }
        if plain == input || self.schema.has(plain, "and") {
            return (depth > 1).then(|| self.filter(plain, depth - 1));
        }
        if self.schema.has(plain, "some") {
            let quantified = self.schema.fields(plain);
            let (quantifier, filter) = self.chance.pick(&quantified).clone();
            return (depth > 1).then(|| json!({ quantifier: self.filter(&filter, depth - 1) }));
        }
        let comparators = self.schema.fields(plain);
        if comparators.is_empty() {
            return Some(self.operand(name, plain));
        }
        let count = 1 + self.chance.below(3);
        let comparators = self.chance.several(&comparators, count);
        let comparators = comparators.into_iter().map(|(comparator, of)| {
            let item = of.trim_matches(['[', ']', '!']);
            let operand = match of.starts_with('[') {
                true => (0..*self.chance.pick(&[1, 100])).map(|_| self.operand(name, item)).collect(),
                false => self.operand(name, item),
            };
            (comparator, operand)
        });
        Some(Value::Object(comparators.collect()))
    }

    fn operand(&mut self, name: &str, of: &str) -> Value {
        match of {
            "Boolean" => json!(self.chance.one_in(2)),
            "DateTime" => json!(self.chance.pick(&TIMES)),
            "String" if name == "search" => json!(self.chance.pick(&SEARCHES)),
            "ID" => json!(self.schema.custom_fields[0]),
            of => match self.schema.enums.get(of) {
                Some(values) => json!(self.chance.pick(values)),
                None => json!(self.chance.pick(&TEXTS)),
            },
        }
    }

    fn of_custom_field(&mut self) -> Value {
        let [text, number] = &self.schema.custom_fields;
        let many = *self.chance.pick(&[1, 20]);
        match self.chance.below(6) {
            0 => json!({ "customFieldId": text, "contains": self.chance.pick(&["note", "zz", "1"]) }),
            1 => json!({ "customFieldId": text, "startsWith": self.chance.pick(&["note", "zz"]) }),
            2 => json!({ "customFieldId": text, "ne": "note 1", "isNull": false }),
            3 => json!({ "customFieldId": number, "gte": 1, "lt": 1_000_000 }),
            4 => json!({ "customFieldId": number, "in": (0..many).map(|it| json!(-it)).collect::<Value>() }),
            _ => {
                json!({ "customFieldId": text, "in": (0..many).map(|it| json!(format!("x{it}"))).collect::<Value>() })
            }
        }
    }
}

/// The type of an argument without what is around it.
fn argument<'a>(list: &'a List, name: &str) -> Option<&'a str> {
    let of = list.arguments.iter().find(|(argument, _)| argument == name)?;
    Some(of.1.trim_matches(['[', ']', '!']))
}
