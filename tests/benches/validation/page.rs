//! The page: what each law says, and a table of what was measured.

use std::fmt::Write as _;
use windtunnel_tests::validation::{
    law::{Bar, Figure, Law, Measured},
    record::{self, Recorded},
};

/// The file of the plot of all intervals.
pub(crate) const INTERVALS: &str = "intervals.svg";

const HEAD: &str = "\
# Measured against theory

Whether the simulation's hosts, cores, timers and network do what theory expects of them. Every figure
comes from the engine that runs the scenarios: jobs work on simulated cores, messages travel between
simulated hosts. This page is written by

```
cargo bench -p windtunnel-tests --bench validation
```

and the figures behind it are in [measured.jsonl](tests/validation/measured.jsonl). The same laws are
measured shorter, with wider intervals, in every run of the tests
(`cargo test -p windtunnel-tests --test validation`).

An interval is the 99 % one of Student's t over independent replications, each under its own seed. A
figure with an interval agrees if theory lies in it and its half is at most the stated share of what was
measured; such an interval misses the truth once in a hundred times, so a case with a miss is measured
once more under other seeds and four times as long, and that alone counts then. A figure without chance,
or whose theory is itself a limit or a mean of simulations, agrees within the stated share.
";

/// The whole page.
pub(crate) fn page(laws: &[Law], recorded: &Recorded) -> String {
    let mut page = String::from(HEAD);
    write!(
        page,
        "\n![Every estimated figure over its expected one, with its interval]({})\n",
        file(INTERVALS)
    )
    .expect(INFALLIBLE);
    for law in laws {
        let cases: Vec<_> = recorded.of(law).collect();
        if !cases.is_empty() {
            section(&mut page, law, &cases);
        }
    }
    page
}

const INFALLIBLE: &str = "writing into a string cannot fail";

fn file(name: &str) -> String {
    format!("tests/{}/{name}", record::FOLDER)
}

fn section(page: &mut String, law: &Law, cases: &[&Measured]) {
    write!(page, "\n## {}\n\n{}\n\n", law.title, law.about).expect(INFALLIBLE);
    page.push_str(
        "| case | figure | expected | measured | 99 % interval | half | must | agrees |\n",
    );
    page.push_str("|---|---|--:|--:|--:|--:|---|---|\n");
    for case in cases {
        for figure in &case.outcome.figures {
            row(page, case, figure);
        }
    }
    for case in cases.iter().filter(|case| case.again) {
        write!(page, "\n{} was measured a second time.\n", case.case).expect(INFALLIBLE);
    }
    if let Some(plot) = &law.plot {
        let name = format!("{}.svg", law.id);
        write!(page, "\n![{}]({})\n", plot.title, file(&name)).expect(INFALLIBLE);
    }
}

fn row(page: &mut String, case: &Measured, figure: &Figure) {
    let interval = figure.interval.map_or_else(String::new, |(low, high)| {
        format!("{} to {}", number(low), number(high))
    });
    let half = if figure.interval.is_some() {
        format!("{:.2} %", figure.half() * 100.0)
    } else {
        String::new()
    };
    writeln!(
        page,
        "| {} | {} | {} | {} | {interval} | {half} | {} | {} |",
        case.case,
        figure.what,
        number(figure.expected),
        number(figure.measured),
        must(figure.bar, case.half),
        if figure.agrees(case.half) {
            "yes"
        } else {
            "**no**"
        },
    )
    .expect(INFALLIBLE);
}

fn must(bar: Bar, half: f64) -> String {
    match bar {
        Bar::InInterval => format!("interval, half ≤ {} %", half * 100.0),
        Bar::Within(share) => format!("± {} %", share * 100.0),
        Bar::AtMost => "at most".into(),
        Bar::AtLeast => "at least".into(),
    }
}

/// Five significant digits.
fn number(value: f64) -> String {
    let whole = value.abs().log10().floor().max(-3.0);
    let digits = (4.0 - whole).clamp(0.0, 7.0);
    format!("{value:.*}", digits as usize)
}
