//! What reads, what does not and where, and what the values are.

use super::*;
use crate::{
    NamedRule, RuleSpec,
    tests::{Run, stopped, witness},
};
use windtunnel_record::{
    Outcome::{Fail, Ok as Good},
    Reason, RuleReport, Verdict,
};

fn rule(spec: RuleSpec) -> NamedRule {
    spec.compile("rule")
        .unwrap_or_else(|error| panic!("{spec:?}: {error}"))
}

fn always(text: &str) -> NamedRule {
    rule(RuleSpec::Always(text.into()))
}

fn sales() -> Run {
    Run::default()
        .fact(1, "stocked", "item=pen amount=5")
        .fact(2, "stocked", "item=ink amount=9")
        .fact(3, "sold", "item=ink amount=2")
        .fact(4, "charged", "order=o1 amount=30")
        .fact(5, "sold", "item=pen amount=5")
        .breaker(6, "orders->payments-0", "opened")
        .breaker(7, "orders->stock-0", "half-opened")
        .operation(8, Some((1, Good)))
}

/// Whether `text` is true at the end of [`sales`].
fn truth(text: &str) -> bool {
    let report = sales().judge(rule(RuleSpec::Eventually(text.into())));
    report.verdict == Verdict::Held
}

#[test]
fn arithmetic_comparison_and_logic_bind_as_usual() {
    for text in [
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "10 - 2 - 3 == 5",
        "-2 < 1 and 7 / 2 == 3.5",
        "not 1 > 2 and not not true",
        "false or true and true",
        "1_000 == 1000",
        "1s + 500ms == \"1500ms\" and 2 * 1s / 500ms == 4",
        "sum(sold) == 7 and count(sold) == 2",
        "sum(sold) - sum(stocked) == -7",
        "completed(ok) == 1 and open-operations() == 0 and faults() == 0",
        "fault-hits() == 0",
        "sum(sold, by = item) <= sum(stocked, by = item)",
    ] {
        assert!(truth(text), "{text}");
        assert!(!truth(&format!("not ({text})")), "not ({text})");
    }
}

#[test]
fn breakers_are_meant_by_beginning_pattern_or_all_of_them() {
    for (text, expected) in [
        ("breaker(orders->payments) == open", true),
        ("breaker(orders->payments-0) == open", true),
        ("breaker(*->stock) == half-open", true),
        ("breaker(*) != closed", true),
        ("breaker(*) == open", false),
        ("breaker(orders->*) == closed", false),
    ] {
        assert_eq!(truth(text), expected, "{text}");
    }
    let sometimes = RuleSpec::Sometimes("breaker(*) == open".into());
    assert_eq!(sales().judge(rule(sometimes)).verdict, Verdict::Held);
    let elsewhere = RuleSpec::Sometimes("breaker(gateway) == open".into());
    assert!(sales().judge(rule(elsewhere)).is_unmet());
}

fn charged(orders: &[&str]) -> Run {
    let facts = orders.iter().enumerate();
    facts.fold(
        Run::default().fact(1, "stocked", "item=pen"),
        |run, (at, order)| run.fact(10 + at as u64, "charged", &format!("order={order}")),
    )
}

#[test]
fn by_key_means_for_every_key_and_tells_the_one_that_broke() {
    let once = "count(charged, by = order) <= 1";
    assert_eq!(
        charged(&["a", "b", "c"]).judge(always(once)).verdict,
        Verdict::Held
    );
    let report = charged(&["a", "b", "a", "c"]).judge(always(once));
    let found = witness(&report);
    assert_eq!(
        found.says,
        "no longer holds: count(charged, by = order) = 2 (for order a); \
         the condition is `count(charged, by = order) <= 1`"
    );
    assert_eq!(found.events, [1, 3]);
    let never = RuleSpec::Never("count(charged, by = order) > 1".into());
    let report = charged(&["a", "b", "b"]).judge(rule(never));
    assert!(
        witness(&report)
            .says
            .starts_with("came true: count(charged, by = order) = 2")
    );
}

#[test]
fn a_fact_without_keys_can_break_a_rule_for_every_key() {
    let text = "sum(sold, by = item) <= count(opened)";
    let run = Run::default()
        .fact(1, "opened", "shop=a")
        .fact(2, "sold", "item=pen amount=1")
        .fact(3, "opened", "amount=1")
        .fact(4, "sold", "item=ink amount=2")
        .fact(5, "sold", "item=ink amount=1");
    let report = run.judge(always(text));
    assert!(witness(&report).says.contains("(for item ink)"));
    assert_eq!(witness(&report).at.as_nanos(), 5_000_000);
    let closed = "count(closed) < 1 or sum(sold, by = item) < 2";
    let report = run.fact(6, "closed", "amount=1").judge(always(closed));
    assert!(
        witness(&report)
            .says
            .contains("count(closed) = 1, sum(sold, by = item) = 3")
    );
}

#[test]
fn what_has_no_value_is_neither_true_nor_false() {
    assert_eq!(
        sales().judge(always("sum(lost) / count(lost) < 1")).verdict,
        Verdict::Held
    );
    let never = RuleSpec::Never("sum(lost) / count(lost) < 1".into());
    assert_eq!(sales().judge(rule(never)).verdict, Verdict::Held);
}

#[test]
fn conserved_is_judged_at_the_end() {
    let conserved = || {
        rule(RuleSpec::Conserved {
            total: "sum(charged) - sum(refunded)".into(),
            equals: "sum(earned)".into(),
        })
    };
    let run = Run::default()
        .fact(1, "charged", "amount=30")
        .fact(2, "charged", "amount=20")
        .fact(3, "refunded", "amount=20");
    let report = run.judge(conserved());
    assert_eq!(report.kind, "conserved");
    let says = &witness(&report).says;
    let values = "sum(charged) = 50, sum(refunded) = 20, sum(earned) = 0";
    assert!(
        says.starts_with(&format!("does not add up at the end: {values}")),
        "{says}"
    );
    assert_eq!(witness(&report).events, [1, 2]);
    let run = run.fact(4, "earned", "amount=30");
    assert_eq!(run.judge(conserved()).verdict, Verdict::Held);
    assert_eq!(run.judge_stopped(conserved()).verdict, stopped());
}

/// Operations at 1 s, 2 s, .. that take 10 ms, 20 ms, ..; the last of ten fails, one more hangs.
fn load() -> Run {
    let answered = (1..=10).fold(Run::default(), |run, n| {
        run.operation(n * 1_000, Some((n * 10, if n == 10 { Fail } else { Good })))
    });
    answered.operation(39_000, None)
}

fn measured(text: &str) -> RuleReport {
    load().judge(rule(RuleSpec::Threshold(text.into())))
}

#[test]
fn thresholds_measure_latency_rate_and_success() {
    for text in [
        "p50(latency) == 60ms",
        "p50(latency, before = 11s) == 50ms and p90(latency, before = 11s) == 90ms",
        "p99(latency, before = 11s) == 100ms",
        "max(latency) == 1s",
        "p50(latency, after = 5s, before = 8s) == 60ms",
        "rate(ok) == 9 / 20 and rate(fail) == 1 / 20 and rate(all) == 0.5",
        "rate(ok, after = 10s) == 0",
        "success(after = 9s, before = 11s) == 0.5 and success() == 9 / 11",
        "success(of = checkout) > 0.8",
    ] {
        assert_eq!(measured(text).verdict, Verdict::Held, "{text}");
    }
    let report = measured("p99(latency, before = 11s) < 80ms");
    assert_eq!(
        witness(&report).says,
        "p99(latency, before = 11s) = 100.000ms; the threshold is \
         `p99(latency, before = 11s) < 80ms`"
    );
}

#[test]
fn thresholds_say_nothing_without_operations_or_without_an_end() {
    let report = measured("p99(latency, of = refund) < 80ms");
    assert!(matches!(
        report.verdict,
        Verdict::Unknown(Reason::NotApplicable(_))
    ));
    let rule = rule(RuleSpec::Threshold("success() > 0".into()));
    assert_eq!(load().judge_stopped(rule).verdict, stopped());
}

/// The error of `text` as a line under it: `^` under the wrong part, then message and help.
fn pointed(spec: &RuleSpec) -> String {
    let error = spec.compile("rule").expect_err("no rule");
    let (_, text) = *spec
        .texts()
        .iter()
        .find(|(field, _)| *field == error.field)
        .expect("the field");
    let error = error.error;
    let at = text[..error.offset].chars().count();
    format!(
        "{text}\n{}{} {error}",
        " ".repeat(at),
        "^".repeat(error.length)
    )
}

#[test]
fn errors_point_at_the_wrong_part_and_say_what_to_write() {
    for (text, told) in [
        (
            "sun(sold) > 1",
            "^^^ there is no question `sun` (did you mean `sum`?)",
        ),
        ("sum(sold", "        ^ expected `,` or `)`, found the end"),
        (
            "sum(sold) >",
            "           ^ expected a value, found the end",
        ),
        (
            "sum(sold)",
            "^^^^^^^^^ this is a number, but a condition is needed",
        ),
        (
            "sum(sold) = 1",
            "          ^ `=` compares nothing (write `==`)",
        ),
        (
            "sum(a) > 1 && true",
            "           ^ `&` means nothing here (write `and`)",
        ),
        (
            "sum(a) < 800ms",
            "^^^^^^^^^^^^^^ a number and a duration cannot be compared",
        ),
        (
            "sum(a, bye = x) > 1",
            "       ^^^ there is no argument `bye` (did you mean `by`?)",
        ),
        (
            "breaker(a) == opened",
            "              ^^^^^^ `opened` is not a value (did you mean",
        ),
        (
            "breaker(a) < open",
            "^^^^^^^^^^^^^^^^^ a breaker state has no order",
        ),
        (
            "breaker() == open",
            "        ^ expected the name of a breaker",
        ),
        (
            "completed(okay) > 1",
            "          ^^^^ there is no outcome `okay`",
        ),
        (
            "sold > 1",
            "^^^^ `sold` is not a value (a fact is asked for as `sum(sold)`",
        ),
        ("1 < 2 < 3", "      ^ comparisons do not chain"),
        (
            "not 5",
            "    ^ `not` takes a condition, but this is a number",
        ),
        ("10sec > 1s", "^^^^^ `10sec` has no known unit"),
        (
            "p99(latency) < 1s",
            "^^^ `p99` is about the whole run (write a `threshold` rule",
        ),
        (
            "sum(a, by = x) > sum(b, by = y)",
            "                 ^^^^^^^^^^^^^^ one expression",
        ),
        (
            "sum(a) > 1 sum(b)",
            "           ^^^ `sum` is not expected here",
        ),
        ("", "^ expected a value, found the end"),
        ("\"10s > 1s", "^^^^^^^^^ the quote is never closed"),
        ("1.2.3 > 1", "^^^^^ `1.2.3` is not a number"),
    ] {
        let found = pointed(&RuleSpec::Always(text.into()));
        let line = found.lines().nth(1).expect("the line below");
        assert!(line.starts_with(told), "\n{found}\n  expected\n{told}");
    }
}

#[test]
fn a_threshold_takes_no_question_of_state() {
    for (text, told) in [
        ("sum(sold) < 1", "^^^ `sum` is about the state of the world"),
        (
            "p98(latency) < 1s",
            "^^^ there is no question `p98` (did you mean `p9",
        ),
        (
            "p99(duration) < 1s",
            "    ^^^^^^^^ there are no quantiles of `duration`",
        ),
        (
            "p99(latency, after = 10) < 1s",
            "                     ^^ expected a duration",
        ),
        (
            "success(after = 1s, after = 2s) < 1",
            "                    ^^^^^ `after` is given",
        ),
    ] {
        let found = pointed(&RuleSpec::Threshold(text.into()));
        let line = found.lines().nth(1).expect("the line below");
        assert!(line.starts_with(told), "\n{found}\n  expected\n{told}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let deep = format!("{}1{} > 0", "(".repeat(100_000), ")".repeat(100_000));
    let error = deep.parse::<StateCondition>().expect_err("too deep");
    assert!(error.message.contains("deeper than"));
}

#[test]
fn the_facts_of_an_expression_are_listed_with_their_places() {
    let text = "sum(sold, by = item) <= sum(stocked, by = item)";
    let condition: StateCondition = text.parse().expect("a condition");
    let facts = condition.facts();
    assert_eq!(facts, [("sold", 0, 20), ("stocked", 24, 23)]);
}

#[test]
fn names_may_hold_dashes_and_arrows() {
    let run = Run::default().fact(1, "saga-begun", "saga=s-1");
    let report = run.judge(always("count(saga-begun, by = saga) - 1 <= 0"));
    assert_eq!(report.verdict, Verdict::Held);
}
