//! What keeps a server's connection counted after its exchanges are over.

use std::convert::Infallible;

use tokio::sync::mpsc;

/// Every request carries one as an extension. Whoever takes over the connection beneath a request (an
/// upgrade) holds it: as long as it lives the server counts the connection as open, and a drain waits for
/// it within the grace period.
#[derive(Clone, Debug)]
pub struct Tenure(mpsc::Sender<Infallible>);

impl Tenure {
    /// Waits until the server cuts the connection: at the end of a drain's grace, or when the server is
    /// dropped.
    ///
    /// # Cancellation
    ///
    /// Nothing happens.
    pub async fn cut(&self) {
        self.0.closed().await;
    }
}

/// The server's side: it knows when the last tenure ended, and dropping it cuts those that are left.
pub(super) struct Landlord(mpsc::Receiver<Infallible>);

/// A pair for one connection.
pub(super) fn tenure() -> (Tenure, Landlord) {
    let (tenant, landlord) = mpsc::channel(1);
    (Tenure(tenant), Landlord(landlord))
}

impl Landlord {
    /// Waits until nobody holds a tenure any more.
    pub(super) async fn vacated(mut self) {
        // Nothing can be sent: an end is all that comes.
        while self.0.recv().await.is_some() {}
    }
}
