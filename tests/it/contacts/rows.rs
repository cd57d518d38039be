//! Random contacts of all kinds: the rows of the database, and the values that lists use.
//!
//! Names, email addresses and times are taken from small sets, so that contacts of all kinds are often equal in them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use contact_gateway::entity::{
    ScopedById, account, account_contact, account_contact_account as link,
    id::{
        AccountContactId, AccountId, InternalContactAssignmentId, InternalContactId, OrganizationContactId,
        PartnerId, PublicId,
    },
    internal_contact,
    internal_contact_assignment::{self as assignment, InternalRole},
    organization_contact::{self, OrganizationContactType},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, NotSet, QueryFilter, Set, sea_query::Expr};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Chance, Rows};

/// Folded, as they are kept to sort and to search by.
pub(super) const NAMES: [&str; 7] =
    ["ada", "ada lovelace", "adam", "grace", "grace hopper", "hopper ada", "zoe"];
/// As they are written.
pub(super) const PHONES: [&str; 3] = ["+12025550143", "+12025550144", "+4930901820"];
/// The normalized words of companies.
const COMPANIES: [&str; 2] = ["globex", "adams"];
/// The names of the partners and accounts that contacts are linked to.
const LINKED: [&str; 2] = ["Globex", "Initech"];

/// A contact, as lists know it.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: PublicId,
    /// Where its kind stands among the kinds.
    pub(super) kind: usize,
    /// What breaks ties among contacts of its kind.
    pub(super) key: u128,
    pub(super) name: &'static str,
    /// In lower case.
    pub(super) email: Option<String>,
    pub(super) phone: Option<&'static str>,
    /// What it is found by.
    pub(super) words: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) is_deleted: bool,
    /// The ids of the partners or accounts that it is at.
    pub(super) belongs_to: Vec<String>,
}

/// An address as it is kept; as they are written they have capitals.
pub(super) fn email(number: usize) -> String {
    format!("someone{number}@example.com")
}

/// How many addresses there are.
pub(super) const EMAILS: usize = 40;

/// Moments that texts and numbers tell apart in different ways.
pub(super) fn times() -> [DateTime<Utc>; 4] {
    let start = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    [0, 1, 1_000, 1_000_000].map(|micros| start + TimeDelta::microseconds(micros))
}

/// Makes contacts in one organization.
pub(super) struct Maker {
    rows: Rows,
    contact_type: contact_gateway::entity::id::ContactTypeId,
    partners: Vec<PartnerId>,
    accounts: Vec<AccountId>,
    gone: AccountId,
    /// The addresses of active contacts, which are unique among those of the first two kinds.
    taken: HashSet<(usize, String)>,
}

impl Maker {
    /// Makes two partners, two accounts, and one that is deleted.
    pub(super) async fn new(rows: Rows) -> Self {
        let contact_type = rows.contact_type("Primary").await.id;
        let mut partners = Vec::new();
        let mut accounts = Vec::new();
        for name in LINKED {
            partners.push(rows.partner(name, None).await.id);
            accounts.push(rows.account(name).await.id);
        }
        let gone = rows.account("Gone").await.id;
        rows.delete::<account::Entity>(gone).await;
        Self { rows, contact_type, partners, accounts, gone, taken: HashSet::new() }
    }

    /// Ids to filter by: those of partners and accounts, of one that is deleted, and some that are none.
    pub(super) fn ids(&self) -> Vec<String> {
        let partners = self.partners.iter().map(ToString::to_string);
        let accounts = self.accounts.iter().chain([&self.gone]).map(ToString::to_string);
        let none = ["", "7", "ptn_", "acc_x", "Ümläut"].map(str::to_owned);
        partners.chain(accounts).chain(none).collect()
    }

    /// So many contacts of each kind.
    pub(super) async fn fill(&mut self, chance: &mut Chance, each: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for _ in 0..each {
            for kind in 0..3 {
                items.push(self.make(chance, kind).await);
            }
        }
        items
    }

    /// A contact of a kind. It is deleted when its address is taken.
    pub(super) async fn make(&mut self, chance: &mut Chance, kind: usize) -> Item {
        let email = email(chance.below(EMAILS));
        let email = if kind == 2 { chance.maybe(email) } else { Some(email) };
        let key = email.clone().map(|email| (kind, email));
        let is_taken = kind < 2 && key.is_some_and(|key| self.taken.contains(&key));
        let is_deleted = is_taken || chance.one_in(6);
        if let (Some(email), false) = (&email, is_deleted) {
            self.taken.insert((kind, email.clone()));
        }
        let name = *chance.pick(&NAMES);
        let phone = *chance.pick(&PHONES);
        let phone = chance.maybe(phone);
        let company = chance.pick(&COMPANIES);
        let digits = phone.unwrap_or_default().trim_start_matches('+');
        let words = if kind == 2 { format!("{name} {digits}") } else { format!("{name} {digits} {company}") };
        let mut item = Item {
            id: PublicId::InternalContact(InternalContactId(Uuid::nil())),
            kind,
            key: 0,
            name,
            email,
            phone,
            words: words.split_whitespace().collect::<Vec<_>>().join(" "),
            created_at: *chance.pick(&times()),
            updated_at: *chance.pick(&times()),
            is_deleted,
            belongs_to: Vec::new(),
        };
        match kind {
            0 => self.internal(&mut item, chance).await,
            1 => self.account(&mut item, chance).await,
            _ => self.organization(&mut item).await,
        }
        item
    }

    async fn internal(&self, item: &mut Item, chance: &mut Chance) {
        let (key, db) = (key(chance), self.rows.db.connection());
        let id = InternalContactId(key);
        (item.id, item.key) = (PublicId::InternalContact(id), key.as_u128());
        let row = internal_contact::ActiveModel {
            id: Set(id),
            org_id: Set(self.rows.organization),
            email: Set(item.written_email().expect("an address")),
            email_key: Set(item.email.clone().expect("an address")),
            phone: Set(item.phone.map(str::to_owned)),
            sort_key: Set(item.name.to_owned()),
            words: Set(item.words.clone()),
            created_at: Set(item.created_at),
            updated_at: Set(item.updated_at),
            deleted_at: Set(item.deleted_at()),
            ..Default::default()
        };
        row.insert(db).await.expect("an internal contact");
        for partner in chance.several(&self.partners, 2) {
            let row = assignment::ActiveModel {
                id: Set(InternalContactAssignmentId(Uuid::now_v7())),
                org_id: Set(self.rows.organization),
                internal_contact_id: Set(id),
                partner_id: Set(Some(partner)),
                internal_role: Set(InternalRole::Lead),
                created_at: Set(item.created_at),
                updated_at: Set(item.updated_at),
                // Hidden while its person is deleted.
                deleted_at: Set(item.deleted_at()),
                ..Default::default()
            };
            row.insert(db).await.expect("an assignment");
            if !item.is_deleted {
                item.belongs_to.push(partner.to_string());
                item.add_company(self.partners.iter().position(|id| *id == partner));
            }
        }
    }

    async fn account(&self, item: &mut Item, chance: &mut Chance) {
        let (key, db) = (key(chance), self.rows.db.connection());
        let id = AccountContactId(key);
        (item.id, item.key) = (PublicId::AccountContact(id), key.as_u128());
        let row = account_contact::ActiveModel {
            id: Set(id),
            org_id: Set(self.rows.organization),
            first_name: Set(item.name.to_owned()),
            email: Set(item.written_email().expect("an address")),
            email_key: Set(item.email.clone().expect("an address")),
            phone: Set(item.phone.map(str::to_owned)),
            contact_type_id: Set(self.contact_type),
            metadata: Set(json!({}).into()),
            sort_key: Set(item.name.to_owned()),
            words: Set(item.words.clone()),
            created_at: Set(item.created_at),
            updated_at: Set(item.updated_at),
            deleted_at: Set(item.deleted_at()),
            ..Default::default()
        };
        row.insert(db).await.expect("an account contact");
        let accounts = chance.several(&self.accounts, 2);
        for account in accounts.iter().chain([&self.gone]) {
            let row = link::ActiveModel {
                org_id: Set(self.rows.organization),
                account_contact_id: Set(id),
                account_id: Set(*account),
                created_at: Set(item.created_at),
            };
            row.insert(db).await.expect("a link");
        }
        item.belongs_to = accounts.iter().map(ToString::to_string).collect();
        for account in accounts {
            item.add_company(self.accounts.iter().position(|id| *id == account));
        }
    }

    async fn organization(&self, item: &mut Item) {
        let row = organization_contact::ActiveModel {
            id: NotSet,
            org_id: Set(self.rows.organization),
            r#type: Set(OrganizationContactType::Technical),
            email: Set(item.written_email()),
            email_key: Set(item.email.clone()),
            phone: Set(item.phone.map(str::to_owned)),
            sort_key: Set(item.name.to_owned()),
            words: Set(item.words.clone()),
            created_at: Set(item.created_at),
            updated_at: Set(item.updated_at),
            deleted_at: Set(item.deleted_at()),
            ..Default::default()
        };
        let row = row.insert(self.rows.db.connection()).await.expect("an organization contact");
        item.id = PublicId::OrganizationContact(row.id);
        item.key = u128::try_from(row.id.0).expect("a positive number");
    }

    /// Deletes a contact.
    pub(super) async fn delete(&self, item: &Item) {
        match item.id {
            PublicId::InternalContact(id) => self.rows.delete::<internal_contact::Entity>(id).await,
            PublicId::AccountContact(id) => self.rows.delete::<account_contact::Entity>(id).await,
            PublicId::OrganizationContact(id) => {
                self.rows.delete::<organization_contact::Entity>(id).await;
            }
            id => panic!("{id} is no contact"),
        }
    }

    /// Gives a contact another name and other times.
    pub(super) async fn change(&self, item: &Item, chance: &mut Chance) {
        let (name, created_at, updated_at) =
            (*chance.pick(&NAMES), *chance.pick(&times()), *chance.pick(&times()));
        match item.id {
            PublicId::InternalContact(id) => {
                self.set::<internal_contact::Entity>(id, name, created_at, updated_at).await;
            }
            PublicId::AccountContact(id) => {
                self.set::<account_contact::Entity>(id, name, created_at, updated_at).await;
            }
            PublicId::OrganizationContact(OrganizationContactId(id)) => {
                let id = OrganizationContactId(id);
                self.set::<organization_contact::Entity>(id, name, created_at, updated_at).await;
            }
            id => panic!("{id} is no contact"),
        }
    }

    async fn set<E: ScopedById>(
        &self,
        id: E::Id,
        name: &str,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    ) {
        let row = E::update_in(self.rows.organization).filter(E::ID.eq(id));
        let update = row
            .col_expr("sort_key", Expr::value(name))
            .col_expr("created_at", Expr::value(created_at))
            .col_expr("updated_at", Expr::value(updated_at));
        update.exec(self.rows.db.connection()).await.expect("an update");
    }
}

impl Item {
    /// The contact is found by the company at this position, too.
    fn add_company(&mut self, position: Option<usize>) {
        let name = LINKED[position.expect("a company")].to_lowercase();
        self.words = format!("{} {name}", self.words);
    }

    fn written_email(&self) -> Option<String> {
        self.email.as_deref().map(|email| email.replacen('s', "S", 1))
    }

    fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.is_deleted.then_some(self.updated_at)
    }
}

/// Keys in no order of creation.
fn key(chance: &mut Chance) -> Uuid {
    Uuid::from_u128((chance.below(1 << 30) as u128) << 64 | Uuid::now_v7().as_u128() >> 64)
}
