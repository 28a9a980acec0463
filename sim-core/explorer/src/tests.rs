//! A small shop and a reader of specs for the tests of this crate.

use windtunnel_record::{FaultSpec, HostInfo, Topology};

/// One gateway, two orders, two stock hosts.
pub(crate) fn shop() -> Topology {
    let host = |service: &str, replica: u32, role: &str| HostInfo {
        name: format!("{service}-{replica}"),
        service: service.into(),
        replica,
        zone: if replica == 0 { "a".into() } else { "b".into() },
        role: role.into(),
    };
    let hosts = vec![
        host("gateway", 0, "gateway"),
        host("orders", 0, "service"),
        host("orders", 1, "service"),
        host("stock", 0, "service"),
        host("stock", 1, "service"),
    ];
    Topology { hosts }
}

/// The fault spec that `text` writes.
pub(crate) fn spec(text: &str) -> FaultSpec {
    toml::from_str(text).expect("a fault spec")
}
