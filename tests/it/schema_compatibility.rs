//! Clients of the published schema keep working: a change that could break one fails here, with the reason.
//!
//! tests/schema/README.md tells how the published schema moves forward, and how a field is taken away.

mod compare;

use async_graphql::{
    Positioned, Value,
    parser::{
        parse_schema,
        types::{ConstDirective, FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition},
    },
};
use chrono::NaiveDate;
use contact_gateway::graphql::sdl;

use self::compare::breaking_changes;

const PUBLISHED: &str = "tests/schema/published.graphql";

/// A small schema with something of everything.
const SMALL: &str = r#"
    directive @cached(seconds: Int) on FIELD
    scalar DateTime
    interface Node { id: ID! }
    enum Role { LEAD CSM }
    union Found = Partner | Account
    type Partner implements Node { id: ID! name: String! remoteId: String roles: [Role!]! }
    type Account implements Node { id: ID! name: String! }
    type Query {
        partner(id: ID!): Partner
        partners(first: Int = 25, role: Role, ids: [ID!]): [Partner!]!
        found: [Found]
    }
    input CreatePartnerInput { name: String! remoteId: String roles: [Role] = [LEAD] }
"#;

#[test]
fn clients_of_the_published_schema_go_on_working() {
    let published = std::fs::read_to_string(PUBLISHED).expect(PUBLISHED);
    let breaks = breaking_changes(&published, sdl());
    assert!(
        breaks.is_empty(),
        "this breaks clients of {PUBLISHED}; keep it, or deprecate it first (tests/schema/README.md):\n{}",
        breaks.join("\n")
    );
}

#[test]
fn breaking_changes_are_named_with_the_reason() {
    for (old, new, breaks) in [
        (
            "remoteId: String roles: [Role!]!",
            "roles: [Role!]!",
            &["Partner.remoteId: the field was removed; documents that select it are refused"][..],
        ),
        (
            "name: String! remoteId: String roles: [Role!]! }",
            "name: String remoteId: String roles: [Role!]! }",
            &["Partner.name: was String! and is String; clients do not expect null there"],
        ),
        (
            "roles: [Role!]! }",
            "roles: [Role]! }",
            &["Partner.roles: was [Role!]! and is [Role]!; clients do not expect null there"],
        ),
        (
            "remoteId: String roles: [Role!]! }",
            "remoteId: ID roles: Role! }",
            &[
                "Partner.remoteId: was String and is ID; clients cannot read what they get",
                "Partner.roles: was [Role!]! and is Role!; clients cannot read what they get",
            ],
        ),
        (
            "partner(id: ID!)",
            "partner(id: ID!, region: String!)",
            &["Query.partner(region): the argument is new and required; documents without it are refused"],
        ),
        (
            "role: Role, ids: [ID!]",
            "role: Role!, ids: [ID!]",
            &["Query.partners(role): was Role and is Role!; null, or nothing, was taken and is refused"],
        ),
        (
            "first: Int = 25, role: Role, ids: [ID!]",
            "first: Int = 10, ids: [String!]",
            &[
                "Query.partners(first): the default was 25 and is 10; who left it out gets another answer",
                "Query.partners(role): the argument was removed; documents that give it are refused",
                "Query.partners(ids): was [ID!] and is [String!]; values that were taken are refused",
            ],
        ),
        (
            "input CreatePartnerInput { name: String! remoteId: String",
            "input CreatePartnerInput { name: String! remoteId: String! region: String!",
            &[
                "CreatePartnerInput.remoteId: was String and is String!; null, or nothing, was taken and is refused",
                "CreatePartnerInput.region: the field is new and required; documents without it are refused",
            ],
        ),
        (
            "remoteId: String roles: [Role] = [LEAD]",
            "roles: [Role!] = [LEAD, CSM]",
            &[
                "CreatePartnerInput.remoteId: the field was removed; documents that give it are refused",
                "CreatePartnerInput.roles: was [Role] and is [Role!]; null, or nothing, was taken and is refused",
                "CreatePartnerInput.roles: the default was [LEAD] and is [LEAD, CSM]; \
                 who left it out gets another answer",
            ],
        ),
        (
            "input CreatePartnerInput {",
            "input CreatePartnerInput @oneOf {",
            &["CreatePartnerInput: takes exactly one field now; inputs with several are refused"],
        ),
        (
            "enum Role { LEAD CSM }",
            "enum Role { LEAD CO_LEAD }",
            &[
                "Role.CSM: the value was removed; inputs with it are refused, and rows that had it show another",
            ],
        ),
        (
            "union Found = Partner | Account",
            "union Found = Partner",
            &["Found: no longer contains Account; fragments that rely on it are refused"],
        ),
        (
            "type Account implements Node",
            "type Account",
            &["Account: no longer implements Node; fragments that rely on it are refused"],
        ),
        ("scalar DateTime", "", &["DateTime: the type was removed; documents that name it are refused"]),
        (
            "interface Node { id: ID! }",
            "type Node { id: ID! }",
            &["Node: was an interface and is an object; documents that use it as it was are refused"],
        ),
        (
            "directive @cached(seconds: Int) on FIELD",
            "",
            &["@cached: the directive was removed; documents with it are refused"],
        ),
    ] {
        let changed = changed(old, new);
        assert_eq!(breaking_changes(SMALL, &changed), breaks, "{old} -> {new}");
    }
}

#[test]
fn other_changes_break_nobody() {
    for (old, new) in [
        ("remoteId: String roles: [Role!]! }", "remoteId: String! region: String roles: [Role!]! }"),
        ("partner(id: ID!): Partner", "partner(id: ID, region: String, by: Int! = 1): Partner! more: Int"),
        ("first: Int = 25, role: Role", "role: Role = LEAD, first: Int = 25"),
        ("found: [Found]", "found: [Found!]!"),
        ("enum Role { LEAD CSM }", "enum Role { CSM CO_LEAD LEAD }"),
        ("union Found = Partner | Account", "type More { id: ID! } union Found = More | Account | Partner"),
        (
            "input CreatePartnerInput { name: String!",
            "input CreatePartnerInput { region: String name: String",
        ),
        (
            "remoteId: String roles: [Role!]! }",
            "remoteId: String @deprecated(reason: \"x\") roles: [Role!]! }",
        ),
    ] {
        assert_eq!(breaking_changes(SMALL, &changed(old, new)), [""; 0], "{old} -> {new}");
    }
    assert_eq!(breaking_changes(sdl(), sdl()), [""; 0]);
}

#[test]
fn deprecations_name_the_day_from_which_they_may_be_gone() {
    assert_eq!(undated_deprecations(sdl()), [""; 0], "write it into the reason, such as 2027-06-30");
}

#[test]
fn deprecations_without_a_day_are_named() {
    let schema = r#"
        type Query {
            a(old: Int @deprecated(reason: "Use new. May be gone from 2027-06-30.")): Int @deprecated
            b(old: Int @deprecated(reason: "Use new.")): Int @deprecated(reason: "Gone from 2027-06-31.")
        }
        interface Node { id: ID @deprecated(reason: "2027-6") }
        input Input { old: Int @deprecated(reason: "2027-06-30") older: Int @deprecated(reason: "2026") }
        enum Role { LEAD @deprecated(reason: "soon") CSM @deprecated(reason: "From (2027-06-30) on.") }
    "#;
    let undated = ["Query.a", "Query.b(old)", "Query.b", "Node.id", "Input.older", "Role.LEAD"];
    assert_eq!(undated_deprecations(schema), undated);
}

fn changed(old: &str, new: &str) -> String {
    assert_eq!(SMALL.matches(old).count(), 1, "{old}");
    SMALL.replace(old, new)
}

/// What is deprecated without a day in the reason.
fn undated_deprecations(sdl: &str) -> Vec<String> {
    let mut undated = Vec::new();
    for definition in parse_schema(sdl).expect("a schema").definitions {
        let TypeSystemDefinition::Type(ty) = definition else { continue };
        let name = &ty.node.name.node;
        let parts = match &ty.node.kind {
            TypeKind::Object(it) => of_fields(name, &it.fields),
            TypeKind::Interface(it) => of_fields(name, &it.fields),
            TypeKind::InputObject(it) => of_inputs(&it.fields, |field| format!("{name}.{field}")),
            TypeKind::Enum(it) => it
                .values
                .iter()
                .map(|it| (format!("{name}.{}", it.node.value.node), &it.node.directives[..]))
                .collect(),
            _ => Vec::new(),
        };
        let parts = parts.into_iter().filter(|(_, directives)| directives.iter().any(is_undated));
        undated.extend(parts.map(|(place, _)| place));
    }
    undated
}

type Part<'a> = (String, &'a [Positioned<ConstDirective>]);

fn of_fields<'a>(owner: &str, fields: &'a [Positioned<FieldDefinition>]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for field in fields.iter().map(|it| &it.node) {
        let place = format!("{owner}.{}", field.name.node);
        parts.extend(of_inputs(&field.arguments, |argument| format!("{place}({argument})")));
        parts.push((place, &field.directives[..]));
    }
    parts
}

fn of_inputs(inputs: &[Positioned<InputValueDefinition>], place: impl Fn(&str) -> String) -> Vec<Part<'_>> {
    inputs.iter().map(|it| (place(&it.node.name.node), &it.node.directives[..])).collect()
}

fn is_undated(directive: &Positioned<ConstDirective>) -> bool {
    let reason = match directive.node.get_argument("reason").map(|reason| &reason.node) {
        Some(Value::String(reason)) => reason,
        _ => "",
    };
    let mut words = reason.split(|c: char| !c.is_ascii_digit() && c != '-');
    let is_day = |word: &str| word.len() == 10 && word.parse::<NaiveDate>().is_ok();
    directive.node.name.node == "deprecated" && !words.any(is_day)
}
