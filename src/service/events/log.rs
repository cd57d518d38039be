//! Reading the change log behind a position, with a check that nothing is missing.

use std::sync::Arc;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, FromQueryResult, Iterable, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, sea_query::Expr,
};

use crate::{
    entity::{
        Scoped,
        change::{Column, Entity, Model},
        change_counter,
        id::OrganizationId,
    },
    error::AppResult,
    service::change::{Position, check},
};

/// A change of the log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: Position,
    /// `None` when the row cannot be decoded.
    pub(super) change: Option<Arc<Model>>,
}

/// The outcome of reading after a position.
#[derive(Debug)]
pub(super) enum Read {
    /// The next changes, in order and without a gap; none at the end of the log.
    Changes(Vec<Entry>),
    /// The log does not continue after this position.
    Lost(Loss),
}

/// Why the log does not continue after a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The number belongs to another change now, or is beyond the last one: the database lost changes.
    Replaced,
    /// Retention deleted changes behind the position.
    Deleted,
    /// Changes behind the position are missing, and nobody deleted them.
    Gap,
}

/// The end of the log.
pub(super) async fn end(db: &impl ConnectionTrait, organization: OrganizationId) -> AppResult<Position> {
    let seq = counter(db, organization).await?.0;
    let row = Entity::find_in(organization)
        .filter(Column::Seq.eq(seq))
        .select_only()
        .columns([Column::Seq, Column::At, Column::RequestId])
        .into_query();
    let end = db.query_one(&row).await?.as_ref().map(position_of).transpose()?;
    Ok(end.unwrap_or(Position { seq, check: None }))
}

/// At most `limit` changes behind a position, of a log that is believed to reach to the number `through`.
pub(super) async fn read_after(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    position: Position,
    through: i64,
    limit: u64,
) -> AppResult<Read> {
    let read = read_once(db, organization, position, through, limit).await?;
    if !matches!(read, Read::Lost(Loss::Gap)) {
        return Ok(read);
    }
    // `through` may be older than a failover that lost the changes behind the position.
    let (last, _) = counter(db, organization).await?;
    read_once(db, organization, position, last, limit).await
}

async fn read_once(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    position: Position,
    through: i64,
    limit: u64,
) -> AppResult<Read> {
    // From the position itself on, so that its row is checked in the same snapshot.
    let rows = Entity::find_in(organization)
        .filter(Column::Seq.gte(position.seq))
        .select_only()
        .columns(Column::iter().filter(|column| !matches!(column, Column::Fields)))
        .expr_as(fields_after(position), "fields")
        .order_by_asc(Column::Seq)
        .limit(limit + 1)
        .into_query();
    let rows = db.query_all(&rows).await?;
    let mut rows = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    match rows.first() {
        Some(own) if own.position.seq == position.seq => {
            let is_another = own.position.check.zip(position.check).is_some_and(|(is, was)| is != was);
            if is_another {
                return Ok(Read::Lost(Loss::Replaced));
            }
            rows.remove(0);
        }
        _ => {
            let (last, deleted_through) = counter(db, organization).await?;
            if position.seq > last {
                return Ok(Read::Lost(Loss::Replaced));
            }
            if position.seq < deleted_through {
                return Ok(Read::Lost(Loss::Deleted));
            }
            if position.seq > deleted_through {
                return Ok(Read::Lost(Loss::Gap));
            }
        }
    }
    let expected = position.seq + 1;
    let contiguous = rows.iter().zip(expected..).take_while(|(row, seq)| row.position.seq == *seq).count();
    if contiguous == 0 && (!rows.is_empty() || through >= expected) {
        return Ok(Read::Lost(Loss::Gap));
    }
    rows.truncate(contiguous);
    Ok(Read::Changes(rows))
}

/// The column `fields` of the rows behind a position. Of the row at the position only the other columns are needed, and
/// `fields` may be large.
fn fields_after(position: Position) -> Expr {
    Expr::case(Column::Seq.ne(position.seq), Column::Fields.into_expr()).into()
}

/// The last number of an organization, and the last one that retention deleted.
async fn counter(db: &impl ConnectionTrait, organization: OrganizationId) -> Result<(i64, i64), DbErr> {
    let row = change_counter::Entity::find_in(organization).one(db).await?;
    Ok(row.map_or((0, 0), |row| (row.seq, row.deleted_through)))
}

/// Decodes one row. A row that cannot be decoded becomes an entry without its change, and the others stay readable.
fn entry(row: &QueryResult) -> Result<Entry, DbErr> {
    let change = Model::from_query_result(row, "").ok().map(Arc::new);
    Ok(Entry { position: position_of(row)?, change })
}

fn position_of(row: &QueryResult) -> Result<Position, DbErr> {
    let seq = row.try_get("", "seq")?;
    let checked = row.try_get("", "at").ok().zip(row.try_get::<String>("", "request_id").ok());
    Ok(Position { seq, check: checked.map(|(at, request_id)| check(seq, at, &request_id)) })
}
