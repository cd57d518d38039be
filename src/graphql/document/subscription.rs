//! What holds for subscriptions only.

use async_graphql::{
    Positioned, ServerError,
    parser::types::{OperationDefinition, OperationType, Selection},
};

/// Where a subscription selects anything but one field. The specification wants one; that it is not in a fragment, and
/// under no condition, is what async-graphql needs.
pub fn misfit_subscription(operation: &Positioned<OperationDefinition>) -> Option<ServerError> {
    if operation.node.ty != OperationType::Subscription {
        return None;
    }
    let refused = |message, pos| Some(ServerError::new(message, Some(pos)));
    match &operation.node.selection_set.node.items[..] {
        [selection] => match &selection.node {
            Selection::Field(field) if field.node.name.node.starts_with("__") => {
                refused("A subscription cannot ask for the schema.", selection.pos)
            }
            Selection::Field(field) if field.node.directives.is_empty() => None,
            Selection::Field(_) => refused("The field of a subscription takes no directives.", selection.pos),
            _ => {
                refused("Select the field of a subscription itself, not by way of a fragment.", selection.pos)
            }
        },
        _ => {
            refused("A subscription selects one field; send another one for each other field.", operation.pos)
        }
    }
}
