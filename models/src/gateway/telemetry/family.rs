//! A reading: families of samples, in an order that does not depend on chance.

use std::sync::Arc;

/// Something that can be read.
pub trait Source: Send + Sync + 'static {
    /// Takes a reading.
    fn gather(&self) -> Vec<Family>;
}

/// What kind of number a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the program starts anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How values were spread.
    Histogram,
}

/// All samples of one meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name, without the `_total` of counters.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// The samples, in the order of their labels.
    pub samples: Vec<Sample>,
}

/// One number with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// By name and value.
    pub labels: Vec<(&'static str, Arc<str>)>,
    /// The number.
    pub value: Value,
}

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(u64),
    /// Of a histogram.
    Reading(Reading),
}

/// How values were spread, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Upper bounds of the buckets, inclusive, growing; one bucket more has none.
    pub bounds: &'static [f64],
    /// How many values fell into each bucket; one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
    /// The last value of a trace in each bucket, if there was one.
    pub exemplars: Vec<Option<Exemplar>>,
}

/// A value and the trace it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// The value, in seconds.
    pub value: f64,
    /// The trace.
    pub trace: u128,
}

impl Family {
    /// A family without samples.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            help,
            kind,
            samples: Vec::new(),
        }
    }

    /// A family of one number without labels.
    pub fn single(name: &'static str, kind: Kind, help: &'static str, number: u64) -> Self {
        let mut family = Self::new(name, kind, help);
        family.push(Vec::new(), number);
        family
    }

    /// Adds a number.
    pub fn push(&mut self, labels: Vec<(&'static str, Arc<str>)>, number: u64) {
        let value = Value::Number(number);
        self.samples.push(Sample { labels, value });
    }
}

impl Reading {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The value below which a share `q` of all lies, as Prometheus estimates it: evenly inside of a bucket,
    /// from 0 in the first; the last bound if it lies above all. None without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = q * count as f64;
        let mut below = 0;
        for (position, inside) in self.counts.iter().enumerate() {
            let upper = *self.bounds.get(position)?;
            if (below + inside) as f64 >= rank && *inside > 0 {
                let lower = match position {
                    0 => 0.0,
                    _ => self.bounds[position - 1],
                };
                let part = (rank - below as f64).max(0.0) / *inside as f64;
                return Some(lower + (upper - lower) * part);
            }
            below += inside;
            if position + 1 == self.bounds.len() {
                return Some(upper);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(counts: [u64; 4]) -> Reading {
        Reading {
            bounds: &[0.1, 0.2, 1.0],
            counts: counts.to_vec(),
            sum: 0.0,
            exemplars: vec![None; 4],
        }
    }

    #[test]
    fn a_quantile_is_linear_inside_of_its_bucket() {
        let reading = reading([10, 10, 0, 0]);
        assert_eq!(reading.quantile(0.25), Some(0.05));
        assert_eq!(reading.quantile(0.5), Some(0.1));
        let upper = reading.quantile(0.75).unwrap();
        assert!((upper - 0.15).abs() < 1e-12, "{upper}");
    }

    #[test]
    fn a_quantile_above_all_bounds_is_the_last_bound_and_of_nothing_there_is_none() {
        assert_eq!(reading([0, 0, 0, 5]).quantile(0.5), Some(1.0));
        assert_eq!(reading([0; 4]).quantile(0.5), None);
    }
}
