//! Tests of the whole gateway, through HTTP and on real databases: each test on SQLite and on PostgreSQL.
//!
//! One binary, one file per domain, and the tests of the whole beside them. `support` is what they stand on; its
//! documentation begins with an example. Run by `scripts/test`, which brings the PostgreSQL server.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]

mod account;
mod account_contact;
mod account_contact_update;
mod authorization;
mod background;
mod canary;
mod change;
mod cli;
mod connections;
mod contact_merge;
mod contact_type;
mod contacts;
mod cost;
mod custom_field;
mod custom_field_filter;
mod custom_field_lifecycle;
mod database_trouble;
mod dearest;
mod documents;
mod durability;
mod erasure;
mod federation;
mod fields;
mod files;
mod guard;
mod harness;
mod healing;
mod health;
mod history;
mod http;
mod idempotency;
mod identity;
mod import;
mod import_process;
mod import_source;
mod inputs;
mod internal_contact;
mod internal_contact_assignment;
mod internal_contact_assignment_lifecycle;
mod internal_contact_lifecycle;
mod json;
mod key_set;
mod layers;
mod lifecycle;
mod lists;
mod log;
mod maintenance;
mod metrics;
mod migrating;
mod migrations;
mod mutation;
mod operations;
mod organization;
mod organization_contact;
mod paging;
mod partner;
mod process;
mod races;
mod related_contacts;
mod reload;
mod request_memory;
mod response;
mod response_size;
mod rest;
mod row_level_security;
#[path = "../../migrations/tests/it/samples.rs"]
mod samples;
mod schema;
mod schema_compatibility;
mod search_backfill;
mod search_timing;
mod shares;
mod smoke;
mod sockets;
mod sqlite_file;
mod start_checks;
mod statements;
mod subscriptions;
mod support;
mod telemetry;
mod tenancy;
mod tenancy_property;
mod token_corpus;
mod transfer_http;
mod upsert;
mod validation;
mod world;
mod write_only;
