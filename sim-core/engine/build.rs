//! Links the simulation's clock into the tests of this package (engine/src/clock.rs).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_MADSIM").is_some() {
        for function in [
            "clock_gettime",
            "gethostname",
            "sched_getaffinity",
            "sysconf",
        ] {
            println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
        }
    }
}
