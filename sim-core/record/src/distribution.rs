//! Distributions and their samplers, by inversion or Box–Muller on `libm`.
//!
//! `rand`'s algorithms and the last bit of the C library's functions change between versions; a
//! user's saved seed must not. Hence own samplers whose arithmetic is fixed.

use crate::{Span, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// A random length of time. Externally tagged: `{ uniform = { min = "1s", max = "5s" } }`; a plain
/// string such as `"15s"` is read as fixed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = also_text)]
pub enum Distribution {
    /// Always the same.
    Fixed(Span),
    /// Every length between `min` and `max` alike.
    Uniform {
        /// The shortest.
        min: Span,
        /// The longest.
        max: Span,
    },
    /// Memoryless with the given mean.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Log-normal through its median and 99th percentile.
    Lognormal {
        /// The median.
        p50: Span,
        /// The 99th percentile.
        p99: Span,
    },
    /// Pareto (type I): at least `min`, with tail index `alpha`.
    Pareto {
        /// The shortest.
        min: Span,
        /// The tail index; smaller is heavier, above 1 for a finite mean.
        alpha: f64,
    },
    /// Normal, folded at zero: a span is the magnitude of what is drawn.
    Normal {
        /// The mean before folding.
        mean: Span,
        /// The standard deviation.
        deviation: Span,
    },
}

/// The tagged form of [`Distribution`], for the derive; kept in step with it by the compiler.
#[derive(Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    remote = "Distribution"
)]
enum Tagged {
    Fixed(Span),
    Uniform { min: Span, max: Span },
    Exponential { mean: Span },
    Lognormal { p50: Span, p99: Span },
    Pareto { min: Span, alpha: f64 },
    Normal { mean: Span, deviation: Span },
}

/// Adds the plain string to the schema.
fn also_text(schema: &mut schemars::Schema) {
    let tagged = schema.clone();
    *schema = schemars::json_schema!({
        "description": "a duration, or a table with one distribution",
        "anyOf": [{ "type": "string" }, tagged],
    });
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;
        impl<'de> de::Visitor<'de> for TextOrTable {
            type Value = Distribution;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"15s\" or a table such as { exponential = { mean = \"12s\" } }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Distribution, E> {
                text.parse().map(Distribution::Fixed).map_err(E::custom)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Distribution, A::Error> {
                Tagged::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Distribution {
    /// Draws one length. A fixed length draws nothing from the stream.
    pub fn sample(&self, stream: &mut Stream) -> Span {
        match *self {
            Self::Fixed(span) => span,
            Self::Uniform { min, max } => {
                let width = max.saturating_sub(min).as_nanos();
                min + Span::from_nanos(stream.below(width.saturating_add(1)))
            }
            Self::Exponential { mean } => {
                // 1 − u lies in (0, 1], so the logarithm is finite.
                mean.mul_f64(-libm::log(1.0 - stream.unit()))
            }
            Self::Lognormal { p50, .. } => {
                p50.mul_f64(libm::exp(self.sigma() * standard_normal(stream)))
            }
            Self::Pareto { min, alpha } => {
                min.mul_f64(libm::pow(1.0 - stream.unit(), -1.0 / alpha))
            }
            Self::Normal { mean, deviation } => {
                let off = nanos(deviation) * standard_normal(stream);
                Span::from_nanos((nanos(mean) + off).abs() as u64)
            }
        }
    }

    /// The spread of a log-normal's logarithm; 0 for the others.
    fn sigma(&self) -> f64 {
        match *self {
            Self::Lognormal { p50, p99 } => libm::log(ratio(p99, p50)) / Z99,
            _ => 0.0,
        }
    }

    /// The mean, for capacity estimates.
    pub fn mean(&self) -> Span {
        match *self {
            Self::Fixed(span) => span,
            Self::Uniform { min, max } => (min + max).mul_f64(0.5),
            Self::Exponential { mean } => mean,
            Self::Lognormal { p50, p99 } => {
                let sigma = libm::log(ratio(p99, p50)) / Z99;
                p50.mul_f64(libm::exp(sigma * sigma / 2.0))
            }
            Self::Pareto { min, alpha } if alpha > 1.0 => min.mul_f64(alpha / (alpha - 1.0)),
            Self::Pareto { .. } => Span::MAX,
            Self::Normal { mean, deviation } => {
                let folded = folded_normal_mean(nanos(mean), nanos(deviation));
                Span::from_nanos(folded as u64)
            }
        }
    }

    /// What is wrong with the parameters, if anything.
    pub fn fault(&self) -> Option<String> {
        match *self {
            Self::Uniform { min, max } if max < min => {
                Some(format!("max ({max}) is below min ({min})"))
            }
            Self::Lognormal { p50, .. } if p50 == Span::ZERO => {
                Some("p50 must be above zero".into())
            }
            Self::Lognormal { p50, p99 } if p99 < p50 => {
                Some(format!("p99 ({p99}) is below p50 ({p50})"))
            }
            Self::Pareto { alpha, .. } if !(alpha > 0.0 && alpha.is_finite()) => {
                Some(format!("alpha must be above zero (found {alpha})"))
            }
            _ => None,
        }
    }
}

/// A distribution that is drawn from often: what does not change from one draw to the next is worked
/// out once. It draws what [`Distribution::sample`] draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    of: Distribution,
    sigma: f64,
}

impl From<Distribution> for Sampler {
    fn from(of: Distribution) -> Self {
        let sigma = of.sigma();
        Self { of, sigma }
    }
}

impl Sampler {
    /// Draws one length.
    pub fn sample(&self, stream: &mut Stream) -> Span {
        match self.of {
            Distribution::Lognormal { p50, .. } => {
                p50.mul_f64(libm::exp(self.sigma * standard_normal(stream)))
            }
            other => other.sample(stream),
        }
    }
}

fn nanos(span: Span) -> f64 {
    span.as_nanos() as f64
}

/// The mean of the magnitude of a normal number.
fn folded_normal_mean(mean: f64, deviation: f64) -> f64 {
    if deviation == 0.0 {
        return mean;
    }
    let distance = mean / deviation / std::f64::consts::SQRT_2;
    let beyond = libm::sqrt(std::f64::consts::FRAC_2_PI) * libm::exp(-distance * distance);
    deviation * beyond + mean * libm::erf(distance)
}

fn ratio(above: Span, below: Span) -> f64 {
    nanos(above) / nanos(below).max(1.0)
}

/// One standard normal number by Box and Muller; the second one of the pair is not kept, so that a
/// stream has no state besides its generator.
fn standard_normal(stream: &mut Stream) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - stream.unit()));
    radius * libm::cos(std::f64::consts::TAU * stream.unit())
}

/// Zipf's law over ranks `0..n`: rank k has weight 1 / (k + 1)^s. Inversion over a prepared table.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Prepares the table for `n` ranks with exponent `s`.
    ///
    /// # Panics
    /// If `n` is zero, or `s` is negative or not finite.
    pub fn new(n: usize, s: f64) -> Self {
        assert!(
            n > 0 && s.is_finite() && s >= 0.0,
            "Zipf needs ranks and a finite exponent"
        );
        let mut total = 0.0;
        let cumulative = (1..=n)
            .map(|rank| {
                total += libm::pow(rank as f64, -s);
                total
            })
            .collect();
        Self { cumulative }
    }

    /// Draws a rank in `0..n`; rank 0 is the most frequent.
    pub fn sample(&self, stream: &mut Stream) -> usize {
        let total = self.cumulative[self.cumulative.len() - 1];
        let point = stream.unit() * total;
        self.cumulative
            .partition_point(|&upto| upto <= point)
            .min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn drawn(distribution: Distribution) -> Vec<f64> {
        let mut stream = Seed(7).stream("samples");
        let mut all: Vec<_> = (0..40_000)
            .map(|_| distribution.sample(&mut stream).as_secs_f64())
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found / expected - 1.0).abs() < tolerance,
            "{found} against {expected}"
        );
    }

    #[test]
    fn the_exponential_has_its_mean_and_median() {
        let all = drawn(Distribution::Exponential {
            mean: Span::from_secs(2),
        });
        near(all.iter().sum::<f64>() / all.len() as f64, 2.0, 0.02);
        near(all[all.len() / 2], 2.0 * std::f64::consts::LN_2, 0.03);
    }

    #[test]
    fn a_sampler_draws_what_its_distribution_draws() {
        let [p50, p99] = [Span::from_micros(300), Span::from_micros(900)];
        for one in [
            Distribution::Lognormal { p50, p99 },
            Distribution::Exponential { mean: p99 },
            Distribution::Fixed(p50),
        ] {
            let [mut drawn, mut prepared] = [Seed(3).stream("one"), Seed(3).stream("one")];
            let sampler = Sampler::from(one);
            for _ in 0..1_000 {
                assert_eq!(one.sample(&mut drawn), sampler.sample(&mut prepared));
            }
        }
    }

    #[test]
    fn the_lognormal_meets_its_median_and_99th_percentile() {
        let distribution = Distribution::Lognormal {
            p50: Span::from_millis(2),
            p99: Span::from_millis(25),
        };
        let all = drawn(distribution);
        near(all[all.len() / 2], 0.002, 0.03);
        near(all[all.len() * 99 / 100], 0.025, 0.06);
        near(
            all.iter().sum::<f64>() / all.len() as f64,
            distribution.mean().as_secs_f64(),
            0.05,
        );
    }

    #[test]
    fn pareto_and_uniform_stay_inside_their_bounds() {
        let pareto = drawn(Distribution::Pareto {
            min: Span::from_millis(1),
            alpha: 2.0,
        });
        assert!(pareto[0] >= 0.001);
        near(
            pareto[pareto.len() / 2],
            0.001 * std::f64::consts::SQRT_2,
            0.03,
        );
        let uniform = drawn(Distribution::Uniform {
            min: Span::from_secs(1),
            max: Span::from_secs(5),
        });
        assert!(uniform[0] >= 1.0 && uniform[uniform.len() - 1] <= 5.0);
        near(uniform[uniform.len() / 2], 3.0, 0.02);
    }

    #[test]
    fn the_normal_has_its_mean_and_deviation_and_is_folded_at_zero() {
        let normal = |mean, deviation| Distribution::Normal {
            mean: Span::from_millis(mean),
            deviation: Span::from_millis(deviation),
        };
        let all = drawn(normal(10, 2));
        near(all[all.len() / 2], 0.010, 0.01);
        near(all[all.len() * 99 / 100], 0.010 + 0.002 * Z99, 0.02);
        // Around zero its magnitude is left, whose mean is √(2/π) deviations.
        let folded = normal(0, 2);
        let all = drawn(folded);
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        near(mean, folded.mean().as_secs_f64(), 0.02);
        near(mean, 0.002 * std::f64::consts::FRAC_2_PI.sqrt(), 0.02);
    }

    #[test]
    fn zipf_ranks_fall_with_their_law() {
        let zipf = Zipf::new(100, 1.0);
        let mut stream = Seed(7).stream("zipf");
        let mut seen = vec![0u32; 100];
        (0..100_000).for_each(|_| seen[zipf.sample(&mut stream)] += 1);
        near(f64::from(seen[0]) / f64::from(seen[1]), 2.0, 0.08);
        near(f64::from(seen[0]) / f64::from(seen[9]), 10.0, 0.15);
    }
}
