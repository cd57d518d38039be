//! Too large documents are rejected over HTTP with a code, a location and the limit; usual ones are accepted.
//!
//! What is counted and how stands in `src/graphql/document`, with its own tests; here it is that the gateway asks it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, World, on_both};

on_both!(
    what_is_too_much_is_refused_with_its_place,
    the_status_follows_the_media_type,
    nothing_of_a_refused_document_happens,
    the_limits_are_configured,
    introspection_as_tools_ask_for_it_passes,
    deep_variables_are_no_body,
    unknown_types_of_variables_are_told,
);

/// 656 bytes that ask for 67 million fields.
fn bomb() -> String {
    let mut document = "{ ...F0 }".to_owned();
    for number in 0..12 {
        let next = format!("...F{} ", number + 1).repeat(4);
        document += &format!(" fragment F{number} on Query {{ {next}}}");
    }
    document + " fragment F12 on Query { __typename }"
}

fn repeated(start: &str, unit: &str, count: usize, end: &str) -> String {
    format!("{start}{}{end}", unit.repeat(count))
}

fn code_and_message(reply: &Reply) -> (&str, &str) {
    let error = &reply.body["errors"][0];
    let text = |value: &'_ Value| value.as_str().expect("text").to_owned().leak() as &str;
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

async fn what_is_too_much_is_refused_with_its_place(world: World) {
    let reader = world.reader();
    let complex = "QUERY_TOO_COMPLEX";
    for (what, document, code, message) in [
        ("the bomb", bomb(), complex, "The document has more than 5000 fields."),
        (
            "a cycle",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
            "This fragment is spread within itself.",
        ),
        (
            "10,000 aliases",
            repeated("{ viewer {", " a: subject", 10_000, " } }"),
            complex,
            "The document has more than 5000 tokens.",
        ),
        (
            "31 aliases",
            format!(
                "{{ viewer {{ {} }} }}",
                (0..31).map(|it| format!("a{it}: subject ")).collect::<String>()
            ),
            complex,
            "The document has more than 30 aliases.",
        ),
        (
            "20,000 duplicate fields",
            repeated("{ viewer {", " id", 20_000, " } }"),
            complex,
            "The document has more than 5000 tokens.",
        ),
        (
            "5,000 directives",
            repeated("{ viewer", " @include(if: true)", 5000, " { subject } }"),
            complex,
            "The document has more than 10 directives.",
        ),
        (
            "lists 300 deep",
            format!("{{ node(id: {}{}) {{ id }} }}", "[".repeat(300), "]".repeat(300)),
            complex,
            "The document has more than 64 levels of brackets.",
        ),
        ("braces", "{".repeat(128 * 1024), complex, "The document has more than 64 levels of brackets."),
        (
            "fields 13 deep",
            repeated("", "{ partners { nodes ", 7, "{ id }") + &"}".repeat(14),
            complex,
            "The document has more than 12 levels of fields.",
        ),
        (
            "inline fragments",
            format!("{}{{ __typename {}", "{ ... ".repeat(40), "}".repeat(41)),
            complex,
            "The document has more than 32 selection sets within each other.",
        ),
        (
            "root fields",
            repeated("{", " viewer { subject }", 21, " }"),
            complex,
            "The document has more than 20 root fields.",
        ),
    ] {
        let reply = reader.query(&document).await;
        assert_eq!(code_and_message(&reply), (code, message), "{what}");
        assert_eq!(reply.errors().len(), 1, "{what}");
        assert_eq!(reply.body.get("data"), None, "{what}");
        assert!(reply.body["errors"][0]["locations"][0]["line"].is_number(), "{what}");
    }
}

async fn the_status_follows_the_media_type(world: World) {
    for (accept, status) in [("application/json", 200), ("application/graphql-response+json", 400)] {
        let request = world.reader().request(Method::POST, "/graphql").header("accept", accept);
        let request = request.json(&json!({ "query": bomb() }));
        assert_eq!(Reply::of(request).await.status, status, "{accept}");
    }
}

async fn nothing_of_a_refused_document_happens(world: World) {
    let write = "createPartner(input: { name: \"Globex\" }) { partner { id } } ";
    let mutation = format!("mutation {{ {write} }} query Q {{ ...F }} {}", bomb().replace("{ ...F0 }", ""));
    for document in [mutation, format!("mutation {{ {} }}", write.repeat(21))] {
        let reply = world.nothing_written(world.writer().query(&document)).await;
        assert!(!reply.errors().is_empty(), "{}", reply.body);
    }
}

async fn the_limits_are_configured(world: World) {
    let world = world
        .restarted(|config| {
            config.limits.document_depth = 3;
            config.limits.document_fields = 7;
            config.limits.document_tokens = 40;
            config.limits.document_aliases = 1;
            config.limits.document_root_fields = 2;
            config.limits.document_directives = 1;
        })
        .await;
    for (document, message) in [
        (repeated("{ viewer {", " subject", 40, "} }"), "The document has more than 40 tokens."),
        (repeated("{ viewer {", " subject", 7, "} }"), "The document has more than 7 fields."),
        (
            "{ partners { edges { node { id } } } }".to_owned(),
            "The document has more than 3 levels of fields.",
        ),
        ("{ a: __typename b: __typename }".to_owned(), "The document has more than 1 aliases."),
        ("{ __typename __typename __typename }".to_owned(), "The document has more than 2 root fields."),
        (
            "{ __typename @skip(if: false) __typename @skip(if: false) }".to_owned(),
            "The document has more than 1 directives.",
        ),
    ] {
        assert_eq!(code_and_message(&world.reader().query(&document).await), ("QUERY_TOO_COMPLEX", message));
    }
    assert_eq!(world.reader().query("{ viewer { subject } }").await.text("/viewer/subject"), "reader");
}

async fn introspection_as_tools_ask_for_it_passes(world: World) {
    let reply = world.reader().query(include_str!("introspection.graphql")).await;
    assert!(reply.list("/__schema/types").len() > 100);
}

async fn deep_variables_are_no_body(world: World) {
    let document = "query($filter: PartnerFilter) { partners(filter: $filter) { totalCount } }";
    let nested = |depth: usize| format!("{}{{}}{}", "{\"not\":".repeat(depth), "}".repeat(depth));
    let ask = |depth: usize| {
        let body = format!("{{\"query\":\"{document}\",\"variables\":{{\"filter\":{}}}}}", nested(depth));
        world.reader().request(Method::POST, "/graphql").header("content-type", "application/json").body(body)
    };
    assert_eq!(Reply::of(ask(3)).await.errors(), [""; 0]);
    for depth in [130, 10_000] {
        let reply = Reply::of(ask(depth)).await;
        assert_eq!(reply.status, 400, "{depth}");
        assert_eq!(reply.errors(), ["BAD_REQUEST"], "{depth}");
    }
}

async fn unknown_types_of_variables_are_told(world: World) {
    for document in [
        "query($a: Nope) { nodes(ids: $a) { id } }",
        "query($a: [Nope] = [1]) { nodes(ids: $a) { id } }",
        "query($a: [[Nope!]!]! = [[1]]) { nodes(ids: $a) { id } }",
        "query($a: [Partner] = [1]) { nodes(ids: $a) { id } }",
    ] {
        let errors = world.reader().query(document).await.errors();
        assert!(errors.iter().all(|error| error == "GRAPHQL_VALIDATION_FAILED"), "{document}: {errors:?}");
        assert!(!errors.is_empty(), "{document}");
    }
}
