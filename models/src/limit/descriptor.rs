//! Descriptors: ordered lists of keys and values that name what is limited, in the manner of Envoy.

/// What a request is, seen from one side: `("client", "10.0.0.9")`, or `("route", "search")` and then
/// `("client", "10.0.0.9")`. The order matters. Values that callers choose are to be bounded before they
/// become part of a descriptor: it is a key of tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Descriptor(Vec<(String, String)>);

impl Descriptor {
    /// One without entries: everything.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The same with one entry more.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }
}

/// Which descriptors a rule is for: those with the same keys in the same order, and the same values where
/// it names one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(Vec<(String, Option<String>)>);

impl Pattern {
    /// One without entries. It matches every request, also one without descriptors, and all share one
    /// account: a global limit.
    pub const fn everything() -> Self {
        Self(Vec::new())
    }

    /// The same with one more key, of this value only.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), Some(value.into())));
        self
    }

    /// The same with one more key, of any value; each value has an account of its own.
    #[must_use]
    pub fn each(mut self, key: impl Into<String>) -> Self {
        self.0.push((key.into(), None));
        self
    }

    /// Whether this is a pattern for `descriptor`.
    pub fn matches(&self, descriptor: &Descriptor) -> bool {
        let Descriptor(entries) = descriptor;
        let pairs = self.0.iter().zip(entries);
        self.0.len() == entries.len()
            && pairs
                .into_iter()
                .all(|((key, value), (its_key, its_value))| {
                    key == its_key && value.as_ref().is_none_or(|value| value == its_value)
                })
    }

    pub(super) const fn is_everything(&self) -> bool {
        self.0.is_empty()
    }
}
