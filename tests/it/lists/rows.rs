//! Random rows of every kind, inserted directly, with values that are difficult for filters and orders.

use chrono::{DateTime, TimeDelta, Utc};
use contact_gateway::entity::{
    account, account_contact, account_contact_account, change, contact_type,
    custom_field::{self, FieldType},
    custom_field_value,
    id::{
        AccountContactId, AccountId, ContactTypeId, CustomFieldId, InternalContactAssignmentId,
        InternalContactId, OrganizationContactId, OrganizationId, PartnerId,
    },
    internal_contact,
    internal_contact_assignment::{self, InternalRole},
    organization_contact::{self, OrganizationContactType},
    partner,
};
use sea_orm::{ActiveEnum, ActiveModelTrait, EntityTrait, IntoActiveModel, Iterable, NotSet};
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::custom;
use crate::support::{Chance, Rows};

/// Texts that a comparison could take for something else.
pub(super) const TEXTS: [&str; 24] = [
    "",
    " ",
    "Ada",
    "ada",
    "ADA",
    "Ada Lovelace",
    "ada lovelace ",
    "Zoë",
    "zoe",
    "ZOË",
    "Zoe\u{308}",
    "Jürgen Groß",
    "JÜRGEN GROSS",
    "50%",
    "500",
    "a_b",
    "axb",
    "back\\slash",
    "O'Neil",
    "\"quoted\"",
    "null",
    "東京",
    "💥!",
    "(?)$1",
];

/// Words of rows. They are not those of the names, so that searches distinguish both.
pub(super) const WORDS: [&str; 8] =
    ["ada", "adalbert", "lovelace", "love", "gross", "2025550143", "globex", "東京"];

/// The times of rows, from the first of these in microseconds: SQLite writes as many digits as it takes.
pub(super) const MICROS: [i64; 8] = [0, 1, 1_000, 499_999, 500_000, 1_000_000, 59_999_999, 86_400_000_000];

/// When the first of them were made.
pub(super) fn time(micros: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-01-31T23:59:59Z".parse().expect("a time");
    start + TimeDelta::microseconds(micros)
}

/// Fills the organization.
pub(super) async fn fill(rows: &Rows, chance: &mut Chance) {
    let mut maker = Maker { rows, chance, made: 0 };
    let partners = maker.partners(30).await;
    let people = maker.people(30).await;
    maker.assignments(&partners, &people, 90).await;
    let accounts = maker.accounts(30).await;
    let types = maker.contact_types(8).await;
    let contacts = maker.contacts(40, &types).await;
    maker.links(&contacts, &accounts, 70).await;
    let fields = maker.custom_fields(24).await;
    maker.values(&contacts, &fields).await;
    maker.cards(50).await;
    maker.changes(40).await;
}

struct Maker<'a> {
    rows: &'a Rows,
    chance: &'a mut Chance,
    /// How many rows there are: what must be unique is made of it.
    made: usize,
}

impl Maker<'_> {
    fn organization(&self) -> OrganizationId {
        self.rows.organization
    }

    /// A new key. Rows are not in the order in which they were made.
    fn key(&mut self) -> Uuid {
        self.made += 1;
        let random = self.chance.below(1 << 30) as u128;
        Uuid::from_u128((random << 64) | (self.organization().0 as u128) << 32 | self.made as u128)
    }

    /// A text in the form that is stored.
    fn text(&mut self) -> String {
        self.chance.pick(&TEXTS).trim().nfc().collect()
    }

    fn some_text(&mut self) -> Option<String> {
        let text = self.text();
        self.chance.maybe(text)
    }

    fn unique(&mut self) -> Option<String> {
        let text = format!("{}{}", self.text(), self.made);
        self.chance.maybe(text)
    }

    fn domain(&mut self) -> Option<String> {
        let domain = *self.chance.pick(&["example.com", "Example.ORG", "globex.test", "50%", ""]);
        self.chance.maybe(domain.to_owned())
    }

    fn email(&mut self) -> String {
        let name = *self.chance.pick(&["ada", "Ada", "ZOË", "o'neil", "a_b", "a%b"]);
        format!("{name}{}@{}", self.made, self.chance.pick(&["example.com", "Example.ORG", "globex.test"]))
    }

    fn phone(&mut self) -> Option<String> {
        let phone = *self.chance.pick(&["+12025550143", "+493012345678", ""]);
        self.chance.maybe(phone.to_owned())
    }

    fn words(&mut self) -> String {
        let count = self.chance.below(4);
        self.chance.several(&WORDS, count).join(" ")
    }

    fn sort_key(&mut self) -> String {
        let count = 1 + self.chance.below(2);
        self.chance.several(&WORDS, count).join(" ")
    }

    fn time(&mut self) -> DateTime<Utc> {
        time(*self.chance.pick(&MICROS))
    }

    fn deleted(&mut self) -> Option<DateTime<Utc>> {
        self.chance.one_in(5).then(|| time(0))
    }

    async fn partners(&mut self, count: usize) -> Vec<partner::Model> {
        let rows: Vec<_> = (0..count)
            .map(|_| partner::Model {
                id: PartnerId(self.key()),
                org_id: self.organization(),
                name: self.text(),
                remote_id: self.unique(),
                sort_key: self.sort_key(),
                words: self.words(),
                created_at: self.time(),
                updated_at: self.time(),
                version: 1,
                deleted_at: self.deleted(),
            })
            .collect();
        self.rows.insert::<partner::Entity>(rows.clone()).await;
        rows
    }

    async fn accounts(&mut self, count: usize) -> Vec<AccountId> {
        let rows: Vec<_> = (0..count)
            .map(|_| {
                let domain = self.domain();
                account::Model {
                    id: AccountId(self.key()),
                    org_id: self.organization(),
                    name: self.text(),
                    primary_domain_key: domain.as_deref().map(str::to_lowercase),
                    primary_domain: domain,
                    remote_id: self.unique(),
                    sort_key: self.sort_key(),
                    words: self.words(),
                    created_at: self.time(),
                    updated_at: self.time(),
                    version: 1,
                    deleted_at: self.deleted(),
                }
            })
            .collect();
        let ids = rows.iter().map(|row| row.id).collect();
        self.rows.insert::<account::Entity>(rows).await;
        ids
    }

    async fn people(&mut self, count: usize) -> Vec<internal_contact::Model> {
        let rows: Vec<_> = (0..count)
            .map(|_| {
                let id = InternalContactId(self.key());
                let email = self.email();
                internal_contact::Model {
                    id,
                    org_id: self.organization(),
                    email_key: email.to_lowercase(),
                    email,
                    given_name: self.some_text(),
                    family_name: self.some_text(),
                    name: self.some_text(),
                    phone: self.phone(),
                    job_title: self.some_text(),
                    remote_id: None,
                    sort_key: self.sort_key(),
                    words: self.words(),
                    created_at: self.time(),
                    updated_at: self.time(),
                    version: 1,
                    deleted_at: self.deleted(),
                }
            })
            .collect();
        self.rows.insert::<internal_contact::Entity>(rows.clone()).await;
        rows
    }

    /// Those of deleted partners and people are deleted.
    async fn assignments(
        &mut self,
        partners: &[partner::Model],
        people: &[internal_contact::Model],
        count: usize,
    ) {
        let mut rows: Vec<internal_contact_assignment::Model> = Vec::new();
        for _ in 0..count {
            let person = self.chance.pick(people);
            let partner = if self.chance.one_in(4) { None } else { Some(self.chance.pick(partners)) };
            let row = internal_contact_assignment::Model {
                id: InternalContactAssignmentId(self.key()),
                org_id: self.organization(),
                internal_contact_id: person.id,
                partner_id: partner.map(|partner| partner.id),
                internal_role: *self.chance.pick(&InternalRole::iter().collect::<Vec<_>>()),
                remote_id: self.unique(),
                created_at: self.time(),
                updated_at: self.time(),
                version: 1,
                deleted_at: person.deleted_at.or(partner.and_then(|partner| partner.deleted_at)),
            };
            let held = |it: &internal_contact_assignment::Model| {
                (it.internal_contact_id, it.partner_id, it.internal_role)
            };
            if rows.iter().all(|known| held(known) != held(&row)) {
                rows.push(row);
            }
        }
        self.rows.insert::<internal_contact_assignment::Entity>(rows).await;
    }

    /// The new types, and those that the organization began with.
    async fn contact_types(&mut self, count: usize) -> Vec<ContactTypeId> {
        let rows: Vec<_> = (0..count)
            .map(|_| contact_type::Model {
                id: ContactTypeId(self.key()),
                org_id: self.organization(),
                name: format!("{}{}", self.text(), self.made),
                is_default: false,
                replaced_by: None,
                created_at: self.time(),
                updated_at: self.time(),
                version: 1,
            })
            .collect();
        let mut ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        ids.push(self.rows.contact_type("Primary").await.id);
        self.rows.insert::<contact_type::Entity>(rows).await;
        ids
    }

    async fn contacts(&mut self, count: usize, types: &[ContactTypeId]) -> Vec<AccountContactId> {
        let rows: Vec<_> = (0..count)
            .map(|_| {
                let id = AccountContactId(self.key());
                let email = self.email();
                account_contact::Model {
                    id,
                    org_id: self.organization(),
                    first_name: format!("{}.", self.text()),
                    last_name: self.some_text(),
                    email_key: email.to_lowercase(),
                    email,
                    phone: self.phone(),
                    avatar_url: None,
                    contact_type_id: *self.chance.pick(types),
                    metadata: json!({}).into(),
                    remote_id: self.unique(),
                    sort_key: self.sort_key(),
                    words: self.words(),
                    created_at: self.time(),
                    updated_at: self.time(),
                    version: 1,
                    deleted_at: self.deleted(),
                }
            })
            .collect();
        let ids = rows.iter().map(|row| row.id).collect();
        self.rows.insert::<account_contact::Entity>(rows).await;
        ids
    }

    /// Links stay while what they link is deleted.
    async fn links(&mut self, contacts: &[AccountContactId], accounts: &[AccountId], count: usize) {
        let mut pairs: Vec<_> =
            (0..count).map(|_| (*self.chance.pick(contacts), *self.chance.pick(accounts))).collect();
        pairs.sort_by_key(|(contact, account)| (contact.0, account.0));
        pairs.dedup();
        let link = |(account_contact_id, account_id)| account_contact_account::Model {
            org_id: self.organization(),
            account_contact_id,
            account_id,
            created_at: time(0),
        };
        let links = pairs.into_iter().map(link).collect();
        self.rows.insert::<account_contact_account::Entity>(links).await;
    }

    /// Fields of every type.
    async fn custom_fields(&mut self, count: usize) -> Vec<custom_field::Model> {
        let types = FieldType::iter().cycle().take(count);
        let rows: Vec<_> = types
            .map(|field_type| custom_field::Model {
                id: CustomFieldId(self.key()),
                org_id: self.organization(),
                key: format!("{}{}", self.text(), self.made),
                label: self.text(),
                field_type,
                options: json!(custom::OPTIONS).into(),
                is_required: self.chance.one_in(2),
                archived_at: self.deleted(),
                created_at: self.time(),
                updated_at: self.time(),
                version: 1,
            })
            .collect();
        self.rows.insert::<custom_field::Entity>(rows.clone()).await;
        rows
    }

    async fn values(&mut self, contacts: &[AccountContactId], fields: &[custom_field::Model]) {
        let mut rows = Vec::new();
        for (contact, field) in contacts.iter().flat_map(|contact| fields.iter().map(move |it| (contact, it)))
        {
            if self.chance.one_in(2) {
                rows.push(custom_field_value::Model {
                    org_id: self.organization(),
                    account_contact_id: *contact,
                    custom_field_id: field.id,
                    value: custom::value(self.chance, field.field_type).into(),
                    created_at: time(0),
                    updated_at: time(0),
                });
            }
        }
        self.rows.insert::<custom_field_value::Entity>(rows).await;
    }

    async fn cards(&mut self, count: usize) {
        let types: Vec<_> = OrganizationContactType::iter().collect();
        for _ in 0..count {
            let row = self.card(&types);
            let row = organization_contact::ActiveModel { id: NotSet, ..row.into_active_model().reset_all() };
            let insert = organization_contact::Entity::insert(row);
            insert.exec_without_returning(self.rows.db.connection()).await.expect("a new card");
        }
    }

    fn card(&mut self, types: &[OrganizationContactType]) -> organization_contact::Model {
        let kind = *self.chance.pick(types);
        let email = *self.chance.pick(&["Ada@example.com", "ada@example.com", "ZOË@globex.test"]);
        let email = self.chance.maybe(email);
        let has_order = kind.to_value() == OrganizationContactType::InvoiceAddress.to_value();
        organization_contact::Model {
            id: OrganizationContactId(0),
            org_id: self.organization(),
            r#type: kind,
            name: self.some_text(),
            title: None,
            department: self.some_text(),
            street: None,
            secondary_address: None,
            zipcode: self.some_text(),
            city: self.some_text(),
            state: None,
            country_id: None,
            email: email.map(str::to_owned),
            email_key: email.map(str::to_lowercase),
            phone: self.phone(),
            mobile: self.phone(),
            purchase_order_number: self.some_text().filter(|_| has_order),
            remote_id: None,
            sort_key: self.sort_key(),
            words: self.words(),
            created_at: self.time(),
            updated_at: self.time(),
            version: 1,
            deleted_at: self.deleted(),
        }
    }

    async fn changes(&mut self, count: usize) {
        // Behind those that made the organizations.
        for seq in (1_000..).take(count) {
            let row = change::Model {
                seq,
                org_id: self.organization(),
                at: self.time(),
                actor: (*self.chance.pick(&TEXTS)).to_owned(),
                entity_kind: (*self.chance.pick(&["Partner", "Account"])).to_owned(),
                entity_id: PartnerId(self.key()).to_string(),
                action: (*self.chance.pick(&["created", "updated", "deleted"])).to_owned(),
                fields: json!({}).into(),
                request_id: (*self.chance.pick(&TEXTS)).to_owned(),
            };
            let insert = change::Entity::insert(row.into_active_model().reset_all());
            insert.exec_without_returning(self.rows.db.connection()).await.expect("a new change");
        }
    }
}
