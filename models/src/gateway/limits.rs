//! A limit per client, as a gateway asks it.

use std::sync::Arc;

use super::config::Limit;
use super::interim::Gcra;
use super::{Client, Refusal};

/// One limit; every client has its own account.
pub(super) struct ClientLimit {
    policy: Limit,
    accounts: Gcra,
}

impl ClientLimit {
    /// The old limit with its accounts if the policy is the same, else a new one.
    pub(super) fn keep(old: Option<Arc<Self>>, policy: &Limit) -> Arc<Self> {
        let kept = old.filter(|old| old.policy == *policy);
        kept.unwrap_or_else(|| {
            Arc::new(Self {
                accounts: Gcra::new(policy),
                policy: policy.clone(),
            })
        })
    }

    /// Takes one request from the client's account, or says when there will be one.
    pub(super) fn admit(&self, client: &Client) -> Result<(), Refusal> {
        self.accounts
            .admit(client)
            .map_err(|wait| Refusal::Limited {
                retry_after: Some(wait),
            })
    }
}
