//! Links the simulated clock into the tests of this package.

fn main() {
    if std::env::var_os("CARGO_CFG_MADSIM").is_some() {
        println!("cargo::rustc-link-arg=-Wl,--wrap=clock_gettime");
    }
}
