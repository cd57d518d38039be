//! A gateway in process: documents are parsed, executed and written to JSON as the HTTP handler does it, without a network.

use async_graphql::{Request, Variables};
use chrono::Utc;
use contact_gateway::{
    auth::{Caller, RequestContext, Scopes},
    graphql::{Gateway, Introspection, Schema, document::Documents, response, schema},
    service::Database,
};
use tokio::runtime::Runtime;

/// A gateway on a database.
pub(crate) struct InProcess {
    runtime: Runtime,
    schema: Schema,
    documents: Documents,
    db: Database,
}

/// The context of a caller with all scopes in organization 1, now.
pub(crate) fn context() -> RequestContext {
    let now = Utc::now();
    let caller = Caller {
        subject: "bench".to_owned(),
        scopes: Scopes::all(),
        organizations: vec![1],
        organization: Some(1),
        expires_at: now,
        claims_read: None,
    };
    RequestContext::new("bench", now, caller)
}

impl InProcess {
    pub(crate) fn new(runtime: Runtime, db: Database) -> Self {
        Self { runtime, schema: schema(Introspection::Off), documents: Documents::default(), db }
    }

    /// The answer to a document with variables, which come as the text that a client sends.
    pub(crate) fn answer(&self, query: &str, variables: &str) -> Vec<u8> {
        self.runtime.block_on(async {
            let variables: Variables = serde_json::from_str(variables).expect("variables");
            let parsed = self.documents.parse(query).expect("a document");
            let gateway = Gateway::new(context(), &self.db, parsed.names.clone(), 0);
            let mut request = Request::new(query).variables(variables).data(gateway);
            request.set_parsed_query(parsed.for_request(None, &request.variables));
            let answer = self.schema.execute(request).await;
            assert!(answer.errors.is_empty(), "{:?}", answer.errors);
            let mut json = Vec::new();
            response::write(&answer, Some((&parsed.document, None)), &mut json).expect("JSON");
            json
        })
    }
}
