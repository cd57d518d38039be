//! Documents by their ids: automatic ones, and trusted ones from a manifest. docs/documents.md describes them.

mod automatic;
mod log;
mod manifests;
mod trusted;

use std::fs;

use contact_gateway::config;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::support::{Actor, Reply, World};

const SUBJECT: &str = "query Subject { viewer { subject } }";
const CREATE: &str =
    "mutation Create($name: String!) { createPartner(input: { name: $name }) { partner { name } } }";
const GRAPHQL: &str = "application/graphql-response+json";

fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// An id as Apollo's clients send it.
fn persisted(id: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": id } })
}

fn post(actor: &Actor, body: &Value) -> RequestBuilder {
    actor.request(Method::POST, "/graphql").json(body)
}

/// The same request by GET: objects as JSON.
fn get(actor: &Actor, body: &Value) -> RequestBuilder {
    let parameters = body.as_object().expect("an object").iter();
    let parameters = parameters
        .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    actor.request(Method::GET, &format!("/graphql?{query}"))
}

/// The answers to a request by POST and by GET.
async fn both_ways(actor: &Actor, body: &Value) -> [Reply; 2] {
    [Reply::of(post(actor, body)).await, Reply::of(get(actor, body)).await]
}

/// The configuration of documents with a manifest of this content.
fn configured(manifest: &Value, mode: &str) -> config::Documents {
    let folder = tempfile::tempdir().expect("a folder");
    let (settings, file) = (folder.path().join("gateway.toml"), folder.path().join("documents.json"));
    fs::write(&file, manifest.to_string()).expect("a file");
    let text = format!("[documents]\nmanifest = \"{}\"\nmode = \"{mode}\"", file.display());
    fs::write(&settings, text).expect("a file");
    config::load(Some(&settings), []).expect("a configuration").documents
}

/// A gateway with a manifest.
async fn trusting(world: World, manifest: &Value, mode: &str) -> World {
    let documents = configured(manifest, mode);
    world.restarted(|config| config.documents = documents).await
}
