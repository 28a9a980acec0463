//! The shop: orders, payments and stock, each replica with a durable store of its own.
//!
//! A checkout is a saga that the orders service owns: reserve stock, charge the customer, confirm the
//! order. Stock is sharded by item and payments by customer, so no replica needs another's data. An
//! order belongs to one orders replica, which all others forward to: a client that repeats its
//! checkout anywhere joins the same saga.
//!
//! Facts that rules read (`tracing` target `observe`), stated once the effect is durable:
//!
//! | fact | by | fields |
//! |---|---|---|
//! | `reserved`, `released` | stock | `saga`, `order`, `item`, `amount` |
//! | `charged`, `refunded` | payments | `saga`, `order`, `customer`, `amount` |
//! | `confirmed` | orders | `saga`, `order`, `amount` |
//! | `saga-begun`, `saga-ended` | orders | `saga`, `order`, `outcome` |
//! | `undated` | all | `path`: a request came that did not say until when its answer is of use |
//!
//! Each has the field `trace` besides, if it is known for which request it was done.
//!
//! Gauges: `queue-depth`, the requests that a service has open; `in-flight` and `permits-out`, the calls
//! that it has under way and those of which their breakers know no outcome yet.

pub mod checkout;
pub mod egress;
pub mod ledger;
pub mod orders;
pub mod payments;
pub mod stock;
pub mod store;
pub mod traffic;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// What a customer asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Purchase {
    /// The order, named by the client: a repeated request has the same.
    pub order: String,
    /// Who pays.
    pub customer: String,
    /// What is bought.
    pub item: String,
    /// How many.
    pub quantity: i64,
    /// For how much in all, in cents.
    pub price: i64,
}

/// A change at stock or payments, made once for each key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Change {
    /// The idempotency key of the effect; its undo has the same.
    pub key: String,
    /// The saga.
    pub saga: String,
    /// The order.
    pub order: String,
    /// The item or the customer.
    pub subject: String,
    /// How many, or how much.
    pub amount: i64,
}

/// The status that tells what came of a change.
pub(crate) fn status(answer: std::io::Result<store::Answer>) -> StatusCode {
    match answer {
        Ok(store::Answer::Now | store::Answer::Before) => StatusCode::OK,
        Ok(store::Answer::Refused(_)) => StatusCode::CONFLICT,
        Ok(store::Answer::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
