//! What the engine is in a build for the real world: a refusal that says how to build it.

/// Refuses.
///
/// # Panics
/// Always: the simulation needs `--cfg madsim --cfg tokio_unstable`.
pub fn run() -> ! {
    panic!(
        "this program was built for the real world, without `--cfg madsim --cfg tokio_unstable`; \
         build it without a RUSTFLAGS variable in a workspace whose .cargo/config.toml sets them"
    )
}
