//! Axes: where a value stands, and which values are labelled.

/// A vertical axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scale {
    /// From zero to `max`.
    Linear { max: f64 },
    /// From `min` to `max` in equal ratios; both are powers of ten.
    Log { min: f64, max: f64 },
    /// One lane per name, the first on top.
    Lanes(Vec<String>),
}

/// The numbers that read well as steps, within one decade.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// The smallest readable step with which `span` has at most `most` steps.
pub(super) fn step(span: f64, most: usize) -> f64 {
    let rough = (span / most as f64).max(1e-9);
    let decade = 10f64.powi(rough.log10().floor() as i32);
    STEPS
        .iter()
        .map(|step| step * decade)
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade)
}

/// A number as an axis label: no more places than its step needs.
pub(super) fn label(value: f64, step: f64) -> String {
    let places = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.places$}")
}

impl Scale {
    /// A linear axis that holds values up to `peak` and has at least one step.
    pub(super) fn linear(peak: f64) -> Self {
        let peak = peak.max(1.0);
        let step = step(peak, 5);
        Self::Linear {
            max: (peak / step).ceil() * step,
        }
    }

    /// A logarithmic axis that holds all positive `values`; one decade if there are none.
    pub(super) fn log(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let least = positive.clone().fold(f64::INFINITY, f64::min);
        let most = positive.fold(0.0, f64::max);
        if most == 0.0 {
            return Self::Log {
                min: 1.0,
                max: 10.0,
            };
        }
        let min = 10f64.powi(least.log10().floor() as i32);
        let max = 10f64.powi(most.log10().ceil() as i32);
        Self::Log {
            min,
            max: max.max(min * 10.0),
        }
    }

    /// Where a value stands between bottom (0) and top (1).
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { max } => value / max,
            Self::Log { min, max } => (value.max(*min) / min).log10() / (max / min).log10(),
            Self::Lanes(names) => 1.0 - (value + 0.5) / names.len().max(1) as f64,
        };
        place.clamp(0.0, 1.0)
    }

    /// The labelled values.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Linear { max } => {
                let step = step(*max, 5);
                let count = (max / step).round() as usize;
                (0..=count)
                    .map(|i| (i as f64 * step, label(i as f64 * step, step)))
                    .collect()
            }
            Self::Log { min, max } => {
                let decades = (max / min).log10().round() as i32;
                let steps = if decades <= 2 {
                    &STEPS[..]
                } else {
                    &STEPS[..1]
                };
                let inner = (0..decades).flat_map(|decade| {
                    let base = min * 10f64.powi(decade);
                    steps.iter().map(move |step| step * base)
                });
                inner
                    .chain([*max])
                    .map(|value| (value, crate::numbers::latency(value)))
                    .map(|(value, text)| (value, without_zeros(&text)))
                    .collect()
            }
            Self::Lanes(names) => names
                .iter()
                .enumerate()
                .map(|(lane, name)| (lane as f64, name.clone()))
                .collect(),
        }
    }
}

/// `10.0 ms` as `10 ms`: an axis label is exact anyway.
fn without_zeros(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_two_or_five_times_a_power_of_ten() {
        for (span, most, expected) in [
            (60.0, 12, 5.0),
            (30.0, 10, 5.0),
            (7.3, 5, 2.0),
            (0.4, 4, 0.1),
        ] {
            let found = step(span, most);
            assert!((found - expected).abs() < 1e-9, "{span}/{most}: {found}");
        }
    }

    #[test]
    fn a_log_axis_begins_and_ends_at_powers_of_ten() {
        let scale = Scale::log([0.4, 35.0, 0.0].into_iter());
        let texts: Vec<_> = scale.ticks().into_iter().map(|tick| tick.1).collect();
        assert_eq!(texts, ["100 us", "1 ms", "10 ms", "100 ms"]);
        assert!((scale.place(1.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(scale.place(0.0), 0.0);
    }

    #[test]
    fn a_linear_axis_holds_its_peak_and_starts_at_zero() {
        let scale = Scale::linear(103.0);
        let texts: Vec<_> = scale.ticks().into_iter().map(|tick| tick.1).collect();
        assert_eq!(texts, ["0", "50", "100", "150"]);
        assert!(scale.place(103.0) < 1.0);
    }

    #[test]
    fn the_first_lane_is_on_top() {
        let scale = Scale::Lanes(vec!["a".into(), "b".into()]);
        assert!(scale.place(0.0) > scale.place(1.0));
    }
}
