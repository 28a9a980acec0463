//! The client's side: what it may have under way.

/// The credits of one client. A call that is dropped without an answer gives its credit back like any
/// other that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wallet {
    credits: u32,
    under_way: u32,
}

impl Wallet {
    /// What a server gave to begin with.
    pub const fn new(credits: u32) -> Self {
        Self {
            credits,
            under_way: 0,
        }
    }

    /// Begins a call, if a credit is free for it; `false` and nothing happens if not.
    #[must_use = "without a credit nothing may be sent"]
    pub const fn spend(&mut self) -> bool {
        if self.under_way >= self.credits {
            return false;
        }
        self.under_way += 1;
        true
    }

    /// A call ended, answered or not.
    pub const fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The server says how many credits there are from now on; calls that are under way go on.
    pub const fn grant(&mut self, credits: u32) {
        self.credits = credits;
    }

    /// How many calls may be under way at once, and how many are.
    pub const fn state(&self) -> (u32, u32) {
        (self.credits, self.under_way)
    }
}
