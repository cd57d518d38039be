//! The cards of an organization beyond creating one, and countries.

use contact_gateway::{
    entity::organization_contact::OrganizationContactType, service::organization_contact::Card,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Rest,
    documented::{assert_part, assert_status},
    text,
};
use crate::support::{World, on_both};

on_both!(
    cards_are_listed,
    a_card_is_changed_and_removed,
    the_organization_of_the_path_is_the_callers,
    numbers_and_types_are_not_the_callers_to_give,
    purchase_order_numbers_are_for_invoices,
    every_error_of_a_card_is_told,
    countries_are_listed,
);

const PATH: &str = "/api/v1/organisation/1/contact";

async fn cards_are_listed(world: World) {
    let rest = Rest::of(world.reader()).await;
    let none = rest.get(PATH).await;
    assert_eq!(none.body, json!([]));
    assert_eq!(none.headers["x-total-count"], "0");
    for _ in 0..5 {
        world.rows().organization_contact(OrganizationContactType::Technical, Card::default()).await;
    }
    world.other_rows().organization_contact(OrganizationContactType::Technical, Card::default()).await;
    let all = rest.get(PATH).await;
    assert_eq!(all.body.as_array().expect("a list").len(), 5);
    let page = rest.get(&format!("{PATH}?page=2&per_page=2")).await;
    assert_eq!(page.body.as_array().expect("a list")[..], all.body.as_array().expect("a list")[2..4]);
    for (name, value) in
        [("x-total-count", "5"), ("x-total-pages", "3"), ("x-current-page", "2"), ("x-count-per-page", "2")]
    {
        assert_eq!(page.headers[name], value);
    }
    let link = page.headers["link"].to_str().expect("links");
    for (relation, number) in [("first", 1), ("prev", 1), ("next", 3), ("last", 3)] {
        assert!(link.contains(&format!("<{PATH}?page={number}&per_page=2>; rel=\"{relation}\"")), "{link}");
    }
    // Beyond the last page is the last page, before the first the first, and too many are as many as there may be.
    let last = rest.get(&format!("{PATH}?page=99&per_page=2")).await;
    assert_eq!(last.body, json!([all.body[4]]));
    assert_eq!(rest.get(&format!("{PATH}?page=-7&per_page=99999999")).await.body, all.body);
}

async fn a_card_is_changed_and_removed(world: World) {
    let rest = Rest::of(world.writer()).await;
    let made =
        rest.post(PATH, json!({ "type": { "id": 1 }, "name": "Sales", "country": { "id": 276 } })).await;
    let path = format!("{PATH}/{}", text(&made, "/contact_id"));
    let updated =
        rest.patch(&path, json!({ "city": "Berlin", "country": { "id": 528, "name": "Netherlands" } })).await;
    assert_status(&updated, 200);
    assert_part(
        &updated.body,
        &json!({ "name": "Sales", "city": "Berlin", "type": { "id": 1, "description": "Commercial" } }),
    );
    assert_eq!(updated.body["country"]["iso_code"], "nl");
    let cleared = rest.patch(&path, json!({ "city": null, "country": null })).await;
    assert!(cleared.body.get("city").is_none() && cleared.body.get("country").is_none(), "{}", cleared.body);
    let document = "query($id: ID!) { organizationContact(id: $id) { version address { city } } }";
    let global = format!("oc_{}", text(&made, "/contact_id"));
    let seen = world.reader().graphql(document, json!({ "id": global })).await;
    assert_eq!(seen.data("/organizationContact"), &json!({ "version": 3, "address": { "city": null } }));
    assert_eq!(rest.get(&format!("{PATH}/{global}")).await.body, cleared.body);

    assert_status(&rest.delete(&path).await, 204);
    for refused in [rest.get(&path).await, rest.delete(&path).await, rest.patch(&path, json!({})).await] {
        assert_status(&refused, 404);
        assert_part(&refused.body, &json!({ "error_code": 1201, "error_token": "NotFound" }));
    }
    for id in ["0", "99999999999999999999", "x", "%00", "1%2f2", "%ff"] {
        assert_status(&rest.get(&format!("{PATH}/{id}")).await, 404);
    }
}

async fn the_organization_of_the_path_is_the_callers(world: World) {
    let foreign =
        world.other_rows().organization_contact(OrganizationContactType::Technical, Card::default()).await;
    let rest = Rest::of(world.admin()).await;
    for organization in ["2", "77", "0", "-1", "x", "org_2", "1.0"] {
        for (method, path, body) in [
            (Method::GET, format!("/api/v1/organisation/{organization}/contact"), None),
            (
                Method::POST,
                format!("/api/v1/organisation/{organization}/contact"),
                Some(json!({ "type": { "id": 1 } })),
            ),
            (Method::DELETE, format!("/api/v1/organisation/{organization}/contact/{}", foreign.id.0), None),
        ] {
            let refused = world.nothing_written(rest.call(method, &path, body)).await;
            assert_status(&refused, 403);
            assert_part(&refused.body, &json!({ "error_code": 1104, "error_token": "Forbidden" }));
        }
    }
    // A row of another organization is not there under the caller's own.
    assert_status(&rest.get(&format!("{PATH}/{}", foreign.id.0)).await, 404);
    assert_status(&rest.get("/api/v1/organisation/org_1/contact").await, 200);

    let multi = Rest::of(world.multi()).await;
    assert_eq!(multi.get("/api/v1/organisation/2/contact").await.body.as_array().expect("a list").len(), 1);
    assert_status(&multi.with("x-org-id", "org_2").get("/api/v1/organisation/2/contact").await, 200);
    assert_status(&multi.with("x-org-id", "org_1").get("/api/v1/organisation/2/contact").await, 403);
}

async fn numbers_and_types_are_not_the_callers_to_give(world: World) {
    let rest = Rest::of(world.writer()).await;
    for name in ["id", "organisation_id"] {
        let mut body = json!({ "type": { "id": 1 } });
        body[name] = json!(7);
        for refused in [
            world.nothing_written(rest.post(PATH, body)).await,
            world
                .nothing_written(rest.post(&format!("{PATH}?{name}=7"), json!({ "type": { "id": 1 } })))
                .await,
        ] {
            assert_status(&refused, 422);
            assert_eq!(refused.body["error_code"], 1400);
            assert_eq!(refused.body["errors"][0]["error_code"], 1406);
            assert!(text(&refused, "/errors/0/message").contains(name), "{}", refused.body);
        }
    }
    let card = world.rows().organization_contact(OrganizationContactType::Technical, Card::default()).await;
    let path = format!("{PATH}/{}", card.id.0);
    for kind in [json!({ "id": 2 }), json!({ "id": 3 }), Value::Null] {
        let refused = world.nothing_written(rest.patch(&path, json!({ "type": kind }))).await;
        assert_status(&refused, 422);
        assert_eq!(refused.body["errors"][0]["error_token"], "NotAllowed");
    }
    for (kind, code) in [
        (json!({ "id": 0 }), 1401),
        (json!({ "id": 7 }), 1401),
        (json!({ "id": "6" }), 1403),
        (json!({}), 1402),
        (json!(6), 1403),
        (Value::Null, 1403),
    ] {
        let refused = world.nothing_written(rest.post(PATH, json!({ "type": kind }))).await;
        assert_status(&refused, 422);
        assert_eq!(refused.body["errors"][0]["error_code"], code, "{}", refused.body);
    }
    let refused = rest.post(PATH, json!({})).await;
    assert_eq!(refused.body["errors"][0]["error_token"], "Required");
}

async fn purchase_order_numbers_are_for_invoices(world: World) {
    let rest = Rest::of(world.writer()).await;
    let (fifty, more) = ("9".repeat(50), "9".repeat(51));
    let made = rest.post(PATH, json!({ "type": { "id": 6 }, "purchase_order_number": fifty })).await;
    assert_status(&made, 201);
    assert_eq!(made.body["purchase_order_number"], fifty);
    let path = format!("{PATH}/{}", text(&made, "/contact_id"));
    let technical = rest.post(PATH, json!({ "type": { "id": 2 } })).await;
    let other = format!("{PATH}/{}", text(&technical, "/contact_id"));
    for (refused, code) in [
        (rest.post(PATH, json!({ "type": { "id": 6 }, "purchase_order_number": more })).await, 1403),
        (rest.patch(&path, json!({ "purchase_order_number": more })).await, 1403),
        (rest.post(PATH, json!({ "type": { "id": 2 }, "purchase_order_number": "1" })).await, 1406),
        (rest.patch(&other, json!({ "purchase_order_number": "1" })).await, 1406),
    ] {
        assert_status(&refused, 422);
        assert_part(&refused.body, &json!({ "error_code": 1400, "error_token": "InputValidationFailed" }));
        assert_eq!(refused.body["errors"][0]["error_code"], code);
        assert!(text(&refused, "/errors/0/message").contains("purchase_order_number"), "{}", refused.body);
    }
}

async fn every_error_of_a_card_is_told(world: World) {
    let rest = Rest::of(world.writer()).await;
    let body = json!({
        "type": { "id": 2 }, "name": "a\nb", "email": "nobody", "country": { "id": 999_999 }, "purchase_order_number": "1",
    });
    let refused = world.nothing_written(rest.post(PATH, body)).await;
    assert_status(&refused, 422);
    let errors = refused.body["errors"].as_array().expect("errors");
    let codes: Vec<&Value> = errors.iter().map(|error| &error["error_code"]).collect();
    assert_eq!(codes, [1403, 1401, 1403, 1406], "{}", refused.body);
}

async fn countries_are_listed(world: World) {
    let rest = Rest::of(world.reader()).await;
    let listed = rest.get("/api/v1/country?geographic=true").await;
    let countries = listed.body.as_array().expect("a list");
    assert!(countries.len() > 240, "{}", countries.len());
    let germany = countries.iter().find(|country| country["id"] == 276).expect("Germany");
    assert_part(germany, &json!({ "name": "Germany", "country_code": "49", "iso_code": "de" }));
    assert_eq!(rest.get("/api/v1/country").await.body, listed.body);
    assert_status(&rest.get("/api/v1/country?geographic=maybe").await, 422);
}
