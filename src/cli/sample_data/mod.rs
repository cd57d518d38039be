//! The sample data of `contact-gateway dev`: two organizations, as if people had worked with them for a year.
//!
//! Everything goes through the services, so every rule holds for it. It is the same each time but for ids and times.
//! The data stands in tables of constants here and beside; only `writer` calls services. Nothing but the `dev` command
//! may use it.

mod cards;
mod countries;
mod fields;
mod people;
#[cfg(test)]
mod tests;
mod writer;

use chrono::{DateTime, TimeDelta, Utc};

use self::{
    people::Names,
    writer::{Plan, SUBJECT, Writer},
};
use crate::{
    cli::context::context,
    error::AppResult,
    service::{Database, organization},
};

/// How long ago the first row was written.
const AGE: TimeDelta = TimeDelta::days(365);

/// The organizations, in the order of their numbers.
const PLANS: [Plan; 2] = [
    Plan {
        name: "Anker & Segel International",
        domain: "anker-segel.example",
        partners: 0..30,
        accounts: 0..40,
        account_contacts: 200,
        cards: 0..12,
        pause: TimeDelta::minutes(1_190),
    },
    Plan {
        name: "Leuchtturm Labs",
        domain: "leuchtturm-labs.example",
        partners: 30..36,
        accounts: 40..48,
        account_contacts: 24,
        cards: 12..18,
        pause: TimeDelta::minutes(6_600),
    },
];

/// Fills a database that holds no organization yet. Answers whether it did.
pub(super) async fn write(db: &Database, now: DateTime<Utc>) -> AppResult<bool> {
    let time = now - AGE;
    let [first, others @ ..] = &PLANS;
    let Some(organization) =
        organization::create_first(db, &context(SUBJECT, None, time), first.name).await?
    else {
        return Ok(false);
    };
    let mut names = Names::default();
    Writer::new(db, first, &mut names, (organization.id.0, time)).await?.fill().await?;
    for plan in others {
        let organization = organization::create(db, &context(SUBJECT, None, time), plan.name).await?;
        Writer::new(db, plan, &mut names, (organization.id.0, time)).await?.fill().await?;
    }
    Ok(true)
}
