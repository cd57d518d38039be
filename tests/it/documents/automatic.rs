//! Automatic persisted queries, as Apollo's and urql's clients speak them.

use serde_json::{Value, json};

use super::{CREATE, GRAPHQL, SUBJECT, both_ways, get, persisted, post, sha256};
use crate::support::{HOME, OTHER, Reply, World, limit_points, on_both};

on_both!(
    a_document_is_known_once_it_was_sent,
    mutations_come_by_post_only,
    each_organization_finds_its_own,
    what_is_no_id_is_refused,
    they_can_be_off,
    what_is_refused_is_counted_and_costs,
);

async fn a_document_is_known_once_it_was_sent(world: World) {
    let reader = world.reader();
    let (id, text) = (persisted(&sha256(SUBJECT)), SUBJECT);
    let named = json!({ "extensions": id });
    for accept in ["application/json", GRAPHQL] {
        let status = if accept == GRAPHQL { 400 } else { 200 };
        for request in [post(&reader, &named), get(&reader, &named)] {
            let reply = Reply::of(request.header("accept", accept)).await;
            assert_eq!(reply.errors(), ["PERSISTED_QUERY_NOT_FOUND"]);
            // urql goes by the message.
            assert_eq!(reply.body["errors"][0]["message"], "PersistedQueryNotFound");
            assert_eq!((reply.status.as_u16(), reply.body.get("data")), (status, None), "{accept}");
        }
    }
    // So urql's client says that it was not found.
    let retry = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(text), "miss": true } });
    let sent = Reply::of(post(&reader, &json!({ "query": text, "extensions": retry }))).await;
    assert_eq!(sent.text("/viewer/subject"), "reader");
    for named in [
        named,
        json!({ "documentId": format!("sha256:{}", sha256(text)) }),
        json!({ "documentId": sha256(text), "operationName": "Subject", "variables": {}, "extensions": {} }),
        json!({ "doc_id": sha256(text), "extensions": persisted(&sha256(text)) }),
    ] {
        for reply in both_ways(&reader, &named).await {
            assert_eq!(reply.text("/viewer/subject"), "reader", "{named}");
            assert_eq!(reply.headers["cache-control"], "no-store");
        }
    }
    // By GET a document is kept, too.
    let other = "{ viewer { scopes } }";
    let sent = json!({ "query": other, "extensions": persisted(&sha256(other)) });
    assert_eq!(Reply::of(get(&reader, &sent)).await.errors(), [""; 0]);
    let named = json!({ "extensions": persisted(&sha256(other)) });
    assert_eq!(Reply::of(post(&reader, &named)).await.list("/viewer/scopes").len(), 1);
}

async fn mutations_come_by_post_only(world: World) {
    let writer = world.writer();
    let sent = |name: &str| {
        let extensions = persisted(&sha256(CREATE));
        json!({ "query": CREATE, "variables": { "name": name }, "extensions": extensions })
    };
    let mut named = sent("Initech");
    named.as_object_mut().expect("an object").remove("query");
    let created = Reply::of(post(&writer, &sent("Globex"))).await;
    assert_eq!(created.text("/createPartner/partner/name"), "Globex");
    for request in [sent("Initech"), named.clone()] {
        let reply = world.nothing_written(Reply::of(get(&writer, &request))).await;
        assert_eq!((reply.status.as_u16(), reply.errors()), (405, vec!["BAD_REQUEST".to_owned()]));
        assert_eq!(reply.headers["allow"], "POST");
    }
    let created = Reply::of(post(&writer, &named)).await;
    assert_eq!(created.text("/createPartner/partner/name"), "Initech");
    let refused = world.nothing_written(Reply::of(post(&world.reader(), &named))).await;
    assert_eq!(refused.errors(), ["FORBIDDEN createPartner"]);
}

async fn each_organization_finds_its_own(world: World) {
    let list = "{ partners { nodes { name } } }";
    world.rows().partner("Globex", None).await;
    world.other_rows().partner("Initech", None).await;
    let ask = async |organization: i64, body: Value| {
        Reply::of(post(&world.multi().in_organization(&organization.to_string()), &body)).await
    };
    let sent = json!({ "query": list, "extensions": persisted(&sha256(list)) });
    let named = json!({ "extensions": persisted(&sha256(list)) });
    assert_eq!(ask(HOME, sent.clone()).await.data("/partners/nodes"), &json!([{ "name": "Globex" }]));
    // Another caller must not learn that the document was sent.
    assert_eq!(ask(OTHER, named.clone()).await.errors(), ["PERSISTED_QUERY_NOT_FOUND"]);
    assert_eq!(ask(OTHER, sent).await.data("/partners/nodes"), &json!([{ "name": "Initech" }]));
    assert_eq!(ask(OTHER, named.clone()).await.data("/partners/nodes"), &json!([{ "name": "Initech" }]));
    assert_eq!(ask(HOME, named.clone()).await.data("/partners/nodes"), &json!([{ "name": "Globex" }]));
    assert_eq!(Reply::of(post(&world.anonymous(), &named)).await.errors(), ["UNAUTHENTICATED"]);
}

async fn what_is_no_id_is_refused(world: World) {
    let (id, other) = (sha256(SUBJECT), sha256("{ viewer { scopes } }"));
    let query = |extensions: Value| json!({ "query": SUBJECT, "extensions": extensions });
    let version = |version: Value| json!({ "persistedQuery": { "version": version, "sha256Hash": id } });
    for body in [
        query(persisted(&other)),
        query(persisted(&id.to_uppercase())),
        query(persisted("")),
        query(persisted("m")),
        query(version(json!(2))),
        query(version(json!(0))),
        query(version(json!("1"))),
        query(version(json!(null))),
        query(json!({ "persistedQuery": {} })),
        query(json!({ "persistedQuery": [1, id] })),
        query(json!({ "persistedQuery": id })),
        query(json!({ "persistedQuery": { "version": 1 } })),
        query(json!({ "persistedQuery": { "version": 1, "sha256Hash": 7 } })),
        json!({ "query": SUBJECT, "documentId": other }),
        json!({ "query": SUBJECT, "doc_id": other }),
        json!({ "documentId": id, "doc_id": other }),
        json!({ "documentId": id, "extensions": persisted(&other) }),
        json!({ "extensions": {} }),
        json!({ "variables": {} }),
    ] {
        for reply in both_ways(&world.reader(), &body).await {
            assert_eq!(
                (reply.status.as_u16(), reply.errors()),
                (400, vec!["BAD_REQUEST".to_owned()]),
                "{body}"
            );
        }
    }
    for body in [json!({ "documentId": 7 }), json!({ "doc_id": ["m"] })] {
        assert_eq!(Reply::of(post(&world.reader(), &body)).await.status, 400, "{body}");
    }
    // Nothing of it was kept, and what is null is not there.
    let null = json!({ "query": null, "documentId": null, "doc_id": null, "extensions": persisted(&id) });
    assert_eq!(Reply::of(post(&world.reader(), &null)).await.errors(), ["PERSISTED_QUERY_NOT_FOUND"]);
    let none = json!({ "query": SUBJECT, "documentId": null, "extensions": { "persistedQuery": null } });
    assert_eq!(Reply::of(post(&world.reader(), &none)).await.text("/viewer/subject"), "reader");
    let broken = "{ viewer {";
    let sent = json!({ "query": broken, "extensions": persisted(&sha256(broken)) });
    assert_eq!(Reply::of(post(&world.reader(), &sent)).await.errors(), ["GRAPHQL_PARSE_FAILED"]);
    let named = json!({ "extensions": persisted(&sha256(broken)) });
    assert_eq!(Reply::of(post(&world.reader(), &named)).await.errors(), ["PERSISTED_QUERY_NOT_FOUND"]);
}

async fn they_can_be_off(world: World) {
    let world = world.restarted(|config| config.documents.automatic = false).await;
    let extensions = persisted(&sha256(SUBJECT));
    for body in [json!({ "extensions": extensions }), json!({ "query": SUBJECT, "extensions": extensions })] {
        for reply in both_ways(&world.reader(), &body).await {
            assert_eq!(
                (reply.status.as_u16(), reply.errors()),
                (200, vec!["PERSISTED_QUERY_NOT_SUPPORTED".to_owned()])
            );
            assert_eq!(reply.body["errors"][0]["message"], "PersistedQueryNotSupported");
        }
    }
    assert_eq!(world.reader().query(SUBJECT).await.text("/viewer/subject"), "reader");
}

async fn what_is_refused_is_counted_and_costs(world: World) {
    let world = world
        .restarted(|config| {
            config.limits.document_tokens = 40;
            config.limits.document_aliases = 1;
            config.limits.cost = 25;
            limit_points(config, 25);
        })
        .await;
    let actor = |name: &str| world.actor(name, &[HOME], &[]);
    let long = "x".repeat(128 * 1024 + 1);
    for (number, (document, reason)) in [
        ("{", "syntax"),
        (&long, "length"),
        (&*"{ viewer { id } }".repeat(20), "tokens"),
        ("{ a: __typename b: __typename }", "aliases"),
        ("{ ...F } fragment F on Query { ...F }", "cycle"),
        ("{ ...F }", "fragments"),
        ("{ partners { nodes { name } } }", "cost"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(counted(&world, reason).await, 0, "{reason}");
        actor(&format!("caller {number}")).query(document).await;
        assert_eq!(counted(&world, reason).await, 1, "{reason}");
    }
    let named = json!({ "extensions": persisted(&sha256(SUBJECT)) });
    let wrong = json!({ "query": "{ viewer { scopes } }", "extensions": persisted(&sha256(SUBJECT)) });
    for (body, code) in
        [(&named, "PERSISTED_QUERY_NOT_FOUND"), (&wrong, "BAD_REQUEST"), (&named, "RATE_LIMITED")]
    {
        assert_eq!(Reply::of(post(&actor("caller"), body)).await.errors(), [code]);
    }
    for reason in ["unknown_id", "wrong_id", "rate"] {
        assert_eq!(counted(&world, reason).await, 1, "{reason}");
    }
    assert_eq!(counted(&world, "untrusted").await, 0);
}

/// How many documents were refused for a reason.
pub(super) async fn counted(world: &World, reason: &str) -> u64 {
    let metrics = world.metrics().await;
    let metric = format!("contact_gateway_documents_refused_total{{reason=\"{reason}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&metric));
    count.unwrap_or_else(|| panic!("{metrics}")).parse().expect("a number")
}
