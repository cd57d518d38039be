//! The record of changes: what was changed, by whom, in which request. Written in the transaction of the change itself.

mod position;

use std::collections::HashMap;

use sea_orm::{ActiveValue, NotSet, Set, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Database, ListRequest, Page, ReadContext, WriteContext,
    cursor::{CursorKey, Order},
    filter,
    page::{self, Paged, ParentRelation},
    reading,
    record::Recorded,
};
use crate::{
    auth::RequestContext,
    entity::{
        Columns,
        change::{ActiveModel, Column, Entity, Model},
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
pub struct Diff(Map<String, Json>);

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

    /// The same of an email address, which has a column for its text and one for its key.
    pub(super) fn set_email<T>(
        &mut self,
        text: &mut ActiveValue<T>,
        key: &mut ActiveValue<T>,
        new: Option<(T, T)>,
    ) where
        T: Into<Value> + PartialEq + Serialize,
    {
        if let Some((new_text, new_key)) = new {
            self.set("email", text, Some(new_text));
            key.set_if_not_equals(new_key);
        }
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

impl Change {
    /// What happened to a record.
    pub(super) fn of<E: Recorded>(id: E::Id, action: Action, diff: Diff) -> Self {
        Self { kind: E::KIND, id: id.to_string(), action, diff }
    }
}

/// Records any number of changes, in this order; they are written at the commit.
pub(super) fn record_all(ctx: &WriteContext<'_>, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        ctx.txn.record(ctx.organization, row(ctx, change));
    }
}

fn row(ctx: &WriteContext<'_>, change: Change) -> ActiveModel {
    ActiveModel {
        org_id: Set(ctx.organization),
        seq: NotSet,
        at: Set(ctx.request.now),
        actor: Set(ctx.request.caller.subject.clone()),
        entity_kind: Set(change.kind.to_owned()),
        entity_id: Set(change.id),
        action: Set(change.action.as_str().to_owned()),
        fields: Set(Json::Object(change.diff.0).into()),
        request_id: Set(ctx.request.request_id.clone()),
    }
}

/// For each global id what was done to the thing that has it.
pub async fn of_entities(
    ctx: ReadContext<'_>,
    ids: &[String],
    list: &ListRequest,
) -> AppResult<HashMap<String, Page<Model>>> {
    let relation = ParentRelation::column(Column::EntityId);
    let pages = reading::pages::<Entity, _>(ctx, relation, ids, Columns::all(), list).await?;
    verify_cursor(ctx, list).await?;
    Ok(pages)
}

/// The organization's changes, oldest first.
pub async fn list(db: &Database, request: &RequestContext, list: &ListRequest) -> AppResult<Page<Model>> {
    let ctx = ReadContext::authorize(db, request)?;
    let select = filter::rows::<Entity>(ctx, list.filter.as_ref()).await?;
    let page = page::page(ctx.db, select, Columns::all(), &list.page).await?;
    verify_cursor(ctx, list).await?;
    Ok(page)
}

/// Rejects the cursor that a page began at, when its change is not in the log any more.
async fn verify_cursor(ctx: ReadContext<'_>, list: &ListRequest) -> AppResult<()> {
    match list.page.whole_cursor() {
        Some(cursor) => Position::of_cursor(cursor)?.verify(ctx.db, ctx.organization).await,
        None => Ok(()),
    }
}
