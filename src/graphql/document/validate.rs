//! Validation by all rules of the specification, which is apollo-compiler's work; its diagnostics become [`Fault`]s.

use std::{
    fmt::{self, Write},
    mem,
};

use apollo_compiler::{
    ExecutableDocument, Node,
    ast::{Argument, Definition, Directive, Selection, Value},
    diagnostic::ToCliReport,
    parser::SourceSpan,
    validation::{DiagnosticData, Valid},
};

use super::{
    DocumentError,
    error::{Fault, MAX_FAULTS},
    merge, schema,
    syntax::Syntax,
};
use crate::graphql::Introspection;

/// How many diagnostics are looked at for so many faults: several can be about one argument.
const DIAGNOSTICS: usize = 10 * MAX_FAULTS;
/// How many letters a name has for each that may differ from what is suggested.
const LETTERS_PER_TYPO: usize = 3;
/// The longest name that is compared with those of the schema.
const LONGEST_NAME: usize = 64;
/// How many bytes of debug output are read for a location.
const DEBUG_BYTES: usize = 1024;

/// The document of a syntax tree that has been guarded, if it is valid.
pub(super) fn validate(
    syntax: &Syntax<'_>,
    introspection: Introspection,
) -> Result<Valid<ExecutableDocument>, DocumentError> {
    let valid = syntax.tree.to_executable_validate(schema::executable()).map_err(|invalid| {
        let mut faults: Vec<Fault> = Vec::new();
        for diagnostic in invalid.errors.iter().take(DIAGNOSTICS).filter(|it| !follows(syntax, it.error)) {
            let fault = fault(syntax, diagnostic.error, introspection);
            // Of a value, or of a pair of fields, the first fault is enough.
            let is_known = faults.iter().any(|it| {
                (!it.argument.is_empty() && it.argument == fault.argument)
                    || (it.locations.len() > 1 && it.locations == fault.locations)
            });
            if !is_known {
                faults.push(fault);
            }
            if faults.len() == MAX_FAULTS {
                break;
            }
        }
        DocumentError::invalid(None, faults)
    })?;
    match merge::faults(syntax, &valid) {
        faults if faults.is_empty() => Ok(valid),
        faults => Err(DocumentError::invalid(None, faults)),
    }
}

/// Whether a diagnostic is due to another one: of an object that selects unknown fields alone, nothing is selected then.
fn follows(syntax: &Syntax<'_>, error: &DiagnosticData) -> bool {
    const NOTHING_SELECTED: &str = "interface, union and object types must have a subselection set";
    let Some(span) = error.location().filter(|_| error.to_string() == NOTHING_SELECTED) else { return false };
    let sets = syntax.tree.definitions.iter().filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(&operation.selection_set),
        Definition::FragmentDefinition(fragment) => Some(&fragment.selection_set),
        _ => None,
    });
    sets.into_iter().any(|set| selects_something(set, span))
}

/// Whether the field of this span has a selection set.
fn selects_something(set: &[Selection], span: SourceSpan) -> bool {
    let around = set.iter().find(|selection| contains(selection.location(), span.offset()));
    match around {
        Some(Selection::Field(field)) if field.location() == Some(span) => !field.selection_set.is_empty(),
        Some(Selection::Field(field)) => selects_something(&field.selection_set, span),
        Some(Selection::InlineFragment(fragment)) => selects_something(&fragment.selection_set, span),
        Some(Selection::FragmentSpread(_)) | None => false,
    }
}

fn fault(syntax: &Syntax<'_>, error: &DiagnosticData, introspection: Introspection) -> Fault {
    let message = reworded(error.to_string());
    let span = error.location();
    let suggestion = match introspection {
        Introspection::On => suggestion(&message),
        Introspection::Off => None,
    };
    let mut fault =
        Fault::new(sentence(&message, suggestion.as_deref()), span.map(|span| syntax.pos(Some(span))));
    if let Some(original) = original_offset(error) {
        fault.locations.push(syntax.pos_at(original));
        fault.locations.sort_unstable();
    }
    let (owner, argument) = argument_path(syntax, &message, span);
    fault.of_argument(owner, argument)
}

/// The message without the value that it quotes, because only its sender should know it, and in the words of this API.
fn reworded(message: String) -> String {
    if let Some((_, rest)) = message.strip_prefix("value `").and_then(|rest| rest.split_once('`')) {
        let choices = rest.split('`').nth(1).and_then(schema::choices);
        return choices
            .map_or_else(|| format!("the value{rest}"), |it| format!("the value must be one of {it}"));
    }
    let Some((ty, found)) =
        message.strip_prefix("expected value of type ").and_then(|rest| rest.split_once(", found "))
    else {
        return message;
    };
    match schema::choices(ty.trim_end_matches('!')) {
        Some(choices) => format!("one of {choices} is needed here, without quotes, not {found}"),
        None => format!("a value of type {ty} is needed here, not {found}"),
    }
}

fn sentence(message: &str, suggestion: Option<&str>) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = suggestion.map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default();
    format!("{first}{}.{end}", letters.as_str())
}

/// The field of a type that an unknown one may be a misspelling of.
fn suggestion(message: &str) -> Option<String> {
    let (on, rest) = message.strip_prefix("type `")?.split_once("` does not have a field `")?;
    let name = rest.strip_suffix('`').filter(|name| name.len() <= LONGEST_NAME)?;
    let ty = schema::published().schema.types.get(on)?;
    let fields = ty.as_object().map(|it| &it.fields).or_else(|| ty.as_interface().map(|it| &it.fields))?;
    let distances = fields.keys().map(|field| (strsim::damerau_levenshtein(field, name), field));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len().div_ceil(LETTERS_PER_TYPO)).then(|| nearest.to_string())
}

/// Where the other one of two conflicting fields begins. apollo-compiler 1.33 has it in the debug output alone; names
/// stand before it there, and no text of the document does.
fn original_offset(error: &DiagnosticData) -> Option<usize> {
    const LABEL: &str = "original_location: Some(";
    if !is_conflict(error) {
        return None;
    }
    let mut debug = Beginning::default();
    // It fails where it is long enough.
    let _ = write!(debug, "{error:?}");
    let (_, rest) = debug.0.split_once(LABEL)?;
    rest.split_once("..")?.0.parse().ok()
}

/// The beginning of a text: what a conflict is about can be long.
#[derive(Default)]
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > DEBUG_BYTES { Err(fmt::Error) } else { Ok(()) }
    }
}

fn is_conflict(error: &DiagnosticData) -> bool {
    let message = error.to_string();
    ["operation must not ", "cannot select different fields"].iter().any(|start| message.starts_with(start))
}

/// The path of the argument that a diagnostic is about, with the field or directive of it where the message names neither.
fn argument_path(
    syntax: &Syntax<'_>,
    message: &str,
    span: Option<SourceSpan>,
) -> (Option<String>, Vec<String>) {
    if let Some(rest) = message.strip_prefix("the required argument `") {
        let name = rest.split_once('(').and_then(|(_, rest)| rest.split_once(':'));
        return (None, name.map(|(name, _)| name.to_owned()).into_iter().collect());
    }
    let (owner, mut path) = span.and_then(|span| argument_at(syntax, span.offset())).unzip();
    let path = path.get_or_insert_default();
    if let Some(rest) = message.strip_prefix("the required field `") {
        let field = rest.split_once('`').and_then(|(coordinate, _)| coordinate.split_once('.'));
        path.extend(field.map(|(_, name)| name.to_owned()));
    }
    let names_owner = message.starts_with("the argument `");
    (owner.filter(|_| !names_owner), mem::take(path))
}

/// The field or directive, and the path of its argument or of a value in that, at a byte.
fn argument_at(syntax: &Syntax<'_>, offset: usize) -> Option<(String, Vec<String>)> {
    let mut definitions = syntax.tree.definitions.iter().filter(|it| contains(it.location(), offset));
    definitions.find_map(|definition| match definition {
        Definition::OperationDefinition(it) => in_selections(&it.selection_set, offset),
        Definition::FragmentDefinition(it) => in_selections(&it.selection_set, offset),
        _ => None,
    })
}

fn in_selections(set: &[Selection], offset: usize) -> Option<(String, Vec<String>)> {
    match set.iter().find(|it| contains(it.location(), offset))? {
        Selection::Field(field) => in_arguments(&field.name, &field.arguments, offset)
            .or_else(|| in_directives(&field.directives, offset))
            .or_else(|| in_selections(&field.selection_set, offset)),
        Selection::FragmentSpread(spread) => in_directives(&spread.directives, offset),
        Selection::InlineFragment(fragment) => in_directives(&fragment.directives, offset)
            .or_else(|| in_selections(&fragment.selection_set, offset)),
    }
}

fn in_directives(directives: &[Node<Directive>], offset: usize) -> Option<(String, Vec<String>)> {
    directives.iter().find_map(|it| in_arguments(&format!("@{}", it.name), &it.arguments, offset))
}

fn in_arguments(owner: &str, arguments: &[Node<Argument>], offset: usize) -> Option<(String, Vec<String>)> {
    let argument = arguments.iter().find(|it| contains(it.location(), offset))?;
    let mut path = vec![argument.name.to_string()];
    in_value(&argument.value, offset, &mut path);
    Some((owner.to_owned(), path))
}

fn in_value(value: &Node<Value>, offset: usize, path: &mut Vec<String>) {
    let below = match &**value {
        Value::List(items) => {
            let item = items.iter().enumerate().find(|(_, item)| contains(item.location(), offset));
            item.map(|(index, item)| (index.to_string(), item))
        }
        Value::Object(fields) => {
            let field = fields.iter().find(|(_, value)| contains(value.location(), offset));
            field.map(|(name, value)| (name.to_string(), value))
        }
        _ => None,
    };
    if let Some((name, value)) = below {
        path.push(name);
        in_value(value, offset, path);
    }
}

fn contains(span: Option<SourceSpan>, offset: usize) -> bool {
    span.is_some_and(|span| (span.offset()..span.end_offset()).contains(&offset))
}
