//! Rows that come by the thousand are written as if each had come alone, by one text whatever their number.

use sea_orm::{ConnectionTrait, DbBackend, IdenStatic, Iterable, Statement};

use super::*;
use crate::entity::custom_field::FieldType;

/// What the database holds, byte by byte as far as it tells.
async fn stored<E: EntityTrait>(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let table = E::default();
    let row = match db.get_database_backend() {
        DbBackend::Sqlite => {
            let columns = E::Column::iter().map(|column| format!("quote(\"{}\")", column.as_str()));
            columns.collect::<Vec<_>>().join(" || ', ' || ")
        }
        _ => "rows::text".to_owned(),
    };
    let sql = format!("SELECT {row} FROM \"{}\" AS rows ORDER BY 1", table.as_str());
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn insert_all<M, A, E>(db: &DatabaseConnection, models: Vec<M>) -> Result<(), DbErr>
where
    M: IntoActiveModel<A>,
    E: EntityTrait<Model = M, ActiveModel = A>,
    A: ActiveModelTrait<Entity = E>,
{
    let rows = models.into_iter().map(IntoActiveModel::into_active_model);
    let statement = insert_rows::<E>(db.get_database_backend(), rows)?.expect("a statement");
    db.execute(&statement).await?;
    Ok(())
}

/// Inserts the rows one by one, then all at once: the database holds the same.
async fn is_written_alike<M, A, E>(db: &DatabaseConnection, models: Vec<M>) -> Result<(), DbErr>
where
    M: IntoActiveModel<A> + Clone + PartialEq + std::fmt::Debug + Send,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
    E: Scoped<Model = M, ActiveModel = A>,
{
    for model in &models {
        insert(db, model.clone()).await?;
    }
    let alone = stored::<E>(db).await?;
    assert_eq!(alone.len(), models.len());
    E::delete_in(ORG).exec(db).await?;
    insert_all(db, models).await?;
    assert_eq!(stored::<E>(db).await?, alone);
    Ok(())
}

#[tokio::test]
async fn rows_are_written_as_if_each_had_come_alone() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let named = |name: &str| partner::Model { name: name.to_owned(), ..partner(ORG) };
        is_written_alike(&db, vec![named("a\"b'c\\d/é😀,]\n\u{1}\u{7f}\u{2028}"), named("$1 ? %s {}")])
            .await?;
        let even = chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let timed = internal_contact::Model {
            created_at: even,
            updated_at: even + chrono::TimeDelta::milliseconds(120),
            deleted_at: None,
            email_key: "timed".to_owned(),
            ..internal_contact()
        };
        let people = vec![internal_contact(), timed];
        is_written_alike(&db, people.clone()).await?;
        let roles = InternalRole::iter().map(|role| assignment(people[0].id, None, role));
        is_written_alike(&db, roles.collect()).await?;
        is_written_alike(&db, vec![account()]).await?;
        let kind = contact_type();
        is_written_alike(&db, vec![kind.clone()]).await?;
        let contact = account_contact(kind.id);
        let bare = account_contact::Model {
            metadata: json!({ "n": [i64::MIN, u64::MAX, 0.1, 1e300], "text": "\\u0000\n\t\u{1}", "e": {} })
                .into(),
            email_key: "bare".to_owned(),
            ..account_contact(kind.id)
        };
        is_written_alike(&db, vec![contact.clone(), bare]).await?;
        let fields: Vec<_> = FieldType::iter().map(custom_field).collect();
        is_written_alike(&db, fields.clone()).await?;
        let values =
            [json!("L"), json!(["S", "L"]), json!(true), json!(-5), json!(i64::MAX), json!("a\"\\b")];
        let values = values.into_iter().zip(&fields).map(|(value, field)| custom_field_value::Model {
            org_id: ORG,
            account_contact_id: contact.id,
            custom_field_id: field.id,
            value: value.into(),
            created_at: now(),
            updated_at: now(),
        });
        is_written_alike(&db, values.collect()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_text_does_not_change_with_the_number_of_rows() -> Result<(), DbErr> {
    for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
        let text = |count: usize| -> Result<String, DbErr> {
            let rows = (0..count).map(|_| partner(ORG).into_active_model());
            let statement = insert_rows::<partner::Entity>(backend, rows)?.expect("a statement");
            Ok(backend.build(&statement).sql)
        };
        assert_eq!(text(1)?, text(100)?);
        assert_eq!(insert_rows::<partner::Entity>(backend, [])?, None);
    }
    Ok(())
}

#[tokio::test]
async fn what_the_database_counts_is_left_to_it() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let card = |name: &str| organization_contact::ActiveModel {
            id: sea_orm::NotSet,
            name: sea_orm::Set(Some(name.to_owned())),
            ..organization_contact(0, OrganizationContactType::Finance).into_active_model()
        };
        let rows = ["b", "a", "c"].map(card);
        let statement = insert_rows::<organization_contact::Entity>(db.get_database_backend(), rows)?;
        db.execute(&statement.expect("a statement")).await?;
        let rows = organization_contact::Entity::find_in(ORG).all(&db).await?;
        let counted: Vec<_> = rows.iter().map(|row| (row.id.0, row.name.as_deref())).collect();
        assert_eq!(counted, [(1, Some("b")), (2, Some("a")), (3, Some("c"))]);
    }
    Ok(())
}
