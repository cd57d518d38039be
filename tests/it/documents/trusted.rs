//! Trusted documents over HTTP: each form of a manifest, each way to name a document, and each mode.

use serde_json::{Value, json};

use super::{
    CREATE, GRAPHQL, SUBJECT, automatic::counted, both_ways, get, persisted, post, sha256, trusting,
};
use crate::support::{HOME, Reply, World, limit_points, on_both};

on_both!(
    each_form_of_a_manifest_is_served,
    modes_differ_in_what_others_get,
    enforcing_executes_nothing_else,
    tenants_stay_apart,
    limits_of_documents_are_for_others,
    what_a_request_costs_is_limited_for_all,
);

/// A manifest of GraphQL Code Generator, by its own SHA-1, of Relay, by its MD5, and of Apollo.
fn manifests() -> [(Value, &'static str); 4] {
    let md5 = "be0f5d4f4c1d4e1fb2d5a0a3a2f3c0aa";
    let sha1 = "2f0f5d4f4c1d4e1fb2d5a0a3a2f3c0aa00112233";
    [
        (json!({ (sha1): SUBJECT, "b": CREATE }), sha1),
        (json!({ (format!("sha256:{}", sha256(SUBJECT))): SUBJECT, (sha256(CREATE)): CREATE }), "sha256"),
        (json!({ (md5): SUBJECT, "b": CREATE }), md5),
        (
            json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
                { "id": sha256(SUBJECT), "name": "Subject", "type": "query", "body": SUBJECT },
                { "id": "b", "name": "Create", "type": "mutation", "body": CREATE },
            ] }),
            "sha256",
        ),
    ]
}

async fn each_form_of_a_manifest_is_served(mut world: World) {
    let hash = sha256(SUBJECT);
    for (manifest, id) in manifests() {
        let id = if id == "sha256" { hash.as_str() } else { id };
        world = trusting(world, &manifest, "enforce").await;
        for body in [
            json!({ "documentId": id }),
            json!({ "query": "", "documentId": id }),
            json!({ "documentId": hash }),
            json!({ "documentId": format!("sha256:{hash}"), "operationName": "Subject" }),
            json!({ "doc_id": id, "variables": {} }),
            json!({ "extensions": persisted(id) }),
            json!({ "query": SUBJECT }),
            json!({ "query": SUBJECT, "documentId": id }),
            json!({ "query": SUBJECT, "extensions": persisted(&hash) }),
        ] {
            for reply in both_ways(&world.reader(), &body).await {
                assert_eq!(reply.text("/viewer/subject"), "reader", "{manifest} {body}");
            }
        }
        let wrong = json!({ "query": CREATE, "documentId": id, "variables": { "name": "Globex" } });
        let reply = world.nothing_written(Reply::of(post(&world.writer(), &wrong))).await;
        assert_eq!((reply.status.as_u16(), reply.errors()), (400, vec!["BAD_REQUEST".to_owned()]));
    }
}

async fn modes_differ_in_what_others_get(mut world: World) {
    let manifest = json!({ "subject": SUBJECT });
    let other = "{ viewer { scopes } }";
    let named = json!({ "extensions": persisted(&sha256(other)) });
    let sent = json!({ "query": other, "extensions": persisted(&sha256(other)) });
    for (mode, untrusted) in [("off", 0), ("log", 3)] {
        world = trusting(world, &manifest, mode).await;
        let reader = world.reader();
        assert_eq!(Reply::of(post(&reader, &named)).await.errors(), ["PERSISTED_QUERY_NOT_FOUND"], "{mode}");
        for body in [&json!({ "query": other }), &sent, &named] {
            assert_eq!(Reply::of(post(&reader, body)).await.list("/viewer/scopes").len(), 1, "{mode} {body}");
        }
        for body in [json!({ "query": SUBJECT }), json!({ "documentId": "subject" })] {
            assert_eq!(Reply::of(post(&reader, &body)).await.text("/viewer/subject"), "reader", "{mode}");
        }
        let metric = format!("contact_gateway_documents_untrusted_total {untrusted}\n");
        let metrics = world.metrics().await;
        assert!(metrics.contains(&metric), "{mode} {metrics}");
    }
}

async fn enforcing_executes_nothing_else(world: World) {
    let world = trusting(world, &json!({ "subject": SUBJECT, "create": CREATE }), "enforce").await;
    let other = CREATE.replace("Create(", "Other(");
    let bodies = [
        json!({ "query": other }),
        json!({ "query": format!("{CREATE} ") }),
        json!({ "query": other, "extensions": persisted(&sha256(&other)) }),
        json!({ "extensions": persisted(&sha256(&other)) }),
        json!({ "documentId": "other" }),
        json!({ "doc_id": "" }),
        json!({ "query": include_str!("../introspection.graphql") }),
        json!({ "query": "{" }),
    ];
    for (number, mut body) in bodies.into_iter().enumerate() {
        body["variables"] = json!({ "name": "Globex" });
        for (accept, status) in [("application/json", 200), (GRAPHQL, 400)] {
            let request = post(&world.writer(), &body).header("accept", accept);
            let reply = world.nothing_written(Reply::of(request)).await;
            assert_eq!(reply.errors(), ["DOCUMENT_NOT_TRUSTED"], "{body}");
            assert_eq!((reply.status.as_u16(), reply.body.get("data")), (status, None), "{body}");
        }
        assert_eq!(counted(&world, "untrusted").await, 2 * (number as u64 + 1));
    }
    let named = json!({ "documentId": "create", "variables": { "name": "Globex" } });
    let by_get = world.nothing_written(Reply::of(get(&world.writer(), &named))).await;
    assert_eq!((by_get.status.as_u16(), by_get.errors()), (405, vec!["BAD_REQUEST".to_owned()]));
    assert_eq!(Reply::of(post(&world.writer(), &named)).await.text("/createPartner/partner/name"), "Globex");
    let without = world.nothing_written(Reply::of(post(&world.anonymous(), &named))).await;
    assert_eq!((without.status.as_u16(), without.errors()), (401, vec!["UNAUTHENTICATED".to_owned()]));
    let may_not = world.nothing_written(Reply::of(post(&world.reader(), &named))).await;
    assert_eq!(may_not.errors(), ["FORBIDDEN createPartner"]);
    let invalid = Reply::of(post(&world.writer(), &json!({ "documentId": "create" }))).await;
    assert_eq!(invalid.errors(), ["GRAPHQL_VALIDATION_FAILED"]);
}

async fn tenants_stay_apart(world: World) {
    world.rows().partner("Globex", None).await;
    world.other_rows().partner("Initech", None).await;
    let manifest = json!({ "partners": "{ partners { totalCount nodes { name } } }" });
    let world = trusting(world, &manifest, "enforce").await;
    let named = json!({ "documentId": "partners" });
    for (actor, name) in [
        (world.reader(), "Globex"),
        (world.other(), "Initech"),
        (world.multi().in_organization("org_1"), "Globex"),
        (world.multi().in_organization("org_2"), "Initech"),
    ] {
        for reply in both_ways(&actor, &named).await {
            assert_eq!(reply.data("/partners"), &json!({ "totalCount": 1, "nodes": [{ "name": name }] }));
        }
    }
    let foreign = world.reader().in_organization("org_2");
    assert_eq!(Reply::of(post(&foreign, &named)).await.errors(), ["FORBIDDEN"]);
}

async fn limits_of_documents_are_for_others(mut world: World) {
    let aliases: String = (0..40).map(|number| format!("a{number}: subject ")).collect();
    let (large, same) = (format!("{{ viewer {{ {aliases} }} }}"), format!("{{ viewer {{ {aliases}}} }}"));
    world = trusting(world, &json!({ "large": large }), "log").await;
    for body in [json!({ "documentId": "large" }), json!({ "query": large })] {
        assert_eq!(Reply::of(post(&world.reader(), &body)).await.text("/viewer/a39"), "reader");
    }
    assert_eq!(world.reader().query(&same).await.errors(), ["QUERY_TOO_COMPLEX"]);
}

async fn what_a_request_costs_is_limited_for_all(world: World) {
    let documents = super::configured(
        &json!({ "partners": "query($first: Int) { partners(first: $first) { nodes { name } } }" }),
        "enforce",
    );
    let world = world
        .restarted(|config| {
            config.documents = documents;
            config.limits.cost = 60;
            limit_points(config, 60);
        })
        .await;
    let ask = async |name: &str, first: u32| {
        let body = json!({ "documentId": "partners", "variables": { "first": first } });
        let actor = world.actor(name, &[HOME], &[contact_gateway::auth::Scope::ContactsRead]);
        Reply::of(post(&actor, &body)).await
    };
    assert_eq!(ask("ada", 26).await.errors(), ["QUERY_TOO_COMPLEX"]);
    assert_eq!(ask("grace", 20).await.errors(), [""; 0]);
    let again = ask("grace", 20).await;
    assert_eq!((again.status.as_u16(), again.errors()), (429, vec!["RATE_LIMITED".to_owned()]));
}
