//! contact-gateway: one GraphQL schema over internal contacts, partner assignments, account contacts and organization
//! contacts.
//!
//! Layers, each of which knows only what stands to its right:
//!
//! ```text
//! main -> cli -> app -> http -> graphql -> service -> entity
//! main -> cli -> http -> transfer -> service -> entity
//! ```
//!
//! `auth`, `config`, `error`, `fair_share`, `files`, `log` and `telemetry` are leaves. The same domain has the same file name in
//! every layer.

// The fields of `Query` come from a dozen objects, each an async block within another one: an optimised build looks into
// all of them.
#![recursion_limit = "256"]

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod entity;
pub mod error;
pub mod fair_share;
pub mod files;
pub mod graphql;
pub mod http;
pub mod log;
pub mod service;
pub mod telemetry;
pub mod transfer;
