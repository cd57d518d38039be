//! Deleting and restoring: the common behaviour of all kinds of rows that are soft-deleted.

use serde_json::{Value, json};

use crate::{
    change::{events, happened},
    mutation::{
        assert_masked, assert_refused, break_inserts, done, refused, refused_to, schema_mismatch, with,
    },
    support::{Actor, Outcomes, World, on_both, race},
};

on_both!(
    what_is_deleted_is_gone_until_it_is_restored,
    both_are_recorded,
    only_the_living_are_deleted,
    the_living_stay_as_they_are,
    an_expected_version_must_be_the_rows,
    what_is_out_of_reach_is_not_found,
    inputs_must_fit,
    what_is_taken_by_now_is_told,
    a_row_without_its_record_stays_as_it_is,
    only_one_of_two_updates_of_a_version_wins,
    an_update_and_a_deletion_at_once_lose_nothing,
    only_one_of_two_deletions_wins,
    of_two_restorations_and_a_creation_one_wins,
);

/// A kind of row.
#[derive(Clone, Copy)]
struct Kind {
    /// The type, and how it is called in the names of mutations.
    name: &'static str,
    /// The query of one, and the field of payloads.
    one: &'static str,
    /// The query of all.
    all: &'static str,
    /// What a creation takes besides unique values, as JSON.
    new: &'static str,
    /// What an update changes, as JSON.
    change: &'static str,
    /// The fields whose values no other active row may have.
    unique: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "Partner",
        one: "partner",
        all: "partners",
        new: r#"{ "name": "Globex" }"#,
        change: r#"{ "name": "Hooli" }"#,
        unique: &["remoteId"],
    },
    Kind {
        name: "Account",
        one: "account",
        all: "accounts",
        new: r#"{ "name": "Initech" }"#,
        change: r#"{ "name": "Initrode" }"#,
        unique: &["remoteId"],
    },
    Kind {
        name: "InternalContact",
        one: "internalContact",
        all: "internalContacts",
        new: r#"{ "internalRole": "CSM" }"#,
        change: r#"{ "jobTitle": "Analyst" }"#,
        unique: &["email"],
    },
    Kind {
        name: "AccountContact",
        one: "accountContact",
        all: "accountContacts",
        new: r#"{ "firstName": "Grace" }"#,
        change: r#"{ "firstName": "Ada" }"#,
        unique: &["email", "remoteId"],
    },
    Kind {
        name: "OrganizationContact",
        one: "organizationContact",
        all: "organizationContacts",
        new: r#"{ "type": "FINANCE" }"#,
        change: r#"{ "name": "Erika" }"#,
        unique: &[],
    },
];

impl Kind {
    fn mutation(self, verb: &str) -> String {
        format!("{verb}{}", self.name)
    }

    /// The input of a creation, with values of its own.
    fn input(self, own: &str) -> Value {
        let new: Value = serde_json::from_str(self.new).expect("JSON");
        let value =
            |field: &str| if field == "email" { format!("{own}@example.com") } else { own.to_owned() };
        with(new, self.unique.iter().map(|field| ((*field).to_owned(), json!(value(field)))).collect())
    }

    /// The field that an update changes.
    fn changed_field(self) -> String {
        let change: Value = serde_json::from_str(self.change).expect("JSON");
        change.as_object().and_then(|change| change.keys().next()).expect("a field").clone()
    }

    fn selection(self) -> String {
        format!("{} {{ id version createdAt updatedAt deletedAt }}", self.one)
    }

    async fn create(self, actor: &Actor, own: &str) -> Value {
        self.run(actor, "create", self.input(own)).await
    }

    async fn run(self, actor: &Actor, verb: &str, input: Value) -> Value {
        done(actor, &self.mutation(verb), input, &self.selection()).await[self.one].clone()
    }

    /// The row as its query gives it; null when it is gone.
    async fn read(self, world: &World, id: &Value) -> Value {
        let document =
            format!("query($id: ID!) {{ {}(id: $id) {{ id version updatedAt deletedAt }} }}", self.one);
        let reply = world.reader().graphql(&document, json!({ "id": id })).await;
        reply.data(&format!("/{}", self.one)).clone()
    }

    /// How many there are in the list of all.
    async fn listed(self, world: &World) -> u64 {
        let reply =
            world.reader().query(&format!("{{ {} {{ totalCount nodes {{ id }} }} }}", self.all)).await;
        let (nodes, total) = (
            reply.list(&format!("/{}/nodes", self.all)).len(),
            reply.data(&format!("/{}/totalCount", self.all)),
        );
        assert_eq!(json!(nodes), *total);
        nodes as u64
    }
}

async fn what_is_deleted_is_gone_until_it_is_restored(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let created = kind.create(&writer, "one").await;
        let id = &created["id"];
        let deleted = kind.run(&writer, "delete", json!({ "id": id, "expectedVersion": 1 })).await;
        let at = &deleted["updatedAt"];
        assert!(at.as_str() > created["updatedAt"].as_str(), "{}", kind.name);
        assert_eq!(deleted, with(created.clone(), json!({ "version": 2, "updatedAt": at, "deletedAt": at })));
        assert_eq!(kind.read(&world, id).await, Value::Null);
        assert_eq!(kind.listed(&world).await, 0);
        let node =
            format!("query($id: ID!) {{ node(id: $id) {{ id ... on {} {{ deletedAt }} }} }}", kind.name);
        let reply = world.reader().graphql(&node, json!({ "id": id })).await;
        assert_eq!(*reply.data("/node"), json!({ "id": id, "deletedAt": at }));
        // What it had is free.
        let other = kind.create(&writer, "one").await;
        kind.run(&writer, "delete", json!({ "id": other["id"] })).await;

        let restored = kind.run(&writer, "restore", json!({ "id": id, "expectedVersion": 2 })).await;
        assert!(restored["updatedAt"].as_str() > at.as_str(), "{}", kind.name);
        assert_eq!(
            restored,
            with(created.clone(), json!({ "version": 3, "updatedAt": restored["updatedAt"] }))
        );
        assert_eq!(kind.read(&world, id).await["version"], 3);
        assert_eq!(kind.listed(&world).await, 1);
    }
}

async fn both_are_recorded(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let id = kind.create(&writer, "one").await["id"].clone();
        let before = events(&world).await.len();
        kind.run(&writer, "delete", json!({ "id": id })).await;
        kind.run(&writer, "restore", json!({ "id": id })).await;
        let both = ["deleted", "restored"].map(|action| happened(kind.name, action, &id, json!({})));
        assert_eq!(events(&world).await[before..], both);
    }
}

async fn only_the_living_are_deleted(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let id = kind.create(&writer, "one").await["id"].clone();
        kind.run(&writer, "delete", json!({ "id": id })).await;
        for verb in ["delete", "update"] {
            let input = json!({ "id": id, "expectedVersion": 2 });
            refused(&world, &kind.mutation(verb), input, &["NOT_FOUND id"]).await;
        }
    }
}

async fn the_living_stay_as_they_are(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let created = kind.create(&writer, "one").await;
        for version in [Value::Null, json!(1)] {
            let input = json!({ "id": created["id"], "expectedVersion": version });
            let restored = world.nothing_written(kind.run(&writer, "restore", input)).await;
            assert_eq!(restored, created);
        }
    }
}

async fn an_expected_version_must_be_the_rows(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let id = kind.create(&writer, "one").await["id"].clone();
        for version in [0, 2] {
            let input = json!({ "id": id, "expectedVersion": version });
            refused(&world, &kind.mutation("delete"), input, &["CONFLICT expectedVersion"]).await;
        }
        kind.run(&writer, "delete", json!({ "id": id })).await;
        for version in [1, 3] {
            let input = json!({ "id": id, "expectedVersion": version });
            refused(&world, &kind.mutation("restore"), input, &["CONFLICT expectedVersion"]).await;
        }
    }
}

async fn what_is_out_of_reach_is_not_found(world: World) {
    for kind in KINDS {
        let own = kind.create(&world.writer(), "one").await["id"].as_str().expect("an id").to_owned();
        let foreign = kind.create(&world.other(), "one").await["id"].as_str().expect("an id").to_owned();
        let (prefix, _) = own.split_once('_').expect("a prefix");
        let strange = ["ct_00000000000000000000000000".to_owned(), format!("{prefix}_"), format!(" {own}")];
        for verb in ["delete", "restore"] {
            for id in [&foreign, &strange[0], &strange[1], &strange[2], &String::new(), &"\0".to_owned()] {
                let input = json!({ "id": id, "expectedVersion": 9 });
                refused(&world, &kind.mutation(verb), input, &["NOT_FOUND id"]).await;
            }
            let input = json!({ "id": own });
            refused_to(&world, &world.other(), &kind.mutation(verb), input, &["NOT_FOUND id"]).await;
        }
        kind.run(&world.other(), "delete", json!({ "id": foreign })).await;
        refused(&world, &kind.mutation("restore"), json!({ "id": foreign }), &["NOT_FOUND id"]).await;
    }
}

async fn inputs_must_fit(world: World) {
    for kind in KINDS {
        for mutation in [kind.mutation("delete"), kind.mutation("restore")] {
            schema_mismatch(&world, &mutation, json!({}), &["input", "id"]).await;
            schema_mismatch(&world, &mutation, json!({ "id": null }), &["input", "id"]).await;
            let input = json!({ "id": "", "expectedVersion": "1" });
            schema_mismatch(&world, &mutation, input, &["input", "expectedVersion"]).await;
            schema_mismatch(&world, &mutation, json!({ "id": "", "name": "" }), &["input", "name"]).await;
        }
    }
}

async fn what_is_taken_by_now_is_told(world: World) {
    let writer = world.writer();
    for kind in KINDS.iter().filter(|kind| !kind.unique.is_empty()) {
        let deleted = kind.create(&writer, "one").await["id"].clone();
        kind.run(&writer, "delete", json!({ "id": deleted })).await;
        let other = kind.create(&writer, "one").await["id"].clone();
        // One error for each value, all of the row itself.
        let conflicts = vec!["CONFLICT id"; kind.unique.len()];
        refused(&world, &kind.mutation("restore"), json!({ "id": deleted }), &conflicts).await;
        kind.run(&writer, "delete", json!({ "id": other })).await;
        kind.run(&writer, "restore", json!({ "id": deleted })).await;
        refused(&world, &kind.mutation("restore"), json!({ "id": other }), &conflicts).await;
    }
}

async fn a_row_without_its_record_stays_as_it_is(world: World) {
    let writer = world.writer();
    let mut ids = Vec::new();
    for kind in KINDS {
        let [active, deleted] = [kind.create(&writer, "one").await, kind.create(&writer, "two").await];
        kind.run(&writer, "delete", json!({ "id": deleted["id"] })).await;
        ids.push((kind, active["id"].clone(), deleted["id"].clone()));
    }
    break_inserts(&world.db, "change").await;
    for (kind, active, deleted) in ids {
        for (verb, id) in [("delete", active), ("restore", deleted)] {
            let mutation = kind.mutation(verb);
            let reply = writer.mutate(&mutation, json!({ "id": id }), "__typename");
            assert_masked(&world.nothing_written(reply).await, &mutation);
        }
    }
}

async fn only_one_of_two_updates_of_a_version_wins(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let id = kind.create(&writer, "one").await["id"].clone();
        let (update, field, changes) =
            (kind.mutation("update"), kind.changed_field(), world.count("change").await);
        let (selection, mut outcomes) = (format!("{} {{ version {field} }}", kind.one), Outcomes::default());
        for round in 1..=30 {
            let update = |value: &str| {
                let value = format!("{value} {round}");
                let input = with(json!({ "id": id, "expectedVersion": round }), json!({ &field: value }));
                writer.mutate(&update, input, &selection)
            };
            let (one, two) = race(round, update("First"), update("Second")).await;
            let is_one = one.user_errors(&kind.mutation("update")).is_empty();
            let (won, lost) = if is_one { (one, two) } else { (two, one) };
            assert_refused(&lost, &kind.mutation("update"), &["CONFLICT expectedVersion"], kind.name);
            let document = format!("query($id: ID!) {{ {}(id: $id) {{ version {field} }} }}", kind.one);
            let row = world.reader().graphql(&document, json!({ "id": id })).await;
            let row = row.data(&format!("/{}", kind.one));
            assert_eq!(row, won.data(&format!("/{}/{}", kind.mutation("update"), kind.one)));
            assert_eq!(row["version"], round + 1);
            outcomes.record(if is_one { "the first" } else { "the second" });
        }
        outcomes.assert(&["the first", "the second"]);
        assert_eq!(world.count("change").await, changes + 30);
    }
}

async fn an_update_and_a_deletion_at_once_lose_nothing(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let mut outcomes = Outcomes::default();
        for round in 0..20 {
            let id = kind.create(&writer, &format!("own{round}")).await["id"].clone();
            let changes = world.count("change").await;
            let change: Value = serde_json::from_str(kind.change).expect("JSON");
            let input = with(change, json!({ "id": id }));
            let update = kind.mutation("update");
            let selection = kind.selection();
            let (updated, deleted) = race(
                round,
                writer.mutate(&update, input, &selection),
                kind.run(&writer, "delete", json!({ "id": id })),
            )
            .await;
            // Whichever came second saw what the first did.
            let updates = match updated.user_errors(&update).as_slice() {
                [] => 1,
                [error] if error == "NOT_FOUND id" => 0,
                errors => panic!("{errors:?}"),
            };
            assert_eq!(deleted["version"], 2 + updates);
            assert_eq!(world.count("change").await, changes + 1 + updates);
            assert_eq!(kind.read(&world, &id).await, Value::Null);
            outcomes.record(updates);
        }
        outcomes.assert(&["0", "1"]);
    }
}

async fn only_one_of_two_deletions_wins(world: World) {
    let writer = world.writer();
    for kind in KINDS {
        let (mutation, mut outcomes) = (kind.mutation("delete"), Outcomes::default());
        for round in 0..10 {
            let id = kind.create(&writer, &format!("own{round}")).await["id"].clone();
            let delete = || writer.mutate(&mutation, json!({ "id": id }), "__typename");
            let (one, two) = race(round, delete(), delete()).await;
            let mut errors = [one.user_errors(&mutation), two.user_errors(&mutation)].concat();
            outcomes.record(if one.user_errors(&mutation).is_empty() { "the first" } else { "the second" });
            assert_eq!(errors.pop().as_deref(), Some("NOT_FOUND id"));
            assert_eq!(errors, [""; 0]);
        }
        outcomes.assert(&["the first", "the second"]);
    }
}

async fn of_two_restorations_and_a_creation_one_wins(world: World) {
    let writer = world.writer();
    for kind in KINDS.iter().filter(|kind| !kind.unique.is_empty()) {
        let (create, restore) = (kind.mutation("create"), kind.mutation("restore"));
        let mut outcomes = Outcomes::default();
        for round in 0..20 {
            let own = format!("own{round}");
            let mut deleted = Vec::new();
            for _ in 0..2 {
                let id = kind.create(&writer, &own).await["id"].clone();
                kind.run(&writer, "delete", json!({ "id": id })).await;
                deleted.push(id);
            }
            let before = kind.listed(&world).await;
            let (restored, created) = race(
                round,
                race(
                    round / 2,
                    writer.mutate(&restore, json!({ "id": deleted[0] }), "__typename"),
                    writer.mutate(&restore, json!({ "id": deleted[1] }), "__typename"),
                ),
                writer.mutate(&create, kind.input(&own), "__typename"),
            )
            .await;
            let errors = [
                restored.0.user_errors(&restore),
                restored.1.user_errors(&restore),
                created.user_errors(&create),
            ];
            outcomes.record(if errors[2].is_empty() { "created" } else { "restored" });
            assert_eq!(errors.iter().filter(|errors| errors.is_empty()).count(), 1, "{errors:?}");
            for (errors, code) in errors.iter().zip(["CONFLICT id", "CONFLICT id", "TAKEN "]) {
                assert!(errors.iter().all(|error| error.starts_with(code)), "{errors:?}");
            }
            assert_eq!(kind.listed(&world).await, before + 1);
        }
        outcomes.assert(&["created", "restored"]);
    }
}
