//! Random operations of two organizations reveal nothing about the other one.
//!
//! Both act in one crowded world. Each also has a world where it is alone and where it does exactly the same. Whatever
//! the other did meanwhile, the two answers must be equal but for ids and times: rows, counts, errors and their texts. An
//! id of the other organization must be answered as an unknown one, and even the statements must be the same, so that
//! the time that an answer takes tells nothing either. Numbers that the database counts (organization contacts, changes)
//! have gaps where others got theirs; that is known and compared as ids are.
//!
//! CONTACT_GATEWAY_TEST_OPERATIONS sets the number of operations on each database, CONTACT_GATEWAY_TEST_SEED which; two
//! cores answered 600 a second on each: `CONTACT_GATEWAY_TEST_OPERATIONS=500000 cargo test --release --test it -- tenancy_property`.

mod generate;
mod pool;
mod schema;

use std::collections::BTreeMap;

use serde_json::Value;

use self::{
    generate::{Generator, Operation},
    pool::{Known, prefix},
    schema::Schema,
};
use crate::support::{Actor, Chance, HOME, OTHER, Reply, World};

/// How many operations there are on each database, by default.
const OPERATIONS: usize = 5000;

/// How many errors an answer tells at most.
const MAX_ERRORS: usize = 10;

fn operations() -> usize {
    let other = std::env::var("CONTACT_GATEWAY_TEST_OPERATIONS").ok();
    other.map_or(OPERATIONS, |other| other.parse().expect("CONTACT_GATEWAY_TEST_OPERATIONS is a number"))
}

#[tokio::test]
async fn sqlite() {
    let worlds = [World::on_sqlite().await, World::on_sqlite().await, World::on_sqlite().await];
    nobody_is_told_of_others(worlds).await;
}

#[tokio::test]
async fn postgres() {
    let worlds = [World::on_postgres().await, World::on_postgres().await, World::on_postgres().await];
    nobody_is_told_of_others(worlds).await;
}

/// How often each root field was asked, and how often without an error.
type Outcomes = BTreeMap<String, (usize, usize)>;

async fn nobody_is_told_of_others([crowded, home, other]: [World; 3]) {
    let schema = Schema::of(&crowded).await;
    let mut chance = Chance::seeded(2026);
    let mut known = [Known::default(), Known::default()];
    let places = [
        (Place::of(&crowded, HOME), Place::of(&home, HOME)),
        (Place::of(&crowded, OTHER), Place::of(&other, OTHER)),
    ];
    let mut outcomes = Outcomes::new();
    for number in 0..operations() {
        let who = chance.below(2);
        let (crowded, alone) = &places[who];
        let [first, second] = &mut known;
        let (own, others) = if who == 0 { (first, second) } else { (second, first) };
        let operation = Generator::new(&schema, &mut chance, own, others).operation();
        let request = format!("request-{number}");
        let mut asked = crowded.ask(&operation, &operation.crowded, &request).await;
        let report = |problem: String| {
            format!(
                "operation {number} of organization {}: {problem}\n{}\n{}",
                who + 1,
                operation.document,
                operation.crowded
            )
        };
        assert!(asked.0.status.as_u16() < 500, "{}", report(asked.0.body.to_string()));
        count(&mut outcomes, &operation, &asked.0.body);
        if operation.has_foreign_cursor {
            let foreign = ids(&asked.0.body).into_iter().find(|id| others.has(id) && !named(&operation, id));
            assert_eq!(foreign, None, "{}", report(asked.0.body.to_string()));
            continue;
        }
        let mut same = alone.ask(&operation, &operation.alone, &request).await;
        if operation.crowded.to_string().len() != operation.alone.to_string().len() {
            // Positions with numbers that the database counts differ in length, and long texts cost more.
            [&mut asked, &mut same].into_iter().for_each(|asked| hide_points(&mut asked.0.body));
        }
        if let Err(difference) = compare(own, others, &operation, &asked, &same) {
            panic!("{}\n{}\n{}", report(difference), asked.0.body, same.0.body);
        }
    }
    assert_all_were_asked(&schema, &outcomes);
}

/// An answer, and the statements that it took.
type Observation = (Reply, Vec<String>);

/// An organization in a world.
struct Place<'w> {
    world: &'w World,
    actor: Actor,
}

impl<'w> Place<'w> {
    fn of(world: &'w World, organization: i64) -> Self {
        let actor = if organization == HOME { world.admin() } else { world.other() };
        Self { world, actor }
    }

    async fn ask(&self, operation: &Operation, variables: &Value, request: &str) -> Observation {
        let actor = self.actor.clone().with_header("x-request-id", request);
        let asked = actor.graphql(&operation.document, variables.clone());
        let (mut reply, mut statements) = self.world.statements(asked).await;
        // Fields are executed side by side: what comes first, and which errors are the ten, is left to the moment.
        statements.sort_unstable();
        // So is whether a row that is wanted twice was there already the second time.
        statements.dedup();
        if let Some(errors) = reply.body.get_mut("errors").and_then(Value::as_array_mut) {
            errors.sort_by_key(|error| error["path"].to_string());
            if errors.len() == MAX_ERRORS {
                errors.clear();
            }
        }
        (reply, statements)
    }
}

fn compare(
    own: &mut Known,
    others: &Known,
    operation: &Operation,
    crowded: &Observation,
    alone: &Observation,
) -> Result<(), String> {
    if crowded.0.status != alone.0.status {
        return Err(format!("status {} and, alone, {}", crowded.0.status, alone.0.status));
    }
    let new = own.compare(&crowded.0.body, &alone.0.body, &operation.sent)?;
    if let Some(foreign) = new.iter().find(|id| others.has(id)) {
        return Err(format!("{foreign} is the other organization's"));
    }
    if crowded.1 != alone.1 {
        return Err(format!("statements {:#?} and, alone, {:#?}", crowded.1, alone.1));
    }
    Ok(())
}

fn count(outcomes: &mut Outcomes, operation: &Operation, body: &Value) {
    let is_good = body.get("errors").is_none() && !body.to_string().contains("\"userErrors\":[{");
    for root in &operation.root {
        let (asked, good) = outcomes.entry(root.clone()).or_default();
        *asked += 1;
        *good += usize::from(is_good);
    }
}

/// The random operations would say little if they all were refused.
fn assert_all_were_asked(schema: &Schema, outcomes: &Outcomes) {
    for root in ["Query", "Mutation"] {
        for field in schema.get(root).fields.iter().filter(|field| !field.name.starts_with('_')) {
            let (asked, good) = outcomes.get(&field.name).copied().unwrap_or_default();
            assert!(asked > 0 && good > 0, "{} was asked {asked} times, {good} without an error", field.name);
        }
    }
}

/// Leaves the cost out of the error that says it is too high.
fn hide_points(body: &mut Value) {
    let errors = body.get_mut("errors").and_then(Value::as_array_mut);
    for error in errors.into_iter().flatten().filter(|it| it["extensions"]["code"] == "QUERY_TOO_COMPLEX") {
        error["message"] = Value::Null;
    }
}

fn named(operation: &Operation, id: &str) -> bool {
    operation.sent.iter().any(|(sent, _)| sent == id)
}

/// The ids in an answer.
fn ids(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if prefix(text).is_some() => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        Value::Object(fields) => fields.values().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}
