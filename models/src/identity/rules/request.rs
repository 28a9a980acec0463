//! What rules know of a request.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use serde_json::{Map, Value};

/// A request as rules see it. Everything is as it will be sent on: a rule that is asked about another
/// path than the service gets protects nothing.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who is at the other end of the connection, by a verified certificate.
    pub principal: Option<&'a str>,
    /// Whom a verified token is about, as `issuer/subject`.
    pub request_principal: Option<&'a str>,
    /// The claims of that token.
    pub claims: Option<&'a Map<String, Value>>,
    /// The client's address, by the law of trusted hops.
    pub address: IpAddr,
    /// In lower case, without port.
    pub host: &'a str,
    /// In its normal form, without the query.
    pub path: &'a str,
    /// As it came.
    pub method: &'a Method,
    /// As they came, but for those that only this side sets.
    pub headers: &'a HeaderMap,
}

impl Facts<'_> {
    /// Whether some value of an attribute is so. Attributes are `header.NAME` and `claim.NAME`, with dots
    /// for claims in claims; a claim that is a list has each of its texts as a value.
    pub(super) fn any(&self, attribute: &str, fits: &dyn Fn(&str) -> bool) -> bool {
        if let Some(name) = attribute.strip_prefix("header.") {
            let mut values = self.headers.get_all(name).iter();
            return values.any(|value| value.to_str().is_ok_and(fits));
        }
        let claim = attribute.strip_prefix("claim.").and_then(|name| {
            let mut names = name.split('.');
            let outer = self.claims?.get(names.next()?)?;
            names.try_fold(outer, |value, name| value.get(name))
        });
        match claim {
            Some(Value::Array(values)) => values.iter().any(|value| is_so(value, fits)),
            Some(value) => is_so(value, fits),
            None => false,
        }
    }
}

fn is_so(value: &Value, fits: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => fits(text),
        Value::Bool(is) => fits(if *is { "true" } else { "false" }),
        Value::Number(number) => fits(&number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
