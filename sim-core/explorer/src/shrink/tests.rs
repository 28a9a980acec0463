//! The shrinker on runs that are closures.

use super::*;
use crate::{tests::shop, uniform};
use std::collections::BTreeSet;
use windtunnel_record::{FaultPlan, Moment, PlannedFault, Seed, Span};

fn moment(secs: f64) -> Moment {
    Moment::START + Span::from_secs_f64(secs)
}

fn fault(id: &str, at: f64, lasting: f64) -> PlannedFault {
    let text = format!("id = '{id}'\ninject = {{ crash = {{ target = 'orders' }} }}");
    PlannedFault {
        id: id.into(),
        at: moment(at),
        lasting: Span::from_secs_f64(lasting),
        inject: crate::tests::spec(&text).inject,
    }
}

fn ten_faults() -> RunSpec {
    let faults = (0..10).map(|n| fault(&format!("f{n}"), f64::from(n) * 2.0, 4.0));
    RunSpec {
        faults: Some(FaultPlan::new(faults.collect())),
        ..RunSpec::new("shop", Seed(1))
    }
}

fn plan(spec: &RunSpec) -> &[PlannedFault] {
    spec.faults.as_ref().expect("explicit faults").faults()
}

fn ids(spec: &RunSpec) -> BTreeSet<&str> {
    plan(spec).iter().map(|fault| fault.id.as_str()).collect()
}

fn oversold(yes: bool) -> Option<String> {
    yes.then(|| "no-oversell".to_owned())
}

#[test]
fn only_the_faults_that_matter_stay() {
    let needed = |spec: &RunSpec| {
        let ids = ids(spec);
        oversold(ids.contains("f2") && ids.contains("f7"))
    };
    let shrunk = shrink(&ten_faults(), 500, 1, needed);
    assert_eq!(ids(&shrunk.spec), BTreeSet::from(["f2", "f7"]));
    assert!(shrunk.minimal && shrunk.runs < 80, "{} runs", shrunk.runs);
    assert_eq!(shrunk.rule.as_deref(), Some("no-oversell"));
}

#[test]
fn no_run_is_made_twice() {
    // It fails like the first only under another schedule than its own.
    let mut made: Vec<RunSpec> = Vec::new();
    let shrunk = shrink(&ten_faults(), 200, 3, |spec| {
        assert!(!made.contains(spec), "{} runs and one again", made.len());
        made.push(spec.clone());
        let ids = ids(spec);
        let needed = ids.contains("f2") && ids.contains("f7");
        oversold(needed && (ids.len() == 10 || spec.schedule.is_some()))
    });
    assert_eq!(ids(&shrunk.spec), BTreeSet::from(["f2", "f7"]));
    let schedules: BTreeSet<_> = made.iter().map(|spec| spec.schedule).collect();
    assert!(
        schedules.len() > 3,
        "other schedules are drawn anew: {schedules:?}"
    );
}

#[test]
fn a_failure_that_needs_no_fault_loses_all_of_them_at_once() {
    let shrunk = shrink(&ten_faults(), 500, 1, |_| oversold(true));
    assert_eq!((plan(&shrunk.spec).len(), shrunk.runs), (0, 2));
    assert!(shrunk.minimal);
}

#[test]
fn windows_close_in_on_the_instant_that_matters() {
    let instant = moment(5.3);
    let hits = |spec: &RunSpec| {
        let on = |fault: &PlannedFault| fault.at <= instant && instant < fault.end();
        oversold(plan(spec).iter().any(on))
    };
    let shrunk = shrink(&ten_faults(), 500, 1, hits);
    let [only] = plan(&shrunk.spec) else {
        panic!("{:?}", shrunk.spec.faults);
    };
    assert!(only.lasting <= Span::from_millis(10) && only.at <= instant && instant < only.end());
    assert!(shrunk.minimal);
}

#[test]
fn another_rule_that_breaks_is_another_failure() {
    let shrunk = shrink(&ten_faults(), 500, 1, |spec| {
        let rule = if ids(spec).contains("f4") {
            "no-oversell"
        } else {
            "no-panic"
        };
        Some(rule.to_owned())
    });
    assert_eq!(ids(&shrunk.spec), BTreeSet::from(["f4"]));
}

#[test]
fn a_candidate_that_fails_only_under_another_schedule_is_stored_with_it() {
    let whole = ten_faults();
    let lucky = whole.seed.derive("shrink/schedule/2");
    let fails = |spec: &RunSpec| oversold(*spec == whole || spec.schedule == Some(lucky));
    let shrunk = shrink(&whole, 500, 3, fails);
    assert_eq!(
        (plan(&shrunk.spec).len(), shrunk.spec.schedule),
        (0, Some(lucky))
    );
    let under_one = shrink(&whole, 500, 1, fails);
    assert_eq!(under_one.spec, whole);
}

#[test]
fn a_budget_that_ends_too_early_is_told() {
    let needed = |spec: &RunSpec| oversold(ids(spec).contains("f7"));
    let shrunk = shrink(&ten_faults(), 4, 1, needed);
    assert_eq!((shrunk.runs, shrunk.minimal), (4, false));
    assert!(ids(&shrunk.spec).contains("f7"));
}

#[test]
fn a_run_that_does_not_fail_comes_back_as_it_is() {
    let shrunk = shrink(&ten_faults(), 500, 3, |_| None);
    assert_eq!((shrunk.spec, shrunk.rule), (ten_faults(), None));
    assert_eq!((shrunk.runs, shrunk.minimal), (1, false));
    let drawn = RunSpec::new("shop", Seed(1));
    let shrunk = shrink(&drawn, 500, 3, |_| oversold(true));
    assert_eq!((shrunk.spec, shrunk.runs), (drawn, 1));
}

#[test]
fn shrinking_is_deterministic_and_every_result_still_fails() {
    for seed in 0..30 {
        let mut stream = Seed(seed).stream("plans");
        let spec = RunSpec {
            faults: Some(uniform(&shop(), Span::from_secs(30), &mut stream, 12)),
            ..RunSpec::new("shop", Seed(seed))
        };
        let fails = |spec: &RunSpec| {
            let total: u64 = plan(spec)
                .iter()
                .map(|fault| fault.lasting.as_nanos())
                .sum();
            oversold(total > 3_000_000_000 || spec.schedule.is_some_and(|s| s % 3 == 0))
        };
        let [one, other] = [(); 2].map(|()| shrink(&spec, 300, 2, fails));
        assert_eq!(one, other);
        assert_eq!(fails(&one.spec), one.rule);
        assert!(plan(&one.spec).len() <= plan(&spec).len());
    }
}
