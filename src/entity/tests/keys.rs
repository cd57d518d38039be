//! Sets of keys find what they should, by one text whatever their number.

use sea_orm::{
    ConnectionTrait, DbBackend, JoinType, QueryOrder, QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, IntoCondition, Query, SelectStatement},
};

use super::*;

fn partners_by_id(backend: DbBackend, ids: &[PartnerId]) -> Select<partner::Entity> {
    let chosen = keys_in(backend, Expr::col(partner::Column::Id), ids.iter().copied());
    partner::Entity::find_in(ORG).filter(chosen).order_by_asc(partner::Column::Id)
}

#[test]
fn the_text_does_not_change_with_the_number_of_keys() {
    for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
        let text = |count| {
            let ids: Vec<PartnerId> = (0..count).map(|_| PartnerId(uuid())).collect();
            partners_by_id(backend, &ids).build(backend).sql
        };
        assert_eq!(text(0), text(1));
        assert_eq!(text(1), text(100));
    }
    let condition = |backend: DbBackend| {
        let chosen = keys_in(backend, Expr::col("n"), [1_i64, 2]);
        let statement = Query::select().column("n").from("t").and_where(chosen).take();
        backend.build(&statement).sql
    };
    assert_eq!(condition(DbBackend::Postgres), r#"SELECT "n" FROM "t" WHERE "n" = ANY($1)"#);
    assert_eq!(
        condition(DbBackend::Sqlite),
        r#"SELECT "n" FROM "t" WHERE "n" IN (SELECT "keys"."value" AS "id" FROM json_each(?) AS "keys")"#
    );
}

#[tokio::test]
async fn uuids_find_their_rows() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let mut partners = Vec::new();
        for _ in 0..3 {
            partners.push(insert(&db, partner(ORG)).await?);
        }
        let foreign = insert(&db, partner(OTHER)).await?;
        let find = |ids: Vec<PartnerId>| partners_by_id(db.get_database_backend(), &ids).all(&db);

        assert!(find(vec![]).await?.is_empty());
        assert_eq!(find(vec![partners[1].id]).await?, partners[1..2]);
        assert_eq!(
            find(vec![partners[2].id, foreign.id, PartnerId(uuid()), partners[1].id]).await?,
            partners[1..]
        );
    }
    Ok(())
}

#[tokio::test]
async fn numbers_and_texts_find_their_rows() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let backend = db.get_database_backend();
        let chosen = keys_in(backend, Expr::col(organization::Column::Id), [ORG, OrganizationId(i64::MAX)]);
        assert_eq!(organization::Entity::find_in(ORG).filter(chosen).all(&db).await?.len(), 1);

        let odd = "a\"b'c\\d/é😀,]".to_owned();
        let named = insert(&db, partner::Model { name: odd.clone(), ..partner(ORG) }).await?;
        insert(&db, partner(ORG)).await?;
        let chosen = keys_in(backend, Expr::col(partner::Column::Name), [odd, "none".to_owned()]);
        assert_eq!(partner::Entity::find_in(ORG).filter(chosen).all(&db).await?, [named]);
    }
    Ok(())
}

/// The first assignment of each partner, by whatever the database has for it.
fn first_assignments(backend: DbBackend, partners: &[PartnerId]) -> SelectStatement {
    let keys = keys_table(backend, partners.iter().copied());
    let of_key = Expr::col("partner_id").eq(Expr::col(("keys", "id")));
    let mut assignments = Query::select();
    assignments.column("internal_role").column("partner_id").from("internal_contact_assignment");
    let mut statement = Query::select();
    statement
        .column("internal_role")
        .from_subquery(keys, "keys")
        .order_by(("keys", "id"), sea_orm::Order::Asc);
    if backend == DbBackend::Sqlite {
        statement.join(JoinType::InnerJoin, "internal_contact_assignment", of_key);
    } else {
        let first = assignments.and_where(of_key).limit(1).take();
        statement.join_lateral(JoinType::InnerJoin, first, "first", Expr::value(true).into_condition());
    }
    statement
}

#[tokio::test]
async fn keys_can_be_joined_as_a_table() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let person = insert(&db, internal_contact()).await?;
        let mut partners = Vec::new();
        for role in [InternalRole::Lead, InternalRole::Csm] {
            let partner = insert(&db, partner(ORG)).await?;
            insert(&db, assignment(person.id, Some(partner.id), role)).await?;
            partners.push(partner.id);
        }
        let rows = db.query_all(&first_assignments(db.get_database_backend(), &partners)).await?;
        let roles = rows
            .iter()
            .map(|row| row.try_get("", "internal_role"))
            .collect::<Result<Vec<InternalRole>, _>>()?;
        assert_eq!(roles, [InternalRole::Lead, InternalRole::Csm]);
    }
    Ok(())
}

#[tokio::test]
async fn keys_are_looked_up_in_an_index() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let backend = db.get_database_backend();
        let (explain, column, lookup) = match backend {
            DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", "detail", "SEARCH partner USING INDEX"),
            _ => ("EXPLAIN", "QUERY PLAN", "Index Scan using partner_"),
        };
        let statement = partners_by_id(backend, &[PartnerId(uuid())]).build(backend);
        let explain = Statement { sql: format!("{explain} {}", statement.sql), ..statement };
        let plan = db.query_all_raw(explain).await?;
        let plan: Vec<String> = plan.iter().map(|row| row.try_get("", column)).collect::<Result<_, _>>()?;
        let plan = plan.join("\n");
        assert!(plan.contains(lookup), "{plan}");
    }
    Ok(())
}
