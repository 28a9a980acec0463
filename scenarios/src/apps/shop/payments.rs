//! The payments service: charges customers and refunds them.

use super::{Change, ledger::Ledger, store::Step};
use crate::apps::{Place, place};
use axum::Router;
use serde::Deserialize;
use std::io;
use tracing::info;
use windtunnel_models::trace;

/// Settings of the payments service.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// What each customer has at the beginning, in cents.
    pub funds: i64,
    /// Without idempotency: a repeated request is a new one.
    pub forgets_keys: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            funds: 100_000,
            forgets_keys: false,
        }
    }
}

/// The service with its accounts.
///
/// # Errors
/// If the settings are others than these, or the accounts cannot be opened.
pub async fn open(at: Place, table: toml::Table) -> io::Result<Router> {
    let config: Config = place::config(table)?;
    let ledger = Ledger {
        paths: ["/charge", "/refund"],
        opening: config.funds,
        forgets_keys: config.forgets_keys,
        tell,
    };
    ledger.open(&at).await
}

fn tell(step: Step, change: &Change) {
    let what = if step == Step::Made {
        "charged"
    } else {
        "refunded"
    };
    info!(
        target: "observe",
        what,
        once = change.key,
        saga = change.saga,
        order = change.order,
        customer = change.subject,
        amount = change.amount,
        trace = trace::present_text().as_deref()
    );
}
