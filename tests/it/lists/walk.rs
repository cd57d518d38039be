//! Walks: while rows are created, deleted and renamed, a client that reads a list page by page finds each unchanged row
//! exactly once.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{orders::orders, trees::Schema};
use crate::support::{Actor, Chance, World, on_both};

on_both!(
    partners,
    internal_contacts,
    account_contacts,
    organization_contacts,
    contacts,
    assignments_of_a_partner,
);

/// How many rows stand still, and how many move at first.
const STILL: usize = 40;
const MOVING: usize = 15;

/// Names of rows. Some are the same but for what does not count, so that ties are broken.
const NAMES: [&str; 8] = ["Ada", "ÄDA", "ada lovelace", "Bertha", "Ad Astra", "Zoë", "!?", "von Ada"];

/// How rows of a list are made, changed and removed.
#[derive(Clone, Copy)]
struct Rows {
    create: &'static str,
    update: &'static str,
    delete: &'static str,
    /// What the payloads call the row, and the inputs its id.
    row: &'static str,
    id: &'static str,
    /// What a new row says, or one that has changed.
    input: fn(name: &str, number: usize) -> Value,
}

const PARTNERS: Rows = Rows {
    create: "createPartner",
    update: "updatePartner",
    delete: "deletePartner",
    row: "partner",
    id: "id",
    input: |name, _| json!({ "name": name }),
};

const INTERNAL_CONTACTS: Rows = Rows {
    create: "createInternalContact",
    update: "updateInternalContact",
    delete: "deleteInternalContact",
    row: "internalContact",
    id: "id",
    input: |name, number| json!({ "name": name, "email": format!("{}@example.com", number * 7919 % 1000) }),
};

const ACCOUNT_CONTACTS: Rows = Rows {
    create: "createAccountContact",
    update: "upsertAccountContacts",
    delete: "deleteAccountContact",
    row: "accountContact",
    id: "id",
    input: |name, number| json!({ "firstName": name, "email": format!("{}@example.com", number * 7919 % 1000) }),
};

/// Their emails need not differ, and some have none.
const ORGANIZATION_CONTACTS: Rows = Rows {
    create: "createOrganizationContact",
    update: "updateOrganizationContact",
    delete: "deleteOrganizationContact",
    row: "organizationContact",
    id: "id",
    input: |name, number| {
        let email = ["a@example.com", "b@example.com"].get(number % 3);
        json!({ "name": name, "email": email })
    },
};

/// Assignments have neither name nor email, but their person has.
const ASSIGNMENTS: Rows = Rows {
    create: "addInternalContactToPartner",
    update: "updateInternalContactRole",
    delete: "removeInternalContactAssignment",
    row: "assignment",
    id: "assignmentId",
    input: |name, number| json!({ "name": name, "email": format!("{number}@example.com") }),
};

impl Rows {
    fn creation(self, name: &str, number: usize, partner: &str) -> Value {
        let mut input = (self.input)(name, number);
        match self.create {
            "createAccountContact" => input["remoteId"] = json!(number.to_string()),
            "createInternalContact" => input["internalRole"] = json!("LEAD"),
            "createOrganizationContact" => input["type"] = json!("TECHNICAL"),
            "addInternalContactToPartner" => {
                input["internalRole"] = json!("LEAD");
                input["partnerId"] = json!(partner);
            }
            _ => {}
        }
        input
    }

    fn change(self, moving: &Moving, name: &str, number: usize, partner: &str) -> Value {
        let mut input = (self.input)(name, number);
        match self.update {
            "updateInternalContactRole" => {
                let role = ["LEAD", "CSM", "CO_LEAD"][number % 3];
                json!({ "assignmentId": moving.id, "partnerId": partner, "internalRole": role })
            }
            "upsertAccountContacts" => {
                input["remoteId"] = json!(moving.number.to_string());
                json!({ "rows": [input] })
            }
            _ => {
                input["id"] = json!(moving.id);
                input
            }
        }
    }
}

/// A row that does not stand still.
#[derive(Clone)]
struct Moving {
    rows: Rows,
    id: String,
    /// The how manieth it is of all that were made.
    number: usize,
}

/// A client that creates, changes and deletes rows.
struct Mover {
    writer: Actor,
    chance: Chance,
    /// The kinds of rows that it may touch.
    kinds: Vec<Rows>,
    /// The partner whose assignments are listed.
    partner: String,
    made: usize,
    moving: Vec<Moving>,
}

impl Mover {
    async fn create(&mut self) -> Moving {
        self.made += 1;
        let rows = *self.chance.pick(&self.kinds);
        let name = *self.chance.pick(&NAMES);
        let input = rows.creation(name, self.made, &self.partner);
        let reply = self.writer.mutate(rows.create, input, &format!("{} {{ id }}", rows.row)).await;
        let id = reply.text(&format!("/{}/{}/id", rows.create, rows.row)).to_owned();
        Moving { rows, id, number: self.made }
    }

    /// One change of some row that does not stand still.
    async fn step(&mut self) {
        let at = self.chance.below(self.moving.len());
        match self.chance.below(4) {
            0 | 1 if self.moving.len() > 3 => {
                let Moving { rows, id, .. } = self.moving.swap_remove(at);
                let reply = self.writer.mutate(rows.delete, json!({ rows.id: id }), "__typename").await;
                assert_eq!(reply.user_errors(rows.delete), [""; 0], "{}", reply.body);
            }
            2 => {
                let moving = self.moving[at].clone();
                let (name, number) = (*self.chance.pick(&NAMES), self.made + self.chance.below(1000));
                let input = moving.rows.change(&moving, name, number, &self.partner);
                let reply = self.writer.mutate(moving.rows.update, input, "__typename").await;
                // Another row may have the email by now; then nothing moves.
                assert_eq!(reply.errors(), [""; 0], "{}", reply.body);
            }
            _ => {
                let made = self.create().await;
                self.moving.push(made);
            }
        }
    }
}

/// A list that is walked.
struct Walk {
    actor: Actor,
    /// What is around the list, such as `partner(id: "ptn_…")`.
    parent: Option<String>,
    list: &'static str,
    kind: &'static str,
    filter: Value,
    order: Value,
    backward: bool,
}

impl Walk {
    async fn page(&self, size: usize, cursor: &Value) -> (Vec<String>, Option<Value>) {
        let Self { parent, list, kind, .. } = self;
        let (size_name, cursor_name) = if self.backward { ("last", "before") } else { ("first", "after") };
        let page = format!(
            "{list}({size_name}: $size, {cursor_name}: $cursor, filter: $filter, orderBy: $order) {{
                nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }}"
        );
        let (selection, place) = match parent {
            Some(parent) => (format!("parent: {parent} {{ {page} }}"), format!("/parent/{list}")),
            None => (page, format!("/{list}")),
        };
        let document = format!(
            "query($size: Int, $cursor: String, $filter: {kind}Filter, $order: [{kind}Order!]) {{ {selection} }}"
        );
        let variables = json!({ "size": size, "cursor": cursor, "filter": self.filter, "order": self.order });
        let reply = self.actor.graphql(&document, variables).await;
        let page = reply.data(&place);
        let nodes = page["nodes"].as_array().expect("nodes").iter();
        let ids = nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect();
        let info = &page["pageInfo"];
        let (more, cursor) =
            if self.backward { ("hasPreviousPage", "startCursor") } else { ("hasNextPage", "endCursor") };
        (ids, (info[more] == true).then(|| info[cursor].clone()))
    }

    /// The ids of all rows in the order of the list, in pages of random size. `between` happens between two pages.
    async fn all(&self, chance: &mut Chance, mut between: impl AsyncFnMut()) -> Vec<String> {
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let (ids, next) = self.page(1 + chance.below(10), &cursor).await;
            let at = if self.backward { 0 } else { found.len() };
            found.splice(at..at, ids);
            let Some(next) = next else { return found };
            cursor = next;
            between().await;
        }
    }
}

/// A world with rows that do not change, and the client that changes the others.
struct Scene {
    world: World,
    parent: Option<String>,
    list: &'static str,
    kind: &'static str,
    still: Vec<String>,
    mover: Mover,
    chance: Chance,
}

impl Scene {
    async fn new(world: World, list: &'static str, kind: &'static str, kinds: &[Rows]) -> Self {
        let partner = world.rows().partner("Partner", None).await.id.to_string();
        let parent = (list == "assignments").then(|| format!("partner(id: \"{partner}\")"));
        let mut mover = Mover {
            writer: world.writer(),
            chance: Chance::seeded(10),
            kinds: kinds.to_vec(),
            partner,
            made: 0,
            moving: Vec::new(),
        };
        let mut still = Vec::new();
        // One among the others, so that rows move everywhere.
        for number in 0..STILL + MOVING {
            let row = mover.create().await;
            if number * MOVING % (STILL + MOVING) < MOVING {
                mover.moving.push(row);
            } else {
                still.push(row.id);
            }
        }
        assert_eq!(still.len(), STILL);
        let chance = Chance::seeded(20);
        Self { world, parent, list, kind, still, mover, chance }
    }

    /// A walk in some order and direction, sometimes through the answers to a search.
    fn walk(&mut self) -> Walk {
        let orders = orders(&Schema::read(), self.kind);
        let is_search = self.kind != "InternalContactAssignment" && self.chance.one_in(4);
        let (filter, order) = if is_search {
            (json!({ "search": "a" }), json!([]))
        } else {
            (json!({}), self.chance.pick(&orders).clone())
        };
        Walk {
            actor: self.world.reader(),
            parent: self.parent.clone(),
            list: self.list,
            kind: self.kind,
            filter,
            order,
            backward: self.chance.one_in(2),
        }
    }

    /// Fails unless what stood still was found once, in the order in which it stands.
    async fn assert_found(&mut self, walk: &Walk, found: Vec<String>) {
        let is_still = |id: &String| self.still.contains(id);
        let found: Vec<String> = found.into_iter().filter(is_still).collect();
        let whole = walk.all(&mut self.chance, async || {}).await;
        let whole: Vec<String> = whole.into_iter().filter(is_still).collect();
        // A search finds some of them, at any time the same.
        let expected = if walk.filter.get("search").is_some() { STILL / 3..STILL } else { STILL..STILL + 1 };
        assert!(expected.contains(&whole.len()), "{} {}: {}", self.list, walk.order, whole.len());
        assert_eq!(found, whole, "{} {} backward: {}", self.list, walk.order, walk.backward);
    }

    /// Rows move between two pages.
    async fn walk_with_pauses(&mut self) {
        let walk = self.walk();
        let (mover, mut steps) = (&mut self.mover, Chance::seeded(30));
        let found = walk
            .all(&mut self.chance, async || {
                for _ in 0..steps.below(4) {
                    mover.step().await;
                }
            })
            .await;
        self.assert_found(&walk, found).await;
    }

    /// Rows move all the time.
    async fn walk_without_pauses(&mut self) {
        let walk = self.walk();
        let has_ended = AtomicBool::new(false);
        let walking = async {
            let found = walk.all(&mut self.chance, async || {}).await;
            has_ended.store(true, Ordering::Relaxed);
            found
        };
        let moving = async {
            while !has_ended.load(Ordering::Relaxed) {
                self.mover.step().await;
            }
        };
        let (found, ()) = tokio::join!(walking, moving);
        self.assert_found(&walk, found).await;
    }
}

async fn assert_walked(world: World, list: &'static str, kind: &'static str, kinds: &[Rows]) {
    let mut scene = Scene::new(world, list, kind, kinds).await;
    for _ in 0..5 {
        scene.walk_with_pauses().await;
        scene.walk_without_pauses().await;
    }
}

async fn partners(world: World) {
    assert_walked(world, "partners", "Partner", &[PARTNERS]).await;
}

async fn internal_contacts(world: World) {
    assert_walked(world, "internalContacts", "InternalContact", &[INTERNAL_CONTACTS]).await;
}

async fn account_contacts(world: World) {
    assert_walked(world, "accountContacts", "AccountContact", &[ACCOUNT_CONTACTS]).await;
}

async fn organization_contacts(world: World) {
    assert_walked(world, "organizationContacts", "OrganizationContact", &[ORGANIZATION_CONTACTS]).await;
}

async fn contacts(world: World) {
    let kinds = [INTERNAL_CONTACTS, ACCOUNT_CONTACTS, ORGANIZATION_CONTACTS];
    assert_walked(world, "contacts", "Contact", &kinds).await;
}

async fn assignments_of_a_partner(world: World) {
    assert_walked(world, "assignments", "InternalContactAssignment", &[ASSIGNMENTS]).await;
}
