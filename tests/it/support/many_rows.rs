//! Rows by the hundred, inserted directly because making them one by one takes too long. No changes are recorded.

use contact_gateway::entity::{
    account, account_contact, account_contact_account, contact_type,
    id::{AccountContactId, AccountId, InternalContactAssignmentId, InternalContactId, PartnerId},
    internal_contact,
    internal_contact_assignment::{self, InternalRole},
    partner,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, prelude::DateTimeUtc};
use serde_json::json;
use uuid::Uuid;

use super::Rows;

/// The most rows of one INSERT: on SQLite a statement has at most 32,766 values.
const CHUNK: usize = 1_000;

impl Rows {
    /// `count` partners and as many internal contacts: each partner has `each` assignments, of as many people, and each
    /// person holds as many. Gives the ids in the order of creation.
    pub(crate) async fn partners_and_people(
        &self,
        count: usize,
        each: usize,
    ) -> (Vec<PartnerId>, Vec<InternalContactId>) {
        let now = self.context().now;
        let partners: Vec<_> = (0..count).map(|number| self.a_partner(number, now)).collect();
        let people: Vec<_> = (0..count).map(|number| self.a_person(number, now)).collect();
        let partner_ids: Vec<_> = partners.iter().map(|partner| partner.id).collect();
        let person_ids: Vec<_> = people.iter().map(|person| person.id).collect();
        let pairs = pairs(&partner_ids, &person_ids, each);
        let assignments = pairs.map(|(partner, person)| self.an_assignment(partner, person, now)).collect();
        self.insert::<partner::Entity>(partners).await;
        self.insert::<internal_contact::Entity>(people).await;
        self.insert::<internal_contact_assignment::Entity>(assignments).await;
        (partner_ids, person_ids)
    }

    /// `count` accounts and as many account contacts: each account has `each` contacts, and each contact is at as many
    /// accounts. Gives the ids in the order of creation.
    pub(crate) async fn accounts_and_contacts(
        &self,
        count: usize,
        each: usize,
    ) -> (Vec<AccountId>, Vec<AccountContactId>) {
        let now = self.context().now;
        let template = self.a_contact(now).await;
        let accounts: Vec<_> = (0..count).map(|number| self.an_account(number, now)).collect();
        let contacts: Vec<_> = (0..count).map(|number| numbered(&template, number)).collect();
        let account_ids: Vec<_> = accounts.iter().map(|account| account.id).collect();
        let contact_ids: Vec<_> = contacts.iter().map(|contact| contact.id).collect();
        let pairs = pairs(&account_ids, &contact_ids, each);
        let links = pairs.map(|(account, contact)| self.a_link(account, contact, now)).collect();
        self.insert::<account::Entity>(accounts).await;
        self.insert::<account_contact::Entity>(contacts).await;
        self.insert::<account_contact_account::Entity>(links).await;
        (account_ids, contact_ids)
    }

    /// `count` contacts of a type that are at one account and found by its words.
    pub(crate) async fn contacts_at(
        &self,
        account: &account::Model,
        contact_type: &contact_type::Model,
        count: usize,
    ) -> Vec<AccountContactId> {
        let now = self.context().now;
        let template = account_contact::Model {
            contact_type_id: contact_type.id,
            sort_key: "grace".to_owned(),
            words: "grace".to_owned(),
            ..self.a_contact(now).await
        };
        let contacts: Vec<_> = (0..count).map(|number| numbered(&template, number)).collect();
        let ids: Vec<_> = contacts.iter().map(|contact| contact.id).collect();
        let links = ids.iter().map(|contact| self.a_link(account.id, *contact, now)).collect();
        self.insert::<account_contact::Entity>(contacts).await;
        self.insert::<account_contact_account::Entity>(links).await;
        ids
    }

    /// `count` people who are all assigned to one partner and are found by its words.
    pub(crate) async fn people_of(&self, partner: &partner::Model, count: usize) -> Vec<InternalContactId> {
        let now = self.context().now;
        let people: Vec<_> = (0..count)
            .map(|number| internal_contact::Model {
                sort_key: "ada".to_owned(),
                words: "ada".to_owned(),
                ..self.a_person(number, now)
            })
            .collect();
        let assignments =
            people.iter().map(|person| self.an_assignment(partner.id, person.id, now)).collect();
        let ids = people.iter().map(|person| person.id).collect();
        self.insert::<internal_contact::Entity>(people).await;
        self.insert::<internal_contact_assignment::Entity>(assignments).await;
        ids
    }

    /// `count` partners that one person looks after.
    pub(crate) async fn partners_of(&self, person: InternalContactId, count: usize) {
        let now = self.context().now;
        let partners: Vec<_> = (0..count)
            .map(|number| partner::Model { sort_key: "p".to_owned(), ..self.a_partner(number, now) })
            .collect();
        let assignments =
            partners.iter().map(|partner| self.an_assignment(partner.id, person, now)).collect();
        self.insert::<partner::Entity>(partners).await;
        self.insert::<internal_contact_assignment::Entity>(assignments).await;
    }

    /// Inserts whole rows as they are, keys included.
    pub(crate) async fn insert<E>(&self, rows: Vec<E::Model>)
    where
        E: EntityTrait<Model: IntoActiveModel<E::ActiveModel>>,
        E::ActiveModel: Send,
    {
        let mut rows = rows.into_iter().map(|row| row.into_active_model().reset_all()).peekable();
        while rows.peek().is_some() {
            let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
            E::insert_many(chunk).exec_without_returning(self.db.connection()).await.expect("new rows");
        }
    }

    fn a_partner(&self, number: usize, now: DateTimeUtc) -> partner::Model {
        partner::Model {
            id: PartnerId(Uuid::now_v7()),
            org_id: self.organization,
            name: format!("Partner {number}"),
            remote_id: None,
            sort_key: String::new(),
            words: String::new(),
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }

    fn a_person(&self, number: usize, now: DateTimeUtc) -> internal_contact::Model {
        let email = format!("person{number}@example.com");
        internal_contact::Model {
            id: InternalContactId(Uuid::now_v7()),
            org_id: self.organization,
            email: email.clone(),
            email_key: email,
            given_name: Some("Ada".to_owned()),
            family_name: Some(format!("Number {number}")),
            name: None,
            phone: None,
            job_title: None,
            remote_id: None,
            sort_key: String::new(),
            words: String::new(),
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }

    fn an_assignment(
        &self,
        partner: PartnerId,
        person: InternalContactId,
        now: DateTimeUtc,
    ) -> internal_contact_assignment::Model {
        internal_contact_assignment::Model {
            id: InternalContactAssignmentId(Uuid::now_v7()),
            org_id: self.organization,
            internal_contact_id: person,
            partner_id: Some(partner),
            internal_role: InternalRole::Lead,
            remote_id: None,
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }

    fn an_account(&self, number: usize, now: DateTimeUtc) -> account::Model {
        account::Model {
            id: AccountId(Uuid::now_v7()),
            org_id: self.organization,
            name: format!("Account {number}"),
            primary_domain: None,
            primary_domain_key: None,
            remote_id: None,
            sort_key: String::new(),
            words: String::new(),
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }

    async fn a_contact(&self, now: DateTimeUtc) -> account_contact::Model {
        account_contact::Model {
            id: AccountContactId(Uuid::nil()),
            org_id: self.organization,
            first_name: "Grace".to_owned(),
            last_name: None,
            email: String::new(),
            email_key: String::new(),
            phone: None,
            avatar_url: None,
            contact_type_id: self.contact_type("Primary").await.id,
            metadata: json!({}).into(),
            remote_id: None,
            sort_key: String::new(),
            words: String::new(),
            created_at: now,
            updated_at: now,
            version: 1,
            deleted_at: None,
        }
    }

    fn a_link(
        &self,
        account: AccountId,
        contact: AccountContactId,
        now: DateTimeUtc,
    ) -> account_contact_account::Model {
        account_contact_account::Model {
            org_id: self.organization,
            account_contact_id: contact,
            account_id: account,
            created_at: now,
        }
    }
}

fn numbered(contact: &account_contact::Model, number: usize) -> account_contact::Model {
    let email = format!("contact{number}@example.com");
    account_contact::Model {
        id: AccountContactId(Uuid::now_v7()),
        email: email.clone(),
        email_key: email,
        last_name: Some(format!("Number {number}")),
        ..contact.clone()
    }
}

/// Pairs each of `ones` with `each` of the equally many `twos`, so that each of those is taken `each` times.
fn pairs<'a, A: Copy, B: Copy>(
    ones: &'a [A],
    twos: &'a [B],
    each: usize,
) -> impl Iterator<Item = (A, B)> + 'a {
    assert!(each <= twos.len(), "{each} of {}", twos.len());
    let following = move |at| twos.iter().cycle().skip(at).take(each).copied();
    ones.iter().enumerate().flat_map(move |(at, one)| following(at).map(move |two| (*one, two)))
}
