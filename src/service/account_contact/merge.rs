//! What becomes of the accounts and the values of contacts that are merged.

use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};

use super::links;
use crate::{
    auth::RequestContext,
    entity::{
        Scoped,
        account_contact::Entity,
        account_contact_account::{Column as Link, Entity as Links},
        custom_field_value::{Column as Value, Entity as Values},
        id::{AccountContactId, CustomFieldId, OrganizationId},
    },
    error::AppResult,
    service::{Write, change::Diff, contact_merge::Mergeable},
};

impl Mergeable for Entity {
    /// The survivor is at the accounts of both, and has the values of both; where both have one, its own.
    async fn take_over(
        db: &Write,
        ctx: &RequestContext,
        organization: OrganizationId,
        survivor: AccountContactId,
        merged: AccountContactId,
        diff: &mut Diff,
    ) -> AppResult<()> {
        let before = links::of_contact(db, organization, survivor).await?;
        move_links(db, organization, survivor, merged).await?;
        let after = links::of_contact(db, organization, survivor).await?;
        links::note(diff, &before, &after);
        let fields = move_values(db, ctx, organization, survivor, merged).await?;
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        diff.note_new("customFieldIds", fields);
        Ok(())
    }
}

/// Also those to deleted accounts. No account is touched, so none has to be held.
async fn move_links(
    db: &Write,
    organization: OrganizationId,
    survivor: AccountContactId,
    merged: AccountContactId,
) -> AppResult<()> {
    let own = Links::find_in(organization).filter(Link::AccountContactId.eq(survivor));
    let own = own.select_only().column(Link::AccountId).into_query();
    let theirs = Link::AccountContactId.eq(merged);
    Links::update_in(organization)
        .filter(theirs.clone())
        .filter(Link::AccountId.not_in_subquery(own))
        .col_expr(Link::AccountContactId, Expr::value(survivor))
        .exec(db)
        .await?;
    Links::delete_in(organization).filter(theirs).exec(db).await?;
    Ok(())
}

/// Gives the fields whose values are the survivor's now.
async fn move_values(
    db: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    survivor: AccountContactId,
    merged: AccountContactId,
) -> AppResult<Vec<CustomFieldId>> {
    let own = Values::find_in(organization).filter(Value::AccountContactId.eq(survivor));
    let own = own.select_only().column(Value::CustomFieldId).into_query();
    let theirs = Value::AccountContactId.eq(merged);
    let moved = Values::update_in(organization)
        .filter(theirs.clone())
        .filter(Value::CustomFieldId.not_in_subquery(own))
        .col_expr(Value::AccountContactId, Expr::value(survivor))
        .col_expr(Value::UpdatedAt, Expr::value(ctx.now))
        .exec_with_returning(db)
        .await?;
    Values::delete_in(organization).filter(theirs).exec(db).await?;
    let mut fields: Vec<_> = moved.iter().map(|value| value.custom_field_id).collect();
    fields.sort_unstable();
    Ok(fields)
}
