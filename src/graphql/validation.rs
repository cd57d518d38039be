//! Validating documents that nobody executes, when the gateway starts.

use std::sync::Arc;

use async_graphql::{
    Request, Response, ServerError,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
    parser::types::ExecutableDocument,
};

use super::{Schema, builder};

/// A schema of its own: an extension on the one that answers requests would make every field of them slower.
pub(super) struct Validator(Schema);

impl Validator {
    #[expect(clippy::disallowed_methods, reason = "no request is answered by this schema")]
    pub(super) fn new() -> Self {
        Self(builder().extension(ExecuteNothing).finish())
    }

    /// The first error of a document that does not fit the schema, whatever its variables may be.
    pub(super) async fn first_error(&self, document: ExecutableDocument) -> Option<ServerError> {
        let mut request = Request::new("");
        // With several operations one has to be selected. All of them are validated.
        request.operation_name =
            document.operations.iter().find_map(|(name, _)| name.map(ToString::to_string));
        request.set_parsed_query(document);
        // Operations are validated in no order.
        self.0.execute(request).await.errors.into_iter().min_by_key(|error| error.locations.first().copied())
    }
}

/// Answers where execution would begin.
struct ExecuteNothing;

impl ExtensionFactory for ExecuteNothing {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ExecuteNothing {
    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
}
