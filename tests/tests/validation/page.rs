//! What VALIDATION.md says.

use std::path::Path;
use windtunnel_tests::validation::{law::Measured, laws, record::Recorded};

#[test]
fn the_page_holds_every_case_at_full_length_and_all_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = Recorded::read(root).expect("the figures are kept");
    for law in laws() {
        let kept: Vec<_> = recorded.of(&law).collect();
        let names: Vec<_> = kept.iter().map(|case| case.case.as_str()).collect();
        let cases: Vec<_> = law.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, cases, "{}", law.id);
        for (case, kept) in law.cases.iter().zip(kept) {
            let replications = case.full.replications * if kept.again { 4 } else { 1 };
            assert_eq!(kept.replications, replications, "{}", case.name);
            assert_eq!(kept.each, case.full.each, "{}", case.name);
            assert_eq!(kept.half, case.full.half, "{}", case.name);
            let wrong: Vec<_> = Measured::disagreeing(kept).collect();
            assert!(wrong.is_empty(), "{}: {wrong:#?}", case.name);
        }
    }
}
