//! Tests of the migrations, on real databases: SQLite always, PostgreSQL when a server is given.
//!
//! `support` makes the databases, `lifecycle` migrates up and down, `locks` does so while others use the tables,
//! `constraints` has the database refuse what it must, `names` holds README.md against the database.

mod constraints;
mod lifecycle;
mod locks;
mod names;
mod samples;
mod support;
