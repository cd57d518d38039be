//! The documented REST routes. Every answer that a test here gets is compared with the published OpenAPI document: its
//! status must stand there, and its body must have the schema that stands there.

mod account_contacts;
mod authenticate;
mod contact_types;
mod documented;
mod headers;
mod internal_contacts;
mod limits;
mod openapi;
mod organization_contacts;
mod refusals;
mod write_only;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Actor, Reply};

/// A caller of the routes.
#[derive(Clone)]
struct Rest {
    actor: Actor,
    document: Value,
}

impl Rest {
    async fn of(actor: Actor) -> Self {
        let document = Reply::of(actor.request(Method::GET, "/openapi.json")).await.body;
        Self { actor, document }
    }

    /// The same with another header.
    fn with(&self, name: &str, value: &str) -> Self {
        Self { actor: self.actor.clone().with_header(name, value), document: self.document.clone() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let text = body.map(|body| body.to_string());
        self.send(method, path, text.as_deref()).await
    }

    /// Sends a body as it is written.
    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> Reply {
        let mut request = self.actor.request(method.clone(), path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let reply = Reply::of(request).await;
        self.check(&method, path, &reply);
        reply
    }

    /// Fails unless the document says that the operation answers so.
    #[track_caller]
    fn check(&self, method: &Method, path: &str, reply: &Reply) {
        let operation = self.operation(method, path);
        let status = reply.status.as_str();
        let response = &operation["responses"][status];
        assert!(response.is_object(), "{method} {path} answers {status}, undocumented: {}", reply.body);
        let Some(schema) = response.pointer("/content/application~1json/schema") else {
            assert_eq!(reply.body, json!(""), "{method} {path} answers {status} with a body");
            return;
        };
        assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(reply.headers["cache-control"], "no-store");
        let schema = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<String> = validator.iter_errors(&reply.body).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [""; 0], "{method} {path} answers {status}: {:#}", reply.body);
    }

    #[track_caller]
    fn operation(&self, method: &Method, path: &str) -> &Value {
        let path = path.split('?').next().unwrap_or_default();
        let mut fitting: Vec<&String> = self.document["paths"]
            .as_object()
            .expect("paths")
            .keys()
            .filter(|pattern| fits(pattern, path))
            .collect();
        fitting.sort_by_key(|pattern| pattern.matches('{').count());
        let pattern = fitting.first().unwrap_or_else(|| panic!("{path} is not documented"));
        &self.document["paths"][pattern.as_str()][method.as_str().to_lowercase()]
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(pattern, part)| pattern.starts_with('{') || *pattern == part)
}

/// The text of a field of an answer.
#[track_caller]
fn text(reply: &Reply, pointer: &str) -> String {
    let value = reply.body.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no text at {pointer}: {} {:#}", reply.status, reply.body)).to_owned()
}
