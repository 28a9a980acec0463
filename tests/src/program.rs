//! The program `windtunnel`, built once with the settings of the test run and started as a user would.

use std::{
    env,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};
use tempfile::TempDir;

/// Where the program is; the first caller waits until it is built.
///
/// # Panics
/// If it does not build.
pub fn path() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let this = env::current_exe().expect("a test is a program");
        let profile = this.parent().and_then(Path::parent).expect("target/debug");
        let target = profile.parent().expect("the target directory");
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--package", "windtunnel-scenarios"])
            .args(["--bin", "windtunnel", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        if cfg!(not(madsim)) {
            let real = "target.'cfg(all())'.rustflags=['--cfg=real_world']";
            build.args(["--config", real]);
        }
        assert!(
            build.status().expect("cargo runs").success(),
            "the program builds"
        );
        profile.join("windtunnel")
    })
}

/// A directory that is removed with everything in it when the test is over.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.0.path()
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        self
    }
}

/// An empty directory of the test's own.
///
/// # Panics
/// If it cannot be made.
pub fn scratch(name: &str) -> Scratch {
    let made = TempDir::with_prefix(format!("windtunnel-{name}-"));
    Scratch(made.expect("it can be made"))
}

/// Runs the program to its end in `directory`.
///
/// # Panics
/// If it cannot be started.
pub fn windtunnel(directory: &Path, arguments: &[&str]) -> Output {
    let run = Command::new(path())
        .args(arguments)
        .current_dir(directory)
        .output();
    run.expect("the program runs")
}

/// What it said on standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
