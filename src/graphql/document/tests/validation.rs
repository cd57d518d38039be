//! Documents against the schema: what is refused and where, and what async-graphql gets of a valid one.

use async_graphql::parser::parse_query;
use serde_json::Value as Json;

use super::*;

/// A fault: its message, its positions and the path of its argument.
type FaultParts = (String, Vec<(usize, usize)>, String);

fn faults(document: &str) -> Vec<FaultParts> {
    let refused = Documents::default().parse(document).err();
    let faults = refused.map(|error| {
        assert_eq!(error.code.as_str(), "GRAPHQL_VALIDATION_FAILED", "{document}");
        error.faults
    });
    let faults = faults.unwrap_or_default().into_iter().map(|fault| {
        let locations = fault.locations.iter().map(|pos| (pos.line, pos.column)).collect();
        (fault.message.into_owned(), locations, fault.argument.join("."))
    });
    faults.collect()
}

#[test]
fn fields_that_cannot_be_merged_are_refused_at_both() {
    const NAMES: &str = "Cannot select different fields into the same alias `x`.";
    const TYPES: &str = "Operation must not select different types using the same name `x`.";
    const ARGUMENTS: &str =
        "Operation must not provide conflicting field arguments for the same name `partner`.";
    const LISTS: &str =
        "The fields have the same response name and different arguments. Use an alias for one of them.";
    for (document, message, first, second) in [
        ("{ partner(id: 1) { x: createdAt x: updatedAt } }", NAMES, 20, 33),
        ("{ partner(id: 1) { x: createdAt ...F } } fragment F on Partner { x: updatedAt }", NAMES, 20, 66),
        ("{ contacts { nodes { x: email ... on Contact { x: phone } } } }", TYPES, 22, 48),
        ("{ partner(id: 1) { x: createdAt } partner(id: 1) { x: updatedAt } }", NAMES, 20, 52),
        ("{ partner(id: 1) { name } partner(id: 2) { name } }", ARGUMENTS, 3, 27),
        ("{ nodes(ids: [1]) { id } nodes(ids: [1, 2]) { id } }", LISTS, 3, 26),
        ("{ node(id: 1) { ... on Partner { x: id } ... on Account { x: createdAt } } }", TYPES, 34, 59),
        (
            "{ node(id: 1) { ... on Partner { x: name } ... on Account { x: contacts { totalCount } } } }",
            TYPES,
            34,
            61,
        ),
    ] {
        let expected = vec![(message.to_owned(), vec![(1, first), (1, second)], String::new())];
        assert_eq!(faults(document), expected, "{document}");
    }
}

#[test]
fn the_same_shape_on_types_that_exclude_each_other_is_allowed() {
    for document in [
        "{ node(id: 1) { ... on Partner { x: name } ... on Account { x: name } } }",
        "{ node(id: 1) { ... on Partner { x: createdAt } ... on Account { x: updatedAt } } }",
        "{ node(id: 1) { ... on Partner { x: assignments(first: 1) { totalCount } } ... on Account { x: contacts(first: 2) { totalCount } } } }",
        "{ nodes(ids: [1, 2]) { id } nodes(ids: [1, 2]) { __typename } }",
    ] {
        assert_eq!(faults(document), [], "{document}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    for (document, argument) in [
        ("{ partners(first: \"1\") { nodes { id } } }", "first"),
        ("{ partners(count: 1) { nodes { id } } }", "count"),
        ("{ partner { id } }", "id"),
        ("{ partners(filter: { name: { eq: 7 } }) { nodes { id } } }", "filter.name.eq"),
        ("{ partners(filter: { or: [{ name: { eq: 7 } }] }) { nodes { id } } }", "filter.or.0.name.eq"),
        ("{ partners(filter: { nothing: 1 }) { nodes { id } } }", "filter.nothing"),
        ("{ partners(filter: { updatedSince: \"yesterday\" }) { nodes { id } } }", "filter.updatedSince"),
        ("{ partners(filter: { name: {}, name: {} }) { nodes { id } } }", "filter"),
        ("mutation { createPartner(input: {}) { partner { id } } }", "input.name"),
        ("mutation { createPartner(input: { name: null }) { partner { id } } }", "input.name"),
        (
            "query($n: String) { partners(filter: { name: { in: [$n] } }) { nodes { id } } }",
            "filter.name.in.0",
        ),
        ("mutation($n: String) { createPartner(input: { name: $n }) { partner { id } } }", "input.name"),
        ("query($n: ID = null) { node(id: $n) { id } }", "id"),
    ] {
        let faults = faults(document);
        let arguments: Vec<_> = faults.iter().map(|(_, _, argument)| argument.as_str()).collect();
        assert_eq!(arguments, [argument], "{document}: {faults:?}");
    }
}

#[test]
fn messages_repeat_no_value() {
    for document in [
        "{ partners(filter: { name: { eq: 7777 } }) { nodes { id } } }",
        "{ partners(filter: { updatedSince: \"7777\" }) { nodes { id } } }",
        "{ partners(orderBy: [{ field: N7777 }]) { nodes { id } } }",
        "{ partners(first: 77777777777777777) { nodes { id } } }",
    ] {
        let faults = faults(document);
        assert!(!faults.is_empty() && !faults[0].0.contains("7777"), "{faults:?}");
    }
}

#[test]
fn only_misspelt_fields_have_suggestions() {
    let message =
        |document: &str| faults(document).into_iter().map(|(message, ..)| message).collect::<Vec<_>>();
    for (document, expected) in [
        (
            "{ partnrs { nodes { id } } }",
            "Type `Query` does not have a field `partnrs`. Did you mean `partners`?",
        ),
        ("{ viewer { nobody } }", "Type `Viewer` does not have a field `nobody`."),
        ("{ _entitie { id } }", "Type `Query` does not have a field `_entitie`."),
    ] {
        assert_eq!(message(document), [expected]);
    }
    let refused =
        Documents::new(Budgets::default(), Introspection::Off).parse("{ partnrs { nodes { id } } }");
    let refused = refused.err().expect("an error");
    assert_eq!(refused.faults[0].message, "Type `Query` does not have a field `partnrs`.");
}

/// A document as JSON, without the positions of braces and of the word `on`, which apollo-compiler does not have.
fn comparable(document: ExecutableDocument) -> Json {
    fn strip(value: &mut Json) {
        match value {
            Json::Object(fields) => {
                let has = |name| fields.get("node").is_some_and(|node| node.get(name).is_some());
                if has("items") || has("on") {
                    fields.remove("pos");
                }
                fields.values_mut().for_each(strip);
            }
            Json::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(document).expect("JSON");
    strip(&mut json);
    json
}

#[test]
fn async_graphql_gets_what_its_own_parser_reads() {
    for document in [
        "{ viewer { subject } }",
        "query Q($first: Int = 5, $filter: PartnerFilter, $ids: [ID!]!) {
            a: partners(first: $first, filter: $filter) { ...F totalCount }
            nodes(ids: $ids) { id ... on Partner @include(if: true) { name } }
        }
        fragment F on PartnerConnection { nodes { name remoteId @skip(if: false) } edges { cursor } }",
        "mutation M($name: String!) {
            createPartner(input: { name: $name, remoteId: \"a\\n\\u00e9\" }) { partner { id } userErrors { code } }
        }
        query P { partners(filter: { or: [{ name: { in: [\"a\", \"b\"] } }, { not: {} }] }, last: -1) { totalCount } }",
        "subscription S { contactChanged(kinds: [INTERNAL], after: null) { cursor } }",
        "{ partners(filter: { name: { eq: \"\"\"\n   é\n     b\n  \"\"\" } }) { nodes { id } } } # the end",
    ] {
        let parsed = Documents::default().parse(document).unwrap_or_else(|error| panic!("{document}: {error:?}"));
        let theirs = parse_query(document).expect("a document");
        assert_eq!(comparable(parsed.document.clone()), comparable(theirs), "{document}");
    }
}

#[test]
fn what_may_select_nothing_selects_a_hidden_field() {
    let hidden = |document: &str| {
        let parsed = Documents::default().parse(document).expect("a document");
        serde_json::to_string(&parsed.document).expect("JSON").matches("\"node\":\"\"").count()
    };
    for (document, count) in [
        ("{ viewer { subject } }", 0),
        ("{ viewer { subject @skip(if: true) } }", 1),
        ("{ ...F } fragment F on Query { viewer { ... { subject } } }", 2),
        ("{ viewer @skip(if: true) { subject scopes @skip(if: true) } }", 1),
        ("{ __schema { queryType { name } } }", 1),
    ] {
        assert_eq!(hidden(document), count, "{document}");
    }
}

#[test]
fn subscriptions_may_use_fragments() {
    let field = "contactChanged { cursor }";
    for document in [
        format!("subscription {{ ... {{ {field} }} }}"),
        format!(
            "subscription {{ ...F }} fragment F on Subscription {{ ...G }} fragment G on Subscription {{ {field} }}"
        ),
    ] {
        let parsed = Documents::default().parse(&document).expect("a document");
        let selected = operation(&parsed.document, None).expect("an operation");
        let items = &selected.node.selection_set.node.items;
        assert!(matches!(
            &items[..],
            [Positioned { node: async_graphql::parser::types::Selection::Field(field), .. }]
                if field.node.name.node == "contactChanged"
        ));
    }
    for document in [
        "subscription { ...F contactChanged { cursor } } fragment F on Subscription { contactChanged { cursor } }",
        "subscription { contactChanged @include(if: true) { cursor } }",
        "subscription { ... @include(if: true) { contactChanged { cursor } } }",
        "subscription { __typename }",
    ] {
        assert_ne!(faults(document), [], "{document}");
    }
}
