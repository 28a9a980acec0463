//! Numbers and times as people read them.

use windtunnel_record::{Moment, Span};

/// A whole number with its thousands apart: `41 218`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, in the plural unless it is one: `1 run`, `2 runs`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A latency in milliseconds with three significant digits and the fitting unit: `12.1 ms`.
pub fn latency(millis: f64) -> String {
    if millis < 1.0 {
        significant(millis * 1e3, "us")
    } else if millis < 1000.0 {
        significant(millis, "ms")
    } else {
        significant(millis / 1e3, "s")
    }
}

fn significant(number: f64, unit: &str) -> String {
    let places = match number {
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.places$} {unit}")
}

/// An instant in seconds since the start of the run: `41.203 s`.
pub fn instant(moment: Moment) -> String {
    format!("{:.3} s", moment.as_secs_f64())
}

/// A long time in words: `45 s`, `12.5 s`, `3 min 20 s`, `1 h 40 min`.
pub fn duration(span: Span) -> String {
    let tenths = (span.as_nanos() + 50_000_000) / 100_000_000;
    let whole = tenths / 10;
    match whole {
        0..60 if tenths.is_multiple_of(10) => format!("{whole} s"),
        0..60 => format!("{whole}.{} s", tenths % 10),
        60..3600 => joined(whole / 60, "min", whole % 60, "s"),
        _ => joined(whole / 3600, "h", whole % 3600 / 60, "min"),
    }
}

fn joined(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// A share as a percentage with one place, never rounded up to 100 nor down to 0: `98.3 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 100.0 && percent > 99.9 {
        "> 99.9 %".into()
    } else if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".into()
    } else {
        format!("{percent:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (41_218_007, "41 218 007"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn latencies_choose_their_unit() {
        for (millis, text) in [
            (0.0305, "30.5 us"),
            (1.0, "1.00 ms"),
            (12.06, "12.1 ms"),
            (340.4, "340 ms"),
            (1234.0, "1.23 s"),
        ] {
            assert_eq!(latency(millis), text);
        }
    }

    #[test]
    fn durations_read_in_words() {
        for (millis, text) in [
            (0, "0 s"),
            (12_500, "12.5 s"),
            (59_960, "1 min"),
            (200_000, "3 min 20 s"),
            (6_000_000, "1 h 40 min"),
        ] {
            assert_eq!(duration(Span::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        for (share, text) in [
            (1.0, "100.0 %"),
            (0.9999, "> 99.9 %"),
            (0.983, "98.3 %"),
            (0.0001, "< 0.1 %"),
            (0.0, "0.0 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
