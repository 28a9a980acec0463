//! The program `windtunnel`, built once with the settings of the test run and started as a user would.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command, Output},
    sync::OnceLock,
};

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

/// An empty directory of the test's own.
///
/// # Panics
/// If it cannot be made.
pub fn scratch(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("windtunnel-{name}-{}", process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("it can be made");
    path
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
