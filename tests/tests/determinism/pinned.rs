//! The pinned digests of ten runs. The gate compares the same file with a release build.

use windtunnel_tests::{pins, scenario};

#[test]
fn ten_pinned_runs_take_the_course_that_they_took() {
    let pins = pins::all();
    assert_eq!(pins.len(), 10, "{pins:?}");
    let mut changes = String::new();
    for (name, seed, pinned) in pins {
        let digest = scenario::run(&name, seed, &[]).digest;
        if digest != pinned {
            let lines = [("-", pinned), ("+", digest)];
            for (mark, digest) in lines {
                changes += &format!("{mark}\"{name}@{seed}\" = \"{digest}\"\n");
            }
        }
    }
    assert!(
        changes.is_empty(),
        "behaviour changed: say so where these are pinned anew (tests/digests.toml says how)\n{changes}"
    );
}
