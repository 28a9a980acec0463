//! What is wrong with a fault spec by itself, before any topology is known.

use windtunnel_record::{Distribution, FaultSpec, Inject, Span, dns::Misanswer};

/// All that is wrong with `spec`, each in one sentence fragment; nothing if it is fine.
///
/// Whether ids repeat and whether targets mean hosts cannot be seen here.
pub fn problems(spec: &FaultSpec) -> Vec<String> {
    let mut found = Vec::new();
    if spec.id.is_empty() || spec.id.contains('/') {
        found.push("`id` must not be empty or contain `/` (it names a random stream)".to_owned());
    }
    times(spec, &mut found);
    match &spec.inject {
        Inject::Loss { rate, .. }
        | Inject::Duplicate { rate, .. }
        | Inject::Corrupt { rate, .. } => share(*rate, &mut found),
        Inject::Reorder { rate, by, .. } => {
            share(*rate, &mut found);
            length("by", Some(by), &mut found);
        }
        Inject::Errors { status, rate, .. } => {
            share(*rate, &mut found);
            if !(400..=599).contains(status) {
                found.push(format!("`status` must be 400 to 599 (found {status})"));
            }
        }
        Inject::Cancel { at_await, rate, .. } => {
            share(*rate, &mut found);
            if *at_await == Some(0) {
                found.push("`at-await` counts from 1".to_owned());
            }
        }
        Inject::ClockDrift { ppm, .. } if !(*ppm > -1e6 && *ppm <= 1e6) => {
            found.push(format!(
                "`ppm` must be above -1000000, where a clock stands, and at most 1000000 (found {ppm})"
            ));
        }
        Inject::CpuStarve { share, .. } if !(*share > 0.0 && *share <= 1.0) => {
            found.push(format!(
                "`share` must be above 0 and at most 1 (found {share})"
            ));
        }
        Inject::DiskError { rate, .. } => share(*rate, &mut found),
        Inject::Dns {
            how: Misanswer::Slow(by),
            ..
        } => length("slow", Some(by), &mut found),
        Inject::Slow { by, .. } | Inject::DiskSlow { by, .. } => {
            length("by", Some(by), &mut found);
        }
        _ => {}
    }
    if let Some((_, Some(0))) = spec.inject.clone().drawn_target() {
        found.push("`count` must be at least 1 (leave it out for all hosts)".to_owned());
    }
    let nobody = |targets: &&windtunnel_record::target::Targets| targets.0.is_empty();
    if spec.inject.targets().iter().any(nobody) {
        found.push("a list of targets is empty (write `*` for every host)".to_owned());
    }
    found
}

fn times(spec: &FaultSpec, found: &mut Vec<String>) {
    length("at", spec.at.as_ref(), found);
    length("every", spec.every.as_ref(), found);
    length("for", spec.lasting.as_ref(), found);
    if spec.at.is_some() && spec.every.is_some() {
        found.push("`at` (once) and `every` (again and again) exclude each other".to_owned());
    }
    if spec.every.is_none() {
        for (name, window) in [("from", spec.from), ("until", spec.until)] {
            if window.is_some() {
                found.push(format!("`{name}` has a meaning only together with `every`"));
            }
        }
    } else if spec.lasting.is_none() && lasts(&spec.inject) {
        found.push("`every` without `for` happens once (say how long each one lasts)".to_owned());
    }
    if let (Some(from), Some(until)) = (spec.from, spec.until)
        && until < from
    {
        found.push(format!("`until` ({until}) is before `from` ({from})"));
    }
    if spec.lasting == Some(Distribution::Fixed(Span::ZERO)) && lasts(&spec.inject) {
        found.push("`for` is 0, so nothing would happen".to_owned());
    }
}

/// Whether the fault is a state; a reset and a jump happen at an instant.
fn lasts(inject: &Inject) -> bool {
    !matches!(inject, Inject::Reset { .. } | Inject::ClockJump { .. })
}

fn length(name: &str, distribution: Option<&Distribution>, found: &mut Vec<String>) {
    if let Some(fault) = distribution.and_then(Distribution::fault) {
        found.push(format!("`{name}`: {fault}"));
    }
}

fn share(rate: f64, found: &mut Vec<String>) {
    if !(0.0..=1.0).contains(&rate) {
        found.push(format!("`rate` must be between 0 and 1 (found {rate})"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::spec;

    #[test]
    fn a_sound_spec_has_no_problems() {
        for text in [
            "id = 'a'\nat = '3s'\nfor = '1s'\ninject = { crash = { target = 'orders' } }",
            "id = 'b'\nevery = '3s'\nfor = '1s'\nfrom = '1s'\nuntil = '9s'\n\
             inject = { reset = {} }",
            "id = 'd'\nevery = '3s'\ninject = { reset = {} }",
            "id = 'c'\ninject = { errors = { target = 'orders', status = 503 } }",
        ] {
            assert_eq!(problems(&spec(text)), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = "id = 'a/b'\nat = '1s'\nevery = '2s'\nfrom = '5s'\nuntil = '3s'\n\
                    inject = { errors = { target = 'orders', status = 302, rate = 1.5 } }";
        let found = problems(&spec(text)).join("\n");
        for hint in [
            "contain `/`",
            "exclude each other",
            "without `for`",
            "`until` (3s) is before `from` (5s)",
            "between 0 and 1 (found 1.5)",
            "400 to 599 (found 302)",
        ] {
            assert!(found.contains(hint), "{hint} is not in:\n{found}");
        }
        assert_eq!(found.lines().count(), 6);
    }

    #[test]
    fn impossible_lengths_counts_and_targets_are_named() {
        for (text, hint) in [
            (
                "id = 'a'\nat = { uniform = { min = '9s', max = '1s' } }\ninject = { reset = {} }",
                "`at`: max (1s) is below min (9s)",
            ),
            (
                "id = 'a'\ninject = { crash = { target = 'orders', count = 0 } }",
                "at least 1",
            ),
            ("id = 'a'\ninject = { pause = { target = [] } }", "empty"),
            (
                "id = 'a'\ninject = { clock-drift = { target = '*', ppm = -1e6 } }",
                "where a clock stands",
            ),
            (
                "id = 'a'\ninject = { cpu-starve = { target = '*', share = 0.0 } }",
                "`share` must be above 0",
            ),
            (
                "id = 'a'\ninject = { disk-error = { target = '*', rate = 2.0 } }",
                "between 0 and 1 (found 2)",
            ),
            (
                "id = 'a'\ninject = { disk-slow = { target = '*', by = { lognormal = { p50 = '0s', p99 = '1s' } } } }",
                "`by`",
            ),
            (
                "id = 'a'\ninject = { cancel = { target = '*', at-await = 0 } }",
                "`at-await` counts from 1",
            ),
            (
                "id = 'a'\nfor = '0s'\ninject = { pause = { target = '*' } }",
                "nothing would happen",
            ),
            ("id = 'a'\nfrom = '1s'\ninject = { reset = {} }", "`from`"),
            (
                "id = 'a'\ninject = { slow = { by = { pareto = { min = '1s', alpha = 0.0 } } } }",
                "`by`: alpha",
            ),
        ] {
            let found = problems(&spec(text));
            assert!(found.len() == 1 && found[0].contains(hint), "{found:?}");
        }
    }
}
