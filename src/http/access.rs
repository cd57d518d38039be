//! The access log line and the metrics of a finished request.
//!
//! Never a variable, a document or a token, and nothing of a person but the client's address: subjects are often email
//! addresses.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use axum::http::{Method, StatusCode};

use super::{
    authenticate::RequestId,
    executor::{ExecutionOutcome, code},
    metrics::Metrics,
    request_error::RequestError,
};
use crate::{graphql::document::Reason, service::QueryStats};

/// The most bytes of an operation's name in the log: the client chooses it.
const MAX_NAME: usize = 64;
/// How deep fragments are followed to the first field of an operation.
const MAX_SPREADS: usize = 10;

/// The data of a request for the log and the metrics, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct RequestMetadata {
    /// The address that it comes from.
    pub(super) client: OnceLock<IpAddr>,
    /// The number of the organization it acts in.
    pub(super) organization: OnceLock<i64>,
    /// What the client calls its operation.
    pub(super) operation: OnceLock<String>,
    /// The field of the root that it was executed for; one of the schema's, so there are not many.
    pub(super) field: OnceLock<String>,
    /// OK, or the code of its first error.
    pub(super) outcome: OnceLock<String>,
    /// What its document was refused for.
    pub(super) refused: OnceLock<Reason>,
    /// Set when its document is not trusted, and is executed nevertheless.
    pub(super) untrusted: OnceLock<()>,
    /// Its SQL statements.
    pub(super) query_stats: Arc<QueryStats>,
}

impl RequestMetadata {
    /// Nothing but the client's address is known yet.
    pub(super) fn of(client: Option<IpAddr>) -> Self {
        Self { client: client.map(OnceLock::from).unwrap_or_default(), ..Self::default() }
    }

    /// The document's operation of this name is asked for; without a name, its only one.
    pub(super) fn set_operation(&self, document: &ExecutableDocument, name: Option<&str>) {
        let name = name.or_else(|| document.operations.iter().find_map(|(name, _)| name.map(|it| &**it)));
        if let Some(name) = name {
            let name = name.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '_').take(MAX_NAME);
            _ = self.operation.set(name.collect());
        }
    }

    /// The operation was executed.
    pub(super) fn set_field(&self, document: &ExecutableDocument, operation: &OperationDefinition) {
        let first = first_field(document, &operation.selection_set.node, MAX_SPREADS);
        if let Some(first) = first {
            _ = self.field.set(first.to_owned());
        }
    }

    /// The request has an answer with this error, or with none.
    pub(super) fn set_outcome(&self, code: Option<&str>) {
        _ = self.outcome.set(code.unwrap_or("OK").to_owned());
    }
}

/// Notes what became of an operation.
pub(super) fn record_outcome(metadata: &RequestMetadata, outcome: Result<&ExecutionOutcome, &RequestError>) {
    let code = match outcome {
        Ok(ExecutionOutcome::Response(response)) => response.code.clone(),
        Ok(ExecutionOutcome::Events(_)) => None,
        Err(error) => error.errors.first().map(code),
    };
    metadata.set_outcome(code.as_deref());
    if let Err(RequestError { reason: Some(reason), .. }) = outcome {
        _ = metadata.refused.set(*reason);
    }
}

/// Most operations have one field. The first represents the others, so that there are no more label values than fields.
fn first_field<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    spreads: usize,
) -> Option<&'a str> {
    set.items.iter().find_map(|item| match &item.node {
        Selection::Field(field) => Some(&*field.node.name.node),
        Selection::InlineFragment(it) => first_field(document, &it.node.selection_set.node, spreads),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node)?;
            first_field(document, &fragment.node.selection_set.node, spreads.checked_sub(1)?)
        }
    })
}

/// A request under way. When this is dropped, the request has ended; without a status, because its client left.
pub(super) struct Access {
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// The pattern of the path, never the path: that may hold anything.
    pub(super) route: String,
    pub(super) begin: Instant,
    pub(super) metadata: Arc<RequestMetadata>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Option<StatusCode>,
}

impl Drop for Access {
    fn drop(&mut self) {
        let took = self.begin.elapsed();
        self.metrics.record(&self.metadata, self.status, took);
        let metadata = &self.metadata;
        let field = |text: &'_ OnceLock<String>| text.get().cloned();
        // The names of these fields are explained in docs/operations.md.
        tracing::info!(
            target: "contact_gateway::access",
            request_id = self.id.as_str(),
            client_address = metadata.client.get().map(tracing::field::display),
            method = self.method.as_str(),
            route = self.route,
            status = self.status.map(|status| status.as_u16()),
            duration_ms = took.as_secs_f64() * 1000.0,
            organization = metadata.organization.get(),
            operation = field(&metadata.operation),
            field = field(&metadata.field),
            outcome = field(&metadata.outcome),
            statements = metadata.query_stats.statements(),
        );
    }
}
