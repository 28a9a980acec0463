//! Holds a law against what is measured.

use windtunnel_tests::validation::law::Law;

/// Measures every case of a law, shorter than for the page, and prints what came out.
#[track_caller]
pub fn agrees(law: &Law) {
    let mut wrong = Vec::new();
    for case in &law.cases {
        let measured = case.measure(law, case.check, &|_, _| {});
        for figure in &measured.outcome.figures {
            println!(
                "{} {}: {figure:?}, half {:.4}",
                law.id,
                case.name,
                figure.half()
            );
        }
        wrong.extend(measured.disagreeing().cloned());
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", law.id);
}
