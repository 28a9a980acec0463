//! Which table, and whether loads are bounded, as a value.

use super::{Bound, InvalidPolicy, Maglev, Nodes, Rendezvous, Ring, Sizes, Table};

/// The settings of [`Hashed`](super::Hashed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which table.
    pub layout: Layout,
    /// How much an endpoint may have in flight. With a bound a pick looks at every endpoint.
    pub bound: Option<Bound>,
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

    /// The same with a bound.
    #[must_use]
    pub const fn bounded(self, bound: Bound) -> Self {
        Self {
            bound: Some(bound),
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
            Layout::Ring(sizes) => sizes.validate(),
            Layout::Maglev(size) => Ok(Maglev::check(size)?),
            Layout::Ketama | Layout::Rendezvous => Ok(()),
        }
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
