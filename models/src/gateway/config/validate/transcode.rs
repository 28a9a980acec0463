//! Validation of transcoding: what can be known without the descriptors.

use super::super::{Action, Config, Protocol, Route};
use super::Findings;

pub(super) fn check(config: &Config, field: &str, route: &Route, found: &mut Findings) {
    let Some(transcode) = &route.transcode else {
        return;
    };
    let field = format!("{field}.transcode");
    if transcode.descriptors.is_empty() {
        found.add(format!("{field}.descriptors"), "must name a file");
    }
    if transcode.services.is_empty() {
        found.add(format!("{field}.services"), "is empty");
    }
    found.positive(format!("{field}.max-message"), transcode.max_message as u64);
    let upstreams: Vec<&str> = match route.action() {
        Some(Action::Upstream(name)) => vec![name],
        Some(Action::Split(split)) => split.to.iter().map(|to| &*to.upstream).collect(),
        _ => Vec::new(),
    };
    for name in upstreams {
        let upstream = config.upstreams.get(name);
        if upstream.is_some_and(|upstream| upstream.protocol != Protocol::Http2) {
            let problem =
                format!("needs `protocol = \"http2\"` at upstream `{name}`: gRPC has no other");
            found.add(&field, problem);
        }
    }
}
