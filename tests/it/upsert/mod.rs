//! Bulk writes: the common behaviour of all kinds of rows. Each kind has a file for its own rules.

mod account_contacts;
mod accounts;
mod assignments;
mod growth;
mod internal_contacts;
mod partners;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    mutation::{assert_masked, break_inserts, with},
    support::{Actor, Reply, World, on_both},
};

on_both!(
    rows_are_created_updated_and_left_alone,
    results_are_in_the_order_of_the_rows,
    an_empty_call_and_a_row_too_many_are_refused,
    a_refused_row_refuses_the_call,
    no_more_than_a_hundred_errors_are_told,
    good_rows_are_written_beside_failed_ones,
    a_row_that_comes_twice_is_refused,
    a_repeated_call_gives_the_first_results,
    another_input_is_a_conflict,
    a_bad_key_is_told_with_the_rows,
    statements_do_not_grow_with_the_rows,
    every_change_is_recorded_once,
    many_callers_at_once_make_each_row_once,
    repeated_calls_at_once_make_each_row_once,
    a_call_that_fails_leaves_nothing,
    rows_of_another_organization_are_not_touched,
);

/// A kind of row that can be upserted.
pub(super) struct Kind {
    /// The mutation.
    pub(super) mutation: &'static str,
    /// What its results call the row.
    pub(super) object: &'static str,
    /// The row's table.
    pub(super) table: &'static str,
    /// A good row for each number.
    pub(super) row: fn(usize) -> Value,
    /// The same row with another value.
    pub(super) changed: fn(usize) -> Value,
    /// A row that is refused, and why.
    pub(super) refused: (fn(usize) -> Value, &'static str),
    /// The field that tells a row that comes twice.
    pub(super) identity: &'static str,
    /// How many statements a call takes that creates all rows, updates all, or changes nothing.
    pub(super) statements: [usize; 3],
}

const KINDS: [&Kind; 5] =
    [&partners::KIND, &accounts::KIND, &internal_contacts::KIND, &assignments::KIND, &account_contacts::KIND];

impl Kind {
    /// Rows with these numbers.
    fn rows(&self, numbers: impl IntoIterator<Item = usize>) -> Value {
        numbers.into_iter().map(self.row).collect()
    }

    /// Sends rows.
    pub(super) async fn send(&self, actor: &Actor, rows: Value) -> Reply {
        self.send_with(actor, rows, json!({})).await
    }

    /// Sends rows with more fields of the input.
    pub(super) async fn send_with(&self, actor: &Actor, rows: Value, fields: Value) -> Reply {
        let errors = "userErrors { code message field index }";
        let object = self.object;
        let selection = format!(
            "results {{ status {object} {{ id version createdAt updatedAt }} {errors} }} \
             created updated unchanged failed"
        );
        let input = with(json!({ "rows": rows }), fields);
        actor.mutate(self.mutation, input, &selection).await
    }

    /// Sends rows of which none is refused; gives the payload.
    #[track_caller]
    pub(super) fn done<'a>(&'a self, actor: &'a Actor, rows: Value) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let reply = self.send(actor, rows).await;
            assert_eq!(reply.user_errors(self.mutation), [""; 0], "{} at {place}: {reply:?}", self.mutation);
            reply.data(&format!("/{}", self.mutation)).clone()
        }
    }

    /// Sends rows that are refused with these errors, in this order, having written nothing.
    pub(super) async fn refused(&self, world: &World, rows: Value, expected: &[&str]) {
        let reply = world.nothing_written(self.send(&world.writer(), rows)).await;
        assert_eq!(reply.user_errors(self.mutation), expected, "{}", self.mutation);
        self.assert_nothing_done(&reply);
        assert_indexed(reply.list(&format!("/{}/userErrors", self.mutation)));
    }

    fn assert_nothing_done(&self, reply: &Reply) {
        let payload = reply.data(&format!("/{}", self.mutation));
        assert_eq!(payload["results"], json!([]), "{}", self.mutation);
        assert_eq!(counts(payload), [0; 4], "{}", self.mutation);
    }
}

/// Errors of rows tell the row twice: as `index`, and at the beginning of `field`.
fn assert_indexed(errors: &[Value]) {
    for error in errors {
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
        match error["index"].as_u64() {
            Some(index) => {
                assert_eq!(error["field"][0], "rows", "{error}");
                assert_eq!(error["field"][1], index.to_string(), "{error}");
                assert!(error["field"][2].is_string(), "{error}");
            }
            None => assert_eq!(error["field"].as_array().map(Vec::len), Some(1), "{error}"),
        }
    }
}

/// How many rows were created, updated, left unchanged, and failed.
pub(super) fn counts(payload: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|count| payload[count].as_u64().expect(count))
}

/// The results, each in one word.
pub(super) fn statuses(payload: &Value) -> Vec<&str> {
    let results = payload["results"].as_array().expect("results");
    results.iter().map(|result| result["status"].as_str().expect("a status")).collect()
}

async fn rows_are_created_updated_and_left_alone(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let created = kind.done(&writer, kind.rows(0..3)).await;
        assert_eq!(statuses(&created), ["CREATED"; 3], "{}", kind.mutation);
        assert_eq!(counts(&created), [3, 0, 0, 0]);
        let objects: Vec<_> = (0..3).map(|index| created["results"][index][kind.object].clone()).collect();
        assert!(objects.iter().all(|object| object["version"] == 1), "{created}");

        let again = world.nothing_written(kind.done(&writer, kind.rows(0..3))).await;
        assert_eq!(statuses(&again), ["UNCHANGED"; 3], "{}", kind.mutation);
        assert_eq!(counts(&again), [0, 0, 3, 0]);
        for (index, object) in objects.iter().enumerate() {
            assert_eq!(again["results"][index][kind.object], *object);
        }

        let mixed = json!([(kind.row)(0), (kind.changed)(1), (kind.row)(3)]);
        let mixed = kind.done(&writer, mixed).await;
        assert_eq!(statuses(&mixed), ["UNCHANGED", "UPDATED", "CREATED"], "{}", kind.mutation);
        assert_eq!(counts(&mixed), [1, 1, 1, 0]);
        let changed = &mixed["results"][1][kind.object];
        assert_eq!(changed["id"], objects[1]["id"]);
        assert_eq!(changed["version"], 2);
        assert_eq!(changed["createdAt"], objects[1]["createdAt"]);
        assert!(changed["updatedAt"].as_str() > objects[1]["updatedAt"].as_str());
        assert_eq!(world.count(kind.table).await, 4, "{}", kind.mutation);
        read_back(&world, kind, &mixed).await;
    }
}

/// What the results show is what the database holds.
async fn read_back(world: &World, kind: &Kind, payload: &Value) {
    for result in payload["results"].as_array().expect("results") {
        let object = &result[kind.object];
        let field = if kind.object == "assignment" { "internalContactAssignment" } else { kind.object };
        let document = format!("query($id: ID!) {{ {field}(id: $id) {{ id version createdAt updatedAt }} }}");
        let reply = world.reader().graphql(&document, json!({ "id": object["id"] })).await;
        assert_eq!(reply.data(&format!("/{field}")), object);
    }
}

async fn results_are_in_the_order_of_the_rows(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let numbers = [5, 2, 9, 1, 7];
        let created = kind.done(&writer, kind.rows(numbers)).await;
        let id = |payload: &Value, index: usize| payload["results"][index][kind.object]["id"].clone();
        let reversed = kind.done(&writer, kind.rows(numbers.into_iter().rev())).await;
        for index in 0..5 {
            assert_eq!(id(&created, index), id(&reversed, 4 - index), "{}", kind.mutation);
        }
        // Ids grow, so that lists show new rows in the order in which they came.
        assert!((1..5).all(|index| id(&created, index - 1).as_str() < id(&created, index).as_str()));
    }
}

async fn an_empty_call_and_a_row_too_many_are_refused(world: World) {
    for kind in KINDS {
        kind.refused(&world, json!([]), &["REQUIRED rows"]).await;
        kind.refused(&world, kind.rows(0..1_001), &["TOO_MANY rows"]).await;
    }
}

async fn a_refused_row_refuses_the_call(world: World) {
    for kind in KINDS {
        let (bad, error) = kind.refused;
        let rows = json!([(kind.row)(0), bad(1), (kind.row)(2), bad(3)]);
        let error = |index: usize| error.replacen(' ', &format!(" rows.{index}."), 1);
        kind.refused(&world, rows.clone(), &[&error(1), &error(3)]).await;
        let fields = json!({ "errorPolicy": "REJECT_ALL" });
        let writer = world.writer();
        let reply = world.nothing_written(kind.send_with(&writer, rows, fields)).await;
        assert_eq!(reply.user_errors(kind.mutation), [error(1), error(3)]);
    }
}

async fn no_more_than_a_hundred_errors_are_told(world: World) {
    for kind in KINDS {
        let (bad, _) = kind.refused;
        let rows: Value = (0..1_000).map(bad).collect();
        let reply = world.nothing_written(kind.send(&world.writer(), rows.clone())).await;
        let errors = reply.list(&format!("/{}/userErrors", kind.mutation));
        let indexes: Vec<_> = errors.iter().filter_map(|error| error["index"].as_u64()).collect();
        assert_eq!(indexes, (0..100).collect::<Vec<_>>(), "{}", kind.mutation);

        let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS" });
        let reply = kind.send_with(&world.writer(), rows, fields).await;
        let payload = reply.data(&format!("/{}", kind.mutation));
        assert_eq!(statuses(payload), ["FAILED"; 1_000]);
    }
}

async fn good_rows_are_written_beside_failed_ones(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        kind.done(&writer, kind.rows([2, 4])).await;
        let (bad, error) = kind.refused;
        let rows = json!([(kind.row)(0), bad(1), (kind.row)(2), bad(3), (kind.changed)(4)]);
        let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS" });
        let reply = kind.send_with(&writer, rows, fields).await;
        assert_eq!(reply.user_errors(kind.mutation), [""; 0]);
        let payload = reply.data(&format!("/{}", kind.mutation));
        assert_eq!(statuses(payload), ["CREATED", "FAILED", "UNCHANGED", "FAILED", "UPDATED"]);
        assert_eq!(counts(payload), [1, 1, 1, 2]);
        let (code, field) = error.split_once(' ').expect("a field");
        for (index, result) in payload["results"].as_array().expect("results").iter().enumerate() {
            let errors = result["userErrors"].as_array().expect("errors");
            assert_eq!(result[kind.object].is_null(), !errors.is_empty());
            assert_indexed(errors);
            for error in errors {
                assert_eq!(error["code"], code);
                assert_eq!(error["index"], index);
                assert_eq!(error["field"], json!(["rows", index.to_string(), field]));
            }
        }
        assert_eq!(world.count(kind.table).await, 3, "{}", kind.mutation);
    }
}

async fn a_row_that_comes_twice_is_refused(world: World) {
    for kind in KINDS {
        let rows = json!([(kind.row)(7), (kind.row)(8), (kind.changed)(7), (kind.row)(7)]);
        let error = |index: usize| format!("INVALID rows.{index}.{}", kind.identity);
        kind.refused(&world, rows.clone(), &[&error(2), &error(3)]).await;
        let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS" });
        let reply = kind.send_with(&world.writer(), rows, fields).await;
        let payload = reply.data(&format!("/{}", kind.mutation));
        assert_eq!(statuses(payload), ["CREATED", "CREATED", "FAILED", "FAILED"], "{}", kind.mutation);
        let message = payload["results"][3]["userErrors"][0]["message"].as_str().expect("a message");
        assert!(message.contains("index 0"), "{message}");
    }
}

async fn a_repeated_call_gives_the_first_results(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        kind.done(&writer, kind.rows([1, 2])).await;
        let rows = json!([(kind.row)(0), (kind.row)(1), (kind.changed)(2), (kind.refused.0)(3)]);
        let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS", "idempotencyKey": kind.mutation });
        let first = kind.send_with(&writer, rows.clone(), fields.clone()).await;
        let payload = first.data(&format!("/{}", kind.mutation));
        assert_eq!(statuses(payload), ["CREATED", "UNCHANGED", "UPDATED", "FAILED"], "{}", kind.mutation);
        for _ in 0..2 {
            let again = kind.send_with(&writer, rows.clone(), fields.clone());
            let again = world.nothing_written(again).await;
            assert_eq!(again.body, first.body);
        }
        assert_eq!(world.count(kind.table).await, 3, "{}", kind.mutation);
    }
}

async fn another_input_is_a_conflict(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let key = json!({ "idempotencyKey": kind.mutation });
        let reply = kind.send_with(&writer, kind.rows(0..2), key.clone()).await;
        assert_eq!(reply.user_errors(kind.mutation), [""; 0]);
        let policy = with(key.clone(), json!({ "errorPolicy": "REJECT_FAILED_ROWS" }));
        let changed = json!([(kind.row)(0), (kind.changed)(1)]);
        for (rows, fields) in [
            (kind.rows([1, 0]), key.clone()),
            (kind.rows(0..3), key.clone()),
            (changed, key),
            (kind.rows(0..2), policy),
        ] {
            let reply = world.nothing_written(kind.send_with(&writer, rows, fields)).await;
            assert_eq!(reply.user_errors(kind.mutation), ["CONFLICT idempotencyKey"]);
            kind.assert_nothing_done(&reply);
        }
    }
}

async fn a_bad_key_is_told_with_the_rows(world: World) {
    for kind in KINDS {
        let rows = json!([(kind.row)(0), (kind.refused.0)(1)]);
        let error = kind.refused.1.replacen(' ', " rows.1.", 1);
        for (policy, errors) in [
            ("REJECT_ALL", &["INVALID idempotencyKey", &error][..]),
            ("REJECT_FAILED_ROWS", &["INVALID idempotencyKey"]),
        ] {
            let fields = json!({ "errorPolicy": policy, "idempotencyKey": " " });
            let writer = world.writer();
            let reply = world.nothing_written(kind.send_with(&writer, rows.clone(), fields)).await;
            assert_eq!(reply.user_errors(kind.mutation), errors, "{} {policy}", kind.mutation);
            kind.assert_nothing_done(&reply);
        }
    }
}

async fn statements_do_not_grow_with_the_rows(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let [creating, updating, looking] = kind.statements;
        let mut begin = 0;
        for number in [10, 1_000] {
            let numbers = begin..begin + number;
            begin += number;
            let changed: Value = numbers.clone().map(kind.changed).collect();
            for (what, rows, statements) in [
                ("CREATED", kind.rows(numbers), creating),
                ("UPDATED", changed.clone(), updating),
                ("UNCHANGED", changed, looking),
            ] {
                let (payload, executed) = world.statements(kind.done(&writer, rows)).await;
                assert!(statuses(&payload).iter().all(|status| *status == what), "{}", kind.mutation);
                let shown: Vec<_> = executed.iter().map(|sql| sql.get(..120).unwrap_or(sql)).collect();
                assert_eq!(executed.len(), statements, "{number} {what} of {}: {shown:#?}", kind.mutation);
            }
        }
    }
}

async fn every_change_is_recorded_once(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        kind.done(&writer, kind.rows([1, 2])).await;
        let before = world.count("change").await;
        let rows = json!([(kind.row)(0), (kind.changed)(1), (kind.row)(2), (kind.refused.0)(3)]);
        let fields = json!({ "errorPolicy": "REJECT_FAILED_ROWS" });
        let reply = kind.send_with(&writer, rows, fields).await;
        let payload = reply.data(&format!("/{}", kind.mutation));
        let document = "{ changes(last: 2) { nodes { entityId action fields actor requestId at } } }";
        let reader = world.reader().query(document).await;
        let records = reader.list("/changes/nodes");
        // The person of a new assignment has a record of its own.
        let made = if kind.object == "assignment" { 3 } else { 2 };
        assert_eq!(world.count("change").await, before + made, "{}", kind.mutation);
        for (index, action) in [(0, "CREATED"), (1, "UPDATED")] {
            let object = &payload["results"][index][kind.object];
            assert_eq!(records[index]["entityId"], object["id"], "{}", kind.mutation);
            assert_eq!(records[index]["action"], action);
            assert_eq!(records[index]["actor"], "writer");
            assert_eq!(records[index]["at"], object["updatedAt"]);
            let fields = records[index]["fields"].as_object().expect("fields");
            assert!(!fields.is_empty());
            let has_old = |field: &Value| field.as_object().is_some_and(|field| field.contains_key("old"));
            assert!(fields.values().all(|field| has_old(field) == (action == "UPDATED")), "{fields:?}");
        }
    }
}

async fn many_callers_at_once_make_each_row_once(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        // Every other one in another order, so that they meet in the middle.
        let calls = (0..12).map(|caller| {
            let rows = if caller % 2 == 0 { kind.rows(0..60) } else { kind.rows((0..60).rev()) };
            kind.send(&writer, rows)
        });
        let replies = join_all(calls).await;
        let mut created = 0;
        for reply in &replies {
            let errors = reply.user_errors(kind.mutation);
            if errors.is_empty() {
                let payload = reply.data(&format!("/{}", kind.mutation));
                assert!(matches!(counts(payload), [60, 0, 0, 0] | [0, 0, 60, 0]), "{payload}");
                created += counts(payload)[0];
            } else {
                assert_eq!(errors, ["CONFLICT rows"], "{}", kind.mutation);
            }
        }
        assert_eq!(created, 60, "{}", kind.mutation);
        assert_eq!(world.count(kind.table).await, 60, "{}", kind.mutation);
    }
}

async fn repeated_calls_at_once_make_each_row_once(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let key = json!({ "idempotencyKey": kind.mutation });
        let calls = (0..12).map(|_| kind.send_with(&writer, kind.rows(0..20), key.clone()));
        let replies = join_all(calls).await;
        assert!(replies.iter().all(|reply| reply.body == replies[0].body), "{}", kind.mutation);
        let payload = replies[0].data(&format!("/{}", kind.mutation));
        assert_eq!(counts(payload), [20, 0, 0, 0], "{}", kind.mutation);
        assert_eq!(world.count(kind.table).await, 20, "{}", kind.mutation);
    }
}

async fn a_call_that_fails_leaves_nothing(world: World) {
    break_inserts(&world.db, "change").await;
    for kind in KINDS {
        let fields = json!({ "idempotencyKey": "k", "errorPolicy": "REJECT_FAILED_ROWS" });
        let writer = world.writer();
        let reply = world.nothing_written(kind.send_with(&writer, kind.rows(0..2), fields)).await;
        assert_masked(&reply, kind.mutation);
    }
}

async fn rows_of_another_organization_are_not_touched(world: World) {
    for kind in KINDS {
        let there = kind.done(&world.other(), kind.rows(0..2)).await;
        let home: Value = (0..2).map(kind.changed).collect();
        let home = kind.done(&world.writer(), home).await;
        assert_eq!(statuses(&home), ["CREATED"; 2], "{}", kind.mutation);
        let again = kind.done(&world.other(), kind.rows(0..2)).await;
        assert_eq!(statuses(&again), ["UNCHANGED"; 2], "{}", kind.mutation);
        assert_eq!(again["results"][0][kind.object], there["results"][0][kind.object]);
    }
}
