//! Contacts of all kinds in one list: their fields, the statements of each query, and the access to them.
//!
//! Its pages are in `pages`, held against the `model` of the same random `rows`; how PostgreSQL finds them in `plans`.

mod model;
mod pages;
mod plans;
mod rows;

use contact_gateway::{
    auth::Scope,
    entity::{internal_contact_assignment::InternalRole, organization_contact::OrganizationContactType},
    service::{Patch, organization_contact::Card},
};
use serde_json::{Value, json};

use self::rows::Maker;
use crate::support::{Chance, HOME, OTHER, World, on_both};

on_both!(
    contacts_show_what_their_kind_has,
    a_contact_of_any_kind_is_found_by_its_id,
    viewers_are_internal_contacts_by_their_email_address,
    a_page_is_one_statement,
    ids_of_something_else_match_nothing,
    the_other_organization_sees_nothing,
    bad_filters_are_refused,
);

async fn contacts_show_what_their_kind_has(world: World) {
    let rows = world.rows();
    let account = rows.account("Globex").await;
    let person = rows.internal_contact("Ada@example.com", InternalRole::Csm).await.contact;
    let contact = rows.account_contact("grace@example.com", &[&account]).await;
    let card = Card { department: Patch::Set("Shipping".to_owned()), ..Card::default() };
    let card = rows.organization_contact(OrganizationContactType::Finance, card).await;
    let document = "{ contacts { nodes {
        __typename id kind displayName email phone version deletedAt
        ... on Node { id }
        ... on InternalContact { assignments { nodes { internalRole } } }
        ... on AccountContact { firstName accounts { nodes { name } } contactType { name } }
        ... on OrganizationContact { type department number organization { name } }
    } } organization { contacts(last: 1) { totalCount nodes { id } } } }";
    let reply = world.reader().query(document).await;
    let expected = json!([
        {
            "__typename": "InternalContact", "id": person.id.to_string(), "kind": "INTERNAL",
            "displayName": "Ada@example.com", "email": "Ada@example.com", "phone": null, "version": 1,
            "deletedAt": null, "assignments": { "nodes": [{ "internalRole": "CSM" }] },
        },
        {
            "__typename": "AccountContact", "id": contact.id.to_string(), "kind": "ACCOUNT",
            "displayName": "Grace", "email": "grace@example.com", "phone": null, "version": 1,
            "deletedAt": null, "firstName": "Grace", "accounts": { "nodes": [{ "name": "Globex" }] },
            "contactType": { "name": "Primary" },
        },
        {
            "__typename": "OrganizationContact", "id": card.id.to_string(), "kind": "ORGANIZATION",
            "displayName": "Shipping", "email": null, "phone": null, "version": 1, "deletedAt": null,
            "type": "FINANCE", "department": "Shipping", "number": card.id.0.to_string(),
            "organization": { "name": "Home" },
        },
    ]);
    assert_eq!(reply.data("/contacts/nodes"), &expected);
    let last = json!({ "totalCount": 3, "nodes": [{ "id": card.id.to_string() }] });
    assert_eq!(reply.data("/organization/contacts"), &last);
}

async fn a_contact_of_any_kind_is_found_by_its_id(world: World) {
    let rows = world.rows();
    let person = rows.internal_contact("ada@example.com", InternalRole::Csm).await;
    let contact = rows.account_contact("grace@example.com", &[]).await;
    let card = rows.organization_contact(OrganizationContactType::Finance, Card::default()).await;
    let theirs = world.other_rows().account_contact("grace@example.com", &[]).await;
    let document = "query($id: ID!) { contact(id: $id) { __typename id kind } }";
    for (id, kind) in [
        (person.contact.id.to_string(), Some(("InternalContact", "INTERNAL"))),
        (contact.id.to_string(), Some(("AccountContact", "ACCOUNT"))),
        (card.id.to_string(), Some(("OrganizationContact", "ORGANIZATION"))),
        (theirs.id.to_string(), None),
        (person.assignment.id.to_string(), None),
        ("org_1".to_owned(), None),
        ("ada@example.com".to_owned(), None),
    ] {
        let (reply, statements) =
            world.statements(world.reader().graphql(document, json!({ "id": id }))).await;
        let expected = kind.map(|(name, kind)| json!({ "__typename": name, "id": id, "kind": kind }));
        assert_eq!(reply.data("/contact"), &json!(expected), "{id}");
        assert!(statements.len() <= 1, "{id}: {statements:#?}");
    }
}

async fn viewers_are_internal_contacts_by_their_email_address(world: World) {
    let person = world.rows().internal_contact("Ada@Example.com", InternalRole::Csm).await.contact;
    world.other_rows().internal_contact("grace@example.com", InternalRole::Csm).await;
    let document = "{ viewer { internalContact { id assignments { totalCount } } } }";
    let found = json!({ "id": person.id.to_string(), "assignments": { "totalCount": 1 } });
    for (subject, expected) in
        [("ada@example.com", &found), ("grace@example.com", &Value::Null), ("auth0|4711", &Value::Null)]
    {
        let viewer = world.actor(subject, &[HOME], &Scope::ALL);
        assert_eq!(viewer.query(document).await.data("/viewer/internalContact"), expected, "{subject}");
    }
    let several = world.actor("ada@example.com", &[HOME, OTHER], &Scope::ALL);
    assert_eq!(several.query(document).await.data("/viewer/internalContact"), &Value::Null);
    let delete = "mutation($id: ID!) { deleteInternalContact(input: { id: $id }) { userErrors { code } } }";
    world.writer().graphql(delete, json!({ "id": person.id.to_string() })).await;
    let viewer = world.actor("ada@example.com", &[HOME], &Scope::ALL);
    assert_eq!(viewer.query(document).await.data("/viewer/internalContact"), &Value::Null);
}

/// A selection on contacts, and the number of statements that it needs in addition to the page's.
const BELOW: [(&str, usize); 14] = [
    ("id kind displayName email phone createdAt updatedAt deletedAt version", 0),
    ("... on AccountContact { accounts { nodes { name } } }", 1),
    ("... on AccountContact { accounts { nodes { name } } contactType { name } }", 2),
    ("... on AccountContact { customFieldValues { field { key } } }", 1),
    ("... on InternalContact { assignments { nodes { internalRole } } }", 1),
    ("... on InternalContact { assignments { nodes { partner { name } } } partners { nodes { id } } }", 3),
    ("... on OrganizationContact { organization { name } }", 1),
    (
        "... on AccountContact { accounts { nodes { name } } contactType { name } }
         ... on InternalContact { assignments { nodes { id } } }
         ... on OrganizationContact { organization { name } }",
        4,
    ),
    ("relatedContacts { nodes { id } }", 1),
    ("relatedContacts { totalCount nodes { id } }", 2),
    ("history { nodes { seq } }", 1),
    (
        "history { totalCount nodes { seq } } relatedContacts { nodes { relatedContacts { nodes { id } } } }",
        4,
    ),
    (
        "relatedContacts(first: 9) { nodes { ... on AccountContact { accounts(first: 5) { nodes { contacts(first: 9) { nodes { id } } } } } } }",
        3,
    ),
    (
        "... on InternalContact { history(first: 1) { nodes { seq } } }
         ... on OrganizationContact { history(first: 2) { nodes { seq } } }",
        2,
    ),
];

async fn a_page_is_one_statement(world: World) {
    // One document asks for more than clients do.
    let world = world.restarted(|config| config.limits.cost = 2_000_000).await;
    let mut chance = Chance::seeded(20);
    let mut maker = Maker::new(world.rows()).await;
    maker.fill(&mut chance, 40).await;
    let reader = world.reader();
    for (below, expected) in BELOW {
        for arguments in [
            "first: 40, orderBy: { field: EMAIL, direction: DESC }",
            "last: 50, orderBy: [{ field: DISPLAY_NAME }, { field: CREATED_AT, direction: DESC }]",
            "first: 100, filter: { deleted: INCLUDE, or: [{ search: \"ada\" }, { search: \"grace\" }] }",
            "first: 100, filter: { deleted: INCLUDE, not: { accountId: \"acc_x\", partnerId: \"ptn_x\" } }",
        ] {
            for (root, lists) in [
                ("contacts(ARGUMENTS) { nodes { BELOW } }", 1),
                ("contacts(ARGUMENTS) { edges { node { BELOW } } totalCount }", 2),
                ("organization { contacts(ARGUMENTS) { nodes { BELOW } } }", 2),
            ] {
                let document = root.replace("ARGUMENTS", arguments).replace("BELOW", below);
                let document = format!("{{ {document} }}");
                let (reply, statements) = world.statements(reader.query(&document)).await;
                assert!(reply.body.get("errors").is_none(), "{document}: {}", reply.body);
                assert_eq!(statements.len(), lists + expected, "{document}: {statements:#?}");
            }
        }
    }
}

async fn ids_of_something_else_match_nothing(world: World) {
    let (rows, others) = (world.rows(), world.other_rows());
    let (partner, account) = (rows.partner("Globex", None).await, rows.account("Globex").await);
    let person = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await.contact;
    let contact = rows.account_contact("grace@example.com", &[&account]).await;
    let (their_partner, their_account) =
        (others.partner("Globex", None).await, others.account("Globex").await);
    others.assignment("ada@example.com", InternalRole::Csm, &their_partner).await;
    let their_contact = others.account_contact("grace@example.com", &[&their_account]).await;
    let (partner, account) = (partner.id.to_string(), account.id.to_string());
    let (both, theirs) = (vec![person.id.to_string(), contact.id.to_string()], their_contact.id.to_string());
    let bad = [
        their_partner.id.to_string(),
        their_account.id.to_string(),
        person.id.to_string(),
        contact.id.to_string(),
        "org_1".to_owned(),
        partner.to_uppercase(),
        format!(" {account}"),
        String::new(),
        "7".to_owned(),
    ];
    let mut cases = vec![
        (json!({ "partnerId": partner }), vec![person.id.to_string()]),
        (json!({ "accountId": account }), vec![contact.id.to_string()]),
        (json!({ "partnerId": account }), vec![]),
        (json!({ "accountId": partner }), vec![]),
        (json!({ "partnerId": partner, "accountId": account }), vec![]),
        (
            json!({ "or": [{ "partnerId": partner }, { "accountId": account }] }),
            vec![person.id.to_string(), contact.id.to_string()],
        ),
        (json!({ "not": { "partnerId": partner } }), vec![contact.id.to_string()]),
        (json!({ "id": { "eq": both[0] } }), vec![both[0].clone()]),
        (json!({ "id": { "ne": both[0] } }), vec![both[1].clone()]),
        (json!({ "id": { "in": [both[0], both[1], partner] } }), both.clone()),
        (json!({ "id": { "in": [partner, theirs] } }), vec![]),
        (json!({ "id": { "ne": partner } }), both.clone()),
        (json!({ "id": { "isNull": false } }), both.clone()),
        (json!({ "id": { "isNull": true } }), vec![]),
        (json!({ "not": { "id": { "in": both } } }), vec![]),
        (json!({ "id": { "in": both }, "kind": { "eq": "ACCOUNT" } }), vec![both[1].clone()]),
    ];
    for id in bad {
        cases.push((json!({ "partnerId": id }), vec![]));
        cases.push((json!({ "accountId": id }), vec![]));
        cases.push((json!({ "not": { "or": [{ "partnerId": id }, { "accountId": id }] } }), both.clone()));
    }
    for (filter, expected) in cases {
        let document =
            "query($filter: ContactFilter) { contacts(filter: $filter) { totalCount nodes { id } } }";
        let reply = world.reader().graphql(document, json!({ "filter": filter })).await;
        let nodes: Vec<Value> = expected.iter().map(|id| json!({ "id": id })).collect();
        let expected = json!({ "totalCount": nodes.len(), "nodes": nodes });
        assert_eq!(reply.data("/contacts"), &expected, "{filter}");
    }
}

async fn the_other_organization_sees_nothing(world: World) {
    let mut chance = Chance::seeded(7);
    Maker::new(world.rows()).await.fill(&mut chance, 4).await;
    for filter in [json!({}), json!({ "deleted": "INCLUDE" }), json!({ "or": [{ "search": "ada" }, {}] })] {
        let document = "query($filter: ContactFilter) {
            contacts(filter: $filter) { totalCount nodes { id } }
            organization { contacts(filter: $filter) { totalCount nodes { id } } }
        }";
        let reply = world.other().graphql(document, json!({ "filter": filter })).await;
        let nothing = json!({ "totalCount": 0, "nodes": [] });
        assert_eq!((reply.data("/contacts"), reply.data("/organization/contacts")), (&nothing, &nothing));
    }
    let document = "{ organization { contacts { nodes { id } } } contacts { nodes { id } } }";
    let elsewhere = world.reader().in_organization("org_2").query(document).await;
    assert!(elsewhere.errors().iter().all(|error| error.starts_with("FORBIDDEN")), "{}", elsewhere.body);
}

async fn bad_filters_are_refused(world: World) {
    for (filter, path) in [
        (json!({ "kind": { "in": [] } }), vec!["kind", "in"]),
        (json!({ "kind": { "eq": null } }), vec!["kind", "eq"]),
        (json!({ "id": { "in": [] } }), vec!["id", "in"]),
        (json!({ "id": { "eq": null } }), vec!["id", "eq"]),
        (json!({ "partnerId": null }), vec!["partnerId"]),
        (json!({ "accountId": null }), vec!["accountId"]),
        (json!({ "deleted": null }), vec!["deleted"]),
        (json!({ "search": null }), vec!["search"]),
        (json!({ "or": [{ "email": { "in": [] } }] }), vec!["or", "0", "email", "in"]),
        (json!({ "and": [] }), vec!["and"]),
        (json!({ "not": { "phone": { "startsWith": null } } }), vec!["not", "phone", "startsWith"]),
    ] {
        let document = "query($filter: ContactFilter) { contacts(filter: $filter) { nodes { id } } }";
        let reply = world.reader().graphql(document, json!({ "filter": filter })).await;
        assert_eq!(reply.errors(), ["BAD_REQUEST contacts"], "{filter}");
        let path: Vec<&str> = [vec!["filter"], path].concat();
        assert_eq!(reply.body["errors"][0]["extensions"]["argument"], json!(path), "{filter}");
    }
}
