//! Internal contacts and their partners beyond the documented operations: lists, single ones, deletion, adding to partners.

use reqwest::Method;
use serde_json::{Value, json};

use contact_gateway::entity::internal_contact_assignment::InternalRole;

use super::{
    Rest,
    documented::{assert_part, assert_status},
    text,
};
use crate::support::{World, on_both};

on_both!(
    lists_are_paged_by_number,
    a_deleted_contact_is_gone,
    adding_finds_the_person_and_leaves_them_as_they_are,
    an_assignment_is_addressed_under_its_own_partner,
    partners_are_listed,
    the_lists_of_organizations_are_their_own,
);

fn emails(body: &Value) -> Vec<&str> {
    let items = body["data"].as_array().expect("data").iter();
    items.map(|item| item["email"].as_str().expect("an email address")).collect()
}

async fn lists_are_paged_by_number(world: World) {
    for number in 0..5 {
        world.rows().internal_contact(&format!("p{number}@example.com"), InternalRole::Csm).await;
    }
    let rest = Rest::of(world.reader()).await;
    let all = rest.get("/v2/internal-contacts").await;
    assert_eq!(
        emails(&all.body),
        ["p0@example.com", "p1@example.com", "p2@example.com", "p3@example.com", "p4@example.com"]
    );
    let page = async |query: &str| rest.get(&format!("/v2/internal-contacts?{query}")).await.body;
    assert_eq!(emails(&page("page=0&limit=2").await), ["p0@example.com", "p1@example.com"]);
    assert_eq!(emails(&page("page=2&limit=2").await), ["p4@example.com"]);
    assert_eq!(emails(&page("page=3&limit=2").await), [""; 0]);
    let back = page("limit=2&sort_order=desc&sort_by=created_at").await;
    assert_eq!(emails(&back), ["p4@example.com", "p3@example.com"]);
    for query in [
        "page=-1",
        "limit=0",
        "limit=201",
        "limit=x",
        "sort_order=up",
        "sort_by=phone",
        "page=1&page=2",
        "x=1",
    ] {
        let refused = rest.get(&format!("/v2/internal-contacts?{query}")).await;
        assert_status(&refused, 422);
        let name = query.split('=').next().unwrap_or_default();
        assert_eq!(refused.body["detail"][0]["loc"], json!(["query", name]), "{query}");
    }
    assert_status(&rest.get("/v2/internal-contacts?page=4000000000&limit=200").await, 422);
}

async fn a_deleted_contact_is_gone(world: World) {
    let rest = Rest::of(world.writer()).await;
    let id = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.contact.id;
    let path = format!("/v2/internal-contacts/{id}");
    assert_status(&rest.delete(&path).await, 204);
    assert_status(&rest.get(&path).await, 404);
    assert_status(&rest.delete(&path).await, 404);
    assert_status(&rest.patch(&path, json!({ "name": "Ada" })).await, 404);
    assert_eq!(rest.get("/v2/internal-contacts").await.body, json!({ "data": [] }));
    let document = "query($id: ID!) { internalContact(id: $id) { id } }";
    let seen = world.reader().graphql(document, json!({ "id": id.to_string() })).await;
    assert_eq!(seen.data("/internalContact"), &Value::Null);
    // The address is free again.
    let again = rest
        .post("/v2/internal-contacts", json!({ "email": "ADA@example.com", "internal_role": "csm" }))
        .await;
    assert_status(&again, 200);
}

async fn adding_finds_the_person_and_leaves_them_as_they_are(world: World) {
    let rest = Rest::of(world.writer()).await;
    let partner = world.rows().partner("Globex", None).await.id;
    let known = world.rows().internal_contact("ada@example.com", InternalRole::Csm).await.contact;
    let path = format!("/v2/partners/{partner}/internal-contacts");
    let body = json!({ "email": " Ada@Example.com", "internal_role": "lead", "name": "Somebody else" });
    let added = rest.post(&path, body.clone()).await;
    assert_status(&added, 200);
    let person =
        json!({ "id": known.id.to_string(), "email": "ada@example.com", "name": null, "modified_at": null });
    assert_part(&added.body["internal_contact"], &person);
    let twice = rest.post(&path, body).await;
    assert_status(&twice, 409);
    assert_eq!(twice.body["detail"][0]["loc"], json!(["body", "internal_role"]));
    assert_eq!(twice.body["detail"][0]["type"], "taken");

    let new = rest
        .post(&path, json!({ "email": "grace@example.com", "internal_role": "csm", "name": "Grace" }))
        .await;
    assert_eq!(new.body["internal_contact"]["name"], "Grace");
    let listed = rest.get(&path).await;
    assert_eq!(listed.body["data"], json!([added.body, new.body]));

    let one = format!("{path}/{}", text(&new, "/id"));
    assert_eq!(rest.get(&one).await.body, new.body);
    assert_status(&rest.delete(&one).await, 204);
    assert_status(&rest.get(&one).await, 404);
    let person = text(&new, "/internal_contact/id");
    assert_status(&rest.get(&format!("/v2/internal-contacts/{person}")).await, 200);
}

async fn an_assignment_is_addressed_under_its_own_partner(world: World) {
    let rows = world.rows();
    let (own, other) = (rows.partner("Globex", None).await, rows.partner("Initech", None).await.id);
    let assignment = rows.assignment("ada@example.com", InternalRole::Csm, &own).await.assignment.id;
    let floating = rows.internal_contact("grace@example.com", InternalRole::Csm).await.assignment.id;
    let rest = Rest::of(world.writer()).await;
    for (partner, assignment) in [(other, assignment), (other, floating), (own.id, floating)] {
        let path = format!("/v2/partners/{partner}/internal-contacts/{assignment}");
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let body = (method == Method::PATCH).then(|| json!({ "internal_role": "lead" }));
            let refused = world.nothing_written(rest.call(method.clone(), &path, body)).await;
            assert_status(&refused, 404);
            assert_eq!(refused.body["detail"][0]["loc"], json!(["path", "assignment_id"]), "{method}");
        }
    }
    let unknown = rest.get("/v2/partners/ptn_x/internal-contacts").await;
    assert_status(&unknown, 404);
    assert_eq!(unknown.body["detail"][0]["loc"], json!(["path", "partner_id"]));
}

async fn partners_are_listed(world: World) {
    let partner = world.rows().partner("Globex", Some("r-1")).await;
    let rest = Rest::of(world.reader()).await;
    let listed = rest.get("/v1/partners").await;
    let expected = json!({
        "id": partner.id.to_string(), "name": "Globex", "remote_id": "r-1", "modified_at": null, "object": "partner",
    });
    assert_part(&listed.body["data"][0], &expected);
}

async fn the_lists_of_organizations_are_their_own(world: World) {
    world.rows().internal_contact("ada@example.com", InternalRole::Csm).await;
    world.rows().partner("Globex", None).await;
    let other = Rest::of(world.other()).await;
    for path in ["/v2/internal-contacts", "/v1/partners"] {
        assert_eq!(other.get(path).await.body, json!({ "data": [] }), "{path}");
    }
}
