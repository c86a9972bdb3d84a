//! Access lists: which subject may do what, as Casbin reads it from a model and a policy file.
//!
//! The model says how a request is matched with rules, the policy has the rules. The default model is
//! the one of the Go original: subject, object and action have to be equal to the rule's. The original
//! always asked for the object `*`; here a request is allowed if it is for the log's name or for `*`, so
//! that the original's policies keep their meaning and others can name logs.
//!
//! Invariants
//! - Without a rule that allows it, nothing is allowed: models that allow by default are refused.
//! - A rule that denies wins, whether it is for the log's name or for `*`.
//! - A policy file is taken as a whole or not at all.

mod access_list;
mod action;
mod effect;
mod error;
mod expression;
mod model;
mod policy;
mod rules;

pub use access_list::{AccessList, AccessListConfig, Decision};
pub use action::Action;
pub use error::AccessListError;
pub use model::DEFAULT_MODEL;
pub use policy::Rule;
