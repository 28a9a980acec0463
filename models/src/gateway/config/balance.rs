//! How an endpoint is picked, as a file says it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::quantity;
use crate::balance::cluster::zone::ZonePolicy;
use crate::balance::cluster::{self, Host};
use crate::balance::hashed::{self, Bound, Layout, Maglev, Sizes};
use crate::balance::load::{LeastRequestPolicy, PeakEwmaPolicy, PowerOfTwoEwmaPolicy};
use crate::balance::turns::{EarliestDeadlinePolicy, SmoothPolicy};
use crate::balance::{self, InvalidPolicy, Policy};

/// An endpoint with what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Endpoint {
    /// Where it listens, as `name:port`.
    pub address: String,
    /// Its share relative to the others', where the balancer knows weights.
    pub weight: u32,
    /// 0 is asked first; a higher number when those below are not healthy enough.
    pub priority: u32,
    /// Where it stands.
    pub zone: String,
}

impl Endpoint {
    /// The host of a cluster.
    pub(in crate::gateway) fn host(&self) -> Host {
        let endpoint = balance::Endpoint::new(&*self.address).weighing(self.weight);
        Host::new(endpoint)
            .at_priority(self.priority)
            .in_zone(&*self.zone)
    }
}

impl From<String> for Endpoint {
    fn from(address: String) -> Self {
        Self {
            address,
            weight: 1,
            priority: 0,
            zone: String::new(),
        }
    }
}

impl From<&str> for Endpoint {
    fn from(address: &str) -> Self {
        address.to_owned().into()
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = Table::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "string", "description": "`name:port`" }, table] })
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// The long form.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    /// Where it listens, as `name:port`.
    address: String,
    /// Its share relative to the others', where the balancer knows weights.
    #[serde(default = "one")]
    weight: u32,
    /// 0 is asked first; a higher number when those below are not healthy enough.
    #[serde(default)]
    priority: u32,
    /// Where it stands.
    #[serde(default)]
    zone: String,
}

const fn one() -> u32 {
    1
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Endpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`name:port`, or a table with `address`")
    }

    fn visit_str<E>(self, address: &str) -> Result<Endpoint, E> {
        Ok(address.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Endpoint, A::Error> {
        let Table {
            address,
            weight,
            priority,
            zone,
        } = Table::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Endpoint {
            address,
            weight,
            priority,
            zone,
        })
    }
}

/// How an endpoint is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// Two at random, the one with fewer requests in flight.
    #[default]
    PowerOfTwo,
    /// In turns by weight, as nginx: endpoints that fail weigh less for a while.
    SmoothWeighted(SmoothWeighted),
    /// In turns by weight, on a schedule that begins at random.
    EarliestDeadline(EarliestDeadline),
    /// As Envoy: the least loaded of a few, or by weights that requests in flight lessen.
    LeastRequest(LeastRequest),
    /// As linkerd: of two the one that is expected to answer first.
    PeakEwma(PeakEwma),
    /// As go-zero: of two the one with the lower lag and load.
    PowerOfTwoEwma(PowerOfTwoEwma),
    /// Requests of one `hash` to one endpoint: the ring of nginx and ketama.
    Ketama(Bounded),
    /// The ring of Envoy.
    Ring(Ring),
    /// Google's Maglev.
    Maglev(MaglevSize),
    /// Highest random weight.
    Rendezvous(Bounded),
}

/// Settings of `smooth-weighted`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SmoothWeighted {
    /// So many failures take an endpoint out; 0 for failures that do nothing.
    pub max_fails: u32,
    /// For how long.
    #[serde(with = "quantity::duration")]
    pub fail_timeout: Duration,
}

impl Default for SmoothWeighted {
    fn default() -> Self {
        let SmoothPolicy {
            max_fails,
            fail_timeout,
        } = SmoothPolicy::default();
        Self {
            max_fails,
            fail_timeout,
        }
    }
}

/// How the share of an endpoint that joins grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SlowStart {
    /// How long it takes until the share is whole.
    #[serde(with = "quantity::duration")]
    pub window: Duration,
    /// 1 grows evenly; above 1 fast first, below 1 late.
    #[serde(default = "even")]
    pub aggression: f64,
    /// The least part of its share.
    #[serde(default = "tenth")]
    pub minimum: f64,
}

const fn even() -> f64 {
    1.0
}

const fn tenth() -> f64 {
    0.1
}

impl SlowStart {
    const fn policy(self) -> balance::SlowStart {
        balance::SlowStart {
            window: self.window,
            aggression: self.aggression,
            minimum: self.minimum,
        }
    }
}

/// Settings of `earliest-deadline`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EarliestDeadline {
    /// Absent: the whole share at once.
    pub slow_start: Option<SlowStart>,
}

/// Settings of `least-request`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LeastRequest {
    /// How many are drawn where all weights are equal.
    pub choices: u32,
    /// How much requests in flight take of a weight where weights differ.
    pub bias: f64,
    /// Absent: the whole share at once.
    pub slow_start: Option<SlowStart>,
}

impl Default for LeastRequest {
    fn default() -> Self {
        let LeastRequestPolicy { choices, bias, .. } = LeastRequestPolicy::default();
        Self {
            choices,
            bias,
            slow_start: None,
        }
    }
}

/// Settings of `peak-ewma`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PeakEwma {
    /// The time constant with which estimates forget.
    #[serde(with = "quantity::duration")]
    pub tau: Duration,
    /// What a response is taken to take before the first one came.
    #[serde(with = "quantity::duration")]
    pub default_rtt: Duration,
    /// What a failure is taken to have taken.
    #[serde(with = "quantity::duration")]
    pub failure_rtt: Duration,
}

impl Default for PeakEwma {
    fn default() -> Self {
        let policy = PeakEwmaPolicy::default();
        Self {
            tau: policy.tau,
            default_rtt: policy.default_rtt,
            failure_rtt: policy.failure_rtt,
        }
    }
}

/// Settings of `power-of-two-ewma`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PowerOfTwoEwma {
    /// The time constant with which lag and success forget.
    #[serde(with = "quantity::duration")]
    pub tau: Duration,
    /// An endpoint that was not asked for longer than this is asked when it is drawn.
    #[serde(with = "quantity::duration")]
    pub force_after: Duration,
}

impl Default for PowerOfTwoEwma {
    fn default() -> Self {
        let PowerOfTwoEwmaPolicy { tau, force_after } = PowerOfTwoEwmaPolicy::default();
        Self { tau, force_after }
    }
}

/// Settings of balancers by hash that have no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Bounded {
    /// The most that an endpoint has in flight, in percent of its fair part (above 100); absent: no bound.
    pub bound: Option<u32>,
}

/// Settings of `ring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Ring {
    /// The fewest entries.
    pub minimum: u32,
    /// The most entries.
    pub maximum: u32,
    /// As [`Bounded::bound`].
    pub bound: Option<u32>,
}

impl Default for Ring {
    fn default() -> Self {
        let Sizes { minimum, maximum } = Sizes::default();
        Self {
            minimum,
            maximum,
            bound: None,
        }
    }
}

/// Settings of `maglev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MaglevSize {
    /// Slots of the table, a prime.
    pub size: u32,
    /// As [`Bounded::bound`].
    pub bound: Option<u32>,
}

impl Default for MaglevSize {
    fn default() -> Self {
        Self {
            size: Maglev::USUAL_SIZE,
            bound: None,
        }
    }
}

impl Balance {
    /// The balancer's policy.
    ///
    /// # Errors
    ///
    /// A value that cannot be meant.
    pub fn policy(self) -> Result<Policy, InvalidPolicy> {
        let policy = match self {
            Self::RoundRobin => Policy::RoundRobin,
            Self::PowerOfTwo => Policy::PowerOfTwo,
            Self::SmoothWeighted(smooth) => Policy::SmoothWeighted(SmoothPolicy {
                max_fails: smooth.max_fails,
                fail_timeout: smooth.fail_timeout,
            }),
            Self::EarliestDeadline(deadlines) => {
                let slow_start = deadlines.slow_start.map(SlowStart::policy);
                Policy::EarliestDeadline(EarliestDeadlinePolicy { slow_start })
            }
            Self::LeastRequest(least) => Policy::LeastRequest(LeastRequestPolicy {
                choices: least.choices,
                bias: least.bias,
                slow_start: least.slow_start.map(SlowStart::policy),
            }),
            Self::PeakEwma(peak) => Policy::PeakEwma(PeakEwmaPolicy {
                tau: peak.tau,
                default_rtt: peak.default_rtt,
                failure_rtt: peak.failure_rtt,
                ..PeakEwmaPolicy::default()
            }),
            Self::PowerOfTwoEwma(ewma) => Policy::PowerOfTwoEwma(PowerOfTwoEwmaPolicy {
                tau: ewma.tau,
                force_after: ewma.force_after,
            }),
            Self::Ketama(Bounded { bound }) => keyed(Layout::Ketama, bound)?,
            Self::Ring(ring) => {
                let Ring {
                    minimum,
                    maximum,
                    bound,
                } = ring;
                keyed(Layout::Ring(Sizes { minimum, maximum }), bound)?
            }
            Self::Maglev(MaglevSize { size, bound }) => keyed(Layout::Maglev(size), bound)?,
            Self::Rendezvous(Bounded { bound }) => keyed(Layout::Rendezvous, bound)?,
        };
        policy.validate()?;
        Ok(policy)
    }

    /// Whether it keeps requests of one key together.
    pub const fn is_keyed(self) -> bool {
        matches!(
            self,
            Self::Ketama(_) | Self::Ring(_) | Self::Maglev(_) | Self::Rendezvous(_)
        )
    }
}

fn keyed(layout: Layout, bound: Option<u32>) -> Result<Policy, InvalidPolicy> {
    let bound = bound.map(Bound::percent).transpose()?;
    Ok(Policy::Hashed(hashed::Policy { layout, bound }))
}

/// How requests spread over priorities and zones; looked at if endpoints have any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClusterSettings {
    /// How much more than its part a priority can take, in percent.
    pub overprovisioning: u32,
    /// Below this percentage of endpoints that are not left out a priority ignores who is.
    pub panic_threshold: u32,
    /// Absent: zones are not looked at.
    pub zones: Option<ZoneSettings>,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        let policy = cluster::Policy::default();
        Self {
            overprovisioning: policy.overprovisioning,
            panic_threshold: policy.panic_threshold,
            zones: None,
        }
    }
}

/// Zone-aware routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ZoneSettings {
    /// The zone of this gateway.
    pub own: String,
    /// How many gateways each zone has, this one among them.
    pub gateways: BTreeMap<String, u32>,
    /// With fewer endpoints in all zones together zones are not looked at.
    #[serde(default = "six")]
    pub minimum_endpoints: u32,
    /// With at least so many endpoints in the own zone all requests stay there; absent: never.
    #[serde(default)]
    pub force_local: Option<u32>,
}

const fn six() -> u32 {
    6
}

impl ClusterSettings {
    /// The cluster's policy.
    pub fn policy(&self) -> cluster::Policy {
        cluster::Policy {
            overprovisioning: self.overprovisioning,
            panic_threshold: self.panic_threshold,
            zones: self.zones.as_ref().map(ZoneSettings::policy),
            subset: None,
        }
    }
}

impl ZoneSettings {
    fn policy(&self) -> ZonePolicy {
        let gateways = self.gateways.iter();
        let callers = gateways.map(|(zone, count)| (Arc::from(&**zone), *count));
        ZonePolicy {
            minimum_hosts: self.minimum_endpoints,
            force_local: self.force_local,
            ..ZonePolicy::new(&*self.own, callers.collect())
        }
    }
}
