//! What a drawn plan keeps to.

use super::*;
use crate::tests::{shop, spec};

const LOAD: Span = Span::from_secs(30);

fn plan(texts: &[&str], seed: u64) -> Vec<PlannedFault> {
    let specs: Vec<FaultSpec> = texts.iter().map(|text| spec(text)).collect();
    let plan = generate(&specs, &shop(), Seed(seed), LOAD).expect("a plan");
    plan.faults().to_vec()
}

const STORM: &str = "id = 'storm'\nat = { uniform = { min = '1s', max = '9s' } }\nfor = '4s'\n\
                     inject = { power-loss = { target = 'orders', count = 1 } }";
const FLAP: &str = "id = 'flap'\nevery = '2s'\nfor = '3s'\nfrom = '5s'\nuntil = '16s'\n\
                    inject = { crash = { target = 'stock' } }";

#[test]
fn a_spec_draws_the_same_whatever_stands_beside_it() {
    for seed in 0..20 {
        let alone = plan(&[STORM], seed);
        let beside: Vec<_> = plan(&[FLAP, STORM], seed)
            .into_iter()
            .filter(|fault| fault.id == "storm")
            .collect();
        assert_eq!(alone, beside);
    }
    assert_ne!(plan(&[STORM], 1), plan(&[STORM], 2));
}

#[test]
fn a_repeated_fault_waits_from_the_end_of_the_one_before() {
    let faults = plan(&[FLAP], 0);
    let begins: Vec<(&str, f64)> = faults
        .iter()
        .map(|fault| (fault.id.as_str(), fault.at.as_secs_f64()))
        .collect();
    assert_eq!(begins, [("flap/0", 7.0), ("flap/1", 12.0)]);
}

#[test]
fn a_count_becomes_that_many_hosts_by_name() {
    let mut hit = BTreeSet::new();
    for seed in 0..40 {
        let faults = plan(&[STORM], seed);
        let Inject::PowerLoss { target, count } = &faults[0].inject else {
            panic!("{:?}", faults[0]);
        };
        assert_eq!((target.0.len(), *count), (1, None));
        hit.insert(target.to_string());
    }
    let names: Vec<&str> = hit.iter().map(String::as_str).collect();
    assert_eq!(names, ["orders-0", "orders-1"]);
}

#[test]
fn places_in_a_partition_are_drawn_and_written_out() {
    let shape = |shape: &str, seed: u64| {
        let text = format!("id = 'cut'\nat = '1s'\ninject = {{ partition = {{ {shape} }} }}");
        let planned = plan(&[&text], seed).remove(0);
        let Inject::Partition(shape) = planned.inject else {
            panic!("{planned:?}");
        };
        let lists = shape.targets().into_iter().cloned();
        lists.collect::<Vec<Targets>>()
    };
    let everybody = plan(&["id = 'x'\ninject = { crash = { target = '*' } }"], 0).remove(0);
    let all = everybody.inject.targets()[0].0.len();
    for (text, lists, hosts) in [
        ("isolate-one = '*'", 1, 1),
        ("bridge = '*'", 1, all),
        ("majority-ring = '*'", 1, all),
        ("swizzle = { target = '*' }", 2, all),
    ] {
        let drawn: BTreeSet<String> = (0..20)
            .map(|seed| {
                let found = shape(text, seed);
                assert_eq!((found.len(), found[0].0.len()), (lists, hosts), "{text}");
                format!("{found:?}")
            })
            .collect();
        assert!(drawn.len() > 1, "another order for another seed: {text}");
    }
    let orders = shape("swizzle = { target = '*' }", 1);
    assert_ne!(orders[0], orders[1], "healed in another order");
}

#[test]
fn a_shape_without_enough_hosts_is_refused() {
    let ring =
        spec("id = 'ring'\nat = '1s'\ninject = { partition = { majority-ring = 'orders' } }");
    let error = generate(&[ring], &shop(), Seed(0), LOAD).expect_err("two hosts");
    assert!(
        error.to_string().contains("at least 3 hosts (found 2)"),
        "{error}"
    );
}

#[test]
fn a_fault_without_a_time_lasts_for_the_whole_load() {
    let faults = plan(
        &["id = 'bad'\ninject = { loss = { to = '*', rate = 0.1 } }"],
        3,
    );
    assert_eq!((faults[0].at, faults[0].lasting), (Moment::START, LOAD));
    assert_eq!(faults[0].inject.targets()[1].0.len(), shop().hosts.len());
}

#[test]
fn the_settle_phase_is_free_of_faults() {
    let late = "id = 'late'\nat = '30s'\ninject = { pause = { target = 'stock' } }";
    assert_eq!(plan(&[late], 0), []);
    let long = "id = 'long'\nat = '29s'\nfor = '9s'\ninject = { pause = { target = 'stock' } }";
    assert_eq!(plan(&[long], 0)[0].lasting, Span::from_secs(1));
}

#[test]
fn a_target_that_means_no_host_is_named() {
    let wrong = spec("id = 'x'\ninject = { slow = { to = 'stokc', by = '1s' } }");
    let error = generate(&[wrong], &shop(), Seed(0), LOAD).expect_err("no such host");
    let text = error.to_string();
    assert!(text.contains("fault `x`: target `stokc`"), "{text}");
    assert!(text.contains("stock-0"), "{text}");
}

#[test]
fn a_repetition_without_any_length_is_refused() {
    let wrong = spec("id = 'x'\nevery = '0s'\nfor = '0s'\ninject = { reset = {} }");
    let error = generate(&[wrong], &shop(), Seed(0), LOAD).expect_err("endless");
    assert!(matches!(error, PlanError::Endless { .. }));
}

#[test]
fn a_reset_needs_no_length_to_be_repeated() {
    let faults = plan(&["id = 'cut'\nevery = '9s'\ninject = { reset = {} }"], 0);
    let begins: Vec<f64> = faults.iter().map(|fault| fault.at.as_secs_f64()).collect();
    assert_eq!(begins, [9.0, 18.0, 27.0]);
    assert!(faults.iter().all(|fault| fault.lasting == Span::ZERO));
}
