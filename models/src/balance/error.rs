//! Why no endpoint was picked.

/// No endpoint could be picked; there is never a default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The set is empty.
    #[error("there is no endpoint")]
    Empty,
    /// There are endpoints, and none of them comes into question.
    #[error("none of {endpoints} endpoints is eligible")]
    NoneEligible {
        /// How many there are.
        endpoints: usize,
    },
    /// There are eligible endpoints, and none of them admits the call.
    #[error("none of {asked} endpoints admits the call")]
    NoneAdmits {
        /// How many were asked.
        asked: usize,
    },
}

impl NoEndpoint {
    /// After `asked` of `endpoints` refused and no other was eligible.
    pub(super) const fn after(endpoints: usize, asked: usize) -> Self {
        match (endpoints, asked) {
            (0, _) => Self::Empty,
            (endpoints, 0) => Self::NoneEligible { endpoints },
            (_, asked) => Self::NoneAdmits { asked },
        }
    }
}
