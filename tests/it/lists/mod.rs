//! Lists: their filters, orders and searches, and walks through their pages, held against a model of the same rows.
//!
//! `rows` makes random rows, `model` and `reading` say what a list of them must hold, `trees` makes random filters.

mod companies;
mod custom;
mod filters;
mod model;
mod orders;
mod plans;
mod reading;
mod refusals;
mod rows;
mod search;
mod trees;
mod walk;
