//! No statement that begins with `Scoped` leaves its organization, or finds what is deleted unasked.

use std::slice::from_ref;

use sea_orm::{ModelTrait, PaginatorTrait, prelude::Expr};

use super::*;

#[tokio::test]
async fn another_organizations_rows_are_not_found() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let mine = insert(&db, partner(ORG)).await?;
        let foreign = insert(&db, partner(OTHER)).await?;

        assert_eq!(partner::Entity::find_in(ORG).all(&db).await?, from_ref(&mine));
        assert_eq!(partner::Entity::find_in_with_deleted(ORG).all(&db).await?, from_ref(&mine));
        assert_eq!(partner::Entity::find_by_id_in(ORG, mine.id).one(&db).await?, Some(mine));
        assert_eq!(partner::Entity::find_by_id_in(ORG, foreign.id).one(&db).await?, None);
        assert_eq!(organization::Entity::find_in(ORG).count(&db).await?, 1);
        assert_eq!(organization::Entity::find_by_id_in(ORG, OTHER).one(&db).await?, None);
        let among = organization::Entity::find_among(db.get_database_backend(), [OTHER, OrganizationId(9)]);
        assert_eq!(among.all(&db).await?.iter().map(|row| row.id).collect::<Vec<_>>(), [OTHER]);
    }
    Ok(())
}

#[tokio::test]
async fn deleted_rows_are_found_only_when_asked_for() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let deleted = insert(&db, partner::Model { deleted_at: Some(now()), ..partner(ORG) }).await?;

        assert!(partner::Entity::find_in(ORG).all(&db).await?.is_empty());
        assert_eq!(partner::Entity::find_by_id_in(ORG, deleted.id).one(&db).await?, None);
        assert_eq!(partner::Entity::find_in_with_deleted(ORG).all(&db).await?, [deleted]);
    }
    Ok(())
}

#[tokio::test]
async fn updates_and_deletes_stay_inside_the_organization() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let foreign = insert(&db, partner(OTHER)).await?;
        insert(&db, partner(ORG)).await?;
        insert(&db, partner::Model { deleted_at: Some(now()), ..partner(ORG) }).await?;

        let renamed = partner::Entity::update_in(ORG).col_expr(partner::Column::Name, Expr::value("Hooli"));
        assert_eq!(renamed.exec(&db).await?.rows_affected, 2);
        assert_eq!(partner::Entity::delete_in(ORG).exec(&db).await?.rows_affected, 2);
        assert_eq!(partner::Entity::find_in(OTHER).all(&db).await?, [foreign]);
    }
    Ok(())
}

#[tokio::test]
async fn relations_lead_to_the_rows_of_a_link() -> Result<(), DbErr> {
    for (_database, db) in databases().await? {
        let (account, contact_type) = (insert(&db, account()).await?, insert(&db, contact_type()).await?);
        let contact = insert(&db, account_contact(contact_type.id)).await?;
        let link = account_contact_account::Model {
            org_id: ORG,
            account_contact_id: contact.id,
            account_id: account.id,
            created_at: now(),
        };
        insert(&db, link).await?;

        assert_eq!(account.find_related(account_contact::Entity).all(&db).await?, from_ref(&contact));
        assert_eq!(contact.find_related(account::Entity).all(&db).await?, [account]);
        assert_eq!(contact.find_related(contact_type::Entity).one(&db).await?, Some(contact_type));
    }
    Ok(())
}
