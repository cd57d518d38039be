//! Orders: every list in every order, from page to page in both directions, is in the order of a model of the same rows.

use serde_json::{Value, json};

use super::{
    filters::{filled, unlimited},
    model::Model,
    trees::{Schema, Trees},
};
use crate::support::{Actor, Chance, World, on_both};

on_both!(every_list_in_every_order, every_nested_list_in_every_order, filters_and_orders_together);

/// The lists, the types of their rows, and what tells the rows apart.
const LISTS: [(&str, &str, &str); 10] = [
    ("partners", "Partner", "id"),
    ("accounts", "Account", "id"),
    ("internalContacts", "InternalContact", "id"),
    ("internalContactAssignments", "InternalContactAssignment", "id"),
    ("accountContacts", "AccountContact", "id"),
    ("contactTypes", "ContactType", "id"),
    ("customFields", "CustomField", "id"),
    ("organizationContacts", "OrganizationContact", "id"),
    ("contacts", "Contact", "id"),
    ("changes", "Change", "seq"),
];

/// Every order of a type by one field and by two, each in both directions; and none.
pub(super) fn orders(schema: &Schema, kind: &str) -> Vec<Value> {
    let fields = &schema.enums[&format!("{kind}OrderField")];
    let one =
        |field: &str| ["ASC", "DESC"].map(|direction| json!({ "field": field, "direction": direction }));
    let each: Vec<Value> = fields.iter().flat_map(|field| one(field)).collect();
    let mut orders = vec![json!([])];
    for first in &each {
        orders.push(json!([first]));
        let others = each.iter().filter(|second| second["field"] != first["field"]);
        orders.extend(others.map(|second| json!([first, second])));
    }
    orders
}

/// A list to be walked.
struct Walk<'a> {
    /// The field and what is around it, with the page's arguments left out: `partners` or `partner(id: …) > assignments`.
    parent: Option<String>,
    list: &'a str,
    kind: &'a str,
    key: &'a str,
    filter: &'a Value,
    order: &'a Value,
}

impl Walk<'_> {
    /// The keys of all rows, in pages of this size, from the start or from the end. Fails where a page says something wrong
    /// about what is around it.
    async fn all(&self, actor: &Actor, size: usize, backward: bool, expected: &[String]) -> Vec<String> {
        let Self { parent, list, kind, key, filter, order } = self;
        let list_of_parent = format!(
            "{list}(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {{
                edges {{ node {{ {key} }} }} totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }}"
        );
        let selection = parent
            .as_ref()
            .map_or(list_of_parent.clone(), |parent| format!("parent: {parent} {{ {list_of_parent} }}"));
        let document = format!(
            "query($first: Int, $after: String, $last: Int, $before: String, $filter: {kind}Filter, \
             $order: [{kind}Order!]) {{ {selection} }}"
        );
        let place = if parent.is_some() { format!("/parent/{list}") } else { format!("/{list}") };
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut variables = json!({ "filter": filter, "order": order });
            let names = if backward { ["last", "before"] } else { ["first", "after"] };
            variables[names[0]] = json!(size);
            variables[names[1]] = cursor;
            let reply = actor.graphql(&document, variables).await;
            assert!(reply.body.get("errors").is_none(), "{filter} {order}: {}", reply.body);
            let page = reply.data(&place);
            let keys: Vec<String> = page["edges"]
                .as_array()
                .expect("edges")
                .iter()
                .map(|edge| match &edge["node"][key] {
                    Value::String(id) => id.clone(),
                    number => number.to_string(),
                })
                .collect();
            let read = found.len() + keys.len();
            let (ahead, behind) = (read < expected.len(), !found.is_empty());
            let info = &page["pageInfo"];
            let around = if backward { [ahead, behind] } else { [behind, ahead] };
            let has_more = [&info["hasPreviousPage"], &info["hasNextPage"]];
            assert_eq!(has_more, [&json!(around[0]), &json!(around[1])], "{list} {order} after {read}");
            assert_eq!(page["totalCount"], expected.len(), "{list} {order}");
            assert_eq!(keys.is_empty(), info["startCursor"].is_null() && info["endCursor"].is_null());
            let at = if backward { 0 } else { found.len() };
            found.splice(at..at, keys);
            if !ahead || read > expected.len() {
                return found;
            }
            cursor = info[if backward { "startCursor" } else { "endCursor" }].clone();
        }
    }

    /// Fails unless the list is as expected, in pages of random size, in both directions.
    async fn assert_is(&self, actor: &Actor, chance: &mut Chance, expected: Vec<String>) {
        for backward in [false, true] {
            let size = 8 + chance.below(30);
            let found = self.all(actor, size, backward, &expected).await;
            let Self { list, filter, order, .. } = self;
            assert_eq!(found, expected, "{list} {filter} {order}, backward: {backward}, {size} per page");
        }
    }
}

async fn every_list_in_every_order(world: World) {
    let mut chance = Chance::seeded(1);
    let model = filled(&world, &mut chance).await;
    let (schema, reader, filter) = (Schema::read(), world.reader(), json!({}));
    for (list, kind, key) in LISTS {
        for order in orders(&schema, kind) {
            let walk = Walk { parent: None, list, kind, key, filter: &filter, order: &order };
            walk.assert_is(&reader, &mut chance, model.list(kind, &filter, &order)).await;
        }
    }
}

/// The field of a row, its type, the list below it, and the type of its rows.
const NESTED: [(&str, &str, &str, &str); 6] = [
    ("partner", "Partner", "assignments", "InternalContactAssignment"),
    ("partner", "Partner", "internalContacts", "InternalContact"),
    ("internalContact", "InternalContact", "assignments", "InternalContactAssignment"),
    ("internalContact", "InternalContact", "partners", "Partner"),
    ("account", "Account", "contacts", "AccountContact"),
    ("accountContact", "AccountContact", "accounts", "Account"),
];

async fn every_nested_list_in_every_order(world: World) {
    let mut chance = Chance::seeded(2);
    let model = filled(&world, &mut chance).await;
    let (schema, reader, filter) = (Schema::read(), world.reader(), json!({}));
    for (field, parent, list, kind) in NESTED {
        let id = longest(&model, parent, list);
        for order in orders(&schema, kind) {
            let parent = Some(format!("{field}(id: \"{id}\")"));
            let walk = Walk { parent, list, kind, key: "id", filter: &filter, order: &order };
            let expected = model.nested(&id, list, &filter, &order);
            assert!(expected.len() >= 3, "{expected:?}");
            for (backward, size) in [(false, 2), (true, 2), (false, 100)] {
                let found = walk.all(&reader, size, backward, &expected).await;
                assert_eq!(found, expected, "{list} {order}, backward: {backward}");
            }
        }
    }
}

/// The row of a type that has the most rows in a list.
fn longest(model: &Model, kind: &str, list: &str) -> String {
    let length = |id: &String| model.nested(id, list, &json!({}), &Value::Null).len();
    model.list(kind, &json!({}), &Value::Null).into_iter().max_by_key(length).expect("a row")
}

/// Also of searches, which have an order of their own.
async fn filters_and_orders_together(world: World) {
    let world = unlimited(world).await;
    let mut chance = Chance::seeded(3);
    let model = filled(&world, &mut chance).await;
    let (schema, reader) = (Schema::read(), world.reader());
    for (list, kind, key) in LISTS {
        for _ in 0..20 {
            let orders = orders(&schema, kind);
            let order = if chance.one_in(2) { &orders[0] } else { chance.pick(&orders) };
            let mut filter = Trees::new(&schema, &model, &mut chance).filter(kind);
            if schema.inputs[&format!("{kind}Filter")].iter().any(|(name, _)| name == "search") {
                let query = *chance.pick(&["a", "love", "ada l", "2025550143", "東"]);
                filter["search"] = json!(query);
            }
            let expected = model.list(kind, &filter, order);
            let walk = Walk { parent: None, list, kind, key, filter: &filter, order };
            walk.assert_is(&reader, &mut chance, expected).await;
        }
    }
}
