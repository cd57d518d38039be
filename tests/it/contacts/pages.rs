//! The list page by page: in every order and both directions its pages match a model, also while rows are created and deleted.

use contact_gateway::service::cursor::{Cursor, CursorKey};
use serde_json::{Value, json};

use super::{
    model::{Condition, FIELDS, QUERIES, Question},
    rows::{Item, Maker, times},
};
use crate::{
    mutation::with,
    support::{Actor, Chance, Reply, World, on_both},
};

on_both!(
    every_order_has_its_pages,
    random_filters_have_their_pages,
    searches_have_their_pages,
    what_stands_still_is_found_once,
    cursors_of_something_else_are_refused,
    cursors_outlive_their_contacts,
);

const DOCUMENT: &str = "
    query($filter: ContactFilter, $order: [ContactOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        contacts(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
            totalCount
            nodes { id }
            edges { cursor node { id } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";

/// A walk through the list, page by page.
struct Walk<'a> {
    actor: &'a Actor,
    variables: Value,
    size: usize,
    is_backward: bool,
    cursor: Value,
}

impl<'a> Walk<'a> {
    fn new(actor: &'a Actor, variables: Value, size: usize, is_backward: bool) -> Self {
        Self { actor, variables, size, is_backward, cursor: Value::Null }
    }

    /// The next page, and whether there are more.
    async fn next(&mut self) -> (Value, bool) {
        let window = if self.is_backward {
            json!({ "last": self.size, "before": self.cursor })
        } else {
            json!({ "first": self.size, "after": self.cursor })
        };
        let is_later = !self.cursor.is_null();
        let reply = self.actor.graphql(DOCUMENT, with(self.variables.clone(), window)).await;
        let page = reply.data("/contacts").clone();
        assert_consistent(&page);
        let (ahead, behind, end) = if self.is_backward {
            ("hasPreviousPage", "hasNextPage", "startCursor")
        } else {
            ("hasNextPage", "hasPreviousPage", "endCursor")
        };
        assert_eq!(page["pageInfo"][behind], is_later, "{}", self.variables);
        self.cursor = page["pageInfo"][end].clone();
        let has_more = page["pageInfo"][ahead] == true;
        (page, has_more)
    }

    /// All of the list, in its own order.
    async fn all(mut self) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let (page, has_more) = self.next().await;
            let at = if self.is_backward { 0 } else { found.len() };
            found.splice(at..at, ids(&page));
            let total = page["totalCount"].as_u64().expect("a number");
            assert_eq!(has_more, (found.len() as u64) < total, "{}", self.variables);
            if !has_more {
                return found;
            }
        }
    }
}

fn ids(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().expect("nodes").iter();
    nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

/// Nodes, edges and page info of a page tell the same.
fn assert_consistent(page: &Value) {
    let edges = page["edges"].as_array().expect("edges");
    let nodes: Vec<_> = edges.iter().map(|edge| edge["node"].clone()).collect();
    assert_eq!(page["nodes"], json!(nodes));
    let cursor = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
    assert_eq!(page["pageInfo"]["startCursor"], cursor(edges.first()));
    assert_eq!(page["pageInfo"]["endCursor"], cursor(edges.last()));
}

/// Walks through the list forward and backward, in pages of random sizes. Gives how many contacts it must hold.
async fn assert_pages(world: &World, chance: &mut Chance, items: &[Item], question: &Question) -> usize {
    let (reader, variables) = (world.reader(), question.variables());
    let answer = question.answer(items);
    for is_backward in [false, true] {
        let size = 1 + chance.below(7);
        let found = Walk::new(&reader, variables.clone(), size, is_backward).all().await;
        assert_eq!(found, answer, "{variables} in pages of {size}, backward: {is_backward}");
    }
    answer.len()
}

/// Random contacts; those of the other organization are not to be seen.
async fn filled(world: &World, chance: &mut Chance) -> (Maker, Vec<Item>) {
    Maker::new(world.other_rows()).await.fill(chance, 3).await;
    let mut maker = Maker::new(world.rows()).await;
    let items = maker.fill(chance, 12).await;
    (maker, items)
}

async fn every_order_has_its_pages(world: World) {
    let mut chance = Chance::seeded(1);
    let (_, items) = filled(&world, &mut chance).await;
    let terms: Vec<_> = FIELDS.iter().flat_map(|field| [(*field, false), (*field, true)]).collect();
    let mut orders: Vec<Vec<(&str, bool)>> = terms.iter().map(|term| vec![*term]).collect();
    for first in &terms {
        orders.extend(terms.iter().filter(|term| term.0 != first.0).map(|second| vec![*first, *second]));
    }
    orders.push(Vec::new());
    orders.push(vec![("EMAIL", true), ("UPDATED_AT", false), ("DISPLAY_NAME", false), ("CREATED_AT", true)]);
    for order in orders {
        let question = Question { condition: Condition::any(), search: None, order };
        assert_eq!(assert_pages(&world, &mut chance, &items, &question).await, items.len());
    }
}

async fn random_filters_have_their_pages(world: World) {
    // Random filters search more often than clients do.
    let world = world.restarted(|config| config.limits.cost = 1_000_000_000).await;
    let mut chance = Chance::seeded(2);
    let (maker, items) = filled(&world, &mut chance).await;
    let ids = maker.ids();
    let mut telling = 0;
    for _ in 0..80 {
        let condition = Condition::random(&mut chance, &ids, 4);
        let count = chance.below(3);
        let fields = chance.several(&FIELDS, count);
        let order = fields.into_iter().map(|field| (field, chance.one_in(2))).collect();
        let question = Question { condition, search: None, order };
        let found = assert_pages(&world, &mut chance, &items, &question).await;
        telling += usize::from(found > 0 && found < items.len());
    }
    assert!(telling > 25, "only {telling} filters selected some contacts but not all");
}

async fn searches_have_their_pages(world: World) {
    let world = world.restarted(|config| config.limits.cost = 1_000_000_000).await;
    let mut chance = Chance::seeded(3);
    let (maker, items) = filled(&world, &mut chance).await;
    let ids = maker.ids();
    for query in QUERIES {
        for round in 0..6 {
            let condition =
                if round < 2 { Condition::any() } else { Condition::random(&mut chance, &ids, 2) };
            let order = if round % 2 == 0 { Vec::new() } else { vec![(*chance.pick(&FIELDS), true)] };
            let question = Question { condition, search: Some(query), order };
            let found = assert_pages(&world, &mut chance, &items, &question).await;
            assert!(found > 0 || round > 1, "{query} finds nothing");
        }
    }
}

/// While a client pages, contacts of all kinds are created, deleted and changed, also those at the cursor.
async fn what_stands_still_is_found_once(world: World) {
    let mut chance = Chance::seeded(4);
    let (mut maker, items) = filled(&world, &mut chance).await;
    let reader = world.reader();
    let active: Vec<Item> = items.into_iter().filter(|item| !item.is_deleted).collect();
    let (still, mut restless) = active.split_at(active.len() / 2);
    for (field, is_descending) in FIELDS.iter().flat_map(|field| [(*field, false), (*field, true)]) {
        let order = vec![(field, is_descending)];
        let question = Question { condition: Condition::any(), search: None, order };
        let is_backward = chance.one_in(2);
        let mut walk = Walk::new(&reader, question.variables(), 2 + chance.below(4), is_backward);
        let mut found = Vec::new();
        loop {
            let (page, has_more) = walk.next().await;
            found.extend(ids(&page));
            if !has_more {
                break;
            }
            let kind = chance.below(3);
            maker.make(&mut chance, kind).await;
            let at_the_cursor = restless.iter().find(|item| found.last() == Some(&item.id.to_string()));
            let one = at_the_cursor.unwrap_or_else(|| chance.pick(restless)).clone();
            maker.change(&one, &mut chance).await;
            if let Some((first, rest)) = restless.split_first().filter(|_| restless.len() > 4) {
                maker.delete(first).await;
                restless = rest;
            }
        }
        for item in still {
            let times = found.iter().filter(|id| **id == item.id.to_string()).count();
            assert_eq!(times, 1, "{} stood still, by {field}, backward: {is_backward}", item.id);
        }
    }
}

async fn ask(world: &World, variables: Value) -> Reply {
    world.reader().graphql(DOCUMENT, variables).await
}

#[track_caller]
fn assert_refused(reply: &Reply, argument: &[&str]) {
    assert_eq!(reply.errors(), ["BAD_REQUEST contacts"], "{}", reply.body);
    let extensions = &reply.body["errors"][0]["extensions"];
    assert_eq!(extensions["argument"], json!(argument), "{}", reply.body);
}

async fn cursors_of_something_else_are_refused(world: World) {
    let mut chance = Chance::seeded(5);
    filled(&world, &mut chance).await;
    let by = |field: &str, direction: &str| json!([{ "field": field, "direction": direction }]);
    let cursor = |reply: &Reply, list: &str| reply.data(&format!("/{list}/edges/0/cursor")).clone();
    let by_name = cursor(&ask(&world, json!({ "order": by("DISPLAY_NAME", "ASC") })).await, "contacts");
    let by_creation = cursor(&ask(&world, json!({})).await, "contacts");
    let by_match = cursor(&ask(&world, json!({ "filter": { "search": "ada" } })).await, "contacts");
    let text = by_name.as_str().expect("a cursor");
    let document = "{
        accountContacts(orderBy: { field: DISPLAY_NAME }) { edges { cursor } }
        partners { edges { cursor } }
    }";
    let others = world.reader().query(document).await;
    let mut bad = vec![
        by_creation,
        by_match,
        cursor(&ask(&world, json!({ "order": by("DISPLAY_NAME", "DESC") })).await, "contacts"),
        cursor(&others, "accountContacts"),
        cursor(&others, "partners"),
        json!(format!("{}A", &text[..text.len() - 1])),
        json!(format!("{text}A")),
        json!("garbage"),
        json!(""),
    ];
    // With a good checksum, which is no secret, but no contact's id.
    for id in ["", "7", "oc_", "oc_0", "oc_-1", "ptn_01h455vb4pex5vsknk084sn02q", "org_1", "IC_7", "oc_7 "] {
        let keys = vec![CursorKey::Text("ada".into()), CursorKey::Text(id.into())];
        bad.push(json!(Cursor { order: "contact/name+".into(), keys, check: None }.encode()));
    }
    for cursor in bad {
        let variables = json!({ "order": by("DISPLAY_NAME", "ASC") });
        assert_ne!(cursor, by_name);
        let forward = with(variables.clone(), json!({ "first": 2, "after": cursor }));
        assert_refused(&ask(&world, forward).await, &["after"]);
        let backward = with(variables, json!({ "last": 2, "before": cursor }));
        assert_refused(&ask(&world, backward).await, &["before"]);
    }
    let twice = json!({ "order": [{ "field": "EMAIL" }, { "field": "EMAIL", "direction": "DESC" }] });
    assert_refused(&ask(&world, twice).await, &["orderBy", "1"]);
}

/// A cursor is a place between contacts: it need not be that of a contact that is there.
async fn cursors_outlive_their_contacts(world: World) {
    let mut chance = Chance::seeded(6);
    let (maker, items) = filled(&world, &mut chance).await;
    let question = Question { condition: Condition::active(), search: None, order: Vec::new() };
    let answer = question.answer(&items);
    let reader = world.reader();
    let mut walk = Walk::new(&reader, question.variables(), 7, false);
    let (page, _) = walk.next().await;
    assert_eq!(ids(&page), answer[..7]);
    maker.delete(items.iter().find(|item| item.id.to_string() == answer[6]).expect("the contact")).await;
    walk.size = 100;
    let (page, _) = walk.next().await;
    assert_eq!(ids(&page), answer[7..]);

    let keys = vec![CursorKey::Time(times()[3]), CursorKey::Text("oc_9223372036854775807".into())];
    let cursor = Cursor { order: "contact/createdAt+".into(), keys, check: None }.encode();
    assert_eq!(ask(&world, json!({ "after": cursor })).await.list("/contacts/nodes"), [Value::Null; 0]);
    let before = ask(&world, json!({ "last": 100, "before": cursor })).await;
    assert_eq!(before.list("/contacts/nodes").len(), answer.len() - 1);
}
