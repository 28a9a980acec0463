//! Which hosts a fault, a rule or a link setting means: `orders`, `orders[2]`, `zone:a`,
//! `role:gateway`, `*`, or the name of one host.

use crate::{HostInfo, Topology};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// A selector of hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Every host.
    All,
    /// All replicas of the service of this name, or the host of exactly this name.
    Name(String),
    /// One replica of a service, counted from 0.
    Replica(String, u32),
    /// The hosts of a zone.
    Zone(String),
    /// The hosts with a role.
    Role(String),
}

impl Target {
    /// Whether `host` is meant.
    pub fn matches(&self, host: &HostInfo) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => host.service == *name || host.name == *name,
            Self::Replica(service, replica) => host.service == *service && host.replica == *replica,
            Self::Zone(zone) => host.zone == *zone,
            Self::Role(role) => host.role == *role,
        }
    }
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a target (write a service, `service[2]`, `zone:a`, `role:gateway` or `*`)")]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || TargetError(text.into());
        let name = |part: &str| {
            let fits = !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
            if fits {
                Ok(part.to_owned())
            } else {
                Err(wrong())
            }
        };
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some((kind, rest)) = text.split_once(':') {
            return match kind {
                "zone" => name(rest).map(Self::Zone),
                "role" => name(rest).map(Self::Role),
                _ => Err(wrong()),
            };
        }
        if let Some((service, index)) = text.split_once('[') {
            let replica = index
                .strip_suffix(']')
                .and_then(|digits| digits.parse().ok());
            return Ok(Self::Replica(name(service)?, replica.ok_or_else(wrong)?));
        }
        name(text).map(Self::Name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Name(name) => f.write_str(name),
            Self::Replica(service, replica) => write!(f, "{service}[{replica}]"),
            Self::Zone(zone) => write!(f, "zone:{zone}"),
            Self::Role(role) => write!(f, "role:{role}"),
        }
    }
}

/// One target or several; text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Targets(pub Vec<Target>);

impl Targets {
    /// Every host.
    pub fn all() -> Self {
        Self(vec![Target::All])
    }

    /// Whether any of the targets means `host`.
    pub fn matches(&self, host: &HostInfo) -> bool {
        self.0.iter().any(|target| target.matches(host))
    }

    /// The numbers of the hosts that are meant, in the topology's order.
    pub fn resolve(&self, topology: &Topology) -> Vec<u32> {
        let hosts = topology.hosts.iter().enumerate();
        hosts
            .filter(|(_, host)| self.matches(host))
            .map(|(index, _)| index as u32)
            .collect()
    }
}

impl From<Target> for Targets {
    fn from(target: Target) -> Self {
        Self(vec![target])
    }
}

impl<const N: usize> From<[Target; N]> for Targets {
    fn from(targets: [Target; N]) -> Self {
        Self(targets.into())
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, target) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            target.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "hosts: a service, `service[2]`, `zone:a`, `role:gateway` or `*`",
            "pattern": r"^(\*|(zone:|role:)?[\w.\-/]+|[\w.\-/]+\[[0-9]+\])$",
        })
    }
}

impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> de::Visitor<'de> for OneOrSeveral {
            type Value = Targets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a target such as \"orders\" or \"zone:a\", or a list of targets")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Targets, E> {
                text.parse()
                    .map(|target| Targets(vec![target]))
                    .map_err(E::custom)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Targets, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(Targets)
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

impl JsonSchema for Targets {
    fn schema_name() -> Cow<'static, str> {
        "Targets".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<Target>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_print_and_match() {
        let host = HostInfo {
            name: "orders-2".into(),
            service: "orders".into(),
            replica: 2,
            zone: "c".into(),
            role: "service".into(),
        };
        for (text, meant) in [
            ("*", true),
            ("orders", true),
            ("orders-2", true),
            ("orders[2]", true),
            ("orders[1]", false),
            ("zone:c", true),
            ("zone:a", false),
            ("role:gateway", false),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.to_string(), text);
            assert_eq!(target.matches(&host), meant, "{text}");
        }
        for text in ["", "zone:", "area:a", "orders[x]", "orders[2", "a b"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
