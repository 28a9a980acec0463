//! Why no endpoint was picked.

/// No endpoint could be picked; there is never a default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// The set is empty.
    #[error("there is no endpoint")]
    Empty,
    /// There are endpoints, and none of them admits the call.
    #[error("none of {asked} endpoints admits the call")]
    NoneAdmits {
        /// How many were asked.
        asked: usize,
    },
}
