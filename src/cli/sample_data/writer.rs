//! Writes the sample data of one organization, month by month, each row a little later than the one before.
//!
//! The only file of the sample data that calls services. Which row refers to which follows from their positions, by
//! small arithmetic that mixes them; nothing is random.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    cards::CARDS,
    countries::{COUNTRIES, account_name, partner_name},
    fields::{FIELDS, SampleField, metadata},
    people::{self, Names, Person},
};
use crate::{
    auth::RequestContext,
    cli::context::context,
    entity::{Columns, contact_type::Entity as ContactType, internal_contact_assignment::InternalRole},
    error::AppResult,
    service::{
        Database, ListRequest, PageWindow,
        account::{self, CreateAccount},
        account_contact::{self, CreateAccountContact},
        custom_field::{self, CreateCustomField, CustomFieldInput},
        internal_contact::{self, AddInternalContactToPartner, CreateInternalContact, Profile},
        internal_contact_assignment, organization_contact,
        page::Paged,
        partner::{self, CreatePartner},
        reading,
    },
};

/// The actor of all changes, and the id of all requests.
pub(super) const SUBJECT: &str = "sample-data";
/// In so many parts everything is written, so that each kind has old rows and new ones.
const MONTHS: usize = 12;
/// How many internal contacts join when a partner does, and how many of their colleagues lend a hand.
const PEOPLE_PER_PARTNER: usize = 2;

/// The roles of internal contacts and the job titles that go with them.
const ROLES: [(InternalRole, &str); 6] = [
    (InternalRole::AccountManager, "Account Manager"),
    (InternalRole::AccountExecutive, "Account Executive"),
    (InternalRole::Csm, "Customer Success Manager"),
    (InternalRole::Lead, "Team Lead"),
    (InternalRole::CoLead, "Deputy Team Lead"),
    (InternalRole::PracticeLead, "Head of Practice"),
];

/// Of ten account contacts, which has which of the organization's contact types; the first is the default.
const TYPES_OF_TEN: [usize; 10] = [0, 0, 1, 0, 2, 0, 3, 0, 1, 4];

/// What an organization gets.
pub(super) struct Plan {
    /// Its name.
    pub(super) name: &'static str,
    /// The domain of its own people's email addresses.
    pub(super) domain: &'static str,
    /// Its part of the table of partners. Each comes with [`PEOPLE_PER_PARTNER`] internal contacts.
    pub(super) partners: Range<usize>,
    /// Its part of the table of accounts.
    pub(super) accounts: Range<usize>,
    /// How many account contacts.
    pub(super) account_contacts: usize,
    /// Its part of the table of cards.
    pub(super) cards: Range<usize>,
    /// The time between two writes.
    pub(super) pause: TimeDelta,
}

/// An organization that is being filled, with what its rows refer to.
pub(super) struct Writer<'a> {
    db: &'a Database,
    plan: &'a Plan,
    names: &'a mut Names,
    organization: i64,
    time: DateTime<Utc>,
    contact_types: Vec<String>,
    custom_fields: Vec<String>,
    partners: Vec<String>,
    /// The email addresses of the internal contacts.
    people: Vec<String>,
    accounts: Vec<Account>,
}

struct Account {
    id: String,
    /// The domain of its people's email addresses.
    domain: String,
    /// Where its people come from.
    country: usize,
}

impl<'a> Writer<'a> {
    /// Begins with an organization that was just made: makes its custom fields.
    pub(super) async fn new(
        db: &'a Database,
        plan: &'a Plan,
        names: &'a mut Names,
        (organization, time): (i64, DateTime<Utc>),
    ) -> AppResult<Self> {
        let all = ListRequest::new(ContactType::ORDER, &PageWindow::default(), None, Vec::new(), false)?;
        let request = context(SUBJECT, Some(organization), time);
        let types = reading::list::<ContactType>(db, &request, Columns::all(), &all).await?;
        let mut writer = Self {
            db,
            plan,
            names,
            organization,
            time,
            contact_types: types.items.iter().map(|row| row.id.to_string()).collect(),
            custom_fields: Vec::with_capacity(FIELDS.len()),
            partners: Vec::with_capacity(plan.partners.len()),
            people: Vec::with_capacity(plan.partners.len() * PEOPLE_PER_PARTNER),
            accounts: Vec::with_capacity(plan.accounts.len()),
        };
        writer.custom_fields().await?;
        Ok(writer)
    }

    /// Writes everything else.
    pub(super) async fn fill(mut self) -> AppResult<()> {
        let plan = self.plan;
        for month in 0..MONTHS {
            for n in share(plan.partners.len(), month) {
                self.partner(n).await?;
                for n in n * PEOPLE_PER_PARTNER..(n + 1) * PEOPLE_PER_PARTNER {
                    self.internal_contact(n).await?;
                    self.helping_hand(n).await?;
                }
            }
            for n in share(plan.accounts.len(), month) {
                self.account(n).await?;
            }
            for n in share(plan.account_contacts, month) {
                self.account_contact(n).await?;
            }
            for n in share(plan.cards.len(), month) {
                self.card(n).await?;
            }
        }
        Ok(())
    }

    /// The next request's context.
    fn next(&mut self) -> RequestContext {
        self.time += self.plan.pause;
        context(SUBJECT, Some(self.organization), self.time)
    }

    async fn custom_fields(&mut self) -> AppResult<()> {
        for field in &FIELDS {
            let input = CreateCustomField {
                key: field.key.to_owned(),
                label: field.label.to_owned(),
                field_type: field.field_type,
                options: field.options.iter().copied().map(str::to_owned).collect(),
                is_required: false,
                idempotency_key: None,
            };
            let row = custom_field::create(self.db, &self.next(), &input).await?;
            self.custom_fields.push(row.id.to_string());
        }
        Ok(())
    }

    async fn partner(&mut self, n: usize) -> AppResult<()> {
        let input = CreatePartner {
            name: partner_name(self.plan.partners.start + n).to_owned(),
            remote_id: (n % 5 != 4).then(|| format!("CRM-P-{}", 1_000 + n)),
            idempotency_key: None,
        };
        let row = partner::create(self.db, &self.next(), &input).await?;
        self.partners.push(row.id.to_string());
        Ok(())
    }

    /// A person with a first assignment: of four, one stays floating, one is attached to a partner after a while, and
    /// two are assigned to a partner from the start.
    async fn internal_contact(&mut self, n: usize) -> AppResult<()> {
        let person = self.names.next(n % COUNTRIES.len());
        let (internal_role, job_title) = ROLES[n % ROLES.len()];
        let profile = profile(n, &person, job_title);
        let email = person.email(self.plan.domain);
        let partner_id = self.partners[n / PEOPLE_PER_PARTNER].clone();
        self.people.push(email.clone());
        if n.is_multiple_of(2) {
            let remote_id = Some(format!("CRM-T-{}", 5_000 + n));
            return self.add_to_partner(partner_id, email, internal_role, profile, remote_id).await;
        }
        let input =
            CreateInternalContact { email, internal_role, profile, remote_id: None, idempotency_key: None };
        let assigned = internal_contact::create(self.db, &self.next(), &input).await?;
        if n % 4 == 1 {
            let id = assigned.assignment.id.to_string();
            internal_contact_assignment::attach(self.db, &self.next(), &id, &partner_id, None).await?;
        }
        Ok(())
    }

    /// Somebody who is there already takes one more role: at the newest partner, or, every second time, at an older
    /// one. The roles that a partner gets in this way are different steps away from their holders' first roles, so
    /// nobody gets a role twice there.
    async fn helping_hand(&mut self, n: usize) -> AppResult<()> {
        let helper = n * 2 / 3;
        let newest = n / PEOPLE_PER_PARTNER;
        let partner = if n.is_multiple_of(2) { newest } else { newest / 2 };
        let (role, _) = ROLES[(helper + 1 + n % 4) % ROLES.len()];
        let (partner_id, email) = (self.partners[partner].clone(), self.people[helper].clone());
        self.add_to_partner(partner_id, email, role, Profile::default(), None).await
    }

    async fn add_to_partner(
        &mut self,
        partner_id: String,
        email: String,
        internal_role: InternalRole,
        profile: Profile,
        remote_id: Option<String>,
    ) -> AppResult<()> {
        let input = AddInternalContactToPartner {
            partner_id,
            email,
            internal_role,
            profile,
            remote_id,
            idempotency_key: None,
        };
        internal_contact::add_to_partner(self.db, &self.next(), &input).await?;
        Ok(())
    }

    async fn account(&mut self, n: usize) -> AppResult<()> {
        let position = self.plan.accounts.start + n;
        let name = account_name(position);
        let domain = people::domain(name);
        let input = CreateAccount {
            name: name.to_owned(),
            primary_domain: Some(domain.clone()),
            remote_id: (n % 4 != 3).then(|| format!("CRM-A-{}", 2_000 + n)),
            idempotency_key: None,
        };
        let row = account::create(self.db, &self.next(), &input).await?;
        self.accounts.push(Account { id: row.id.to_string(), domain, country: position % COUNTRIES.len() });
        Ok(())
    }

    /// Somebody of one account, of several, or of none; a few are linked to another account later.
    async fn account_contact(&mut self, n: usize) -> AppResult<()> {
        let count = self.accounts.len();
        let home = (n % 10 != 9).then(|| &self.accounts[n % count]);
        let person = self.names.next(home.map_or(n % COUNTRIES.len(), |account| account.country));
        let domain = home.map_or("example.net", |account| account.domain.as_str());
        let others: &[usize] = match n % 12 {
            _ if home.is_none() => &[],
            1 | 5 | 8 => &[1],
            10 => &[1, 2],
            _ => &[],
        };
        let others = others.iter().map(|distance| &self.accounts[(n + distance) % count]);
        let accounts = home.into_iter().chain(others).map(|account| account.id.clone()).collect();
        let input = self.account_contact_input(n, &person, domain, accounts);
        let row = account_contact::create(self.db, &self.next(), &input).await?;
        if n % 20 == 6 {
            let (contact, account) = (row.id.to_string(), self.accounts[(n + 3) % count].id.clone());
            account_contact::add_to_account(self.db, &self.next(), &contact, &account, None).await?;
        }
        Ok(())
    }

    fn account_contact_input(
        &self,
        n: usize,
        person: &Person,
        domain: &str,
        account_ids: Vec<String>,
    ) -> CreateAccountContact {
        let contact_type = TYPES_OF_TEN[n % TYPES_OF_TEN.len()];
        CreateAccountContact {
            first_name: person.given_name.to_owned(),
            email: person.email(domain),
            last_name: (n % 23 != 5).then(|| person.family_name.to_owned()),
            phone: (n % 4 != 2).then(|| person.phone()),
            // Who names no type gets the default.
            contact_type_id: (contact_type > 0).then(|| self.contact_types[contact_type].clone()),
            avatar_url: n.is_multiple_of(3).then(|| person.avatar_url()),
            account_ids,
            custom_field_values: self.custom_field_values(n),
            metadata: metadata(n),
            remote_id: (n % 3 != 1).then(|| format!("CRM-C-{}", 10_000 + n)),
            idempotency_key: None,
        }
    }

    fn custom_field_values(&self, n: usize) -> Vec<CustomFieldInput> {
        let fields = FIELDS.iter().zip(&self.custom_fields);
        let value = |(field, id): (&SampleField, &String)| {
            (field.value)(n).map(|value| CustomFieldInput { custom_field_id: id.clone(), value })
        };
        fields.filter_map(value).collect()
    }

    async fn card(&mut self, n: usize) -> AppResult<()> {
        let card = &CARDS[self.plan.cards.start + n];
        organization_contact::create(self.db, &self.next(), card.kind, &card.card(), None).await?;
        Ok(())
    }
}

/// What is known of an internal contact; one in fifteen goes by one name only.
fn profile(n: usize, person: &Person, job_title: &str) -> Profile {
    let phone = (n % 5 != 3).then(|| person.phone());
    let job_title = (n % 9 != 8).then(|| job_title.to_owned());
    if n % 15 == 14 {
        return Profile { name: Some(person.given_name.to_owned()), phone, job_title, ..Profile::default() };
    }
    Profile {
        given_name: Some(person.given_name.to_owned()),
        family_name: Some(person.family_name.to_owned()),
        phone,
        job_title,
        name: None,
    }
}

/// The positions, of `total`, that a month's work consists of.
const fn share(total: usize, month: usize) -> Range<usize> {
    (total * month).div_ceil(MONTHS)..(total * (month + 1)).div_ceil(MONTHS)
}
