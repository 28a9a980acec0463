//! The pinned digests in `tests/digests.toml`.

use windtunnel_record::Digest;

/// The file.
const TEXT: &str = include_str!("../digests.toml");

/// Scenario, seed and digest of each pinned run.
///
/// # Panics
/// If the file is no list of them.
pub fn all() -> Vec<(String, u64, Digest)> {
    let lines = TEXT.lines().filter(|line| line.starts_with('"'));
    let read = |line: &str| {
        let (name, digest) = line.split_once('=')?;
        let (scenario, seed) = name.trim().trim_matches('"').rsplit_once('@')?;
        let digest = digest.trim().trim_matches('"').parse().ok()?;
        Some((scenario.to_owned(), seed.parse().ok()?, digest))
    };
    lines
        .map(|line| read(line).unwrap_or_else(|| panic!("no pinned digest: {line}")))
        .collect()
}

/// The pinned digest of one run.
///
/// # Panics
/// If it is not pinned.
pub fn of(scenario: &str, seed: u64) -> Digest {
    let found = all()
        .into_iter()
        .find(|pin| pin.0 == scenario && pin.1 == seed);
    found.expect("it is pinned").2
}
