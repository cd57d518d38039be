//! The entities on real databases: rows come back as they went in, and no statement leaves its organization.
//!
//! On SQLite always, on PostgreSQL when a server is given (see `test_database`). Here are the rows that the tests use.
//! May import the entities and the migrations.

mod batch;
mod keys;
mod rows;
mod scope;

use chrono::SubsecRound;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, DatabaseConnection, DbErr, IntoActiveModel,
    prelude::{DateTimeUtc, Uuid},
};
use serde_json::json;

use super::{
    id::{
        AccountContactId, AccountId, ContactTypeId, CustomFieldId, InternalContactAssignmentId,
        InternalContactId, OrganizationContactId, PartnerId,
    },
    internal_contact_assignment::InternalRole,
    organization_contact::OrganizationContactType,
    test_database::{TestDatabase, empty_databases},
    *,
};

const ORG: OrganizationId = OrganizationId(1);
const OTHER: OrganizationId = OrganizationId(2);

async fn databases() -> Result<Vec<(TestDatabase, DatabaseConnection)>, DbErr> {
    let mut databases = Vec::new();
    for database in empty_databases().await? {
        let db = database.connect(1).await?;
        migrations::up(&db).await?;
        for id in [ORG, OTHER] {
            insert(&db, organization(id)).await?;
        }
        databases.push((database, db));
    }
    Ok(databases)
}

async fn insert<M, A>(db: &DatabaseConnection, model: M) -> Result<M, DbErr>
where
    M: IntoActiveModel<A> + Send,
    A: ActiveModelTrait<Entity: EntityTrait<Model = M>> + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    model.into_active_model().insert(db).await
}

fn now() -> DateTimeUtc {
    chrono::Utc::now().trunc_subsecs(6)
}

fn uuid() -> Uuid {
    Uuid::now_v7()
}

fn organization(id: OrganizationId) -> organization::Model {
    organization::Model {
        id,
        name: "Acme".to_owned(),
        external_id: None,
        search_version: 1,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

fn partner(org_id: OrganizationId) -> partner::Model {
    partner::Model {
        id: PartnerId(uuid()),
        org_id,
        name: "Globex".to_owned(),
        remote_id: None,
        sort_key: String::new(),
        words: String::new(),
        created_at: now(),
        updated_at: now(),
        version: 1,
        deleted_at: None,
    }
}

fn internal_contact() -> internal_contact::Model {
    internal_contact::Model {
        id: InternalContactId(uuid()),
        org_id: ORG,
        email: "Ada@Example.com".to_owned(),
        email_key: "ada@example.com".to_owned(),
        given_name: Some("Ada".to_owned()),
        family_name: None,
        name: Some("Zoë \"Z\" O'Neil 😀".to_owned()),
        phone: Some("+15550100".to_owned()),
        job_title: None,
        remote_id: None,
        sort_key: String::new(),
        words: String::new(),
        created_at: now(),
        updated_at: now(),
        version: 7,
        deleted_at: Some(now()),
    }
}

fn assignment(
    contact: InternalContactId,
    partner: Option<PartnerId>,
    role: InternalRole,
) -> internal_contact_assignment::Model {
    internal_contact_assignment::Model {
        id: InternalContactAssignmentId(uuid()),
        org_id: ORG,
        internal_contact_id: contact,
        partner_id: partner,
        internal_role: role,
        remote_id: None,
        created_at: now(),
        updated_at: now(),
        version: 1,
        deleted_at: None,
    }
}

fn account() -> account::Model {
    account::Model {
        id: AccountId(uuid()),
        org_id: ORG,
        name: "Initech".to_owned(),
        primary_domain: Some("initech.example".to_owned()),
        primary_domain_key: Some("initech.example".to_owned()),
        remote_id: Some("r-1".to_owned()),
        sort_key: String::new(),
        words: String::new(),
        created_at: now(),
        updated_at: now(),
        version: 1,
        deleted_at: None,
    }
}

fn contact_type() -> contact_type::Model {
    contact_type::Model {
        id: ContactTypeId(uuid()),
        org_id: ORG,
        name: "Primary".to_owned(),
        is_default: true,
        replaced_by: None,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

fn account_contact(contact_type_id: ContactTypeId) -> account_contact::Model {
    account_contact::Model {
        id: AccountContactId(uuid()),
        org_id: ORG,
        first_name: "Grace".to_owned(),
        last_name: None,
        email: "Grace@Example.com".to_owned(),
        email_key: "grace@example.com".to_owned(),
        phone: None,
        avatar_url: Some("https://example.com/grace.png".to_owned()),
        contact_type_id,
        metadata: json!({"tier": 1, "tags": ["a", null, 1.5], "nested": {"ü": true}}).into(),
        remote_id: None,
        sort_key: String::new(),
        words: String::new(),
        created_at: now(),
        updated_at: now(),
        version: 1,
        deleted_at: None,
    }
}

fn custom_field(field_type: custom_field::FieldType) -> custom_field::Model {
    custom_field::Model {
        id: CustomFieldId(uuid()),
        org_id: ORG,
        key: format!("{field_type:?}"),
        label: "Size".to_owned(),
        field_type,
        options: json!(["S", "L"]).into(),
        is_required: false,
        archived_at: None,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

fn organization_contact(id: i64, r#type: OrganizationContactType) -> organization_contact::Model {
    organization_contact::Model {
        id: OrganizationContactId(id),
        org_id: ORG,
        r#type,
        name: Some("Accounts".to_owned()),
        title: None,
        department: None,
        street: None,
        secondary_address: None,
        zipcode: None,
        city: None,
        state: None,
        country_id: Some(276),
        email: None,
        email_key: None,
        phone: None,
        mobile: None,
        purchase_order_number: None,
        remote_id: None,
        sort_key: String::new(),
        words: String::new(),
        created_at: now(),
        updated_at: now(),
        version: 1,
        deleted_at: None,
    }
}
