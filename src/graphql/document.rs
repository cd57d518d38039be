//! Documents before they are executed: parsed once and kept, and freed of variables that the request left out.

use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::parser::types::Field;
use async_graphql::{
    Name, Number, Pos, Positioned, ServerError, Value as ConstValue, Variables,
    parser::{
        Error, parse_query,
        types::{
            BaseType, Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection,
            SelectionSet, VariableDefinition,
        },
    },
};
use async_graphql_value::Value;
use lru::LruCache;

use crate::error::{AppError, AppResult, Code};

/// How many documents are kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(500).expect("not zero");
/// Documents of more bytes are not kept, so that the kept ones stay within some 20 MB.
const KEPT_BYTES: usize = 4 * 1024;

/// A document, and what can be known of it before it is executed.
pub struct Parsed {
    /// The document.
    pub document: ExecutableDocument,
    /// The names of its fields.
    pub names: Arc<FieldNames>,
}

/// The names of all fields that a document selects, on whatever type, written like columns: `given_name`.
///
/// A column that nobody names need not be read. Names instead of types and paths make that safe by being generous: a
/// row that is read for one place of the document serves every other.
pub struct FieldNames(HashSet<String>);

impl FieldNames {
    fn of(document: &ExecutableDocument) -> Self {
        let mut names = HashSet::new();
        for (_, operation) in document.operations.iter() {
            Self::collect(&operation.node.selection_set.node, &mut names);
        }
        for fragment in document.fragments.values() {
            Self::collect(&fragment.node.selection_set.node, &mut names);
        }
        Self(names)
    }

    fn collect(set: &SelectionSet, names: &mut HashSet<String>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    names.insert(snake_case(&field.node.name.node));
                    Self::collect(&field.node.selection_set.node, names);
                }
                Selection::InlineFragment(it) => Self::collect(&it.node.selection_set.node, names),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// Whether a field of this name is selected anywhere.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The deepest nesting of brackets that a document may have.
const MAX_NESTING: usize = 64;
const TOO_DEEP: &str = "The document is nested too deeply.";

/// The documents that clients sent lately, parsed.
pub struct Documents(Mutex<LruCache<String, Arc<Parsed>>>);

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Documents {
    /// The document that `query` is, or where it stops being one.
    pub fn parse(&self, query: &str) -> Result<Arc<Parsed>, ServerError> {
        if let Some(parsed) = self.kept().get(query) {
            return Ok(Arc::clone(parsed));
        }
        if nesting(query) > MAX_NESTING {
            return Err(ServerError::new(TOO_DEEP, Some(Pos { line: 1, column: 1 })));
        }
        let document = parse_query(query).map_err(|error| syntax_error(&error))?;
        let names = Arc::new(FieldNames::of(&document));
        let parsed = Arc::new(Parsed { document, names });
        if query.len() <= KEPT_BYTES {
            self.kept().put(query.to_owned(), Arc::clone(&parsed));
        }
        Ok(parsed)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<String, Arc<Parsed>>> {
        // A panic between two steps of the cache cannot leave a wrong document in it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How deep brackets of any kind are nested outside of strings and comments.
///
/// The parser calls itself for each level of a value, so a few hundred levels would overflow the stack and end the
/// process. It is asked only when this has counted few.
fn nesting(query: &str) -> usize {
    let (mut rest, mut depth, mut deepest) = (query.as_bytes(), 0_usize, 0);
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(after),
            b'#' => after_line(after),
            _ => after,
        };
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// What follows a string whose first quotation mark was read. One that never ends ends with its line, so that nothing
/// can hide behind it.
fn after_string(text: &[u8]) -> &[u8] {
    if let Some(block) = text.strip_prefix(b"\"\"") {
        return after_block_string(block);
    }
    let mut escaped = false;
    for (position, byte) in text.iter().enumerate() {
        match byte {
            b'\n' | b'\r' => return &text[position..],
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return &text[position + 1..],
            _ => {}
        }
    }
    &[]
}

fn after_block_string(mut text: &[u8]) -> &[u8] {
    while !text.is_empty() {
        if let Some(after) = text.strip_prefix(b"\\\"\"\"") {
            text = after;
        } else if let Some(after) = text.strip_prefix(b"\"\"\"") {
            return after;
        } else {
            text = &text[1..];
        }
    }
    &[]
}

fn after_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    &text[end..]
}

/// The parser's own message quotes the document and its grammar; the place says enough.
fn syntax_error(error: &Error) -> ServerError {
    let message = match error {
        Error::RecursionLimitExceeded => TOO_DEEP,
        _ => "The document is not valid GraphQL here.",
    };
    ServerError::new(message, error.positions().next())
}

/// The operation that a request selects.
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> AppResult<&'a Positioned<OperationDefinition>> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => {
            let message = "The document has several operations; name one in operationName.";
            return Err(AppError::request(Code::BadRequest, message));
        }
    };
    operation.ok_or_else(|| {
        AppError::request(Code::BadRequest, "The document has no operation of the name in operationName.")
    })
}

/// The error of the first variable that does not fit: required and left out or null, or an `Int` beyond 32 bits.
/// async-graphql 7.2 would notice these only while executing, when mutations before it have written.
pub fn misfit_variable(operation: &OperationDefinition, variables: &Variables) -> Option<ServerError> {
    operation.variable_definitions.iter().find_map(|definition| {
        let VariableDefinition { name, var_type, default_value, .. } = &definition.node;
        let message = match variables.get(&name.node) {
            None | Some(ConstValue::Null) if !var_type.node.nullable && default_value.is_none() => {
                format!("The variable ${} is required.", name.node)
            }
            Some(ConstValue::Number(number)) if is_int(&var_type.node.base) && !fits_int(number) => {
                format!("The variable ${} is not an Int: a whole number of 32 bits.", name.node)
            }
            _ => return None,
        };
        Some(ServerError::new(message, Some(definition.pos)))
    })
}

fn is_int(base: &BaseType) -> bool {
    matches!(base, BaseType::Named(name) if name == "Int")
}

fn fits_int(number: &Number) -> bool {
    number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
}

/// The error of asking a schema that does not answer questions about itself.
pub fn introspection_refused(
    names: &FieldNames,
    operation: &Positioned<OperationDefinition>,
) -> Option<ServerError> {
    let asked = names.has("__schema") || names.has("__type");
    asked.then(|| ServerError::new("Introspection is off here; see schema.graphql.", Some(operation.pos)))
}

/// The document without the input fields and arguments whose variable the request left out.
///
/// GraphQL lets an absent variable leave its field absent, which for a patch is not the same as null; async-graphql
/// 7.2 refuses the request instead.
pub fn without_absent_variables(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> ExecutableDocument {
    let mut document = document.clone();
    let absent = absent_variables(&document, name, variables);
    if !absent.is_empty() {
        for fragment in document.fragments.values_mut() {
            prune(&mut fragment.node.selection_set.node, &absent);
        }
        let operations: Vec<&mut Positioned<OperationDefinition>> = match &mut document.operations {
            DocumentOperations::Single(operation) => vec![operation],
            DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
        };
        for operation in operations {
            prune(&mut operation.node.selection_set.node, &absent);
            operation.node.variable_definitions.retain(|it| !absent.contains(&it.node.name.node));
        }
    }
    document
}

/// The variables that may be left out, have no default and were left out. Those of directives stay: a directive has no
/// optional arguments here.
fn absent_variables(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> HashSet<Name> {
    let Ok(operation) = operation(document, name) else { return HashSet::new() };
    let mut absent: HashSet<Name> = operation
        .node
        .variable_definitions
        .iter()
        .filter(|it| it.node.var_type.node.nullable && it.node.default_value.is_none())
        .map(|it| it.node.name.node.clone())
        .filter(|name| !variables.contains_key(name))
        .collect();
    if !absent.is_empty() {
        keep_in_directives(&operation.node.selection_set.node, &mut absent);
        for fragment in document.fragments.values() {
            keep_in_directives(&fragment.node.selection_set.node, &mut absent);
        }
    }
    absent
}

fn keep_in_directives(set: &SelectionSet, absent: &mut HashSet<Name>) {
    for selection in &set.items {
        let (directives, below) = match &selection.node {
            Selection::Field(field) => (&field.node.directives, Some(&field.node.selection_set.node)),
            Selection::InlineFragment(it) => (&it.node.directives, Some(&it.node.selection_set.node)),
            Selection::FragmentSpread(it) => (&it.node.directives, None),
        };
        for (_, value) in directives.iter().flat_map(|it: &Positioned<Directive>| &it.node.arguments) {
            if let Value::Variable(name) = &value.node {
                absent.remove(name);
            }
        }
        if let Some(below) = below {
            keep_in_directives(below, absent);
        }
    }
}

fn prune(set: &mut SelectionSet, absent: &HashSet<Name>) {
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => prune_field(&mut field.node, absent),
            Selection::InlineFragment(fragment) => prune(&mut fragment.node.selection_set.node, absent),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn prune_field(field: &mut Field, absent: &HashSet<Name>) {
    field.arguments.retain(|(_, value)| !is_absent(&value.node, absent));
    for (_, value) in &mut field.arguments {
        prune_value(&mut value.node, absent);
    }
    prune(&mut field.selection_set.node, absent);
}

fn prune_value(value: &mut Value, absent: &HashSet<Name>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !is_absent(value, absent));
            fields.values_mut().for_each(|value| prune_value(value, absent));
        }
        Value::List(items) => {
            for item in items {
                // A list has no absent items.
                if is_absent(item, absent) {
                    *item = ConstValue::Null.into_value();
                } else {
                    prune_value(item, absent);
                }
            }
        }
        _ => {}
    }
}

fn is_absent(value: &Value, absent: &HashSet<Name>) -> bool {
    matches!(value, Value::Variable(name) if absent.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_strings_and_comments() {
        for (query, expected) in [
            ("", 0),
            ("{ a }", 1),
            ("{ a(b: [[1]]) { c } }", 4),
            ("{ a(b: \"[[[\") }", 2),
            (r#"{ a(b: "\"[[[") }"#, 2),
            ("{ a(b: \"\"\"[[\" [\"\"\") }", 2),
            (r#"{ a(b: """[[\"""[""") }"#, 2),
            ("{ a # [[[\n }", 1),
            ("{ a(b: \"[[\n[[[", 5),
            ("]]] [", 1),
        ] {
            assert_eq!(nesting(query), expected, "{query}");
        }
    }

    #[test]
    fn no_depth_of_nesting_overflows_the_stack() {
        let documents = Documents::default();
        for depth in (0..20_000).step_by(7) {
            for (open, close) in [("[", "]"), ("{a:", "}")] {
                let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let parsed = documents.parse(&format!("{{ node(id: {value}) {{ id }} }}"));
                assert_eq!(parsed.is_ok(), depth + 2 <= MAX_NESTING, "{depth} {open}");
            }
        }
    }
}
