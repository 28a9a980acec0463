//! A limit per client, as a gateway asks it.

use std::sync::Arc;

use super::config::Limit;
use super::{Client, Refusal};
use crate::limit::{InvalidQuota, KeyedLimiter};

/// One limit; every client has its own account.
pub(super) struct ClientLimit {
    config: Limit,
    accounts: KeyedLimiter<Client>,
}

impl ClientLimit {
    /// The old limit with its accounts if the settings are the same, else a new one.
    pub(super) fn keep(old: Option<Arc<Self>>, config: &Limit) -> Result<Arc<Self>, InvalidQuota> {
        if let Some(old) = old.filter(|old| old.config == *config) {
            return Ok(old);
        }
        let accounts = KeyedLimiter::new(&config.quota(), config.max_clients)?;
        Ok(Arc::new(Self {
            config: config.clone(),
            accounts,
        }))
    }

    /// Takes one request from the client's account.
    ///
    /// # Errors
    ///
    /// [`Refusal::Limited`], with the time after which the client would be admitted.
    pub(super) fn admit(&self, client: &Client) -> Result<(), Refusal> {
        let checked = self.accounts.check(client);
        checked.map_err(|refused| Refusal::Limited {
            retry_after: refused.retry_after(),
        })
    }
}
