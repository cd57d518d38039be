//! Entity tags as clients, caches and proxies send them (RFC 9110): lists, weak tags, `*`, several lines, and what is none.

use contact_gateway::{
    entity::{internal_contact_assignment::InternalRole, organization_contact::OrganizationContactType},
    service::organization_contact::Card,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::assert_helpful;
use crate::support::{Reply, World, on_both};

on_both!(
    reads_are_conditional,
    changes_are_conditional,
    deletions_are_conditional,
    every_record_has_its_tag,
    what_is_not_there_has_no_tag,
    lists_and_creations_have_no_tag,
);

type Headers<'a> = &'a [(&'a str, &'a str)];

const MATCH: &str = "if-match";
const NONE: &str = "if-none-match";

fn with(mut request: RequestBuilder, headers: Headers<'_>, version: i64) -> RequestBuilder {
    for (name, value) in headers {
        let value = value.replace("{v}", &version.to_string()).replace("{old}", &(version - 1).to_string());
        request = request.header(*name, value);
    }
    request
}

/// The message of a refusal, whichever family of routes it is of.
fn message(reply: &Reply) -> String {
    let texts = ["/message", "/detail/0/msg"].map(|it| reply.body.pointer(it).and_then(Value::as_str));
    texts.into_iter().flatten().next().unwrap_or_else(|| panic!("no message: {}", reply.body)).to_owned()
}

const READS: &[(Headers<'static>, u16)] = &[
    (&[], 200),
    (&[(NONE, "\"{v}\"")], 304),
    (&[(NONE, "W/\"{v}\"")], 304),
    (&[(NONE, "*")], 304),
    (&[(NONE, " * ")], 304),
    (&[(NONE, "\"{old}\"")], 200),
    (&[(NONE, "\"{old}\", \"{v}\"")], 304),
    (&[(NONE, "\"x\",W/\"{v}\"")], 304),
    (&[(NONE, "\"{old}\""), (NONE, "\"{v}\"")], 304),
    (&[(NONE, "\"x\""), (NONE, "\"y\"")], 200),
    (&[(NONE, ", ,\"{v}\",")], 304),
    (&[(NONE, "\"a,\\\"{v}\\\",b\"")], 200),
    (&[(NONE, "\"x,{v},y\"")], 200),
    (&[(NONE, "\"x,*,y\"")], 200),
    (&[(NONE, "\"*\"")], 200),
    (&[(NONE, "{v}")], 200),
    (&[(NONE, "w/\"{v}\"")], 200),
    (&[(NONE, "W/{v}")], 200),
    (&[(NONE, "\"{v}")], 200),
    (&[(NONE, "'{v}'")], 200),
    (&[(NONE, "\"0{v}\"")], 200),
    (&[(NONE, "\" {v} \"")], 200),
    (&[(NONE, "")], 200),
    (&[(NONE, "\"\"")], 200),
    (&[(NONE, "\"{v}-gzip\"")], 200),
    (&[("if-modified-since", "Thu, 01 Jan 2099 00:00:00 GMT")], 200),
    (&[("if-modified-since", "Thu, 01 Jan 2099 00:00:00 GMT"), (NONE, "\"{v}\"")], 304),
    (&[(MATCH, "\"{v}\"")], 200),
    (&[(MATCH, "*")], 200),
    (&[(MATCH, "\"{old}\"")], 412),
    (&[(MATCH, "W/\"{v}\"")], 412),
    (&[(MATCH, "\"{old}\", \"{v}\"")], 200),
    (&[(MATCH, "\"{old}\""), (MATCH, "\"{v}\"")], 200),
    (&[(MATCH, "\"{v}\""), (NONE, "\"{v}\"")], 304),
    (&[(MATCH, "\"{old}\""), (NONE, "\"{v}\"")], 412),
    (&[(MATCH, "{v}")], 412),
];

async fn reads_are_conditional(world: World) {
    let id = world.rows().account_contact("ada@example.com", &[]).await.id;
    let path = format!("/v1/accounts/contacts/{id}");
    let reader = world.reader();
    let full = Reply::of(reader.request(Method::GET, &path)).await;
    for (headers, status) in READS.iter().copied() {
        for method in [Method::GET, Method::HEAD] {
            let reply = Reply::of(with(reader.request(method.clone(), &path), headers, 1)).await;
            assert_eq!(reply.status, status, "{method} {headers:?}: {}", reply.body);
            assert_eq!(reply.headers["cache-control"], "no-store", "{headers:?}");
            if status != 412 {
                assert_eq!(reply.headers["etag"], "\"1\"", "{headers:?}");
            }
            match status {
                200 if method == Method::GET => assert_eq!(reply.body, full.body, "{headers:?}"),
                304 => {
                    assert_eq!(reply.body, json!(""), "{headers:?}");
                    assert!(!reply.headers.contains_key("content-type"), "{headers:?}");
                }
                412 if method == Method::GET => {
                    let message = reply.body["message"][0].as_str().or(reply.body["message"].as_str());
                    let message = message.unwrap_or_else(|| panic!("{}", reply.body));
                    assert_helpful(message, &["If-Match", "send its ETag"], &format!("{headers:?}"));
                }
                _ => {}
            }
        }
    }
}

/// Conditions of changes, whether they are met, and what the message says otherwise.
const CHANGES: &[(Headers<'static>, Result<(), &str>)] = &[
    (&[], Ok(())),
    (&[(MATCH, "\"{v}\"")], Ok(())),
    (&[(MATCH, " \"{v}\" ")], Ok(())),
    (&[(MATCH, "*")], Ok(())),
    (&[(MATCH, "\"{old}\", \"{v}\"")], Ok(())),
    (&[(MATCH, "\"{v}\",\"x\"")], Ok(())),
    (&[(MATCH, "\"{old}\""), (MATCH, "\"{v}\"")], Ok(())),
    (&[(MATCH, "W/\"{v}\", \"{v}\"")], Ok(())),
    (&[(MATCH, ",\"x\" , ,\"{v}\",")], Ok(())),
    (&[(MATCH, "\"a,b\", \"{v}\"")], Ok(())),
    (&[(MATCH, "\"{old}\"")], Err("If-Match")),
    (&[(MATCH, "\"{old}\", \"x\"")], Err("If-Match")),
    (&[(MATCH, "W/\"{v}\"")], Err("If-Match")),
    (&[(MATCH, "W/\"{v}\", W/\"{old}\"")], Err("If-Match")),
    (&[(MATCH, "{v}")], Err("If-Match")),
    (&[(MATCH, "\"{v}")], Err("If-Match")),
    (&[(MATCH, "'{v}'")], Err("If-Match")),
    (&[(MATCH, "\"0{v}\"")], Err("If-Match")),
    (&[(MATCH, "\"+{v}\"")], Err("If-Match")),
    (&[(MATCH, "\"{v}.0\"")], Err("If-Match")),
    (&[(MATCH, "\"x,{v},y\"")], Err("If-Match")),
    (&[(MATCH, "\"*\"")], Err("If-Match")),
    (&[(MATCH, "*, \"{v}\"")], Err("If-Match")),
    (&[(MATCH, "")], Err("If-Match")),
    (&[(MATCH, "\"99999999999999999999\"")], Err("If-Match")),
    (&[(MATCH, "\"{v}\" \"x\"")], Err("If-Match")),
    (&[(NONE, "\"{old}\"")], Ok(())),
    (&[(NONE, "\"x\", W/\"{old}\"")], Ok(())),
    (&[(NONE, "*")], Err("If-None-Match")),
    (&[(NONE, "\"{v}\"")], Err("If-None-Match")),
    (&[(NONE, "W/\"{v}\"")], Err("If-None-Match")),
    (&[(NONE, "\"x\""), (NONE, "\"{v}\"")], Err("If-None-Match")),
    (&[(NONE, "{v}")], Err("If-None-Match")),
    (&[(MATCH, "\"{v}\""), (NONE, "\"{old}\"")], Ok(())),
];

#[track_caller]
fn assert_refused(reply: &Reply, header: &str, headers: Headers<'_>) {
    assert_eq!(reply.status, 412, "{headers:?}: {}", reply.body);
    let text = reply.body.to_string();
    assert!(text.contains(header), "{headers:?}: {text}");
    let advice = if header == "If-Match" { "send its ETag" } else { "Omit the header" };
    assert!(text.contains(advice) && !text.contains("has changed since"), "{headers:?}: {text}");
}

async fn changes_are_conditional(world: World) {
    let id = world.rows().account_contact("ada@example.com", &[]).await.id;
    let path = format!("/v1/accounts/contacts/{id}");
    let writers = [world.writer(), world.actor("pen", &[1], &[contact_gateway::auth::Scope::ContactsWrite])];
    let mut version = 1;
    for (headers, outcome) in CHANGES.iter().copied() {
        for writer in &writers {
            let body = json!({ "lastName": format!("Name {version}") });
            let request = with(writer.request(Method::PUT, &path), headers, version).json(&body);
            match outcome {
                Ok(()) => {
                    let reply = Reply::of(request).await;
                    assert_eq!(reply.status, 200, "{headers:?}: {}", reply.body);
                    version += 1;
                    assert_eq!(reply.headers["etag"], format!("\"{version}\""), "{headers:?}");
                }
                Err(header) => {
                    let reply = world.nothing_written(Reply::of(request)).await;
                    assert_refused(&reply, header, headers);
                }
            }
        }
    }
}

async fn deletions_are_conditional(world: World) {
    for (position, (headers, outcome)) in CHANGES.iter().copied().enumerate() {
        let id = world.rows().account_contact(&format!("a{position}@example.com"), &[]).await.id;
        let path = format!("/v1/accounts/contacts/{id}");
        let reply = Reply::of(with(world.writer().request(Method::DELETE, &path), headers, 1)).await;
        match outcome {
            Ok(()) => assert_eq!(reply.status, 204, "{headers:?}: {}", reply.body),
            Err(header) => assert_refused(&reply, header, headers),
        }
    }
}

async fn every_record_has_its_tag(world: World) {
    let rows = world.rows();
    let partner = rows.partner("Globex", None).await;
    let assigned = rows.assignment("ada@example.com", InternalRole::Csm, &partner).await;
    let card = rows.organization_contact(OrganizationContactType::Technical, Card::default()).await.id.0;
    let contact_type = rows.contact_type("Legal").await.id;
    for (path, method, [field, first, second]) in [
        (
            format!("/v2/partners/{}/internal-contacts/{}", partner.id, assigned.assignment.id),
            Method::PATCH,
            ["internal_role", "lead", "co_lead"],
        ),
        (format!("/v2/internal-contacts/{}", assigned.contact.id), Method::PATCH, ["name", "A", "B"]),
        (format!("/api/v1/organisation/1/contact/{card}"), Method::PATCH, ["name", "A", "B"]),
        (format!("/v1/accounts/attributes/{contact_type}"), Method::PUT, ["value", "A", "B"]),
    ] {
        let admin = world.admin();
        let call = async |method: &Method, headers: Headers<'_>, value: Option<&str>| {
            let request = with(admin.request(method.clone(), &path), headers, 1);
            let body = value.map(|value| json!({ field: value }));
            Reply::of(match body {
                Some(body) => request.json(&body),
                None => request,
            })
            .await
        };
        // Contact types are read in lists alone.
        if !path.contains("attributes") {
            assert_eq!(call(&Method::GET, &[(NONE, "\"1\"")], None).await.status, 304, "{path}");
            assert_eq!(call(&Method::GET, &[(NONE, "\"2\"")], None).await.status, 200, "{path}");
        }
        let stale = world.nothing_written(call(&method, &[(MATCH, "\"3\", W/\"1\"")], Some(first))).await;
        assert_eq!(stale.status, 412, "{path}: {}", stale.body);
        assert_helpful(&message(&stale), &["send its ETag"], &path);
        let fresh = call(&method, &[(MATCH, "\"3\", \"1\"")], Some(first)).await;
        assert_eq!(
            (fresh.status.as_u16(), &fresh.headers["etag"]),
            (200, &"\"2\"".parse().expect("a tag")),
            "{path}"
        );
        let fresh = call(&method, &[(NONE, "\"1\", \"3\"")], Some(second)).await;
        assert_eq!(
            (fresh.status.as_u16(), &fresh.headers["etag"]),
            (200, &"\"3\"".parse().expect("a tag")),
            "{path}"
        );
        let stale = world.nothing_written(call(&Method::DELETE, &[(MATCH, "\"1\", \"2\"")], None)).await;
        assert_eq!(stale.status, 412, "{path}: {}", stale.body);
        assert_eq!(call(&Method::DELETE, &[(MATCH, "\"2\", \"3\"")], None).await.status, 204, "{path}");
    }
}

/// Conditions change nothing of what else is wrong.
async fn what_is_not_there_has_no_tag(world: World) {
    let foreign = world.other_rows().account_contact("ada@example.com", &[]).await.id;
    let own = world.rows().account_contact("ada@example.com", &[]).await.id;
    for headers in [
        &[(MATCH, "*")][..],
        &[(MATCH, "\"1\"")],
        &[(MATCH, "\"1\", \"2\"")],
        &[(MATCH, "1")],
        &[(NONE, "*")],
        &[(NONE, "\"2\"")],
    ] {
        for id in [foreign.to_string(), "ac_00000000000000000000000000".to_owned(), "x".to_owned()] {
            let path = format!("/v1/accounts/contacts/{id}");
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let mut request = with(world.writer().request(method.clone(), &path), headers, 1);
                if method == Method::PUT {
                    request = request.json(&json!({ "lastName": "A" }));
                }
                let reply = world.nothing_written(Reply::of(request)).await;
                assert_eq!(reply.status, 404, "{method} {path} {headers:?}: {}", reply.body);
            }
        }
        let path = format!("/v1/accounts/contacts/{own}");
        let request = with(world.reader().request(Method::DELETE, &path), headers, 1);
        assert_eq!(Reply::of(request).await.status, 403, "{headers:?}");
    }
}

async fn lists_and_creations_have_no_tag(world: World) {
    for (position, headers) in
        [&[(MATCH, "\"1\"")][..], &[(NONE, "\"1\"")], &[(NONE, "*")]].into_iter().enumerate()
    {
        let list = with(world.reader().request(Method::GET, "/v1/accounts/contacts"), headers, 1);
        assert_eq!(Reply::of(list).await.status, 200, "{headers:?}");
        let body = json!({ "firstName": "A", "email": format!("a{position}@example.com") });
        let create =
            with(world.writer().request(Method::POST, "/v1/accounts/contacts"), headers, 1).json(&body);
        assert_eq!(Reply::of(create).await.status, 201, "{headers:?}");
    }
}
