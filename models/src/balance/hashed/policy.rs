//! Which table, and whether loads are bounded, as a value.

use super::{Bound, InvalidPolicy, Maglev, Nodes, Rendezvous, Ring, Sizes, Table};

/// The settings of [`Hashed`](super::Hashed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which table.
    pub layout: Layout,
    /// The most that an endpoint has in flight, in percent of its fair part (125 is an ε of 0.25); none
    /// for no bound. With a bound a pick looks at every endpoint.
    pub bound: Option<u32>,
}

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// [`Ring::ketama`]. Of a key the low 32 bits count.
    Ketama,
    /// [`Ring::sized`].
    Ring(Sizes),
    /// [`Maglev`] with so many slots. A set that is too large for them gets a table of the next prime
    /// that is large enough.
    Maglev(u32),
    /// [`Rendezvous`].
    Rendezvous,
}

impl Policy {
    /// Without a bound.
    pub const fn new(layout: Layout) -> Self {
        Self {
            layout,
            bound: None,
        }
    }

    /// The same with a bound of so many percent of the fair part.
    #[must_use]
    pub const fn bounded(self, percent: u32) -> Self {
        Self {
            bound: Some(percent),
            ..self
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        match self.layout {
            Layout::Ring(sizes) => sizes.validate()?,
            Layout::Maglev(size) => Maglev::check(size)?,
            Layout::Ketama | Layout::Rendezvous => {}
        }
        self.checked_bound().map(|_| ())
    }

    pub(super) fn checked_bound(&self) -> Result<Option<Bound>, InvalidPolicy> {
        self.bound.map(Bound::percent).transpose()
    }
}

impl Layout {
    /// The table of a valid layout.
    pub(super) fn table(self, nodes: &Nodes) -> Box<dyn Table> {
        match self {
            Self::Ketama => Box::new(Ring::ketama(nodes)),
            Self::Ring(sizes) => Box::new(Ring::sized(nodes, sizes)),
            Self::Maglev(size) => Box::new(Maglev::large_enough(nodes, size)),
            Self::Rendezvous => Box::new(Rendezvous::new(nodes)),
        }
    }
}
