//! Tests of the whole gateway, through HTTP and on real databases: each test on SQLite and on PostgreSQL.
//!
//! One binary, one file per domain, and the tests of the whole beside them. `support` is what they stand on; its
//! documentation begins with an example. Run by `scripts/test`, which brings the PostgreSQL server.

mod authorization;
mod durability;
mod harness;
mod layers;
mod migrations;
mod process;
mod schema;
mod smoke;
mod support;
