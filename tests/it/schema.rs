//! The public schema as a whole: it is the exported one and follows its conventions.

use std::collections::BTreeMap;

use async_graphql::parser::{
    parse_schema,
    types::{
        BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
    },
};
use contact_gateway::graphql::sdl;

/// The lists that are no connections, because something else bounds them.
const BOUNDED_LISTS: [&str; 15] = [
    // As many as the organization has custom fields.
    "AccountContact.customFieldValues",
    // As many as an administrator gave the field.
    "CustomField.options",
    // As many as the client gave ids.
    "Query.nodes",
    // As many as a row breaks rules; as many as there were rows, at most 1,000.
    "UpsertAccountContactResult.userErrors",
    "UpsertAccountContactsPayload.results",
    "UpsertAccountResult.userErrors",
    "UpsertAccountsPayload.results",
    "UpsertInternalContactAssignmentResult.userErrors",
    "UpsertInternalContactAssignmentsPayload.results",
    "UpsertInternalContactResult.userErrors",
    "UpsertInternalContactsPayload.results",
    "UpsertPartnerResult.userErrors",
    "UpsertPartnersPayload.results",
    // As many as the input is deep.
    "UserError.field",
    // As many as there are scopes.
    "Viewer.scopes",
];

/// Something of the schema that has a name.
struct Named {
    /// Where it stands: `Type`, `Type.field`, `Type.field(argument)` or `Type.VALUE`.
    place: String,
    name: String,
    style: Style,
    is_described: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Types: `PascalCase`.
    Pascal,
    /// Fields and arguments: `camelCase`.
    Camel,
    /// Enum values: `UPPER_CASE`.
    Upper,
}

impl Style {
    fn fits(self, name: &str) -> bool {
        let all = |allowed: fn(&u8) -> bool| name.bytes().all(|byte| allowed(&byte));
        match self {
            Self::Pascal => {
                name.starts_with(|it: char| it.is_ascii_uppercase()) && all(u8::is_ascii_alphanumeric)
            }
            Self::Camel => {
                name.starts_with(|it: char| it.is_ascii_lowercase()) && all(u8::is_ascii_alphanumeric)
            }
            Self::Upper => all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_')),
        }
    }
}

#[test]
fn the_exported_schema_is_the_schema() {
    let exported = std::fs::read_to_string("schema.graphql").unwrap_or_default();
    assert!(exported == sdl(), "schema.graphql differs from the code: cargo run -- schema > schema.graphql");
}

#[test]
fn everything_is_described() {
    let bare = named().into_iter().filter(|it| !it.is_described).map(|it| it.place);
    assert_eq!(bare.collect::<Vec<_>>(), [""; 0], "these have no description");
}

#[test]
fn names_are_written_as_everywhere() {
    let odd = named().into_iter().filter(|it| !it.style.fits(&it.name)).map(|it| it.place);
    assert_eq!(odd.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn lists_are_bounded() {
    let types = types();
    let mut unbounded: Vec<String> = Vec::new();
    for (owner, field) in output_fields(&types) {
        let (place, name) = (format!("{owner}.{}", field.name.node), field.name.node.as_str());
        let of_connection = owner.ends_with("Connection") && matches!(name, "edges" | "nodes");
        let of_payload = owner.ends_with("Payload") && name == "userErrors";
        if is_list(&field.ty.node) && !of_connection && !of_payload {
            unbounded.push(place);
        }
    }
    assert_eq!(unbounded, BOUNDED_LISTS, "make it a connection, or say here what bounds it");
}

#[test]
fn connections_are_paged_both_ways() {
    let types = types();
    for (owner, field) in output_fields(&types) {
        if named_type(&field.ty.node).ends_with("Connection") {
            let types = argument_types(field);
            let place = format!("{owner}.{}", field.name.node);
            assert!(field.ty.node.nullable, "{place}: a list that fails must not take its parent with it");
            for (argument, ty) in
                [("first", "Int"), ("after", "String"), ("last", "Int"), ("before", "String")]
            {
                assert_eq!(types.get(argument).map(String::as_str), Some(ty), "{place}({argument})");
            }
        }
    }
}

#[test]
fn mutations_take_one_input_and_answer_with_user_errors() {
    let types = types();
    let mutations = output_fields(&types).filter(|(owner, _)| *owner == "Mutation").map(|(_, field)| field);
    for mutation in mutations {
        let (first, rest) = mutation.name.node.split_at(1);
        let pascal = format!("{}{rest}", first.to_ascii_uppercase());
        let input = BTreeMap::from([("input", format!("{pascal}Input!"))]);
        assert_eq!(argument_types(mutation), input, "{}", mutation.name.node);
        assert_eq!(mutation.ty.node.to_string(), format!("{pascal}Payload"));

        let user_errors = output_fields(&types)
            .find(|(owner, field)| **owner == format!("{pascal}Payload") && field.name.node == "userErrors");
        let user_errors = user_errors.map(|(_, field)| field.ty.node.to_string());
        assert_eq!(user_errors.as_deref(), Some("[UserError!]!"), "{pascal}Payload.userErrors");
    }
}

pub(crate) fn types() -> Vec<TypeDefinition> {
    let schema = parse_schema(sdl()).expect("a schema");
    let types = schema.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(ty) => Some(ty.node),
        _ => None,
    });
    types.collect()
}

/// Every field of every object and interface type, with the name of its type.
pub(crate) fn output_fields(types: &[TypeDefinition]) -> impl Iterator<Item = (&str, &FieldDefinition)> {
    types.iter().flat_map(|ty| {
        let fields: &[_] = match &ty.kind {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            _ => &[],
        };
        fields.iter().map(|field| (ty.name.node.as_str(), &field.node))
    })
}

fn argument_types(field: &FieldDefinition) -> BTreeMap<&str, String> {
    let arguments = field.arguments.iter();
    arguments.map(|argument| (argument.node.name.node.as_str(), argument.node.ty.node.to_string())).collect()
}

fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}

/// The type without the marks of lists and non-null.
pub(crate) fn named_type(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named_type(item),
    }
}

fn named() -> Vec<Named> {
    let types = types();
    let mut all = Vec::new();
    for ty in &types {
        let name = ty.name.node.as_str();
        all.push(Named::new(name.to_owned(), name, Style::Pascal, ty.description.is_some()));
        match &ty.kind {
            TypeKind::InputObject(input) => {
                all.extend(input.fields.iter().map(|field| argument(format!("{name}."), &field.node, "")));
            }
            TypeKind::Enum(it) => {
                for value in it.values.iter().map(|value| &value.node) {
                    let place = format!("{name}.{}", value.value.node);
                    all.push(Named::new(place, &value.value.node, Style::Upper, value.description.is_some()));
                }
            }
            _ => {}
        }
    }
    for (owner, field) in output_fields(&types) {
        let place = format!("{owner}.{}", field.name.node);
        let arguments = field.arguments.iter();
        all.extend(arguments.map(|it| argument(format!("{place}("), &it.node, ")")));
        all.push(Named::new(place, &field.name.node, Style::Camel, field.description.is_some()));
    }
    all
}

fn argument(before: String, argument: &InputValueDefinition, after: &str) -> Named {
    let name = argument.name.node.as_str();
    Named::new(format!("{before}{name}{after}"), name, Style::Camel, argument.description.is_some())
}

impl Named {
    fn new(place: String, name: &str, style: Style, is_described: bool) -> Self {
        Self { place, name: name.to_owned(), style, is_described }
    }
}
