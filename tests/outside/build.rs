//! Links the simulated clock into the tests of this package.

fn main() {
    if std::env::var_os("CARGO_CFG_MADSIM").is_some() {
        for function in ["clock_gettime", "gethostname", "sched_getaffinity", "sysconf"] {
            println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
        }
    }
}
