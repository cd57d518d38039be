//! What a request costs, in points, from its document and its variables alone: before anything of it is executed.
//!
//! A point is a value that the answer may hold, or 4 µs of the database's work. What stands in a list counts as often as
//! the list may be long, which is the page's size for a connection; the work for a list of each of many rows is done for
//! all of them at once. docs/limits.md has the rules; `check` of the guard comes first and bounds the work.

mod work;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use async_graphql::{
    Name, Positioned, Value as ConstValue, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
        VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    DocumentError, HIDDEN, Reason,
    guard::{BYTES_PER_VALUE, is_introspection},
};
use crate::{
    error::Code,
    graphql::schema_index::SchemaIndex,
    service::{
        page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
        work::WRITTEN_ROW,
    },
};

/// What a field costs that takes a statement of its own: a connection, a count, a mutation.
const STATEMENT: u64 = 10;
/// How many values of arguments cost a point.
const VALUES_PER_POINT: u64 = 10;
/// More items than this are not counted: no limit allows them.
const MOST_ITEMS: u64 = 1_000_000;
/// The assumed length of a list that is no page and whose length no argument limits.
const LIST: u64 = 10;
/// What the values cost that may have more than a KiB, by type and field: a point for each 4 KiB. `Change.fields` has no limit
/// of its own; most have far less than 8 KiB.
const LONG_VALUES: [(&str, &str, u64); 5] = [
    ("AccountContact", "metadata", 4),
    ("CustomFieldValue", "value", 16),
    ("CustomFieldValue", "displayValue", 16),
    ("CustomField", "options", 64),
    ("Change", "fields", 2),
];
/// What each selection below `__schema` and `__type` costs. Most stand there in lists whose lengths only the schema knows.
const INTROSPECTION: u64 = 50;

/// What an operation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// All of it, in points.
    pub points: u64,
    /// How many values the arguments have, each as often as its field can occur.
    pub argument_values: usize,
}

/// What an operation costs with these variables, unless that is more than `limit`. Fragments count for every type that
/// they may apply to.
pub fn cost(
    index: &SchemaIndex,
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    variables: &Variables,
    limit: u64,
) -> Result<Cost, DocumentError> {
    let definitions = &operation.node.variable_definitions;
    let mut costs = Costs {
        index,
        document,
        variables: definitions
            .iter()
            .map(|it| (it.node.name.node.as_str(), variable_value(&it.node, variables)))
            .collect(),
        sizes: HashMap::new(),
        fragments: HashMap::new(),
        conditions: Cell::new(0),
        searches: RefCell::default(),
    };
    let root = match operation.node.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let total = costs.set(&operation.node.selection_set.node, Some(root));
    let points = total.total();
    if points > limit {
        let cost = if points == u64::MAX { format!("more than {limit}") } else { points.to_string() };
        let message = format!("The request costs {cost} points; at most {limit} are allowed.");
        return Err(DocumentError::at(Code::QueryTooComplex, Reason::Cost, message, operation.pos));
    }
    Ok(Cost { points, argument_values: usize::try_from(total.values.times(1)).unwrap_or(usize::MAX) })
}

/// The value that a variable has.
fn variable_value<'a>(
    definition: &'a VariableDefinition,
    variables: &'a Variables,
) -> Option<&'a ConstValue> {
    variables.get(&definition.name.node).or(definition.default_value.as_ref().map(|value| &value.node))
}

/// What occurs once, and what occurs for each row of the page, or of the input, that the field around the set is about.
#[derive(Clone, Copy, Default)]
struct Occurrences {
    once: u64,
    per_row: u64,
}

impl Occurrences {
    fn add(&mut self, other: Self) {
        self.once = self.once.saturating_add(other.once);
        self.per_row = self.per_row.saturating_add(other.per_row);
    }

    /// How much it is when there are so many rows.
    fn times(self, rows: u64) -> u64 {
        self.once.saturating_add(self.per_row.saturating_mul(rows))
    }
}

/// What a selection set costs.
#[derive(Clone, Copy, Default)]
struct Points {
    /// What is answered.
    answers: Occurrences,
    /// The values of arguments.
    values: Occurrences,
    /// What the database does for all rows around the set at once.
    work: u64,
    /// Whether the list that the set is of is counted.
    is_counted: bool,
}

impl Points {
    fn once(points: u64) -> Self {
        Self { answers: Occurrences { once: points, per_row: 0 }, ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.answers.add(other.answers);
        self.values.add(other.values);
        self.work = self.work.saturating_add(other.work);
        self.is_counted |= other.is_counted;
    }

    fn total(self) -> u64 {
        self.answers.times(1).saturating_add(self.work)
    }
}

struct Costs<'a> {
    index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    variables: HashMap<&'a str, Option<&'a ConstValue>>,
    /// How many values the variables hold, of those that were asked for.
    sizes: HashMap<&'a str, u64>,
    fragments: HashMap<&'a str, Points>,
    /// How many conditions of filters were counted.
    conditions: Cell<u64>,
    /// The points of searches, by the address of their text.
    searches: RefCell<HashMap<*const u8, u64>>,
}

impl<'a> Costs<'a> {
    fn set(&mut self, set: &'a SelectionSet, on: Option<&'a str>) -> Points {
        let mut points = Points::default();
        for selection in &set.items {
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            points.add(match &selection.node {
                Selection::Field(field) => self.field(field, on),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| Some(condition.node.on.node.as_str()));
                    self.set(&fragment.node.selection_set.node, on)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            });
        }
        points
    }

    fn fragment(&mut self, name: &'a Name) -> Points {
        if let Some(points) = self.fragments.get(name.as_str()) {
            return *points;
        }
        let Some(fragment) = self.document.fragments.get(name.as_str()) else { return Points::default() };
        let on = fragment.node.type_condition.node.on.node.as_str();
        let points = self.set(&fragment.node.selection_set.node, Some(on));
        self.fragments.insert(name.as_str(), points);
        points
    }

    fn field(&mut self, field: &'a Positioned<Field>, on: Option<&'a str>) -> Points {
        let field = &field.node;
        let name = field.name.node.as_str();
        if field.response_key().node == HIDDEN {
            return Points::default();
        }
        if is_introspection(name) {
            let below = self.set(&field.selection_set.node, None).answers.once;
            return Points::once(below.saturating_mul(INTROSPECTION).saturating_add(1));
        }
        let known = on.and_then(|on| self.index.field(on, name));
        let below = self.set(&field.selection_set.node, known.map(|known| known.name));
        let mutation = on == Some("Mutation") && name != "__typename";
        let in_page = on.is_some_and(|on| self.index.is_connection(on));
        let is_page = known.is_some_and(|known| self.index.is_connection(known.name));
        let is_count = in_page && name == "totalCount";
        let statement = is_page || mutation || is_count;
        let value = if statement { STATEMENT } else { on.map_or(1, |on| value_points(on, name)) };
        let values = self.values(field);
        let itself = (values / VALUES_PER_POINT) + value;
        let is_list = known.is_some_and(|known| known.is_list);
        let is_result = name == "results" && on.is_some_and(|on| on.ends_with("Payload"));
        if is_list && (in_page || is_result) {
            let answers = Occurrences { once: itself, per_row: below.answers.once.saturating_add(1) };
            let values = Occurrences { once: values, per_row: below.values.once };
            return Points { answers, values, ..below };
        }
        let times = |below: Occurrences| match () {
            () if is_page => below.times(self.page(field)),
            () if mutation => below.times(self.input_rows(field)),
            () if is_list => below.once.saturating_mul(self.asked_for(field).unwrap_or(LIST)),
            () => below.times(1),
        };
        let written = if mutation { WRITTEN_ROW.saturating_mul(self.written_items(field)) } else { 0 };
        let (answers, values_below) = (times(below.answers).saturating_add(written), times(below.values));
        let is_child = !matches!(on, Some("Query" | "Organization"));
        let list = known
            .filter(|_| is_page)
            .map_or(0, |known| self.list_work(field, known.name, is_child, below.is_counted));
        // The lists of an organization are read wherever the organization stands, not once for all of them.
        let (each, at_once) = if on == Some("Organization") { (list, 0) } else { (0, list) };
        let once = answers.saturating_add(itself).saturating_add(each);
        Points {
            answers: Occurrences { once, per_row: 0 },
            values: Occurrences { once: values.saturating_add(values_below), per_row: 0 },
            work: below.work.saturating_add(at_once),
            is_counted: is_count,
        }
    }

    /// How many rows a page may have. What is not a size is refused by the field itself.
    fn page(&self, field: &'a Field) -> u64 {
        let sizes = ["first", "last"].map(|name| self.argument(field, name).and_then(ArgumentValue::number));
        let size = sizes.into_iter().flatten().max().unwrap_or(u64::from(DEFAULT_PAGE_SIZE));
        size.min(u64::from(MAX_PAGE_SIZE))
    }

    /// How many rows a mutation is given, which answers for each of them.
    fn input_rows(&self, field: &'a Field) -> u64 {
        let rows = self.argument(field, "input").and_then(|input| self.resolved(input.field("rows")?));
        rows.and_then(ArgumentValue::length).unwrap_or(1)
    }

    /// How many rows, links and values a mutation is given in the lists of its input and of its rows.
    fn written_items(&self, field: &'a Field) -> u64 {
        let Some(input) = self.argument(field, "input") else { return 0 };
        let mut count: u64 = 0;
        for item in self.lists(input).flat_map(ArgumentValue::items) {
            let within =
                self.resolved(item).map_or(0, |row| self.lists(row).filter_map(ArgumentValue::length).sum());
            count = count.saturating_add(1).saturating_add(within);
            if count > MOST_ITEMS {
                break;
            }
        }
        count
    }

    /// The lists among the fields of an input.
    fn lists(&self, input: ArgumentValue<'a>) -> impl Iterator<Item = ArgumentValue<'a>> {
        let values = input.entries().into_iter().filter_map(|(_, value)| self.resolved(value));
        values.filter(|value| value.length().is_some())
    }

    /// How many objects a list was asked for one by one.
    fn asked_for(&self, field: &'a Field) -> Option<u64> {
        ["ids", "representations"].into_iter().find_map(|name| self.argument(field, name)?.length())
    }

    fn argument(&self, field: &'a Field, name: &str) -> Option<ArgumentValue<'a>> {
        self.resolved(ArgumentValue::Written(&field.get_argument(name)?.node))
    }

    /// The value of a variable in its place.
    fn resolved(&self, value: ArgumentValue<'a>) -> Option<ArgumentValue<'a>> {
        match value {
            ArgumentValue::Written(Value::Variable(name)) => {
                self.variables.get(name.as_str()).copied().flatten().map(ArgumentValue::Constant)
            }
            value => Some(value),
        }
    }

    /// How many values the arguments of a field hold.
    fn values(&mut self, field: &'a Field) -> u64 {
        field.arguments.iter().map(|(_, value)| self.written(&value.node)).fold(0, u64::saturating_add)
    }

    fn written(&mut self, value: &'a Value) -> u64 {
        match value {
            Value::Variable(name) => self.variable(name.as_str()),
            Value::String(text) => text_values(text),
            Value::List(items) => items.iter().map(|item| self.written(item)).fold(1, u64::saturating_add),
            Value::Object(fields) => {
                fields.values().map(|item| self.written(item)).fold(1, u64::saturating_add)
            }
            _ => 1,
        }
    }

    fn variable(&mut self, name: &'a str) -> u64 {
        let value = self.variables.get(name).copied().flatten();
        *self.sizes.entry(name).or_insert_with(|| value.map_or(1, constant_values))
    }

    /// Whether `@skip` or `@include` leaves a selection out.
    fn is_left_out(&self, directives: &'a [Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition =
                directive.node.get_argument("if").map(|value| ArgumentValue::Written(&value.node));
            let condition = condition.and_then(|condition| self.resolved(condition)?.boolean());
            match directive.node.name.node.as_str() {
                "skip" => condition == Some(true),
                "include" => condition == Some(false),
                _ => false,
            }
        })
    }
}

/// What a value costs.
fn value_points(on: &str, name: &str) -> u64 {
    let long = LONG_VALUES.iter().find(|(ty, field, _)| *ty == on && *field == name);
    long.map_or(1, |(_, _, points)| *points)
}

/// A value as it stands in the document, or that of a variable.
#[derive(Clone, Copy)]
enum ArgumentValue<'a> {
    Written(&'a Value),
    Constant(&'a ConstValue),
}

impl<'a> ArgumentValue<'a> {
    fn number(self) -> Option<u64> {
        match self {
            Self::Written(Value::Number(number)) | Self::Constant(ConstValue::Number(number)) => {
                number.as_u64()
            }
            _ => None,
        }
    }

    fn boolean(self) -> Option<bool> {
        match self {
            Self::Written(Value::Boolean(value)) | Self::Constant(ConstValue::Boolean(value)) => Some(*value),
            _ => None,
        }
    }

    fn length(self) -> Option<u64> {
        let length = match self {
            Self::Written(Value::List(items)) => items.len(),
            Self::Constant(ConstValue::List(items)) => items.len(),
            _ => return None,
        };
        u64::try_from(length).ok()
    }

    /// How many fields or items it has.
    fn size(self) -> u64 {
        let size = match self {
            Self::Written(Value::Object(fields)) => fields.len(),
            Self::Constant(ConstValue::Object(fields)) => fields.len(),
            list => return list.length().unwrap_or(1),
        };
        size as u64
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Self::Written(Value::String(text)) | Self::Constant(ConstValue::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The fields of an object.
    fn entries(self) -> Vec<(&'a str, Self)> {
        match self {
            Self::Written(Value::Object(fields)) => {
                fields.iter().map(|(name, value)| (name.as_str(), Self::Written(value))).collect()
            }
            Self::Constant(ConstValue::Object(fields)) => {
                fields.iter().map(|(name, value)| (name.as_str(), Self::Constant(value))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The items of a list; one that is no list is the only item of its own.
    fn items(self) -> Vec<Self> {
        match self {
            Self::Written(Value::List(items)) => items.iter().map(Self::Written).collect(),
            Self::Constant(ConstValue::List(items)) => items.iter().map(Self::Constant).collect(),
            item => vec![item],
        }
    }

    fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Written(Value::Object(fields)) => fields.get(name).map(Self::Written),
            Self::Constant(ConstValue::Object(fields)) => fields.get(name).map(Self::Constant),
            _ => None,
        }
    }
}

fn constant_values(value: &ConstValue) -> u64 {
    match value {
        ConstValue::String(text) => text_values(text),
        ConstValue::List(items) => items.iter().map(constant_values).fold(1, u64::saturating_add),
        ConstValue::Object(fields) => fields.values().map(constant_values).fold(1, u64::saturating_add),
        _ => 1,
    }
}

fn text_values(text: &str) -> u64 {
    u64::try_from(1 + text.len() / BYTES_PER_VALUE).unwrap_or(u64::MAX)
}
