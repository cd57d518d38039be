//! The record of changes: what was changed, by whom, in which request. Written in the transaction of the change itself.

mod position;

use std::collections::HashMap;

use sea_orm::{ActiveValue, NotSet, Set, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Database, ListRequest, Page, Write, authorize_read,
    cursor::{CursorKey, Order},
    filter,
    page::{self, Paged, ParentRelation},
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns,
        change::{ActiveModel, Column, Entity, Model},
        id::OrganizationId,
    },
    error::AppResult,
};

pub use self::position::Position;
pub(super) use self::position::{check, cursor_lost};

impl Paged for Entity {
    const ORDER: Order = Order::by_integer("change");

    fn key_column() -> Column {
        Column::Seq
    }

    fn key(row: &Model) -> CursorKey {
        CursorKey::Integer(row.seq)
    }

    fn check(row: &Model) -> Option<u32> {
        Position::of(row).check
    }
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Created,
    /// Some of its fields were changed.
    Updated,
    /// It was deleted.
    Deleted,
    /// It was deleted and is back.
    Restored,
    /// Another one was merged into it, or it into another one.
    Merged,
    /// It was removed for good.
    Erased,
}

impl Action {
    const ALL: [Self; 6] =
        [Self::Created, Self::Updated, Self::Deleted, Self::Restored, Self::Merged, Self::Erased];

    /// The action of this name in the log.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Merged => "merged",
            Self::Erased => "erased",
        }
    }
}

/// The fields that a change touches, with old and new values, by their public names.
#[derive(Debug, Default)]
pub(super) struct Diff(Map<String, Json>);

impl Diff {
    /// Puts `new`, where there is one and it differs, into a column of a row that was read or is being made.
    pub(super) fn set<T>(&mut self, field: &str, column: &mut ActiveValue<T>, new: Option<T>)
    where
        T: Into<Value> + PartialEq + Serialize,
    {
        let Some(new) = new else { return };
        match column.try_as_ref() {
            Some(old) if *old == new => return,
            Some(old) => self.note(field, old, &new),
            None => self.note_new(field, &new),
        }
        *column = Set(new);
    }

    /// Notes a field that is not a column of the row itself, such as its links.
    pub(super) fn note(&mut self, field: &str, old: impl Serialize, new: impl Serialize) {
        self.0.insert(field.to_owned(), json!({ "old": old, "new": new }));
    }

    /// Notes a field of a new row; nothing when it has no value.
    pub(super) fn created(mut self, field: &str, new: impl Serialize) -> Self {
        self.note_new(field, new);
        self
    }

    /// Notes a field of a row that is no more; nothing when it had no value.
    pub(super) fn removed(mut self, field: &str, old: impl Serialize) -> Self {
        self.note_one(field, "old", old);
        self
    }

    /// The same fields as those of a new row, which has no old values.
    pub(super) fn of_creation(mut self) -> Self {
        for change in self.0.values_mut() {
            change.as_object_mut().and_then(|change| change.remove("old"));
        }
        self
    }

    /// Notes what a field has now that it had not; nothing when that is nothing.
    pub(super) fn note_new(&mut self, field: &str, new: impl Serialize) {
        self.note_one(field, "new", new);
    }

    fn note_one(&mut self, field: &str, side: &str, value: impl Serialize) {
        let value = json!(value);
        let is_nothing = match &value {
            Json::Null => true,
            Json::Array(items) => items.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if !is_nothing {
            self.0.insert(field.to_owned(), json!({ side: value }));
        }
    }

    /// Whether nothing would change.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Records one change; it is written at the commit.
pub(super) fn record(
    write: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    (kind, id): (&'static str, String),
    action: Action,
    diff: Diff,
) {
    record_all(write, ctx, organization, [Change { kind, id, action, diff }]);
}

/// A change that is not recorded yet.
pub(super) struct Change {
    /// The type of the row that clients see.
    pub(super) kind: &'static str,
    /// The public id of the row.
    pub(super) id: String,
    /// What happened to it.
    pub(super) action: Action,
    /// Its fields, old and new.
    pub(super) diff: Diff,
}

/// Records any number of changes, in this order; they are written at the commit.
pub(super) fn record_all(
    write: &Write,
    ctx: &RequestContext,
    organization: OrganizationId,
    changes: impl IntoIterator<Item = Change>,
) {
    for change in changes {
        write.record(organization, row(ctx, organization, change));
    }
}

fn row(ctx: &RequestContext, organization: OrganizationId, change: Change) -> ActiveModel {
    ActiveModel {
        org_id: Set(organization),
        seq: NotSet,
        at: Set(ctx.now),
        actor: Set(ctx.caller.subject.clone()),
        entity_kind: Set(change.kind.to_owned()),
        entity_id: Set(change.id),
        action: Set(change.action.as_str().to_owned()),
        fields: Set(Json::Object(change.diff.0).into()),
        request_id: Set(ctx.request_id.clone()),
    }
}

/// For each global id what was done to the thing that has it.
pub async fn of_entities(
    db: &Database,
    organization: OrganizationId,
    ids: &[String],
    list: &ListRequest,
) -> AppResult<HashMap<String, Page<Model>>> {
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let relation = ParentRelation::column(Column::EntityId);
    let pages = page::pages(db.connection(), (select, Columns::all()), relation, ids, &list.page).await?;
    verify_cursor(db, organization, list).await?;
    Ok(pages)
}

/// The organization's changes, oldest first.
pub async fn list(db: &Database, ctx: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let organization = authorize_read(ctx)?;
    let select = filter::rows::<Entity>(db.connection(), organization, list.filter.as_ref()).await?;
    let page = page::page(db.connection(), select, Columns::all(), &list.page).await?;
    verify_cursor(db, organization, list).await?;
    Ok(page)
}

/// Refuses the cursor that a page began at, when its change is not in the log any more.
async fn verify_cursor(db: &Database, organization: OrganizationId, list: &ListRequest) -> AppResult<()> {
    match list.page.whole_cursor() {
        Some(cursor) => Position::of_cursor(cursor)?.verify(db.connection(), organization).await,
        None => Ok(()),
    }
}
