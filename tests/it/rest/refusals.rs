//! Invalid input in the form of each family: nothing is written, and all errors are returned.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Rest, documented::assert_status, text};
use crate::support::{Reply, World, on_both};

on_both!(
    unknown_fields_and_wrong_types_are_told_together,
    the_rules_of_the_services_are_told_together,
    bodies_that_are_no_json_are_refused,
    long_bodies_are_refused,
    ids_of_other_organizations_are_not_there,
);

/// What is wrong with a bad body of each creation.
struct Wrong {
    path: &'static str,
    body: Value,
    refusal: Value,
}

async fn unknown_fields_and_wrong_types_are_told_together(world: World) {
    let rest = Rest::of(world.writer()).await;
    let cases = [
        Wrong {
            path: "/v2/internal-contacts",
            body: json!({ "internal_role": "boss", "name": 5, "nickname": "Ada" }),
            refusal: json!({ "detail": [
                { "loc": ["body", "email"], "msg": "This field is required.", "type": "missing" },
                {
                    "loc": ["body", "internal_role"],
                    "msg": "Must be one of: account_manager, account_executive, csm, lead, co_lead, practice_lead.",
                    "type": "value_error",
                },
                { "loc": ["body", "name"], "msg": "Must be a string or null.", "type": "type_error" },
                { "loc": ["body", "nickname"], "msg": "Unknown field. Remove it.", "type": "extra_forbidden" },
            ] }),
        },
        Wrong {
            path: "/v1/accounts/contacts",
            body: json!({ "firstName": true, "email": "a@example.com", "accountIds": ["x", 1], "phone": "" }),
            refusal: json!({ "statusCode": 400, "error": "Bad Request", "message": [
                "accountIds.1: Must be a string.",
                "firstName: Must be a string.",
                "phone: Unknown field. Remove it.",
            ] }),
        },
        Wrong {
            path: "/api/v1/organisation/1/contact",
            body: json!({ "type": 6, "city": [], "nickname": "Ada" }),
            refusal: json!({
                "error_code": 1400, "error_token": "InputValidationFailed", "message": "The request is invalid.",
                "errors": [
                    {
                        "error_code": 1403, "error_token": "InvalidFormat",
                        "message": "Contact - city: Must be a string or null.",
                    },
                    {
                        "error_code": 1406, "error_token": "NotAllowed",
                        "message": "Contact - nickname: Unknown field. Remove it.",
                    },
                    {
                        "error_code": 1403, "error_token": "InvalidFormat",
                        "message": "Contact - type: Must be an object.",
                    },
                ],
            }),
        },
    ];
    for Wrong { path, body, refusal } in cases {
        let reply = world.nothing_written(rest.post(path, body)).await;
        assert_eq!(reply.body, refusal);
        for body in [json!([]), json!(null), json!("x"), json!(1)] {
            let reply = rest.post(path, body).await;
            assert!(matches!(reply.status.as_u16(), 400 | 422), "{}", reply.status);
        }
    }
}

async fn the_rules_of_the_services_are_told_together(world: World) {
    let rest = Rest::of(world.writer()).await;
    let body = json!({ "email": "nobody", "internal_role": "csm", "phone": "030 1", "given_name": "a\nb" });
    let reply = world.nothing_written(rest.post("/v2/internal-contacts", body)).await;
    assert_status(&reply, 422);
    let places: Vec<&Value> =
        reply.body["detail"].as_array().expect("detail").iter().map(|it| &it["loc"][1]).collect();
    assert_eq!(places, ["email", "given_name", "phone"]);

    let body = json!({ "email": " ", "firstName": " ", "phoneNumber": "1", "avatarUrl": "x" });
    let reply = world.nothing_written(rest.post("/v1/accounts/contacts", body)).await;
    assert_status(&reply, 400);
    let messages = reply.body["message"].as_array().expect("messages");
    let fields: Vec<&str> = messages.iter().filter_map(|it| it.as_str()?.split(':').next()).collect();
    assert_eq!(fields, ["firstName", "email", "phoneNumber", "avatarUrl"]);

    rest.post("/v2/internal-contacts", json!({ "email": "ada@example.com", "internal_role": "csm" })).await;
    let taken = json!({ "email": "ADA@example.com", "internal_role": "csm" });
    let reply = world.nothing_written(rest.post("/v2/internal-contacts", taken)).await;
    assert_status(&reply, 409);
    assert_eq!(reply.body["detail"][0]["loc"], json!(["body", "email"]));
    let blank = world
        .nothing_written(rest.post("/v2/internal-contacts", json!({ "email": "", "internal_role": "csm" })));
    assert_status(&blank.await, 422);
}

async fn bodies_that_are_no_json_are_refused(world: World) {
    let rest = Rest::of(world.writer()).await;
    for (path, status) in [
        ("/v2/internal-contacts", 422),
        ("/v1/accounts/contacts", 400),
        ("/api/v1/organisation/1/contact", 422),
    ] {
        for text in ["", "{", "{\"email\": }", "\u{feff}{}", "{} {}"] {
            assert_status(&rest.send(Method::POST, path, Some(text)).await, status);
        }
        let form = rest.actor.request(Method::POST, path).header("content-type", "text/plain").body("{}");
        let reply = Reply::of(form).await;
        rest.check(&Method::POST, path, &reply);
        assert_status(&reply, 415);
    }
    let reply = rest.send(Method::POST, "/v2/internal-contacts", Some("{")).await;
    let detail = &reply.body["detail"][0];
    assert_eq!((&detail["loc"], &detail["type"]), (&json!(["body"]), &json!("json_invalid")));
    assert!(
        text(&reply, "/detail/0/msg").starts_with("The body is not valid JSON at line 1, column 1."),
        "{detail}"
    );
}

async fn long_bodies_are_refused(world: World) {
    let world = world.restarted(|config| config.http.body_limit = 1000).await;
    let rest = Rest::of(world.writer()).await;
    let name = "x".repeat(1000);
    let body = json!({ "email": "a@example.com", "internal_role": "csm", "name": name });
    assert_status(&rest.post("/v2/internal-contacts", body).await, 413);
}

async fn ids_of_other_organizations_are_not_there(world: World) {
    use contact_gateway::entity::internal_contact_assignment::InternalRole;
    let rows = world.other_rows();
    let partner = rows.partner("Elsewhere", None).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let contact = rows.account_contact("grace@example.com", &[]).await.id;
    let kind = rows.contact_type("Legal").await.id;
    let rest = Rest::of(world.admin()).await;
    let person = json!({ "email": "a@example.com", "internal_role": "csm" });
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    for (method, path, body) in [
        (get.clone(), format!("/v2/internal-contacts/{}", assigned.contact.id), None),
        (
            Method::PATCH,
            format!("/v2/internal-contacts/{}", assigned.contact.id),
            Some(json!({ "name": "A" })),
        ),
        (Method::DELETE, format!("/v2/internal-contacts/{}", assigned.contact.id), None),
        (get.clone(), format!("/v2/partners/{}/internal-contacts", partner.id), None),
        (post, format!("/v2/partners/{}/internal-contacts", partner.id), Some(person)),
        (
            Method::PATCH,
            format!("/v2/partners/{}/internal-contacts/{}", partner.id, assigned.assignment.id),
            Some(json!({ "internal_role": "lead" })),
        ),
        (get, format!("/v1/accounts/contacts/{contact}"), None),
        (put.clone(), format!("/v1/accounts/contacts/{contact}"), Some(json!({ "lastName": "A" }))),
        (Method::DELETE, format!("/v1/accounts/contacts/{contact}"), None),
        (put, format!("/v1/accounts/attributes/{kind}"), Some(json!({ "value": "A" }))),
        (Method::DELETE, format!("/v1/accounts/attributes/{kind}"), None),
    ] {
        let reply = world.nothing_written(rest.call(method, &path, body)).await;
        assert_status(&reply, 404);
    }
}
