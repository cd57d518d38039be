//! Paging: every list can be read to its end in both directions, and each unchanged row is returned once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contact_gateway::{
    entity::{
        custom_field::FieldType,
        id::PartnerId,
        internal_contact_assignment::InternalRole::{Csm, Lead},
        organization_contact::OrganizationContactType,
        partner,
    },
    service::{
        cursor::{Cursor, CursorKey},
        organization_contact::Card,
    },
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Actor, Reply, World, on_both};

on_both!(
    every_list_is_walked_in_both_directions,
    windows_that_make_no_sense_are_refused,
    cursors_that_are_none_are_refused,
    a_page_has_25_rows_unless_asked_otherwise,
    people_with_several_roles_are_listed_once,
    what_comes_and_goes_moves_nothing_else,
    an_empty_list_has_an_empty_page,
);

/// A connection, as the fields that lead to it.
struct List {
    /// The field names with their arguments but for those of paging: `partner(id: "ptn_…")`, `assignments(role: LEAD)`.
    path: Vec<String>,
    /// The field that tells its rows apart.
    key: &'static str,
    /// How many rows it has.
    size: usize,
}

/// One page of a list.
struct Page {
    keys: Vec<Value>,
    cursors: Vec<Value>,
    info: Value,
    total: Value,
}

impl List {
    fn new(path: &str, key: &'static str, size: usize) -> Self {
        Self { path: path.split(" > ").map(str::to_owned).collect(), key, size }
    }

    fn document(&self) -> String {
        let (field, parents) = self.path.split_last().expect("a field");
        let paging = "first: $first, after: $after, last: $last, before: $before";
        let field = match field.strip_suffix(')') {
            Some(field) => format!("{field}, {paging})"),
            None => format!("{field}({paging})"),
        };
        let key = self.key;
        let selection = format!(
            "{field} {{
                nodes {{ {key} }}
                edges {{ cursor node {{ {key} }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                totalCount
            }}"
        );
        let query = parents.iter().rfold(selection, |below, parent| format!("{parent} {{ {below} }}"));
        format!("query($first: Int, $after: String, $last: Int, $before: String) {{ {query} }}")
    }

    /// Where it is in an answer, its names separated by `separator`.
    fn place(&self, separator: &str) -> String {
        let names = self.path.iter().map(|field| field.split('(').next().expect("a name"));
        names.collect::<Vec<_>>().join(separator)
    }

    async fn ask(&self, actor: &Actor, window: Value) -> Reply {
        actor.graphql(&self.document(), window).await
    }

    async fn page(&self, actor: &Actor, window: Value) -> Page {
        let reply = self.ask(actor, window).await;
        let connection = reply.data(&format!("/{}", self.place("/")));
        let edges = connection["edges"].as_array().expect("edges");
        let nodes = connection["nodes"].as_array().expect("nodes");
        let keys: Vec<Value> = nodes.iter().map(|node| node[self.key].clone()).collect();
        let keys_of_edges: Vec<Value> = edges.iter().map(|edge| edge["node"][self.key].clone()).collect();
        assert_eq!(keys, keys_of_edges);
        Page {
            keys,
            cursors: edges.iter().map(|edge| edge["cursor"].clone()).collect(),
            info: connection["pageInfo"].clone(),
            total: connection["totalCount"].clone(),
        }
    }

    /// All rows, in pages of `size` from the start or from the end.
    async fn walk(&self, actor: &Actor, size: usize, backward: bool) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let window = if backward {
                json!({ "last": size, "before": cursor })
            } else {
                json!({ "first": size, "after": cursor })
            };
            let page = self.page(actor, window).await;
            assert_eq!(page.total, json!(self.size), "{}", self.place("."));
            assert_eq!(page.info["startCursor"], page.cursors[0]);
            assert_eq!(page.info["endCursor"], page.cursors[page.cursors.len() - 1]);
            let (more, behind) = (found.len() + page.keys.len() < self.size, !found.is_empty());
            let (next, previous) = if backward { (behind, more) } else { (more, behind) };
            assert_eq!(page.info["hasNextPage"], next, "{}", self.place("."));
            assert_eq!(page.info["hasPreviousPage"], previous, "{}", self.place("."));
            let at = if backward { 0 } else { found.len() };
            found.splice(at..at, page.keys);
            if !more {
                return found;
            }
            cursor = page.info[if backward { "startCursor" } else { "endCursor" }].clone();
        }
    }
}

/// Fills the organization; gives every list that there is, those of a person and of a partner with several roles too.
async fn every_list(world: &World) -> Vec<List> {
    let rows = world.rows();
    rows.partners_and_people(7, 5).await;
    let (accounts, contacts) = rows.accounts_and_contacts(7, 5).await;
    let many = rows.internal_contact("many@example.com", Lead).await.contact.id;
    let mut partners = Vec::new();
    for name in ["Globex", "Initech", "Hooli"] {
        let partner = rows.partner(name, None).await;
        for role in [Lead, Csm] {
            rows.assignment("many@example.com", role, &partner).await;
        }
        partners.push(partner);
    }
    for number in 0..4 {
        for role in [Lead, Csm] {
            rows.assignment(&format!("person{number}@example.com"), role, &partners[0]).await;
        }
    }
    for number in 0..7 {
        rows.custom_field(&format!("field_{number}"), FieldType::Text, &[]).await;
        rows.organization_contact(OrganizationContactType::Technical, Card::default()).await;
    }
    // Each organization has the record of its own creation.
    let changes = world.count("change").await - 1;
    let (globex, account, contact) = (partners[0].id, accounts[0], contacts[0]);
    vec![
        List::new("partners", "id", 10),
        List::new("internalContacts", "id", 8),
        List::new("internalContactAssignments", "id", 50),
        List::new("accounts", "id", 7),
        List::new("accountContacts", "id", 7),
        List::new("contactTypes", "id", 5),
        List::new("customFields", "id", 7),
        List::new("organizationContacts", "id", 7),
        List::new("contacts", "id", 22),
        List::new("organizations", "id", 2),
        List::new("countries", "id", 249),
        List::new("changes", "seq", changes),
        List::new("viewer > organizations", "id", 2),
        List::new("organization > partners", "id", 10),
        List::new("organization > internalContacts", "id", 8),
        List::new("organization > accounts", "id", 7),
        List::new("organization > contacts", "id", 22),
        List::new("organization > contactTypes", "id", 5),
        List::new("organization > customFields", "id", 7),
        List::new(&format!("partner(id: \"{globex}\") > assignments"), "id", 10),
        List::new(&format!("partner(id: \"{globex}\") > assignments(role: LEAD)"), "id", 5),
        List::new(&format!("partner(id: \"{globex}\") > internalContacts"), "id", 5),
        List::new(&format!("partner(id: \"{globex}\") > internalContacts(role: CSM)"), "id", 5),
        List::new(&format!("internalContact(id: \"{many}\") > assignments"), "id", 7),
        List::new(&format!("internalContact(id: \"{many}\") > assignments(role: LEAD)"), "id", 4),
        List::new(&format!("internalContact(id: \"{many}\") > assignments(floating: true)"), "id", 1),
        List::new(&format!("internalContact(id: \"{many}\") > assignments(floating: false)"), "id", 6),
        List::new(
            &format!("internalContact(id: \"{many}\") > assignments(role: LEAD, floating: false)"),
            "id",
            3,
        ),
        List::new(&format!("internalContact(id: \"{many}\") > partners"), "id", 3),
        List::new(&format!("account(id: \"{account}\") > contacts"), "id", 5),
        List::new(&format!("accountContact(id: \"{contact}\") > accounts"), "id", 5),
    ]
}

/// A caller with both organizations that reads in the first.
fn reader(world: &World) -> Actor {
    world.multi().in_organization("org_1")
}

async fn every_list_is_walked_in_both_directions(world: World) {
    let lists = every_list(&world).await;
    let reader = reader(&world);
    for list in lists {
        let all = list.walk(&reader, 100, false).await;
        assert_eq!(all.len(), list.size, "{}", list.place("."));
        let mut different = all.clone();
        different.sort_by_key(ToString::to_string);
        different.dedup();
        assert_eq!(different.len(), all.len(), "{}", list.place("."));
        for size in [3, 5, 7] {
            assert_eq!(list.walk(&reader, size, false).await, all, "{} forward", list.place("."));
            assert_eq!(list.walk(&reader, size, true).await, all, "{} backward", list.place("."));
        }
    }
}

async fn windows_that_make_no_sense_are_refused(world: World) {
    let lists = every_list(&world).await;
    let reader = reader(&world);
    for list in lists {
        let cursor = &list.page(&reader, json!({ "first": 1 })).await.cursors[0];
        for window in [
            json!({ "first": 0 }),
            json!({ "first": -1 }),
            json!({ "first": 101 }),
            json!({ "last": 0 }),
            json!({ "last": -1 }),
            json!({ "last": 101 }),
            json!({ "first": 1, "last": 1 }),
            json!({ "last": 1, "after": cursor }),
            json!({ "first": 1, "before": cursor }),
            json!({ "after": cursor, "before": cursor }),
        ] {
            assert_refused(&list, &reader, window).await;
        }
    }
}

async fn assert_refused(list: &List, actor: &Actor, window: Value) {
    let reply = list.ask(actor, window.clone()).await;
    assert_eq!(reply.errors(), [format!("BAD_REQUEST {}", list.place("."))], "{window}");
    let data = reply.body["data"].pointer(&format!("/{}", list.place("/")));
    assert_eq!(data, Some(&Value::Null), "{window}: {}", reply.body);
}

async fn cursors_that_are_none_are_refused(world: World) {
    let lists = every_list(&world).await;
    let reader = reader(&world);
    for list in lists {
        let cursor = list.page(&reader, json!({ "first": 1 })).await.cursors[0].clone();
        let cursor = cursor.as_str().expect("a cursor");
        // The ids of countries are integers too, so it is the list that does not fit.
        let other = if list.path == ["countries"] { "changes" } else { "countries" };
        let other = List::new(other, if other == "changes" { "seq" } else { "id" }, 0);
        let foreign = other.page(&reader, json!({ "first": 1 })).await.cursors[0].clone();
        let mut bad = vec![
            foreign.as_str().expect("a cursor").to_owned(),
            tampered(cursor),
            cursor[..cursor.len() - 1].to_owned(),
            format!("{cursor}A"),
            "garbage".to_owned(),
            "Ümläut 💥".to_owned(),
            String::new(),
        ];
        bad.extend(forged(cursor));
        for cursor in bad {
            assert_refused(&list, &reader, json!({ "first": 2, "after": cursor })).await;
            assert_refused(&list, &reader, json!({ "last": 2, "before": cursor })).await;
        }
    }
}

/// With one character changed.
fn tampered(cursor: &str) -> String {
    let (head, last) = cursor.split_at(cursor.len() - 5);
    let changed = if last.starts_with('A') { "B" } else { "A" };
    format!("{head}{changed}{}", &last[1..])
}

/// Cursors with a good checksum, which is no secret, and with keys that the list's order does not have.
fn forged(cursor: &str) -> Vec<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    // In front is the checksum.
    let Cursor { order, keys, check } = serde_json::from_slice(&bytes[4..]).expect("a cursor");
    let (integer, uuid) = (CursorKey::Integer(1), CursorKey::Uuid(Uuid::nil()));
    let other = if matches!(keys[..], [CursorKey::Uuid(_)]) { integer } else { uuid };
    let forge = |keys| Cursor { order: order.clone(), keys, check }.encode();
    vec![forge(Vec::new()), forge(vec![other]), forge([keys.clone(), keys.clone()].concat())]
}

async fn a_page_has_25_rows_unless_asked_otherwise(world: World) {
    let (partners, _) = world.rows().partners_and_people(101, 1).await;
    let list = List::new("partners", "id", 101);
    let reader = world.reader();
    for (window, range) in [
        (json!({}), 0..25),
        (json!({ "first": null, "after": null, "last": null, "before": null }), 0..25),
        (json!({ "first": 100 }), 0..100),
        (json!({ "last": 100 }), 1..101),
        (json!({ "last": 1 }), 100..101),
    ] {
        let page = list.page(&reader, window.clone()).await;
        let expected: Vec<_> = partners[range].iter().map(|id| json!(id.to_string())).collect();
        assert_eq!(page.keys, expected, "{window}");
    }
    let after = list.page(&reader, json!({ "first": 3 })).await.info["endCursor"].clone();
    let page = list.page(&reader, json!({ "after": after })).await;
    assert_eq!(page.keys.first(), Some(&json!(partners[3].to_string())));
    assert_eq!(page.keys.len(), 25);
    let page = list.page(&reader, json!({ "before": after })).await;
    assert_eq!(page.keys.len(), 2);
}

async fn people_with_several_roles_are_listed_once(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", None).await;
    for email in ["ada@example.com", "grace@example.com"] {
        for role in [Lead, Csm] {
            rows.assignment(email, role, &partner).await;
        }
    }
    rows.internal_contact("floating@example.com", Lead).await;
    let document = "{ partners { nodes {
        internalContacts { totalCount nodes { email partners { totalCount nodes { name } } } }
        leads: internalContacts(role: LEAD) { totalCount nodes { email } }
        managers: internalContacts(role: ACCOUNT_MANAGER) { totalCount nodes { email } }
        assignments { totalCount }
    } } }";
    let reply = world.reader().query(document).await;
    let globex = json!({ "totalCount": 1, "nodes": [{ "name": "Globex" }] });
    let expected = json!({
        "internalContacts": { "totalCount": 2, "nodes": [
            { "email": "ada@example.com", "partners": globex },
            { "email": "grace@example.com", "partners": globex },
        ] },
        "leads": { "totalCount": 2, "nodes": [{ "email": "ada@example.com" }, { "email": "grace@example.com" }] },
        "managers": { "totalCount": 0, "nodes": [] },
        "assignments": { "totalCount": 4 },
    });
    assert_eq!(reply.data("/partners/nodes/0"), &expected);
}

/// While a client pages, the row at the cursor and a later one are deleted, and rows are created at both ends.
async fn what_comes_and_goes_moves_nothing_else(world: World) {
    let (partners, _) = world.rows().partners_and_people(30, 1).await;
    let reader = world.reader();
    for backward in [false, true] {
        let list = List::new("partners", "id", 0);
        let before = list.page(&reader, json!({ "first": 100 })).await.keys;
        let (mut found, mut gone, mut cursor) = (Vec::new(), Vec::new(), Value::Null);
        for round in 0.. {
            let window = if backward {
                json!({ "last": 4, "before": cursor })
            } else {
                json!({ "first": 4, "after": cursor })
            };
            let mut page = list.page(&reader, window).await;
            if backward {
                page.keys.reverse();
            }
            cursor = page.info[if backward { "startCursor" } else { "endCursor" }].clone();
            found.extend(page.keys);
            if page.info[if backward { "hasPreviousPage" } else { "hasNextPage" }] != true {
                break;
            }
            let at = before.iter().position(|key| Some(key) == found.last());
            let ahead = at.and_then(|at| if backward { at.checked_sub(2) } else { Some(at + 2) });
            if round < 3 {
                let leaving = [found.last(), ahead.and_then(|at| before.get(at))];
                for key in leaving.into_iter().flatten() {
                    delete(&world, key).await;
                    gone.push(key.clone());
                }
                insert(&world, Uuid::from_u128(1 + round + if backward { 100 } else { 0 })).await;
                world.rows().partner("At the end", None).await;
            }
        }
        for key in before.iter().filter(|key| !gone.contains(key)) {
            assert_eq!(found.iter().filter(|found| *found == key).count(), 1, "{key} stood still");
        }
        let mut once = found.clone();
        once.sort_by_key(ToString::to_string);
        once.dedup();
        assert_eq!(once.len(), found.len(), "some row was repeated");
        assert_eq!(gone.len(), 6);
    }
    assert_eq!(partners.len(), 30);
}

async fn delete(world: &World, key: &Value) {
    let id: PartnerId = key.as_str().expect("an id").parse().expect("a partner's id");
    world.rows().delete::<partner::Entity>(id).await;
}

/// A partner with this key, such as one that is older than all others.
async fn insert(world: &World, key: Uuid) {
    let rows = world.rows();
    let template = rows.partner("Older", None).await;
    let row = partner::Model { id: PartnerId(key), ..template };
    let insert = partner::Entity::insert(row.into_active_model().reset_all());
    insert.exec_without_returning(world.db.connection()).await.expect("a new row");
}

async fn an_empty_list_has_an_empty_page(world: World) {
    for window in [json!({}), json!({ "first": 1 }), json!({ "last": 1 })] {
        let page = List::new("partners", "id", 0).page(&world.reader(), window).await;
        let info =
            json!({ "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null });
        assert_eq!((page.keys.len(), page.info, page.total), (0, info, json!(0)));
    }
}
