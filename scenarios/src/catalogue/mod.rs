//! The scenarios that come along: a list and nothing else.

/// Name and text of each.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("shop", include_str!("shop.toml")),
    ("shop-calm", include_str!("shop-calm.toml")),
    ("shop-cancelled", include_str!("shop-cancelled.toml")),
    ("shop-careless", include_str!("shop-careless.toml")),
    ("limping-backend", include_str!("limping-backend.toml")),
    ("sick-backend", include_str!("sick-backend.toml")),
    ("retry-storm-naive", include_str!("retry-storm-naive.toml")),
    (
        "retry-storm-guarded",
        include_str!("retry-storm-guarded.toml"),
    ),
];
