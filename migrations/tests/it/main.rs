//! Tests of the migrations, on real databases: SQLite always, PostgreSQL when a server is given.
//!
//! `support` makes the databases, `lifecycle` migrates up and down, `constraints` has the database refuse what it must,
//! `names` holds README.md against the database.

mod constraints;
mod lifecycle;
mod names;
mod support;
