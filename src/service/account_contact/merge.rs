//! What becomes of the accounts and the values of contacts that are merged.

use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};

use super::links;
use crate::{
    entity::{
        Scoped,
        account_contact::Entity,
        account_contact_account::{Column as Link, Entity as Links},
        custom_field_value::{Column as Value, Entity as Values},
        id::{AccountContactId, CustomFieldId},
    },
    error::AppResult,
    service::{WriteContext, change::Diff, contact_merge::Mergeable},
};

impl Mergeable for Entity {
    /// The survivor is at the accounts of both, and has the values of both; where both have one, its own.
    async fn take_over(
        ctx: &WriteContext<'_>,
        survivor: AccountContactId,
        merged: AccountContactId,
        diff: &mut Diff,
    ) -> AppResult<()> {
        let before = links::of_contact(ctx, survivor).await?;
        move_links(ctx, survivor, merged).await?;
        let after = links::of_contact(ctx, survivor).await?;
        links::note(diff, &before, &after);
        diff.note_new("customFieldIds", move_values(ctx, survivor, merged).await?);
        Ok(())
    }
}

/// Also those to deleted accounts. No account is touched, so none has to be held.
async fn move_links(
    ctx: &WriteContext<'_>,
    survivor: AccountContactId,
    merged: AccountContactId,
) -> AppResult<()> {
    let own = Links::find_in(ctx.organization).filter(Link::AccountContactId.eq(survivor));
    let own = own.select_only().column(Link::AccountId).into_query();
    let theirs = Link::AccountContactId.eq(merged);
    Links::update_in(ctx.organization)
        .filter(theirs.clone())
        .filter(Link::AccountId.not_in_subquery(own))
        .col_expr(Link::AccountContactId, Expr::value(survivor))
        .exec(&ctx.txn)
        .await?;
    Links::delete_in(ctx.organization).filter(theirs).exec(&ctx.txn).await?;
    Ok(())
}

/// Gives the fields whose values are the survivor's now.
async fn move_values(
    ctx: &WriteContext<'_>,
    survivor: AccountContactId,
    merged: AccountContactId,
) -> AppResult<Vec<CustomFieldId>> {
    let own = Values::find_in(ctx.organization).filter(Value::AccountContactId.eq(survivor));
    let own = own.select_only().column(Value::CustomFieldId).into_query();
    let theirs = Value::AccountContactId.eq(merged);
    let moved = Values::update_in(ctx.organization)
        .filter(theirs.clone())
        .filter(Value::CustomFieldId.not_in_subquery(own))
        .col_expr(Value::AccountContactId, Expr::value(survivor))
        .col_expr(Value::UpdatedAt, Expr::value(ctx.request.now))
        .exec_with_returning(&ctx.txn)
        .await?;
    Values::delete_in(ctx.organization).filter(theirs).exec(&ctx.txn).await?;
    let mut fields: Vec<_> = moved.iter().map(|value| value.custom_field_id).collect();
    fields.sort_unstable();
    Ok(fields)
}
