//! Positions in an organization's change log, as cursors and the feed carry them.

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect, prelude::DateTimeUtc};

use crate::{
    entity::{
        Scoped,
        change::{Column, Entity, Model},
        id::OrganizationId,
    },
    error::{AppError, AppResult, Code},
    service::{
        cursor::{Cursor, CursorKey, checksum},
        page::Paged,
    },
};

/// The number of a change and a check of the row that has this number.
///
/// When a standby is promoted that lacks the last commits, their numbers are given out again. The check distinguishes the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number; 0 is the start of the log.
    pub seq: i64,
    /// Unknown at the start of the log, and of a row that retention deleted or that cannot be read.
    pub check: Option<u32>,
}

impl Position {
    /// The position of a change.
    pub fn of(change: &Model) -> Self {
        Self { seq: change.seq, check: Some(check(change.seq, change.at, &change.request_id)) }
    }

    /// Reads a cursor of the list of changes.
    pub fn parse(cursor: &str) -> AppResult<Self> {
        let order = Entity::ORDER;
        Self::of_cursor(&Cursor::decode(cursor, order.name, order.keys.iter().copied())?)
    }

    /// The position that a cursor of a list of changes names, whatever the list is ordered by.
    pub(in crate::service) fn of_cursor(cursor: &Cursor) -> AppResult<Self> {
        match cursor.keys.last() {
            Some(CursorKey::Integer(seq)) => Ok(Self { seq: *seq, check: cursor.check }),
            _ => Err(AppError::Internal("a cursor of changes without a number".into())),
        }
    }

    /// Refuses a position whose change is not in the log, or not the one that the position was made of.
    ///
    /// Call it after the page behind the position was read: retention deletes the oldest changes first, so if this one is
    /// still there, the page has no gap.
    pub(in crate::service) async fn verify(
        self,
        db: &impl ConnectionTrait,
        organization: OrganizationId,
    ) -> AppResult<()> {
        let row = Entity::find_in(organization)
            .filter(Column::Seq.eq(self.seq))
            .select_only()
            .columns([Column::At, Column::RequestId])
            .into_tuple::<(DateTimeUtc, String)>()
            .one(db)
            .await?;
        match row {
            Some((at, request_id)) if self.check == Some(check(self.seq, at, &request_id)) => Ok(()),
            _ => Err(cursor_lost()),
        }
    }
}

/// The check of a row. Erasing a contact changes none of these columns.
pub(in crate::service) fn check(seq: i64, at: DateTimeUtc, request_id: &str) -> u32 {
    let mut bytes = Vec::with_capacity(16 + request_id.len());
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(&at.timestamp_micros().to_be_bytes());
    bytes.extend_from_slice(request_id.as_bytes());
    checksum(&bytes)
}

/// The error for a position that is not in the log any more.
pub(in crate::service) fn cursor_lost() -> AppError {
    let message = "The change of this cursor is no longer in the change log. \
                   Read the list again without a cursor, then follow the changes from there.";
    AppError::request(Code::CursorLost, message)
}
