//! A client of the gateway with its token and headers.

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::Reply;

/// A caller of the gateway. Cheap to clone; what is changed is changed for the clone alone.
#[derive(Clone)]
pub(crate) struct Actor {
    client: Client,
    address: SocketAddr,
    headers: HeaderMap,
}

impl Actor {
    pub(super) fn new(address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
        Self { client, address, headers: HeaderMap::new() }
    }

    /// The same with another token.
    pub(crate) fn with_token(self, token: &str) -> Self {
        self.with_header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// The token.
    pub(crate) fn token(&self) -> String {
        let value = self.headers[AUTHORIZATION].to_str().expect("a text");
        value.strip_prefix("Bearer ").expect("a token").to_owned()
    }

    /// The same, selecting an organization: `org_2` or `2`.
    pub(crate) fn in_organization(self, organization: &str) -> Self {
        self.with_header("x-org-id", organization)
    }

    /// The same with a header, in place of the one of this name.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// The same, asking a gateway that listens elsewhere.
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// A request of any kind, with this actor's headers, such as `request(Method::GET, "/healthz")`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).headers(self.headers.clone())
    }

    /// A document without variables.
    pub(crate) async fn query(&self, document: &str) -> Reply {
        self.graphql(document, json!({})).await
    }

    /// A document with variables.
    pub(crate) async fn graphql(&self, document: &str, variables: Value) -> Reply {
        let body = json!({ "query": document, "variables": variables });
        Reply::of(self.request(Method::POST, "/graphql").json(&body)).await
    }

    /// A mutation with one input, selecting `selection` and the user errors: see [`Reply::user_errors`].
    pub(crate) async fn mutate(&self, mutation: &str, input: Value, selection: &str) -> Reply {
        let (first, rest) = mutation.split_at(1);
        let document = format!(
            "mutation($input: {}{rest}Input!) {{ {mutation}(input: $input) {{ \
             {selection} userErrors {{ code message field index }} }} }}",
            first.to_ascii_uppercase()
        );
        self.graphql(&document, json!({ "input": input })).await
    }
}
