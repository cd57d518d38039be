//! Rows come back as they went in, from both databases.

use sea_orm::{ActiveValue::NotSet, ConnectionTrait, DbBackend, Iterable, Statement};

use super::*;
use crate::entity::custom_field::FieldType;

/// Inserts the row and finds it again by its id.
async fn comes_back<M, A, E>(db: &DatabaseConnection, model: M) -> Result<M, DbErr>
where
    M: IntoActiveModel<A> + Clone + PartialEq + std::fmt::Debug + Send,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
    E: ScopedById<Model = M>,
{
    assert_eq!(insert(db, model.clone()).await?, model);
    let id = model.clone().into_active_model().get(E::ID).into_value().expect("an id");
    let found = E::find_in_with_deleted(ORG).filter(E::ID.eq(id)).one(db).await?;
    assert_eq!(found.as_ref(), Some(&model));
    Ok(model)
}

#[tokio::test]
async fn rows_with_an_id_come_back() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let partner = comes_back(&db, partner(ORG)).await?;
        let person = comes_back(&db, internal_contact()).await?;
        for role in InternalRole::iter() {
            comes_back(&db, assignment(person.id, Some(partner.id), role)).await?;
            comes_back(&db, assignment(person.id, None, role)).await?;
        }
        comes_back(&db, account()).await?;
        let contact_type = comes_back(&db, contact_type()).await?;
        comes_back(&db, account_contact(contact_type.id)).await?;
        for field_type in FieldType::iter() {
            comes_back(&db, custom_field(field_type)).await?;
        }
        for (number, kind) in (1..).zip(OrganizationContactType::iter()) {
            comes_back(&db, organization_contact(number, kind)).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn rows_without_an_id_come_back() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let account = insert(&db, account()).await?;
        let contact_type = insert(&db, contact_type()).await?;
        let contact = insert(&db, account_contact(contact_type.id)).await?;
        let field = insert(&db, custom_field(FieldType::MultiChoice)).await?;

        let link = account_contact_account::Model {
            org_id: ORG,
            account_contact_id: contact.id,
            account_id: account.id,
            created_at: now(),
        };
        assert_eq!(insert(&db, link.clone()).await?, link);
        assert_eq!(account_contact_account::Entity::find_in(ORG).all(&db).await?, [link]);

        let value = custom_field_value::Model {
            org_id: ORG,
            account_contact_id: contact.id,
            custom_field_id: field.id,
            value: json!(["S"]).into(),
            created_at: now(),
            updated_at: now(),
        };
        assert_eq!(insert(&db, value.clone()).await?, value);
        assert_eq!(custom_field_value::Entity::find_in(ORG).all(&db).await?, [value]);

        let key = idempotency_key::Model {
            org_id: ORG,
            key: "k".to_owned(),
            operation: "createPartner".to_owned(),
            input_hash: vec![0, 159, 255],
            result_id: account.id.to_string(),
            created_at: now(),
        };
        assert_eq!(insert(&db, key.clone()).await?, key);
        assert_eq!(idempotency_key::Entity::find_in(ORG).all(&db).await?, [key]);
    }
    Ok(())
}

#[tokio::test]
async fn the_database_counts_organization_contacts() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let change = change::Model {
            seq: 1,
            org_id: ORG,
            at: now(),
            actor: "ada".to_owned(),
            entity_kind: "partner".to_owned(),
            entity_id: "ptn_x".to_owned(),
            action: "created".to_owned(),
            fields: json!({"name": [null, "Globex"]}).into(),
            request_id: "r".to_owned(),
        };
        assert_eq!(insert(&db, change.clone()).await?, change);
        let card = organization_contact(0, OrganizationContactType::Finance).into_active_model();
        let card = organization_contact::ActiveModel { id: NotSet, ..card }.insert(&db).await?;
        assert_eq!(card.id, OrganizationContactId(1));
    }
    Ok(())
}

#[tokio::test]
async fn sqlite_holds_uuids_as_sixteen_bytes() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        if db.get_database_backend() != DbBackend::Sqlite {
            continue;
        }
        let partner = insert(&db, partner(ORG)).await?;
        let person = insert(&db, internal_contact()).await?;
        insert(&db, assignment(person.id, Some(partner.id), InternalRole::Lead)).await?;
        let sql = "SELECT typeof(partner_id) || length(partner_id) || typeof(id) || length(id) \
                   FROM internal_contact_assignment";
        let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?.expect("a row");
        assert_eq!(row.try_get_by_index::<String>(0)?, "blob16blob16");
    }
    Ok(())
}
