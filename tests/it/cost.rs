//! The cost of requests: reported on request, limited for each request and, by subject and organization, over time.
//!
//! No list of the schema is forgotten: each counts what stands in it more than once.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{
    Variables,
    parser::{
        parse_query, parse_schema,
        types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use contact_gateway::{
    auth::Scope,
    graphql::{
        document::{cost, operation},
        schema_index, sdl,
    },
    service::work::{
        CHILDREN, CHOICE, COMPARISON, CONTACT_TYPE, CUSTOM_FIELD, LINKED_RELATION, SCAN, SEARCH, SORT, VALUE,
        WORD, WRITTEN_ROW,
    },
};
use serde_json::{Value, json};

use crate::support::{Actor, HOME, OTHER, Reply, World, limit_points, on_both};

on_both!(
    the_cost_is_told_when_asked_for,
    a_request_that_costs_too_much_is_refused,
    a_subject_has_points_of_its_own_in_each_organization,
    refused_documents_cost_too,
    samples_cost_far_less_than_they_may,
);

/// What a document costs with variables.
fn points(document: &str, variables: Value) -> u64 {
    let parsed = parse_query(document).unwrap_or_else(|error| panic!("{document}: {error}"));
    let operation = operation(&parsed, None).expect("an operation");
    cost(schema_index(), &parsed, operation, &Variables::from_json(variables), u64::MAX)
        .expect("a cost")
        .points
}

#[test]
fn each_value_costs_a_point() {
    for (document, expected) in [
        ("{ viewer { subject } }", 2),
        ("{ viewer { subject @skip(if: true) } }", 1),
        ("{ __typename }", 1),
        // A connection, its rows, and of each its id.
        ("{ partners { nodes { id } } }", 10 + 1 + 25 * 2),
        ("{ partners(first: 3) { nodes { id name } } }", 10 + 1 + 3 * 3),
        ("{ partners(last: 3) { edges { cursor node { id } } } }", 10 + 1 + 3 * (1 + 1 + 2)),
        ("{ partners(first: 3) { totalCount pageInfo { hasNextPage } } }", 10 + 10 + 2 + SCAN),
        ("{ partners(first: 3) { ...P } } fragment P on PartnerConnection { nodes { id } }", 10 + 1 + 3 * 2),
        ("{ partners(first: 1) { nodes { id } } partners(first: 2) { nodes { id } } }", 13 + 15),
        (
            "{ partners(first: 4) { nodes { assignments(first: 5) { nodes { id } } } } }",
            11 + 4 * (1 + 11 + 5 * 2),
        ),
        // Sizes that no page can have are refused by the field; until then they cost what the longest page does.
        ("{ partners(first: 1000000) { nodes { id } } }", 10 + 1 + 100 * 2),
        ("{ partners(first: -1) { nodes { id } } }", 10 + 1 + 25 * 2),
        ("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }", 1 + 3),
        ("{ node(id: \"a\") { ... on Partner { name } ... on Account { name } } }", 1 + 2),
        ("mutation { deletePartner(input: { id: \"a\" }) { partner { id } } }", 10 + 2),
        (
            "mutation { upsertPartners(input: { rows: [{ name: \"a\" }, { name: \"b\" }] }) { results { partner { id } } } }",
            10 + 1 + 2 * (1 + 2) + 2 * WRITTEN_ROW,
        ),
        // Introspection.
        ("{ __schema { types { name } } }", 1 + 50 * 2),
        ("{ __type(name: \"A\") { fields { type { name } } } }", 1 + 50 * 3),
    ] {
        assert_eq!(points(document, json!({})), expected, "{document}");
    }
}

/// The points of a list of account contacts with this filter and order, without its rows.
fn list_points(arguments: Value, selection: &str) -> u64 {
    let document = format!(
        "query($filter: AccountContactFilter, $order: [AccountContactOrder!]) {{
            accountContacts(first: 1, filter: $filter, orderBy: $order) {{ {selection} }} }}"
    );
    let bare = points("{ accountContacts(first: 1) { __typename } }", json!({}));
    // Some values of arguments, a tenth of a point each.
    (points(&document, arguments) - bare) / 100 * 100
}

#[test]
fn the_work_of_the_database_costs() {
    let order = |fields: &[&str]| fields.iter().map(|field| json!({ "field": field })).collect::<Value>();
    let contains = json!({ "email": { "contains": "a" } });
    for (filter, expected) in [
        (json!({}), 0),
        (contains.clone(), SCAN + COMPARISON),
        (
            json!({ "email": { "contains": "a", "startsWith": "b" }, "deleted": "INCLUDE" }),
            SCAN + 3 * COMPARISON,
        ),
        (json!({ "or": [contains, contains, { "not": contains }] }), SCAN + 3 * COMPARISON),
        (json!({ "or": [{}, {}] }), SCAN + 2 * COMPARISON),
        (json!({ "firstName": { "in": vec!["a"; 21] } }), SCAN + COMPARISON + 20 * VALUE),
        (json!({ "search": "ada, lovelace" }), SCAN + SEARCH + 2 * WORD),
        (json!({ "contactType": { "name": { "eq": "a" } } }), SCAN + CONTACT_TYPE + COMPARISON),
        (
            json!({ "accounts": { "some": { "name": { "eq": "a" } }, "none": { "contacts": { "some": {} } } } }),
            SCAN + 3 * LINKED_RELATION + COMPARISON,
        ),
        (
            json!({ "customFieldValues": [{ "customFieldId": "a", "gte": 1, "in": [1, 2] }] }),
            SCAN + 2 * CUSTOM_FIELD + VALUE,
        ),
        (
            json!({ "customFieldValues": [{ "customFieldId": "a", "eq": ["S", "M"], "in": [["S"]] }] }),
            SCAN + 2 * CUSTOM_FIELD + 3 * CHOICE,
        ),
        // A unique index finds them.
        (json!({ "id": { "in": ["a", "b"] }, "firstName": { "contains": "a" } }), 0),
        (json!({ "email": { "eq": "a" }, "accounts": { "some": {} } }), LINKED_RELATION),
        (json!({ "remoteId": { "eq": "a" } }), 0),
        (json!({ "not": { "id": { "eq": "a" } } }), SCAN + COMPARISON),
        // Any number of deleted contacts can have the same address.
        (json!({ "email": { "eq": "a" }, "deleted": "INCLUDE" }), SCAN + 2 * COMPARISON),
    ] {
        let (arguments, plain) = (json!({ "filter": filter }), "__typename");
        assert_eq!(list_points(arguments.clone(), plain), expected / 100 * 100, "{filter}");
        let counted = if expected == 0 && filter == json!({}) { SCAN } else { 2 * expected };
        assert_eq!(list_points(arguments, "totalCount") / 1000, counted / 1000, "{filter}");
    }
    for (fields, expected) in [(&["EMAIL"][..], 0), (&["EMAIL", "CREATED_AT"], SORT)] {
        assert_eq!(list_points(json!({ "order": order(fields) }), "__typename"), expected);
    }
}

/// An index finds rows by these values too, but any number of rows can have the same one.
#[test]
fn values_that_many_rows_can_share_are_no_keys() {
    for list in [
        "organizationContacts(filter: { email: { eq: \"a\" } })",
        "contacts(filter: { email: { eq: \"a\" } })",
        "changes(filter: { entityId: { eq: \"a\" } })",
    ] {
        let cost = points(&format!("{{ {list} {{ nodes {{ id }} }} }}"), json!({}));
        assert!(cost > SCAN + COMPARISON, "{list}: {cost}");
    }
}

#[test]
fn rows_links_and_values_that_are_written_cost() {
    let upsert = |rows: Value| {
        let document = "mutation($rows: [UpsertAccountContactInput!]!) {
            upsertAccountContacts(input: { rows: $rows }) { created } }";
        points(document, json!({ "rows": rows }))
    };
    let row = |accounts: usize, values: usize| json!({ "accountIds": vec!["a"; accounts], "customFieldValues": vec![json!({}); values] });
    let nothing = upsert(json!([]));
    for (rows, written) in [(json!([row(0, 0)]), 1), (json!([row(3, 0), row(0, 4)]), 2 + 3 + 4)] {
        let points = upsert(rows.clone()) - nothing;
        // Arguments cost a tenth of a point for each value.
        assert!((written * WRITTEN_ROW..=written * WRITTEN_ROW + 2).contains(&points), "{rows}: {points}");
    }
    let document = "mutation($input: CreateAccountContactInput!) { createAccountContact(input: $input) { userErrors { code } } }";
    let linked = points(
        document,
        json!({ "input": { "accountIds": vec!["a"; 50], "metadata": { "list": vec![1; 9] } } }),
    );
    let alone = points(document, json!({ "input": {} }));
    assert!((50 * WRITTEN_ROW..50 * WRITTEN_ROW + 10).contains(&(linked - alone)), "{linked} {alone}");
}

/// A variable can be used often: its conditions are counted at each use, but not without end.
#[test]
fn the_cost_of_a_large_filter_is_computed_quickly() {
    let uses: String =
        (0..500).map(|it| format!("a{it}: accountContacts(filter: $filter) {{ totalCount }} ")).collect();
    let document = format!("query($filter: AccountContactFilter) {{ {uses} }}");
    for filter in [
        json!({ "or": vec![json!({}); 300_000] }),
        json!({ "customFieldValues": vec![json!({}); 300_000] }),
        json!({ "id": { "eq": "a" }, "firstName": { "in": vec!["a"; 300_000] } }),
        json!({ "id": { "eq": "a" }, "search": "\u{fdfa}".repeat(300_000) }),
    ] {
        let begin = std::time::Instant::now();
        points(&document, json!({ "filter": filter }));
        // Seconds, if each use counted all of them.
        assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}

#[test]
fn lists_of_many_rows_are_read_at_once() {
    let nested = |arguments: &str, selection: &str| {
        points(
            &format!("{{ accounts(first: 100) {{ nodes {{ contacts{arguments} {{ {selection} }} }} }} }}"),
            json!({}),
        )
    };
    let plain = nested("", "__typename");
    assert!(plain < 5_000, "{plain}");
    let filter = "(filter: { firstName: { contains: \"a\" } })";
    assert_eq!((nested(filter, "__typename") - plain) / 1000, (CHILDREN + COMPARISON) / 1000);
    assert_eq!((nested("(orderBy: { field: EMAIL })", "__typename") - plain) / 1000, CHILDREN / 1000);
    assert_eq!((nested("", "__typename totalCount") - plain) / 10_000, CHILDREN / 10_000);
    let organizations = |ids: &str| {
        let lists = "{ ... on Organization { partners { totalCount } } }";
        points(&format!("{{ nodes(ids: [{ids}]) {lists} }}"), json!({})) / 1000
    };
    assert_eq!((organizations("\"a\""), organizations("\"a\", \"b\"")), (SCAN / 1000, 2 * SCAN / 1000));
    let twice = "{ ...P ...P } fragment P on Query { accounts(filter: { name: { contains: \"a\" } }) { __typename } }";
    assert_eq!(points(twice, json!({})) / 1000, 2 * (SCAN + COMPARISON) / 1000);
}

/// Every argument named filter has the type that the points of its conditions are looked up in.
#[test]
fn filters_are_named_like_their_lists() {
    let mut seen = 0;
    for field in types().into_values().flatten() {
        let filter = field.arguments.iter().find(|argument| argument.node.name.node == "filter");
        let Some(filter) = filter else { continue };
        let list = named(&field.ty.node).0;
        if let Some(listed) = list.strip_suffix("Connection") {
            assert_eq!(named(&filter.node.ty.node).0, format!("{listed}Filter"), "{}", field.name.node);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn variables_count_as_their_values() {
    let page = "query($first: Int = 7, $more: Boolean! = true) {
        partners(first: $first) { nodes { id name @include(if: $more) } } }";
    for (variables, rows, values) in [
        (json!({}), 7, 3),
        (json!({ "first": 2 }), 2, 3),
        (json!({ "first": null }), 25, 3),
        (json!({ "first": "x" }), 25, 3),
        (json!({ "first": 2, "more": false }), 2, 2),
    ] {
        assert_eq!(points(page, variables.clone()), 11 + rows * values, "{variables}");
    }
    let rows = "mutation($rows: [UpsertPartnerRow!]!) { upsertPartners(input: { rows: $rows }) { results { status } } }";
    let whole =
        "mutation($input: UpsertPartnersInput!) { upsertPartners(input: $input) { results { status } } }";
    let given = json!(vec![json!({ "name": "Globex" }); 100]);
    // 100 objects of one value each, a tenth of a point each, and 100 results.
    let cost = 10 + 20 + 1 + 100 * (2 + WRITTEN_ROW);
    assert_eq!(points(rows, json!({ "rows": given })), cost);
    assert_eq!(points(whole, json!({ "input": { "rows": given } })), cost);
    let ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(points(ids, json!({ "ids": ["a", "b"] })), 1 + 2);
    let text = json!({ "ids": ["x".repeat(6400)] });
    assert_eq!(points(ids, text), 1 + 10 + 1);
}

/// The schema's object and interface types, with their fields.
fn types() -> BTreeMap<String, Vec<FieldDefinition>> {
    let definitions = parse_schema(sdl()).expect("a schema").definitions;
    let types = definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else { return None };
        let fields = match definition.node.kind {
            TypeKind::Object(it) => it.fields,
            TypeKind::Interface(it) => it.fields,
            _ => return None,
        };
        let fields = fields.into_iter().map(|field| field.node).collect();
        Some((definition.node.name.node.to_string(), fields))
    });
    types.collect()
}

fn named(ty: &Type) -> (&str, bool) {
    match &ty.base {
        BaseType::Named(name) => (name.as_str(), false),
        BaseType::List(item) => (named(item).0, true),
    }
}

/// How often what is selected at the end of a path counts.
fn count(root: &str, path: &[&str]) -> u64 {
    let document = |selected: &str| {
        let open: String = path.iter().map(|field| format!("{field} {{ ")).collect();
        format!("{root} {{ {open}{selected}{} }}", " }".repeat(path.len()))
    };
    points(&document("__typename __typename"), json!({})) - points(&document("__typename"), json!({}))
}

#[test]
fn no_list_is_forgotten() {
    let types = types();
    let (mut seen, mut lists) = (BTreeSet::new(), 0);
    let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
    let mut open: Vec<_> = roots.into_iter().map(|(root, on)| (root, on, Vec::new())).collect();
    while let Some((root, on, path)) = open.pop() {
        for field in &types[on] {
            let (name, is_list) = named(&field.ty.node);
            if !types.contains_key(name) || !seen.insert((on, field.name.node.as_str())) {
                continue;
            }
            let below = [&path[..], &[field.name.node.as_str()]].concat();
            let (outside, inside) = (count(root, &path), count(root, &below));
            // The rows of a bulk write are as many as it is given, which here is none.
            let results = field.name.node == "results";
            if is_list && !results {
                lists += 1;
                assert!(inside >= 10 * outside, "{on}.{}: {inside} in {outside}", field.name.node);
            } else {
                assert_eq!(inside, outside, "{on}.{}", field.name.node);
            }
            open.insert(0, (root, name, below));
        }
    }
    assert!(lists > 60, "{lists}");
    let unreached: Vec<&String> =
        types.keys().filter(|name| !seen.iter().any(|(on, _)| on == name)).collect();
    let leaves = unreached
        .iter()
        .filter(|name| types[**name].iter().any(|it| types.contains_key(named(&it.ty.node).0)));
    assert_eq!(leaves.count(), 0, "{unreached:?}");
}

/// The reply with its cost.
async fn ask(actor: &Actor, document: &str) -> Reply {
    actor.clone().with_header("x-graphql-cost", "true").query(document).await
}

async fn the_cost_is_told_when_asked_for(world: World) {
    let document = "{ partners(first: 3) { nodes { id } } }";
    let reply = ask(&world.reader(), document).await;
    assert_eq!(reply.body["extensions"], json!({ "cost": { "requested": 17, "limit": 500_000 } }));
    assert_eq!(reply.body["data"], json!({ "partners": { "nodes": [] } }));
    for other in ["false", "1", ""] {
        let reply = world.reader().with_header("x-graphql-cost", other).query(document).await;
        assert_eq!(reply.body.get("extensions"), None, "{other}");
    }
    assert_eq!(world.reader().query(document).await.body.get("extensions"), None);
    // Also beside errors.
    let reply = ask(&world.reader(), "{ partner(id: \"x\") { id } }").await;
    assert_eq!(reply.body["extensions"]["cost"]["requested"], 2, "{}", reply.body);
}

async fn a_request_that_costs_too_much_is_refused(world: World) {
    let world = world.restarted(|config| config.limits.cost = 60).await;
    assert_eq!(world.reader().query("{ partners(first: 24) { nodes { id } } }").await.errors(), [""; 0]);
    let (reply, statements) =
        world.statements(world.reader().query("{ partners(first: 25) { nodes { id } } }")).await;
    assert_eq!(reply.errors(), ["QUERY_TOO_COMPLEX"]);
    let error = &reply.body["errors"][0];
    assert_eq!(error["message"], "The request costs 61 points; at most 60 are allowed.");
    assert_eq!(error["locations"], json!([{ "line": 1, "column": 1 }]));
    assert_eq!(statements, [""; 0]);
}

async fn a_subject_has_points_of_its_own_in_each_organization(world: World) {
    let world = world
        .restarted(|config| {
            config.limits.cost = 50;
            limit_points(config, 50);
        })
        .await;
    let document = "{ partners(first: 2) { nodes { id name } } }";
    let (home, other) = (world.multi().in_organization("org_1"), world.multi().in_organization("org_2"));
    let left = |reply: &Reply| reply.body["extensions"]["cost"]["rateLimit"].clone();
    assert_eq!(left(&ask(&home, document).await), json!({ "burst": 50, "left": 33 }));
    assert_eq!(left(&ask(&home, document).await), json!({ "burst": 50, "left": 16 }));

    let (reply, statements) = world.statements(ask(&home, document)).await;
    assert_eq!((reply.status.as_u16(), reply.errors()), (429, vec!["RATE_LIMITED".to_owned()]));
    assert_eq!(reply.body.get("data"), None);
    assert_eq!(statements, [""; 0]);
    let wait: u64 = reply.headers["retry-after"].to_str().expect("text").parse().expect("whole seconds");
    assert!((55..=60).contains(&wait), "{wait}");

    // No other subject is affected.
    assert_eq!(left(&ask(&other, document).await), json!({ "burst": 50, "left": 33 }));
    let same_name = world.actor("multi", &[OTHER], &[Scope::ContactsRead]);
    assert_eq!(left(&ask(&same_name, document).await), json!({ "burst": 50, "left": 16 }));
    let neighbour = world.actor("neighbour", &[HOME], &[Scope::ContactsRead]);
    assert_eq!(left(&ask(&neighbour, document).await), json!({ "burst": 50, "left": 33 }));
}

async fn refused_documents_cost_too(world: World) {
    let world = world
        .restarted(|config| {
            config.limits.cost = 25;
            limit_points(config, 25);
        })
        .await;
    for document in ["{", "{ ...F }"] {
        assert_ne!(world.reader().query(document).await.errors(), ["RATE_LIMITED"]);
    }
    assert_eq!(world.reader().query("{").await.errors(), ["RATE_LIMITED"]);
    // Five points are left.
    assert_eq!(world.reader().query("{ viewer { subject } }").await.errors(), [""; 0]);
}

async fn samples_cost_far_less_than_they_may(world: World) {
    let limit = world.config.limits.cost;
    for file in std::fs::read_dir("playground/operations").expect("the samples") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "graphql") {
            continue;
        }
        let document = std::fs::read_to_string(&path).expect("a sample");
        let variables = std::fs::read_to_string(path.with_extension("variables.json"));
        let mut variables: Value = serde_json::from_str(&variables.unwrap_or("{}".to_owned())).expect("JSON");
        let as_it_is = points(&document, variables.clone());
        assert!(3 * as_it_is <= limit, "{}: {as_it_is}", path.display());
        variables["first"] = json!(100);
        let longest = points(&document, variables);
        assert!(2 * longest <= limit, "{}: {longest}", path.display());
    }
    let introspection = include_str!("introspection.graphql");
    assert!(2 * points(introspection, json!({})) <= limit);
    assert_eq!(world.reader().query(introspection).await.errors(), [""; 0]);
}
