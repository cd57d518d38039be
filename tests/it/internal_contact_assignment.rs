//! Assignments: adding people to partners, changing roles, attaching floating ones.

use contact_gateway::entity::{internal_contact_assignment::InternalRole, partner};
use serde_json::{Value, json};

use crate::{
    internal_contact::ada,
    mutation::{
        assert_masked, assert_refused, break_inserts, done, refused, refused_to, schema_mismatch, with,
        without,
    },
    support::{World, on_both},
};

on_both!(
    adding_to_a_partner_makes_a_person,
    adding_to_a_partner_finds_a_person,
    adding_to_a_partner_is_refused,
    adding_one_new_person_to_many_partners_at_once_makes_one,
    the_documented_role_change_is_read_back,
    a_role_change_touches_no_person,
    a_role_that_is_held_already_changes_nothing,
    a_role_is_held_once_for_a_partner,
    a_role_is_changed_under_its_own_partner_only,
    roles_and_ids_must_fit,
    a_floating_assignment_is_attached,
    only_a_floating_assignment_is_attached,
    attaching_does_not_double_a_role,
    only_what_is_in_reach_is_attached,
    an_expected_version_must_be_the_assignments,
    only_one_of_two_role_changes_of_a_version_wins,
    an_assignment_is_attached_to_one_of_two_partners,
    only_one_of_two_wins_a_role,
    a_change_without_its_record_is_not_made,
);

const PERSON: &str = "id kind email givenName familyName name phone jobTitle version createdAt updatedAt";
const ASSIGNMENT: &str =
    "id internalRole remoteId version createdAt updatedAt partner { id } internalContact { id }";

async fn create(world: &World, input: Value) -> Value {
    let selection = format!("internalContact {{ {PERSON} }}");
    done(&world.writer(), "createInternalContact", input, &selection).await["internalContact"].clone()
}

async fn read_person(world: &World, id: &Value) -> Value {
    let document = format!("query($id: ID!) {{ internalContact(id: $id) {{ {PERSON} }} }}");
    world.reader().graphql(&document, json!({ "id": id })).await.data("/internalContact").clone()
}

async fn read(world: &World, id: &Value) -> Value {
    let document = format!("query($id: ID!) {{ internalContactAssignment(id: $id) {{ {ASSIGNMENT} }} }}");
    world.reader().graphql(&document, json!({ "id": id })).await.data("/internalContactAssignment").clone()
}

async fn change(world: &World, mutation: &str, input: Value) -> Value {
    let selection = format!("assignment {{ {ASSIGNMENT} }}");
    done(&world.writer(), mutation, input, &selection).await["assignment"].clone()
}

async fn adding_to_a_partner_makes_a_person(world: World) {
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let input = with(ada(), json!({ "partnerId": partner, "remoteId": " r-1 " }));
    let selection = format!(
        "assignment {{ internalRole remoteId version partner {{ id name }} internalContact {{ id }} }} \
         internalContact {{ {PERSON} assignments {{ totalCount }} }}"
    );
    let payload = done(&world.writer(), "addInternalContactToPartner", input, &selection).await;
    let person = &payload["internalContact"];
    let expected = json!({
        "internalRole": "ACCOUNT_MANAGER", "remoteId": "r-1", "version": 1,
        "partner": { "id": partner, "name": "Globex" }, "internalContact": { "id": person["id"] },
    });
    assert_eq!(payload["assignment"], expected);
    // No floating one beside it.
    let rest = json!({ "id": person["id"], "kind": "INTERNAL", "version": 1, "createdAt": person["createdAt"],
        "updatedAt": person["createdAt"], "assignments": { "totalCount": 1 },
    });
    assert_eq!(*person, with(without(ada(), "internalRole"), rest));
    assert_eq!(world.count("internal_contact").await, 1);
}

async fn adding_to_a_partner_finds_a_person(world: World) {
    let created = create(&world, ada()).await;
    let partners = [
        world.rows().partner("Globex", None).await.id.to_string(),
        world.rows().partner("Initech", None).await.id.to_string(),
    ];
    let add = |partner: &str, role: &str| {
        json!({
            "partnerId": partner, "email": " ada.LOVELACE@example.com", "internalRole": role, "givenName": "Augusta",
            "familyName": "King", "name": "Somebody", "phone": "+49 30 901820", "jobTitle": "Countess",
        })
    };
    for (partner, role) in
        [(&partners[0], "ACCOUNT_MANAGER"), (&partners[0], "CSM"), (&partners[1], "ACCOUNT_MANAGER")]
    {
        let selection = format!("assignment {{ partner {{ id }} }} internalContact {{ {PERSON} }}");
        let payload =
            done(&world.writer(), "addInternalContactToPartner", add(partner, role), &selection).await;
        assert_eq!(payload["internalContact"], created);
        assert_eq!(payload["assignment"]["partner"]["id"], **partner);
    }
    assert_eq!(read_person(&world, &created["id"]).await, created);
    assert_eq!(world.count("internal_contact").await, 1);
    assert_eq!(world.count("internal_contact_assignment").await, 4);
    for (partner, role) in [(&partners[0], "CSM"), (&partners[1], "ACCOUNT_MANAGER")] {
        let input = add(partner, role);
        refused(&world, "addInternalContactToPartner", input, &["TAKEN internalRole"]).await;
    }
}

async fn adding_to_a_partner_is_refused(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let deleted = world.rows().partner("Gone", None).await;
    world.rows().delete::<partner::Entity>(deleted.id).await;
    let elsewhere = world.other_rows().partner("Elsewhere", None).await;
    let input = json!({
        "partnerId": partner.id.to_string(), "email": "ada@example.com", "internalRole": "CSM", "remoteId": "r-1",
    });
    done(&world.writer(), "addInternalContactToPartner", input.clone(), "assignment { id }").await;
    for (fields, errors) in [
        (json!({}), &["TAKEN internalRole", "TAKEN remoteId"][..]),
        (json!({ "internalRole": "LEAD" }), &["TAKEN remoteId"]),
        (json!({ "email": "grace@example.com" }), &["TAKEN remoteId"]),
        (json!({ "remoteId": "r-2" }), &["TAKEN internalRole"]),
        (json!({ "remoteId": "x".repeat(256), "email": "g@example.com" }), &["TOO_LONG remoteId"]),
        (json!({ "partnerId": deleted.id.to_string(), "remoteId": null }), &["NOT_FOUND partnerId"]),
        (json!({ "partnerId": elsewhere.id.to_string(), "remoteId": null }), &["NOT_FOUND partnerId"]),
        (json!({ "partnerId": "ptn_1", "remoteId": null }), &["NOT_FOUND partnerId"]),
        (json!({ "email": "", "remoteId": "r-2" }), &["REQUIRED email"]),
        // Also for an existing person, whose phone stays.
        (json!({ "phone": "x", "internalRole": "LEAD", "remoteId": "r-2" }), &["INVALID phone"]),
    ] {
        refused(&world, "addInternalContactToPartner", with(input.clone(), fields), errors).await;
    }
    // Remote ids of other organizations are their own.
    let input = with(input, json!({ "partnerId": elsewhere.id.to_string() }));
    done(&world.other(), "addInternalContactToPartner", input, "assignment { id }").await;
}

async fn adding_one_new_person_to_many_partners_at_once_makes_one(world: World) {
    let (partners, _) = world.rows().partners_and_people(10, 0).await;
    let people = world.count("internal_contact").await;
    let writer = world.writer();
    let added = partners.iter().map(|partner| {
        let input =
            json!({ "partnerId": partner.to_string(), "email": "ada@example.com", "internalRole": "CSM" });
        done(&writer, "addInternalContactToPartner", input, "internalContact { id }")
    });
    let added = futures_util::future::join_all(added).await;
    assert!(added.iter().all(|payload| payload["internalContact"] == added[0]["internalContact"]));
    assert_eq!(world.count("internal_contact").await, people + 1);
}
async fn the_documented_role_change_is_read_back(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let assigned = world.rows().assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let before = read(&world, &json!(assigned.assignment.id.to_string())).await;
    assert_eq!((&before["internalRole"], &before["version"]), (&json!("CSM"), &json!(1)));
    let input =
        json!({ "partnerId": before["partner"]["id"], "assignmentId": before["id"], "internalRole": "LEAD" });
    let after = change(&world, "updateInternalContactRole", input).await;
    let changed = json!({ "internalRole": "LEAD", "version": 2, "updatedAt": after["updatedAt"] });
    assert_eq!(after, with(before.clone(), changed));
    assert!(after["updatedAt"].as_str() > before["updatedAt"].as_str());
    assert_eq!(read(&world, &before["id"]).await, after);
}

async fn a_role_change_touches_no_person(world: World) {
    let person = create(&world, ada()).await;
    let partner = world.rows().partner("Globex", None).await;
    let assigned = world.rows().assignment("ada.lovelace@example.com", InternalRole::Csm, &partner).await;
    let input = json!({
        "partnerId": partner.id.to_string(), "assignmentId": assigned.assignment.id.to_string(),
        "internalRole": "PRACTICE_LEAD", "expectedVersion": 1,
    });
    change(&world, "updateInternalContactRole", input).await;
    assert_eq!(read_person(&world, &person["id"]).await, person);
    // Nor her other assignment.
    let document = "query($id: ID!) { internalContact(id: $id) { assignments(floating: true) { nodes {
        internalRole version
    } } } }";
    let reply = world.reader().graphql(document, json!({ "id": person["id"] })).await;
    let floating = json!([{ "internalRole": "ACCOUNT_MANAGER", "version": 1 }]);
    assert_eq!(*reply.data("/internalContact/assignments/nodes"), floating);
}

async fn a_role_that_is_held_already_changes_nothing(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let assigned = world.rows().assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let before = read(&world, &json!(assigned.assignment.id.to_string())).await;
    for version in [Value::Null, json!(1)] {
        let input = json!({
            "partnerId": partner.id.to_string(), "assignmentId": before["id"], "internalRole": "CSM",
            "expectedVersion": version,
        });
        let after = world.nothing_written(change(&world, "updateInternalContactRole", input)).await;
        assert_eq!(after, before);
    }
}

async fn a_role_is_held_once_for_a_partner(world: World) {
    let (one, two) = (world.rows().partner("One", None).await, world.rows().partner("Two", None).await);
    let csm =
        world.rows().assignment("ada@example.com", InternalRole::Csm, &one).await.assignment.id.to_string();
    world.rows().assignment("ada@example.com", InternalRole::Lead, &one).await;
    world.rows().assignment("ada@example.com", InternalRole::CoLead, &two).await;
    world.rows().assignment("grace@example.com", InternalRole::CoLead, &one).await;
    let input =
        |role: &str| json!({ "partnerId": one.id.to_string(), "assignmentId": csm, "internalRole": role });
    refused(&world, "updateInternalContactRole", input("LEAD"), &["TAKEN internalRole"]).await;
    // Neither the same role for another partner nor another person's for this one is in the way.
    assert_eq!(
        change(&world, "updateInternalContactRole", input("CO_LEAD")).await["internalRole"],
        "CO_LEAD"
    );
}

async fn a_role_is_changed_under_its_own_partner_only(world: World) {
    let rows = world.rows();
    let (partner, other) = (rows.partner("One", None).await, rows.partner("Two", None).await);
    let gone = rows.partner("Gone", None).await;
    let of_gone =
        rows.assignment("ada@example.com", InternalRole::Csm, &gone).await.assignment.id.to_string();
    rows.delete::<partner::Entity>(gone.id).await;
    let own = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await.assignment.id.to_string();
    let floating =
        rows.internal_contact("grace@example.com", InternalRole::Csm).await.assignment.id.to_string();
    let elsewhere = world.other_rows().partner("Elsewhere", None).await;
    let of_elsewhere = world.other_rows().assignment("ada@example.com", InternalRole::Csm, &elsewhere).await;
    let (partner, other) = (partner.id.to_string(), other.id.to_string());
    let (gone, elsewhere) = (gone.id.to_string(), elsewhere.id.to_string());
    let of_elsewhere = of_elsewhere.assignment.id.to_string();
    let both = &["NOT_FOUND assignmentId", "NOT_FOUND partnerId"][..];
    for (partner, assignment, errors) in [
        (&other, &own, &both[..1]),
        (&partner, &floating, &both[..1]),
        (&partner, &of_elsewhere, &both[..1]),
        (&elsewhere, &own, &both[1..]),
        (&gone, &of_gone, &both[1..]),
        (&elsewhere, &of_elsewhere, both),
        (&"".to_owned(), &"ica_1".to_owned(), both),
        (&own, &partner, both),
    ] {
        let input = json!({
            "partnerId": partner, "assignmentId": assignment, "internalRole": "LEAD", "expectedVersion": 7,
        });
        refused(&world, "updateInternalContactRole", input, errors).await;
    }
    let input = json!({ "partnerId": partner, "assignmentId": own, "internalRole": "LEAD" });
    refused_to(&world, &world.other(), "updateInternalContactRole", input, both).await;
}

async fn roles_and_ids_must_fit(world: World) {
    let role = json!({ "partnerId": "ptn_1", "assignmentId": "ica_1", "internalRole": "CSM" });
    for (input, argument) in [
        (with(role.clone(), json!({ "internalRole": "CEO" })), "internalRole"),
        (with(role.clone(), json!({ "internalRole": "account_manager" })), "internalRole"),
        (with(role.clone(), json!({ "internalRole": null })), "internalRole"),
        (without(role.clone(), "internalRole"), "internalRole"),
        (without(role.clone(), "partnerId"), "partnerId"),
        (without(role.clone(), "assignmentId"), "assignmentId"),
        (with(role.clone(), json!({ "email": "a@example.com" })), "email"),
        (with(role.clone(), json!({ "expectedVersion": 1.5 })), "expectedVersion"),
    ] {
        schema_mismatch(&world, "updateInternalContactRole", input, &["input", argument]).await;
    }
    for argument in ["partnerId", "assignmentId"] {
        let input = without(without(role.clone(), "internalRole"), argument);
        schema_mismatch(&world, "attachInternalContactAssignment", input, &["input", argument]).await;
    }
}

async fn a_floating_assignment_is_attached(world: World) {
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await;
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let before = read(&world, &json!(floating.assignment.id.to_string())).await;
    let person = read_person(&world, &before["internalContact"]["id"]).await;
    assert_eq!(before["partner"], Value::Null);
    let input = json!({ "assignmentId": before["id"], "partnerId": partner, "expectedVersion": 1 });
    let after = change(&world, "attachInternalContactAssignment", input).await;
    let changed = json!({ "partner": { "id": partner }, "version": 2, "updatedAt": after["updatedAt"] });
    assert_eq!(after, with(before.clone(), changed));
    assert!(after["updatedAt"].as_str() > before["updatedAt"].as_str());
    assert_eq!(read(&world, &before["id"]).await, after);
    assert_eq!(read_person(&world, &person["id"]).await, person);
    // The role may float again.
    assert_eq!(world.count("internal_contact_assignment").await, 1);
}

async fn only_a_floating_assignment_is_attached(world: World) {
    let (one, two) = (world.rows().partner("One", None).await, world.rows().partner("Two", None).await);
    let attached = world.rows().assignment("ada@example.com", InternalRole::Csm, &one).await.assignment.id;
    for partner in [&one, &two] {
        let input = json!({ "assignmentId": attached.to_string(), "partnerId": partner.id.to_string() });
        refused(&world, "attachInternalContactAssignment", input, &["NOT_ALLOWED assignmentId"]).await;
    }
}

async fn attaching_does_not_double_a_role(world: World) {
    let (one, two) = (world.rows().partner("One", None).await, world.rows().partner("Two", None).await);
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.assignment.id;
    world.rows().assignment("ada@example.com", InternalRole::Csm, &one).await;
    world.rows().assignment("ada@example.com", InternalRole::Lead, &two).await;
    let input = |partner: &partner::Model| json!({ "assignmentId": floating.to_string(), "partnerId": partner.id.to_string() });
    refused(&world, "attachInternalContactAssignment", input(&one), &["TAKEN partnerId"]).await;
    change(&world, "attachInternalContactAssignment", input(&two)).await;
}

async fn only_what_is_in_reach_is_attached(world: World) {
    let (rows, other_rows) = (world.rows(), world.other_rows());
    let floating =
        rows.internal_contact("ada@example.com", InternalRole::Csm).await.assignment.id.to_string();
    let partner = rows.partner("Globex", None).await.id.to_string();
    let gone = rows.partner("Gone", None).await.id;
    rows.delete::<partner::Entity>(gone).await;
    let elsewhere = other_rows.partner("Elsewhere", None).await.id.to_string();
    let of_elsewhere = other_rows.internal_contact("a@example.com", InternalRole::Csm).await.assignment.id;
    let of_elsewhere = of_elsewhere.to_string();
    let both = &["NOT_FOUND assignmentId", "NOT_FOUND partnerId"][..];
    for (assignment, partner, errors) in [
        (&floating, &elsewhere, &both[1..]),
        (&floating, &gone.to_string(), &both[1..]),
        (&of_elsewhere, &partner, &both[..1]),
        (&of_elsewhere, &elsewhere, both),
        (&partner, &floating, both),
    ] {
        let input = json!({ "assignmentId": assignment, "partnerId": partner });
        refused(&world, "attachInternalContactAssignment", input, errors).await;
    }
    let input = json!({ "assignmentId": floating, "partnerId": partner });
    refused_to(&world, &world.other(), "attachInternalContactAssignment", input, both).await;
}

async fn an_expected_version_must_be_the_assignments(world: World) {
    let partner = world.rows().partner("Globex", None).await.id.to_string();
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.assignment.id;
    let attach = |version: i32| json!({ "assignmentId": floating.to_string(), "partnerId": partner, "expectedVersion": version });
    let change_role = |version: i32| with(attach(version), json!({ "internalRole": "LEAD" }));
    for version in [0, 2] {
        refused(&world, "attachInternalContactAssignment", attach(version), &["CONFLICT expectedVersion"])
            .await;
    }
    change(&world, "attachInternalContactAssignment", attach(1)).await;
    for version in [1, 3] {
        refused(&world, "updateInternalContactRole", change_role(version), &["CONFLICT expectedVersion"])
            .await;
    }
    assert_eq!(change(&world, "updateInternalContactRole", change_role(2)).await["version"], 3);
}

async fn only_one_of_two_role_changes_of_a_version_wins(world: World) {
    let partner = world.rows().partner("Globex", None).await;
    let assigned = world.rows().assignment("ada@example.com", InternalRole::AccountManager, &partner).await;
    let writer = world.writer();
    for round in 1..=50 {
        let roles = if round % 2 == 0 { ["CSM", "LEAD"] } else { ["CO_LEAD", "PRACTICE_LEAD"] };
        let change = |role: &str| {
            let input = json!({
                "partnerId": partner.id.to_string(), "assignmentId": assigned.assignment.id.to_string(),
                "internalRole": role, "expectedVersion": round,
            });
            let writer = &writer;
            async move {
                writer.mutate("updateInternalContactRole", input, "assignment { id internalRole }").await
            }
        };
        let (one, two) = tokio::join!(change(roles[0]), change(roles[1]));
        let is_one = one.user_errors("updateInternalContactRole").is_empty();
        let (won, lost) = if is_one { (one, two) } else { (two, one) };
        assert_refused(&lost, "updateInternalContactRole", &["CONFLICT expectedVersion"], "the second");
        let row = read(&world, &json!(assigned.assignment.id.to_string())).await;
        assert_eq!(row["version"], round + 1);
        assert_eq!(row["internalRole"], won.text("/updateInternalContactRole/assignment/internalRole"));
    }
}

async fn an_assignment_is_attached_to_one_of_two_partners(world: World) {
    let (one, two) = (world.rows().partner("One", None).await, world.rows().partner("Two", None).await);
    let writer = world.writer();
    for round in 0..20 {
        let email = format!("ada{round}@example.com");
        let floating =
            world.rows().internal_contact(&email, InternalRole::Csm).await.assignment.id.to_string();
        let attach = |partner: &partner::Model| {
            let input = json!({ "assignmentId": floating, "partnerId": partner.id.to_string() });
            writer.mutate("attachInternalContactAssignment", input, "assignment { id partner { id } }")
        };
        let (one, two) = tokio::join!(attach(&one), attach(&two));
        let is_one = one.user_errors("attachInternalContactAssignment").is_empty();
        let (won, lost) = if is_one { (one, two) } else { (two, one) };
        assert_refused(&lost, "attachInternalContactAssignment", &["NOT_ALLOWED assignmentId"], "the second");
        let attached = won.data("/attachInternalContactAssignment/assignment/partner");
        assert_eq!(read(&world, &json!(floating)).await["partner"], *attached);
    }
}

async fn only_one_of_two_wins_a_role(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let partner = rows.partner("Globex", None).await;
    let partner_id = partner.id.to_string();
    for round in 0..20 {
        let email = format!("ada{round}@example.com");
        let floating = rows.internal_contact(&email, InternalRole::Csm).await.assignment.id.to_string();
        let add = |email: &str| {
            let input = json!({ "partnerId": partner_id, "email": email, "internalRole": "CSM" });
            ("addInternalContactToPartner", input, "TAKEN internalRole")
        };
        let attach = || {
            let input = json!({ "partnerId": partner_id, "assignmentId": floating });
            ("attachInternalContactAssignment", input, "TAKEN partnerId")
        };
        let change_role = |id: &str| {
            let input = json!({ "partnerId": partner_id, "assignmentId": id, "internalRole": "LEAD" });
            ("updateInternalContactRole", input, "TAKEN internalRole")
        };
        let new = format!("new{round}@example.com");
        let one = rows.assignment(&email, InternalRole::CoLead, &partner).await.assignment.id.to_string();
        let two =
            rows.assignment(&email, InternalRole::PracticeLead, &partner).await.assignment.id.to_string();
        for (one, two) in
            [(add(&email), attach()), (add(&new), add(&new)), (change_role(&one), change_role(&two))]
        {
            let (first, second) = tokio::join!(
                writer.mutate(one.0, one.1, "assignment { id }"),
                writer.mutate(two.0, two.1, "assignment { id }"),
            );
            let outcome = [first.user_errors(one.0), second.user_errors(two.0)];
            let first_won = [vec![], vec![two.2.to_owned()]];
            let second_won = [vec![one.2.to_owned()], vec![]];
            assert!(outcome == first_won || outcome == second_won, "{outcome:?}");
        }
    }
}

async fn a_change_without_its_record_is_not_made(world: World) {
    let (one, two) = (world.rows().partner("One", None).await, world.rows().partner("Two", None).await);
    let floating = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.assignment.id;
    let attached = world.rows().assignment("ada@example.com", InternalRole::Lead, &one).await.assignment.id;
    break_inserts(&world.db, "change").await;
    let (one, two) = (one.id.to_string(), two.id.to_string());
    for (mutation, input) in [
        ("addInternalContactToPartner", with(ada(), json!({ "partnerId": two }))),
        (
            "updateInternalContactRole",
            json!({ "partnerId": one, "assignmentId": attached.to_string(), "internalRole": "CSM" }),
        ),
        (
            "attachInternalContactAssignment",
            json!({ "partnerId": two, "assignmentId": floating.to_string() }),
        ),
    ] {
        let writer = world.writer();
        let reply = world.nothing_written(writer.mutate(mutation, input, "assignment { id }")).await;
        assert_masked(&reply, mutation);
    }
}
