//! Merging contacts: what the survivor gets, which contact the merged id returns, and what is left to erase.

use contact_gateway::{
    entity::{
        custom_field::FieldType, internal_contact_assignment::InternalRole,
        organization_contact::OrganizationContactType,
    },
    service::organization_contact::Card,
};
use serde_json::{Value, json};

use crate::{
    change::{events, happened},
    erasure::erase,
    internal_contact_lifecycle::inconsistencies,
    mutation::{assert_masked, break_inserts, done, refused, refused_to, schema_mismatch, with, without},
    support::{Outcomes, World, on_both, race},
};

on_both!(
    people_are_merged_with_their_assignments,
    hidden_assignments_go_along_and_stay_hidden,
    account_contacts_are_merged_with_accounts_and_values,
    cards_are_merged,
    a_merged_id_stands_for_the_survivor,
    a_merge_of_merged_ones_leads_to_the_last,
    the_merged_contact_cannot_come_back,
    what_cannot_be_merged_is_told,
    an_expected_version_must_be_the_survivors,
    a_merge_without_its_record_is_not_made,
    of_two_merges_in_opposite_directions_one_wins,
    whatever_happens_at_once_leaves_no_assignment_behind,
    nothing_of_a_merged_contact_is_left_when_it_is_erased,
    a_merge_and_an_erasure_at_once_leave_nothing_behind,
);

const MERGE: &str = "mergeContacts";

fn pair(survivor: &Value, merged: &Value) -> Value {
    json!({ "survivorId": survivor, "mergedId": merged })
}

async fn merge(world: &World, survivor: &Value, merged: &Value, selection: &str) -> Value {
    done(&world.writer(), MERGE, pair(survivor, merged), selection).await["contact"].clone()
}

/// The ids that `node` and `nodes` find for an id.
async fn found(world: &World, id: &Value) -> Value {
    let document = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
    let reply = world.reader().graphql(document, json!({ "id": id })).await;
    assert_eq!(*reply.data("/nodes/0"), *reply.data("/node"));
    reply.data("/node")["id"].clone()
}

async fn people_are_merged_with_their_assignments(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
    // Both are CSM for Globex, and both have a floating LEAD.
    let kept = rows.internal_contact("ada@example.com", InternalRole::Lead).await;
    let own = rows.assignment("ada@example.com", InternalRole::Csm, &globex).await.assignment.id.to_string();
    let double = rows.internal_contact("a.l@example.com", InternalRole::Lead).await;
    let csm = json!({
        "partnerId": globex.id.to_string(), "email": "a.l@example.com", "internalRole": "CSM", "remoteId": "r-1",
    });
    let csm = done(&writer, "addInternalContactToPartner", csm, "assignment { id }").await;
    let csm = csm["assignment"]["id"].clone();
    let role = rows.assignment("a.l@example.com", InternalRole::CoLead, &globex).await.assignment.id;
    let partner = rows.assignment("a.l@example.com", InternalRole::Csm, &initech).await.assignment.id;
    let (survivor, merged) = (json!(kept.contact.id.to_string()), json!(double.contact.id.to_string()));
    let before = events(&world).await.len();

    let input = with(pair(&survivor, &merged), json!({ "expectedVersion": 1 }));
    let selection =
        "contact { id email version deletedAt ... on InternalContact { assignments { nodes { id version
        internalContact { id } } } } }";
    let payload = done(&writer, MERGE, input, selection).await;
    let assignment = |id: &str, version: i32| json!({ "id": id, "version": version, "internalContact": { "id": survivor } });
    let floating = kept.assignment.id.to_string();
    let (role, partner) = (role.to_string(), partner.to_string());
    let all = [assignment(&floating, 1), assignment(&own, 1), assignment(&role, 2), assignment(&partner, 2)];
    let expected = json!({
        "id": survivor, "email": "ada@example.com", "version": 2, "deletedAt": null,
        "assignments": { "nodes": all },
    });
    assert_eq!(payload["contact"], expected);
    assert_eq!(inconsistencies(&world).await, 0);
    let reply =
        world.reader().query("{ internalContacts(filter: { search: \"initech\" }) { nodes { id } } }").await;
    assert_eq!(*reply.data("/internalContacts/nodes"), json!([{ "id": survivor }]));

    let of = |id: &Value, action, fields| happened("InternalContactAssignment", action, id, fields);
    let moved = json!({ "internalContactId": { "old": merged, "new": survivor } });
    let removed = json!({ "internalContactId": { "old": merged }, "internalRole": { "old": "LEAD" } });
    let removed_csm = json!({
        "internalContactId": { "old": merged }, "partnerId": { "old": globex.id.to_string() },
        "internalRole": { "old": "CSM" }, "remoteId": { "old": "r-1" },
    });
    let expected = [
        of(&json!(double.assignment.id.to_string()), "deleted", removed),
        of(&csm, "deleted", removed_csm),
        of(&json!(role), "updated", moved.clone()),
        of(&json!(partner), "updated", moved),
        happened("InternalContact", "merged", &merged, json!({ "survivorId": { "new": survivor } })),
        happened("InternalContact", "merged", &survivor, json!({ "mergedId": { "new": merged } })),
    ];
    assert_eq!(events(&world).await[before..], expected);
}

async fn hidden_assignments_go_along_and_stay_hidden(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
    let survivor =
        rows.assignment("ada@example.com", InternalRole::Csm, &globex).await.contact.id.to_string();
    rows.assignment("a.l@example.com", InternalRole::Csm, &globex).await;
    rows.assignment("a.l@example.com", InternalRole::Lead, &globex).await;
    let merged = rows.assignment("a.l@example.com", InternalRole::Csm, &initech).await.contact.id.to_string();
    let gone = json!({ "id": globex.id.to_string() });
    done(&writer, "deletePartner", gone.clone(), "__typename").await;
    let selection = "contact { ... on InternalContact { assignments { totalCount } } }";
    let contact = merge(&world, &json!(survivor), &json!(merged), selection).await;
    assert_eq!(contact["assignments"]["totalCount"], 1);
    assert_eq!(inconsistencies(&world).await, 0);
    done(&writer, "restorePartner", gone, "__typename").await;
    let document = "query($id: ID!) { internalContact(id: $id) { assignments { totalCount } } }";
    let reply = world.reader().graphql(document, json!({ "id": survivor })).await;
    assert_eq!(*reply.data("/internalContact/assignments/totalCount"), 3);
    assert_eq!(inconsistencies(&world).await, 0);
}

async fn account_contacts_are_merged_with_accounts_and_values(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let accounts = [rows.account("One").await, rows.account("Two").await, rows.account("Gone").await];
    let [one, two, gone] = [0, 1, 2].map(|number| json!(accounts[number].id.to_string()));
    let mut fields = Vec::new();
    for key in ["size", "age", "motto"] {
        fields.push(json!(rows.custom_field(key, FieldType::Text, &[]).await.id.to_string()));
    }
    let contact = async |name: &str, accounts: Value, values: Value| {
        let input = json!({
            "firstName": name, "email": format!("{name}@example.com"), "accountIds": accounts,
            "customFieldValues": values, "remoteId": name, "metadata": { "of": name },
        });
        let made = done(&writer, "createAccountContact", input, "accountContact { id }").await;
        made["accountContact"]["id"].clone()
    };
    let value = |field: usize, value: &str| json!({ "customFieldId": fields[field], "value": value });
    let survivor = contact("ada", json!([one]), json!([value(0, "S"), value(1, "7")])).await;
    let merged = contact("augusta", json!([one, two, gone]), json!([value(1, "8"), value(2, "zz")])).await;
    done(&writer, "deleteAccount", json!({ "id": gone }), "__typename").await;
    let before = events(&world).await.len();

    let selection = "contact { id displayName email version ... on AccountContact { remoteId metadata
        accounts { nodes { id } } customFieldValues { field { id } value } } }";
    let shown = |field: usize, value: &str| json!({ "field": { "id": fields[field] }, "value": value });
    let expected = json!({
        "id": survivor, "displayName": "ada", "email": "ada@example.com", "version": 2, "remoteId": "ada",
        "metadata": { "of": "ada" }, "accounts": { "nodes": [{ "id": one }, { "id": two }] },
        "customFieldValues": [shown(0, "S"), shown(1, "7"), shown(2, "zz")],
    });
    assert_eq!(merge(&world, &survivor, &merged, selection).await, expected);
    assert_eq!(world.count("account_contact_account").await, 3);
    assert_eq!(world.count("custom_field_value").await, 3);
    let found_by = async |word: &str| {
        let document = "query($word: String!) { accountContacts(filter: { search: $word, deleted: INCLUDE }) { nodes { id } } }";
        let reply = world.reader().graphql(document, json!({ "word": word })).await;
        reply.data("/accountContacts/nodes").clone()
    };
    assert_eq!(found_by("two").await, json!([{ "id": survivor }]));

    // Ids only: the history of one does not contain the values of the other.
    let taken = json!({
        "mergedId": { "new": merged }, "accountIds": { "old": [one], "new": [one, two] },
        "customFieldIds": { "new": [fields[2]] },
    });
    let expected = [
        happened("AccountContact", "merged", &merged, json!({ "survivorId": { "new": survivor } })),
        happened("AccountContact", "merged", &survivor, taken),
    ];
    assert_eq!(events(&world).await[before..], expected);
    done(&writer, "restoreAccount", json!({ "id": gone }), "__typename").await;
    assert_eq!(found_by("gone").await, json!([{ "id": survivor }]));
}

/// The ids of so many cards.
async fn cards(world: &World, count: usize) -> Vec<Value> {
    let (rows, mut ids) = (world.rows(), Vec::new());
    for _ in 0..count {
        let card = rows.organization_contact(OrganizationContactType::Finance, Card::default());
        ids.push(json!(card.await.id.to_string()));
    }
    ids
}

async fn cards_are_merged(world: World) {
    let ids = cards(&world, 2).await;
    let selection = "contact { id kind version deletedAt }";
    let expected = json!({ "id": ids[0], "kind": "ORGANIZATION", "version": 2, "deletedAt": null });
    assert_eq!(merge(&world, &ids[0], &ids[1], selection).await, expected);
    let document = "{ organizationContacts(filter: { deleted: ONLY }) { nodes { id version deletedAt } } }";
    let reply = world.reader().query(document).await;
    assert_eq!(reply.list("/organizationContacts/nodes").len(), 1);
    let merged = reply.data("/organizationContacts/nodes/0");
    assert_eq!((&merged["id"], &merged["version"]), (&ids[1], &json!(2)));
    assert_ne!(merged["deletedAt"], Value::Null);
}

async fn a_merged_id_stands_for_the_survivor(world: World) {
    let ids = cards(&world, 12).await;
    let person = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.contact.id;
    let other = world.rows().internal_contact("a.l@example.com", InternalRole::Csm).await.contact.id;
    let (person, other) = (json!(person.to_string()), json!(other.to_string()));
    merge(&world, &person, &other, "contact { id }").await;
    for merged in &ids[1..6] {
        merge(&world, &ids[0], merged, "contact { id }").await;
        assert_eq!(found(&world, merged).await, ids[0]);
    }
    // A contact that was deleted without a merge is returned as deleted.
    for deleted in &ids[6..9] {
        let input = json!({ "id": deleted });
        done(&world.writer(), "deleteOrganizationContact", input, "__typename").await;
        assert_eq!(found(&world, deleted).await, *deleted);
    }
    let all: Vec<Value> = ids.iter().chain([&other]).cloned().collect();
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on OrganizationContact { number } } }";
    let reader = world.reader();
    let (reply, statements) = world.statements(reader.graphql(document, json!({ "ids": all }))).await;
    let expected: Vec<Value> =
        (0..12).map(|at| ids[if at < 6 { 0 } else { at }].clone()).chain([person]).collect();
    let nodes: Vec<Value> = reply.list("/nodes").iter().map(|node| node["id"].clone()).collect();
    assert_eq!(nodes, expected);
    // The rows of two kinds, the merges, the survivors of two kinds.
    assert_eq!(statements.len(), 5, "{statements:#?}");
    let active = json!({ "ids": [ids[0], ids[9], ids[10]] });
    let (_, statements) = world.statements(reader.graphql(document, active)).await;
    assert_eq!(statements.len(), 1, "{statements:#?}");
    let document = "query($a: ID!, $b: ID!) { a: node(id: $a) { id } b: node(id: $b) { id } }";
    let two = json!({ "a": ids[1], "b": ids[2] });
    let (_, statements) = world.statements(reader.graphql(document, two)).await;
    assert_eq!(statements.len(), 3, "{statements:#?}");
    // Only the organization's own.
    let reply =
        world.other().graphql("query($id: ID!) { node(id: $id) { id } }", json!({ "id": ids[1] })).await;
    assert_eq!(*reply.data("/node"), Value::Null);
}

async fn a_merge_of_merged_ones_leads_to_the_last(world: World) {
    let ids = cards(&world, 4).await;
    for (survivor, merged) in [(1, 0), (2, 1), (3, 2)] {
        merge(&world, &ids[survivor], &ids[merged], "contact { id }").await;
        for earlier in &ids[..=survivor] {
            assert_eq!(found(&world, earlier).await, ids[survivor]);
        }
    }
    // Also while the survivor is deleted.
    done(&world.writer(), "deleteOrganizationContact", json!({ "id": ids[3] }), "__typename").await;
    assert_eq!(found(&world, &ids[0]).await, ids[3]);
    erase(&world, &ids[3]).await;
    for id in &ids {
        assert_eq!(found(&world, id).await, Value::Null);
    }
    assert_eq!(world.count("contact_merge").await, 0);
    assert_eq!(world.count("organization_contact").await, 0);
}

async fn the_merged_contact_cannot_come_back(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let survivor = json!(rows.account_contact("ada@example.com", &[]).await.id.to_string());
    let merged = json!(rows.account_contact("a.l@example.com", &[]).await.id.to_string());
    merge(&world, &survivor, &merged, "contact { id }").await;
    refused(&world, "restoreAccountContact", json!({ "id": merged }), &["NOT_ALLOWED id"]).await;
    refused(&world, "updateAccountContact", json!({ "id": merged }), &["NOT_FOUND id"]).await;
    refused(&world, "deleteAccountContact", json!({ "id": merged }), &["NOT_FOUND id"]).await;
    // Its address is free, also for the survivor.
    let input = json!({ "id": survivor, "email": "a.l@example.com" });
    done(&writer, "updateAccountContact", input, "__typename").await;
    refused(&world, "restoreAccountContact", json!({ "id": merged }), &["NOT_ALLOWED id"]).await;
}

async fn what_cannot_be_merged_is_told(world: World) {
    let rows = world.rows();
    let person =
        json!(rows.internal_contact("ada@example.com", InternalRole::Csm).await.contact.id.to_string());
    let contact = json!(rows.account_contact("ada@example.com", &[]).await.id.to_string());
    let other = json!(rows.account_contact("a.l@example.com", &[]).await.id.to_string());
    let gone = json!(rows.account_contact("gone@example.com", &[]).await.id.to_string());
    done(&world.writer(), "deleteAccountContact", json!({ "id": gone }), "__typename").await;
    let foreign = json!(world.other_rows().account_contact("ada@example.com", &[]).await.id.to_string());
    let partner = json!(rows.partner("Globex", None).await.id.to_string());
    let both = &["NOT_FOUND mergedId", "NOT_FOUND survivorId"][..];
    for (survivor, merged, errors) in [
        (&contact, &contact, &["INVALID mergedId"][..]),
        (&contact, &person, &["INVALID mergedId"]),
        (&person, &foreign, &["INVALID mergedId"]),
        (&contact, &gone, &both[..1]),
        (&gone, &contact, &both[1..]),
        (&contact, &foreign, &both[..1]),
        (&foreign, &contact, &both[1..]),
        (&foreign, &gone, both),
        (&partner, &contact, &both[1..]),
        (&contact, &json!(""), &both[..1]),
        (&json!("ac_1"), &json!("\0"), both),
    ] {
        refused(&world, MERGE, pair(survivor, merged), errors).await;
    }
    refused_to(&world, &world.other(), MERGE, pair(&contact, &other), both).await;
    for argument in ["survivorId", "mergedId"] {
        schema_mismatch(&world, MERGE, without(pair(&contact, &other), argument), &["input", argument]).await;
    }
    merge(&world, &contact, &other, "contact { id }").await;
    refused(&world, MERGE, pair(&contact, &other), &["NOT_FOUND mergedId"]).await;
}

async fn an_expected_version_must_be_the_survivors(world: World) {
    let ids = cards(&world, 2).await;
    let input = json!({ "id": ids[1], "name": "Erika" });
    done(&world.writer(), "updateOrganizationContact", input, "__typename").await;
    for version in [0, 2] {
        let input = with(pair(&ids[0], &ids[1]), json!({ "expectedVersion": version }));
        refused(&world, MERGE, input, &["CONFLICT expectedVersion"]).await;
    }
    let input = with(pair(&ids[0], &ids[1]), json!({ "expectedVersion": 1 }));
    done(&world.writer(), MERGE, input, "contact { id }").await;
}

async fn a_merge_without_its_record_is_not_made(world: World) {
    let rows = world.rows();
    let account = rows.account("One").await;
    let survivor = json!(rows.account_contact("ada@example.com", &[]).await.id.to_string());
    let merged = json!(rows.account_contact("a.l@example.com", &[&account]).await.id.to_string());
    break_inserts(&world.db, "change").await;
    let writer = world.writer();
    let merging = writer.mutate(MERGE, pair(&survivor, &merged), "contact { id }");
    assert_masked(&world.nothing_written(merging).await, MERGE);
}

async fn of_two_merges_in_opposite_directions_one_wins(world: World) {
    let (rows, writer, mut outcomes) = (world.rows(), world.writer(), Outcomes::default());
    let partner = rows.partner("Globex", None).await;
    for round in 0..20 {
        let mut people = Vec::new();
        for name in ["ada", "augusta"] {
            let email = format!("{name}{round}@example.com");
            people.push(json!(
                rows.assignment(&email, InternalRole::Csm, &partner).await.contact.id.to_string()
            ));
        }
        let merge = |survivor: usize| {
            writer.mutate(MERGE, pair(&people[survivor], &people[1 - survivor]), "contact { id }")
        };
        let (one, two) = race(round, merge(0), merge(1)).await;
        let (won, lost) = if one.user_errors(MERGE).is_empty() { (0, two) } else { (1, one) };
        outcomes.record(won);
        assert_eq!(lost.user_errors(MERGE), ["NOT_FOUND survivorId"]);
        assert_eq!(found(&world, &people[1 - won]).await, people[won]);
        assert_eq!(world.count("internal_contact_assignment").await, round + 1);
        assert_eq!(world.count("contact_merge").await, round + 1);
        assert_eq!(inconsistencies(&world).await, 0);
    }
    outcomes.assert(&["0", "1"]);
}

async fn whatever_happens_at_once_leaves_no_assignment_behind(world: World) {
    let (rows, writer, mut outcomes) = (world.rows(), world.writer(), Outcomes::default());
    for round in 0..15 {
        let (one, two) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await);
        let email = format!("a.l{round}@example.com");
        let survivor = rows.assignment(&format!("ada{round}@example.com"), InternalRole::Csm, &one).await;
        let survivor = json!(survivor.contact.id.to_string());
        let floating = rows.internal_contact(&email, InternalRole::Lead).await;
        let merged = json!(floating.contact.id.to_string());
        let moved = rows.assignment(&email, InternalRole::Csm, &one).await.assignment.id.to_string();
        let (one, two) = (one.id.to_string(), two.id.to_string());
        let add = json!({ "partnerId": two, "email": email, "internalRole": "CO_LEAD" });
        let attach = json!({ "partnerId": two, "assignmentId": floating.assignment.id.to_string() });
        let moved = json!({ "partnerId": two, "assignmentId": moved });
        let others = async {
            tokio::join!(
                writer.mutate(MERGE, pair(&survivor, &merged), "contact { id }"),
                writer.mutate("addInternalContactToPartner", add, "internalContact { id }"),
                writer.mutate("attachInternalContactAssignment", attach, "assignment { id }"),
                done(&writer, "deletePartner", json!({ "id": one }), "__typename"),
            )
        };
        let moving = writer.mutate("moveInternalContactAssignment", moved, "assignment { id }");
        let (moving, (merging, added, attached, _)) = race(round, moving, others).await;
        outcomes.record(if moving.user_errors("moveInternalContactAssignment").is_empty() {
            "moved"
        } else {
            "gone"
        });
        for (reply, mutation, allowed) in [
            (&merging, MERGE, &[][..]),
            (&added, "addInternalContactToPartner", &[]),
            (&attached, "attachInternalContactAssignment", &[]),
            (
                &moving,
                "moveInternalContactAssignment",
                // Hidden with its partner, or removed because the survivor holds the same.
                &["NOT_FOUND assignmentId"],
            ),
        ] {
            let errors = reply.user_errors(mutation);
            assert!(errors.iter().all(|error| allowed.contains(&error.as_str())), "{mutation}: {errors:?}");
        }
        assert_eq!(inconsistencies(&world).await, 0);
        let document = "query($id: ID!) { internalContactAssignments(filter: { internalContactId: { eq: $id } }) { totalCount } }";
        let reply = world.reader().graphql(document, json!({ "id": merged })).await;
        assert_eq!(*reply.data("/internalContactAssignments/totalCount"), 0);
    }
    outcomes.assert(&["gone", "moved"]);
}

async fn nothing_of_a_merged_contact_is_left_when_it_is_erased(world: World) {
    let rows = world.rows();
    let field = rows.custom_field("motto", FieldType::Text, &[]).await.id.to_string();
    let contact = async |text: &str, number: usize| {
        let input = json!({
            "firstName": text, "lastName": text, "email": format!("{text}{number}@example.com"),
            "customFieldValues": [{ "customFieldId": field, "value": text }], "remoteId": format!("{text}{number}"),
        });
        let made = done(&world.writer(), "createAccountContact", input, "accountContact { id }").await;
        made["accountContact"]["id"].clone()
    };
    // Of the merged one alone.
    let (survivor, merged) = (contact("plain", 1).await, contact("zzkanary", 1).await);
    merge(&world, &survivor, &merged, "contact { id }").await;
    erase(&world, &merged).await;
    assert_eq!(found(&world, &survivor).await, survivor);
    // Of the survivor with those that were merged into it.
    let (survivor, merged) = (contact("zzkanary", 2).await, contact("zzkanary", 3).await);
    merge(&world, &survivor, &merged, "contact { id }").await;
    erase(&world, &survivor).await;
    assert_eq!(found(&world, &merged).await, Value::Null);
}

async fn a_merge_and_an_erasure_at_once_leave_nothing_behind(world: World) {
    let (rows, writer, admin) = (world.rows(), world.writer(), world.admin());
    let mut outcomes = Outcomes::default();
    for round in 0..20 {
        let person = async |name: &str| {
            let email = format!("{name}{round}@example.com");
            json!(rows.internal_contact(&email, InternalRole::Csm).await.contact.id.to_string())
        };
        let (survivor, merged) = (person("ada").await, person("augusta").await);
        let (merging, erasing) = race(
            round,
            writer.mutate(MERGE, pair(&survivor, &merged), "contact { id }"),
            admin.mutate("eraseContact", json!({ "id": survivor }), "erasedId"),
        )
        .await;
        let (merging, erasing) = (merging.user_errors(MERGE), erasing.user_errors("eraseContact"));
        assert!(merging.is_empty() || merging == ["NOT_FOUND survivorId"], "{merging:?}");
        assert!(erasing.is_empty() || erasing == ["CONFLICT id"], "{erasing:?}");
        outcomes.record(if merging.is_empty() { "the merge first" } else { "the erasure first" });
        // Either may have come second, and knew it.
        for id in [&survivor, &merged] {
            if found(&world, id).await != Value::Null {
                let id = found(&world, id).await;
                done(&admin, "eraseContact", json!({ "id": id }), "erasedId").await;
            }
        }
        assert_eq!(world.count("internal_contact").await, 0, "{merging:?} {erasing:?}");
        assert_eq!(world.count("contact_merge").await, 0);
    }
    outcomes.assert(&["the erasure first", "the merge first"]);
}
