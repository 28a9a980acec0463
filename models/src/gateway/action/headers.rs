//! Changes to headers that a route asks for.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::config;
use super::super::route::header;
use super::values;

/// What goes, what is set, what comes on top; in this order.
#[derive(Debug, Default)]
pub(in crate::gateway) struct HeaderChanges {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderChanges {
    pub(in crate::gateway) fn new(changes: &config::HeaderChanges) -> Self {
        Self {
            remove: changes.remove.iter().map(|name| header(name)).collect(),
            set: values(&changes.set),
            add: values(&changes.add),
        }
    }

    pub(in crate::gateway) fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }
}
