//! What keeps a server's connection counted after its exchanges are over.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

/// Every request carries one as an extension. Whoever takes over the connection beneath a request (an
/// upgrade) holds it: as long as it lives the server counts the connection as open, and a drain waits for
/// it within the grace period.
#[derive(Clone, Debug)]
pub struct Tenure {
    tenant: mpsc::Sender<Infallible>,
    is_other: Arc<AtomicBool>,
}

impl Tenure {
    /// From now on the connection carries another protocol than HTTP: what comes over it is not read as
    /// requests any more. To be said before the answer that changes the protocol.
    pub fn changes_protocol(&self) {
        self.is_other.store(true, Ordering::Relaxed);
    }

    /// Waits until the server cuts the connection: at the end of a drain's grace, or when the server is
    /// dropped.
    ///
    /// # Cancellation
    ///
    /// Nothing happens.
    pub async fn cut(&self) {
        self.tenant.closed().await;
    }
}

/// The server's side: it knows when the last tenure ended, and dropping it cuts those that are left.
pub(super) struct Landlord {
    tenants: mpsc::Receiver<Infallible>,
    /// Whether the connection carries another protocol than HTTP.
    pub(super) is_other: Arc<AtomicBool>,
}

/// A pair for one connection.
pub(super) fn tenure() -> (Tenure, Landlord) {
    let (tenant, tenants) = mpsc::channel(1);
    let is_other = Arc::new(AtomicBool::new(false));
    let tenure = Tenure {
        tenant,
        is_other: is_other.clone(),
    };
    (tenure, Landlord { tenants, is_other })
}

impl Landlord {
    /// Waits until nobody holds a tenure any more.
    pub(super) async fn vacated(mut self) {
        // Nothing can be sent: an end is all that comes.
        while self.tenants.recv().await.is_some() {}
    }
}
