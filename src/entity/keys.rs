//! Sets of keys as one parameter, so that a statement's text does not change with the number of keys.
//!
//! An `IN` list is another text for each length, and each is prepared anew. Here the set is one array on PostgreSQL
//! and one JSON array on SQLite. Use these instead of `is_in` wherever the keys come from a page or a loader. Knows
//! sea_orm's query builder and the ids, nothing else.

use sea_orm::{
    DbBackend, Value,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait, Func, Query, SelectStatement, ValueType, extension::postgres::PgFunc},
};

use super::id::TypedId;

/// The name of the set inside its own statement.
const SET: &str = "keys";

/// A value that can be a member of a set of keys: UUIDs, integers, texts, and typed ids.
pub trait Key: Into<Value> + ValueType {
    /// What SQLite must do to turn a member of the JSON array into the value that the column holds.
    fn from_json(member: Expr) -> Expr;

    /// Appends the key to a JSON array.
    fn push_json(&self, array: &mut String);
}

impl Key for Uuid {
    fn from_json(member: Expr) -> Expr {
        Func::cust("unhex").arg(member).into()
    }

    fn push_json(&self, array: &mut String) {
        let mut digits = Uuid::encode_buffer();
        array.push('"');
        array.push_str(self.simple().encode_lower(&mut digits));
        array.push('"');
    }
}

impl Key for i64 {
    fn from_json(member: Expr) -> Expr {
        member
    }

    fn push_json(&self, array: &mut String) {
        array.push_str(&self.to_string());
    }
}

impl Key for String {
    fn from_json(member: Expr) -> Expr {
        member
    }

    fn push_json(&self, array: &mut String) {
        array.push_str(&serde_json::Value::from(self.as_str()).to_string());
    }
}

impl<I> Key for I
where
    I: TypedId<Key: Key> + Into<Value> + ValueType,
{
    fn from_json(member: Expr) -> Expr {
        <I::Key as Key>::from_json(member)
    }

    fn push_json(&self, array: &mut String) {
        self.key().push_json(array);
    }
}

/// The condition that `column` is one of `keys`: `column = ANY($1)`, on SQLite `column IN (SELECT … FROM json_each(?))`.
pub fn keys_in<K: Key>(
    backend: DbBackend,
    column: impl Into<Expr>,
    keys: impl IntoIterator<Item = K>,
) -> Expr {
    let column = column.into();
    if backend == DbBackend::Sqlite {
        column.in_subquery(keys_table(backend, keys))
    } else {
        column.eq(PgFunc::any(array(keys)))
    }
}

/// The condition that two columns together hold one of `pairs`.
pub fn pairs_in<A: Key, B: Key>(
    backend: DbBackend,
    columns: [Expr; 2],
    pairs: impl IntoIterator<Item = (A, B)>,
) -> Expr {
    let mut select = Query::select();
    if backend == DbBackend::Sqlite {
        let mut json = String::from("[");
        for (position, (a, b)) in pairs.into_iter().enumerate() {
            json.push_str(if position == 0 { "[" } else { ",[" });
            a.push_json(&mut json);
            json.push(',');
            b.push_json(&mut json);
            json.push(']');
        }
        json.push(']');
        let member = |position: u8| Expr::cust(format!("\"value\" ->> {position}"));
        select.exprs([A::from_json(member(0)), B::from_json(member(1))]);
        select.from_function(Func::cust("json_each").arg(json), SET);
    } else {
        let (a, b): (Vec<A>, Vec<B>) = pairs.into_iter().unzip();
        select.exprs([Func::cust("unnest").arg(array(a)), Func::cust("unnest").arg(array(b))]);
    }
    Expr::tuple(columns).in_subquery(select)
}

/// The keys as a table of one column `id`, to join others to, laterally where the database can:
/// `SELECT keys AS id FROM unnest($1) AS keys`, on SQLite `SELECT … AS id FROM json_each(?) AS keys`.
pub fn keys_table<K: Key>(backend: DbBackend, keys: impl IntoIterator<Item = K>) -> SelectStatement {
    let (function, member) = if backend == DbBackend::Sqlite {
        (Func::cust("json_each").arg(json(keys)), K::from_json(Expr::col((SET, "value"))))
    } else {
        (Func::cust("unnest").arg(array(keys)), Expr::col(SET))
    };
    Query::select().expr_as(member, "id").from_function(function, SET).take()
}

fn array<K: Key>(keys: impl IntoIterator<Item = K>) -> Value {
    Value::Array(K::array_type(), Some(Box::new(keys.into_iter().map(Into::into).collect())))
}

fn json<K: Key>(keys: impl IntoIterator<Item = K>) -> String {
    let mut array = String::from("[");
    for (position, key) in keys.into_iter().enumerate() {
        if position > 0 {
            array.push(',');
        }
        key.push_json(&mut array);
    }
    array.push(']');
    array
}
