//! Invalid filters, orders and windows are rejected, each with the path of the field and of the invalid value.

use serde_json::{Value, json};

use super::filters::unlimited;
use crate::support::{Actor, Reply, World, on_both};

on_both!(
    nulls_are_refused,
    filters_have_an_end,
    lists_of_values_are_neither_empty_nor_endless,
    what_is_no_condition_is_left_out,
    orders_have_an_end,
    windows_make_sense,
    cursors_belong_to_one_order,
    a_nested_list_is_refused_alone,
    times_and_ids_that_are_none,
);

const PARTNERS: &str = "query($filter: PartnerFilter) { partners(filter: $filter) { nodes { id } } }";

async fn filtered(actor: &Actor, filter: Value) -> Reply {
    actor.graphql(PARTNERS, json!({ "filter": filter })).await
}

/// Fails unless the answer says only that this argument of this field is refused.
#[track_caller]
fn assert_refused(reply: &Reply, field: &str, argument: &str) {
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.errors(), [format!("BAD_REQUEST {field}")], "{}", reply.body);
    let error = &reply.body["errors"][0];
    let path: Vec<&str> = argument.split('.').collect();
    assert_eq!(error["extensions"]["argument"], json!(path), "{}", reply.body);
    let message = error["message"].as_str().expect("a message");
    assert!(message.len() > 20 && message.ends_with('.'), "{message}");
}

async fn nulls_are_refused(world: World) {
    let reader = world.reader();
    for (filter, argument) in [
        (json!({ "name": null }), "filter.name"),
        (json!({ "name": { "eq": null } }), "filter.name.eq"),
        (json!({ "name": { "in": null } }), "filter.name.in"),
        (json!({ "name": { "isNull": null } }), "filter.name.isNull"),
        (json!({ "name": { "contains": "a", "startsWith": null } }), "filter.name.startsWith"),
        (json!({ "id": { "ne": null } }), "filter.id.ne"),
        (json!({ "createdAt": { "lt": null } }), "filter.createdAt.lt"),
        (json!({ "updatedSince": null }), "filter.updatedSince"),
        (json!({ "deleted": null }), "filter.deleted"),
        (json!({ "search": null }), "filter.search"),
        (json!({ "and": null }), "filter.and"),
        (json!({ "or": [{}, { "not": null }] }), "filter.or.1.not"),
        (json!({ "assignments": null }), "filter.assignments"),
        (json!({ "assignments": { "some": null } }), "filter.assignments.some"),
        (
            json!({ "assignments": { "none": { "internalRole": { "eq": null } } } }),
            "filter.assignments.none.internalRole.eq",
        ),
        (json!({ "assignments": { "some": { "floating": null } } }), "filter.assignments.some.floating"),
        (json!({ "assignments": { "some": { "partner": null } } }), "filter.assignments.some.partner"),
    ] {
        let written = literal(&filter);
        let document = format!("{{ partners(filter: {written}) {{ nodes {{ id }} }} }}");
        assert_refused(&reader.query(&document).await, "partners", argument);
        assert_refused(&filtered(&reader, filter).await, "partners", argument);
    }
    // A variable for a part of the filter.
    let document = "query($name: String) { partners(filter: { name: { eq: $name } }) { nodes { id } } }";
    assert_refused(&reader.graphql(document, json!({ "name": null })).await, "partners", "filter.name.eq");
}

/// The value as it is written in a document; what looks like an enum's value is taken for one.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", literal(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// What is not given is no condition, also when a variable for it is not given.
async fn what_is_no_condition_is_left_out(world: World) {
    for name in ["Globex", "Initech"] {
        world.rows().partner(name, None).await;
    }
    let reader = world.reader();
    let names = |reply: &Reply| {
        let nodes = reply.list("/partners/nodes").iter();
        nodes.map(|node| node["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let document = "query(
        $filter: PartnerFilter, $order: [PartnerOrder!], $first: Int, $name: StringFilter, $eq: String,
        $in: [String!], $or: [PartnerFilter!], $search: String, $since: DateTime, $deleted: DeletedFilter,
        $roles: InternalRoleFilter, $assignments: InternalContactAssignmentListFilter
    ) {
        whole: partners(filter: $filter, orderBy: $order, first: $first) { nodes { name } }
        partners(filter: {
            name: $name, or: $or, search: $search, updatedSince: $since, deleted: $deleted, assignments: $assignments,
            and: [{ name: { eq: $eq, in: $in, startsWith: \"G\" } }]
            not: { assignments: { some: { internalRole: $roles } } }
        }) { nodes { name } }
    }";
    let reply = reader.graphql(document, json!({})).await;
    assert_eq!(names(&reply), ["Globex"]);
    assert_eq!(reply.list("/whole/nodes").len(), 2);
    let given =
        json!({ "eq": "Globex", "in": "Globex", "or": { "name": { "eq": "Globex" } }, "search": " " });
    assert_eq!(names(&reader.graphql(document, given).await), ["Globex"]);
    assert_eq!(names(&reader.graphql(document, json!({ "eq": "Initech" })).await), [""; 0]);

    for filter in
        [json!(null), json!({}), json!({ "name": {} }), json!({ "and": [{}] }), json!({ "search": "" })]
    {
        assert_eq!(filtered(&reader, filter.clone()).await.list("/partners/nodes").len(), 2, "{filter}");
    }
    let nothing = json!({ "not": {} });
    assert_eq!(filtered(&reader, nothing).await.list("/partners/nodes").len(), 0);
}

async fn filters_have_an_end(world: World) {
    let world = unlimited(world).await;
    world.rows().partner("Globex", None).await;
    let reader = world.reader();
    let found = |reply: &Reply| reply.list("/partners/nodes").len();

    let nested = |levels: usize| {
        (1..levels).fold(json!({ "name": { "eq": "Globex" } }), |below, level| match level % 3 {
            0 => json!({ "and": [below] }),
            1 => json!({ "or": [below, { "name": { "isNull": true } }] }),
            _ => json!({ "not": { "not": below } }),
        })
    };
    // Each `not` of a `not` is two levels.
    assert_eq!(found(&filtered(&reader, nested(4)).await), 1);
    let deep = |levels: usize| (1..levels).fold(json!({}), |below, _| json!({ "and": [below] }));
    assert_eq!(found(&filtered(&reader, deep(5)).await), 1);
    let six = "filter.and.0.and.0.and.0.and.0.and.0";
    assert_refused(&filtered(&reader, deep(6)).await, "partners", six);
    let related = |below: Value| json!({ "assignments": { "some": { "partner": below } } });
    assert_eq!(found(&filtered(&reader, related(related(json!({})))).await), 0);
    let six = related(related(json!({ "not": {} })));
    let place = "filter.assignments.some.partner.assignments.some.partner.not";
    assert_refused(&filtered(&reader, six).await, "partners", place);

    let many = |count: usize| json!({ "or": vec![json!({ "name": { "eq": "Globex" } }); count] });
    assert_eq!(found(&filtered(&reader, many(50)).await), 1);
    assert_refused(&filtered(&reader, many(51)).await, "partners", "filter.or.50.name.eq");
    let pairs = |count: usize| json!({ "and": vec![json!({ "id": { "isNull": false, "ne": "x" } }); count] });
    assert_eq!(found(&filtered(&reader, pairs(25)).await), 1);
    assert_refused(&filtered(&reader, pairs(26)).await, "partners", "filter.and.25.id.ne");
    // What compares nothing is not for nothing.
    for one in [
        json!({}),
        json!({ "assignments": { "none": {} } }),
        json!({ "deleted": "INCLUDE" }),
        json!({ "search": "g" }),
    ] {
        let many = |count: usize| json!({ "or": vec![one.clone(); count] });
        assert_eq!(found(&filtered(&reader, many(50)).await), 1, "{one}");
        let reply = filtered(&reader, many(51)).await;
        assert_eq!(reply.errors(), ["BAD_REQUEST partners"], "{one}");
    }
    let endless = json!({ "or": vec![json!({}); 20_000] });
    assert_eq!(filtered(&reader, endless).await.errors(), ["BAD_REQUEST partners"]);
}

async fn lists_of_values_are_neither_empty_nor_endless(world: World) {
    world.rows().partner("Globex", None).await;
    let reader = world.reader();
    for (filter, argument) in [
        (json!({ "name": { "in": [] } }), "filter.name.in"),
        (json!({ "id": { "in": [] } }), "filter.id.in"),
        (json!({ "createdAt": { "in": [] } }), "filter.createdAt.in"),
        (
            json!({ "assignments": { "some": { "internalRole": { "in": [] } } } }),
            "filter.assignments.some.internalRole.in",
        ),
        (json!({ "and": [] }), "filter.and"),
        (json!({ "not": { "or": [] } }), "filter.not.or"),
        (json!({ "name": { "in": vec!["Globex"; 101] } }), "filter.name.in"),
        (json!({ "id": { "in": vec!["ptn_"; 101] } }), "filter.id.in"),
    ] {
        assert_refused(&filtered(&reader, filter).await, "partners", argument);
    }
    let hundred = json!({ "name": { "in": vec!["Globex"; 100] } });
    assert_eq!(filtered(&reader, hundred).await.list("/partners/nodes").len(), 1);
    let document =
        "query($kinds: [ContactKind!]) { contacts(filter: { kind: { in: $kinds } }) { nodes { id } } }";
    for kinds in [json!([]), json!(vec!["ACCOUNT"; 101])] {
        let reply = reader.graphql(document, json!({ "kinds": kinds })).await;
        assert_refused(&reply, "contacts", "filter.kind.in");
    }
}

async fn orders_have_an_end(world: World) {
    let reader = world.reader();
    let document = "query($order: [InternalContactOrder!]) {
        internalContacts(orderBy: $order) { nodes { id } }
    }";
    let fields = ["DISPLAY_NAME", "EMAIL", "CREATED_AT", "UPDATED_AT", "DISPLAY_NAME"];
    let order = |fields: &[&str]| json!({ "order": fields.iter().map(|field| json!({ "field": field })).collect::<Vec<_>>() });
    assert_eq!(reader.graphql(document, order(&fields[..4])).await.errors(), [""; 0]);
    assert_refused(&reader.graphql(document, order(&fields)).await, "internalContacts", "orderBy.4");
    let twice = json!({ "order": [{ "field": "EMAIL" }, { "field": "EMAIL", "direction": "DESC" }] });
    assert_refused(&reader.graphql(document, twice).await, "internalContacts", "orderBy.1");
    for order in [json!(null), json!([]), json!({ "field": "EMAIL" })] {
        assert_eq!(reader.graphql(document, json!({ "order": order })).await.errors(), [""; 0], "{order}");
    }
    for order in [json!([null]), json!([{}]), json!([{ "field": null }]), json!([{ "field": "NOTHING" }])] {
        let reply = reader.graphql(document, json!({ "order": order })).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{order}");
    }
}

async fn cursors_belong_to_one_order(world: World) {
    for name in ["Globex", "Initech", "Hooli"] {
        world.rows().partner(name, None).await;
        world.rows().account(name).await;
    }
    let reader = world.reader();
    let lists = [
        "partners",
        "partners orderBy: { field: NAME }",
        "partners orderBy: { field: NAME, direction: DESC }",
        "partners orderBy: [{ field: NAME }, { field: CREATED_AT }]",
        "partners orderBy: [{ field: CREATED_AT }, { field: NAME }]",
        "partners orderBy: { field: CREATED_AT }",
        "partners orderBy: { field: UPDATED_AT }",
        "partners filter: { search: \"globex\" }",
        "partners filter: { search: \"initech\" }",
        "accounts",
        "accounts orderBy: { field: NAME }",
    ];
    let mut cursors = Vec::new();
    for list in lists {
        let reply = asked(&reader, list, "first: 1").await;
        let (name, _) = list.split_once(' ').unwrap_or((list, ""));
        cursors.push((list, reply.text(&format!("/{name}/edges/0/cursor")).to_owned()));
    }
    for list in lists {
        let (name, _) = list.split_once(' ').unwrap_or((list, ""));
        for (of, cursor) in &cursors {
            for (paging, argument) in [("first: 1, after", "after"), ("last: 1, before", "before")] {
                let reply = asked(&reader, list, &format!("{paging}: \"{cursor}\"")).await;
                if *of == list {
                    assert_eq!(reply.errors(), [""; 0], "{list}");
                } else {
                    assert_refused(&reply, name, argument);
                }
            }
        }
    }
    for cursor in ["", "garbage", "AAAA", "Ümläut 💥", &cursors[1].1[1..]] {
        let reply = asked(&reader, lists[1], &format!("before: \"{cursor}\"")).await;
        assert_refused(&reply, "partners", "before");
    }
}

async fn asked(actor: &Actor, list: &str, paging: &str) -> Reply {
    let (name, arguments) = list.split_once(' ').unwrap_or((list, ""));
    actor.query(&format!("{{ {name}({paging}, {arguments}) {{ edges {{ cursor }} }} }}")).await
}

/// Windows that make no sense, and the argument to blame.
const WINDOWS: [(&str, &str); 9] = [
    ("first: 0", "first"),
    ("first: 101", "first"),
    ("first: -1", "first"),
    ("last: 0", "last"),
    ("last: 101", "last"),
    ("first: 1, last: 1", "last"),
    ("first: 1, before: \"x\"", "before"),
    ("last: 1, after: \"x\"", "last"),
    ("after: \"x\"", "after"),
];

async fn windows_make_sense(world: World) {
    let reader = world.reader();
    for list in ["partners", "accountContacts", "contacts", "changes"] {
        for (window, argument) in WINDOWS {
            let reply = reader.query(&format!("{{ {list}({window}) {{ totalCount }} }}")).await;
            assert_refused(&reply, list, argument);
        }
    }
}

async fn a_nested_list_is_refused_alone(world: World) {
    world.rows().partners_and_people(3, 2).await;
    let reader = world.reader();
    for (arguments, argument) in WINDOWS.into_iter().chain([
        ("filter: { and: [] }", "filter.and"),
        ("filter: { remoteId: { eq: null } }", "filter.remoteId.eq"),
        ("orderBy: [{ field: CREATED_AT }, { field: CREATED_AT }]", "orderBy.1"),
    ]) {
        let document = format!(
            "{{ partners(first: 1) {{ nodes {{
                name bad: assignments({arguments}) {{ nodes {{ id }} }} assignments {{ totalCount }}
            }} }} }}"
        );
        let reply = reader.query(&document).await;
        assert_refused(&reply, "partners.nodes.0.bad", argument);
        let expected = json!([{ "name": "Partner 0", "bad": null, "assignments": { "totalCount": 2 } }]);
        assert_eq!(reply.body["data"]["partners"]["nodes"], expected);
    }
}

async fn times_and_ids_that_are_none(world: World) {
    world.rows().partner("Globex", None).await;
    let reader = world.reader();
    let count = async |filter: Value| filtered(&reader, filter).await.list("/partners/nodes").len();
    // An id that is none of the type's is that of no row.
    for id in ["", "7", "ptn_", "acc_01h455vb4pex5vsknk084sn02q", "oc_99999999999999999999", "\u{0}", "💥"]
    {
        assert_eq!(count(json!({ "id": { "eq": id } })).await, 0, "{id}");
        assert_eq!(count(json!({ "id": { "in": [id] } })).await, 0, "{id}");
        assert_eq!(count(json!({ "id": { "ne": id } })).await, 1, "{id}");
    }
    // Nor is a text with U+0000 that of any row.
    for (comparator, expected) in [("eq", 0), ("ne", 1), ("contains", 0), ("startsWith", 0)] {
        assert_eq!(count(json!({ "name": { comparator: "Glob\u{0}" } })).await, expected, "{comparator}");
    }
    assert_eq!(count(json!({ "name": { "in": ["\u{0}", "Globex"] } })).await, 1);
    for (time, is_before) in [
        ("0000-01-01T00:00:00Z", true),
        ("1969-12-31T23:59:59.999999999+05:30", true),
        ("2016-12-31T23:59:60Z", true),
        ("9999-12-31T23:59:59.999999999Z", false),
    ] {
        assert_eq!(count(json!({ "updatedSince": time })).await, usize::from(is_before), "{time}");
        assert_eq!(count(json!({ "createdAt": { "lt": time } })).await, usize::from(!is_before), "{time}");
    }
    for time in ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00", "2026-01-31", "yesterday", ""] {
        let reply = filtered(&reader, json!({ "updatedSince": time })).await;
        assert_eq!(reply.errors(), ["GRAPHQL_VALIDATION_FAILED"], "{time}");
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(["filter", "updatedSince"]));
    }
}
