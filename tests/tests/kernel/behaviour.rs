//! A behaviour: two parts, the settings of the kernels, what befalls them, and what must be seen.

use crate::{account::Account, part::Part, plan::Planned};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// What a host does in one life.
pub type Body = Arc<dyn Fn(Part) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;
/// Says, by panicking, that something else was seen than expected.
pub type Judge = Arc<dyn Fn(&Account) + Send + Sync>;

/// The settings of both kernels that shorten waits. The simulated network takes the same.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub syn_retries: u8,
    pub syn_linear: u8,
    pub retries2: u8,
    /// Seconds before the first probe of a silent peer, and between probes, and how many there are.
    pub keep_alive: [u8; 3],
}

/// A behaviour in the making, complete once it has both bodies and a judge.
#[derive(Clone)]
pub struct Behaviour {
    pub name: &'static str,
    pub patience: Patience,
    /// Whether a dead host is on the same link, and not behind a router. It always is in the real
    /// world, but the two hosts know each other for good.
    pub same_link: bool,
    pub plan: Vec<Planned>,
    pub server: Body,
    pub client: Body,
    pub judge: Judge,
    /// The longest it may take.
    pub lasts: Duration,
}

impl Behaviour {
    /// A behaviour of this name, a statement about what programs see.
    pub fn new(name: &'static str) -> Self {
        let absent = || -> Body { Arc::new(|_| Box::pin(async { panic!("a part is missing") })) };
        Self {
            name,
            patience: Patience {
                syn_retries: 6,
                syn_linear: 4,
                retries2: 15,
                keep_alive: [200, 75, 9],
            },
            same_link: false,
            plan: Vec::new(),
            server: absent(),
            client: absent(),
            judge: Arc::new(|_| panic!("nobody judges")),
            lasts: Duration::from_secs(30),
        }
    }

    /// How soon connects fail: Linux `tcp_syn_retries` and `tcp_syn_linear_timeouts`.
    pub const fn syns(mut self, retries: u8, linear: u8) -> Self {
        (self.patience.syn_retries, self.patience.syn_linear) = (retries, linear);
        self
    }

    /// How soon open connections fail: Linux `tcp_retries2`.
    pub const fn retries2(mut self, retries: u8) -> Self {
        self.patience.retries2 = retries;
        self
    }

    /// When sockets with keep-alive probe: seconds before, seconds between, how often.
    pub const fn keep_alive(mut self, settings: [u8; 3]) -> Self {
        self.patience.keep_alive = settings;
        self
    }

    /// Hosts are asked for on the link that they share.
    pub const fn same_link(mut self) -> Self {
        self.same_link = true;
        self
    }

    /// Something happens meanwhile.
    pub fn during(mut self, planned: Planned) -> Self {
        self.plan.push(planned);
        self
    }

    /// What the server does.
    pub fn server<F>(mut self, body: impl Fn(Part) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        self.server = Arc::new(move |part| Box::pin(body(part)));
        self
    }

    /// What the client does. The behaviour is over when this is.
    pub fn client<F>(mut self, body: impl Fn(Part) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        self.client = Arc::new(move |part| Box::pin(body(part)));
        self
    }

    /// What must have been noted.
    pub fn judge(mut self, judge: impl Fn(&Account) + Send + Sync + 'static) -> Self {
        self.judge = Arc::new(judge);
        self
    }
}
