//! Completion of a response with errors: null where a field failed, and public codes and messages.

use super::{Call, execute::Execution};
use crate::{
    graphql::{error::translate, null_completion},
    http::state::AppState,
};

/// Completes what was executed, and notes when to try again.
pub(super) fn complete(state: &AppState, call: &Call, execution: &mut Execution) {
    let Execution { result: Ok(response), document, operation_name, .. } = execution else { return };
    if !response.errors.is_empty() {
        let name = operation_name.as_deref();
        null_completion::complete(state.schema_index, response, &document.document, name);
        execution.retry_after = translate(response, call.id());
    }
}
