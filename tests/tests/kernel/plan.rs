//! What befalls the hosts and the wire between them, in words that both worlds carry out.

use std::time::Duration;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Client,
    Server,
}

impl Host {
    #[cfg(not(madsim))]
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// The other one.
    #[cfg(not(madsim))]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A direction of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
    Both,
}

impl Way {
    /// The hosts that receive less.
    #[cfg(not(madsim))]
    pub const fn receivers(self) -> &'static [Host] {
        match self {
            Self::ToServer => &[Host::Server],
            Self::ToClient => &[Host::Client],
            Self::Both => &Host::BOTH,
        }
    }
}

/// Something that begins and may end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// No packet passes; at the end the wire is healed.
    Cut(Way),
    /// This share of the packets is lost.
    Lose(Way, f64),
    /// The next segment with data is lost. In the simulation all are, until the act ends.
    LoseOne(Way),
    /// The wire carries no more than so many megabits a second, with a queue of 100,000 bytes.
    Narrow(Way, u64),
    /// The host goes dark and forgets its connections; at the end it boots.
    PowerLoss(Host),
    /// The process is killed; at the end it is started again.
    Kill(Host),
    /// The process is stopped; at the end it goes on.
    Stop(Host),
}

/// An act with its time.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub act: Act,
    pub from: Duration,
    /// For good if absent.
    pub lasting: Option<Duration>,
}

impl Act {
    /// Begins so many milliseconds after the start.
    pub const fn from(self, millis: u64) -> Planned {
        Planned {
            act: self,
            from: Duration::from_millis(millis),
            lasting: None,
        }
    }
}

impl Planned {
    /// Ends so many milliseconds after it began.
    pub const fn lasting(mut self, millis: u64) -> Self {
        self.lasting = Some(Duration::from_millis(millis));
        self
    }
}
