//! One line of the table of vectors.

use std::fmt::Debug;

/// A vector: its name and where its figures come from.
pub struct Vector {
    name: &'static str,
    source: &'static str,
}

impl Vector {
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source }
    }

    /// Equal, bit for bit.
    #[track_caller]
    pub fn exact<T: PartialEq + Debug>(&self, what: &str, expected: T, got: T) {
        self.print(what, &expected, &got);
        assert_eq!(got, expected, "{}: {what}", self.name);
    }

    /// Within a fraction of what is expected.
    #[track_caller]
    pub fn within(&self, what: &str, expected: f64, got: f64, tolerance: f64) {
        self.print(what, &expected, &got);
        let off = (got - expected).abs() / expected;
        assert!(off <= tolerance, "{}: {what}: off by {off:.3}", self.name);
    }

    /// Not above a bound.
    #[track_caller]
    pub fn at_most(&self, what: &str, bound: f64, got: f64) {
        self.print(what, &format_args!("at most {bound:.4}"), &got);
        assert!(got <= bound, "{}: {what}", self.name);
    }

    fn print(&self, what: &str, expected: &dyn Debug, got: &dyn Debug) {
        let Self { name, source } = self;
        println!("{name} | {source} | {what} | expected {expected:?} | got {got:?}");
    }
}
