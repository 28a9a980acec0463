//! The real world: two processes in two network namespaces, and a director who carries out the plan.

mod player;
mod wire;

pub use player::play_the_part_asked_for;

use crate::{
    account::{Account, Noted},
    behaviour::{Behaviour, Patience},
    plan::{Act, Host, Way},
};
use player::{Player, Said};
use std::{
    sync::{
        OnceLock,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant, SystemTime},
};
use wire::Wire;

/// Why behaviours cannot be performed here, if so. Tried once, by making a wire and using it.
pub fn unavailable() -> Option<String> {
    static TRIED: OnceLock<Option<String>> = OnceLock::new();
    let tried = || {
        let patience = Patience {
            syn_retries: 1,
            syn_linear: 0,
            retries2: 3,
            keep_alive: [200, 75, 9],
        };
        Wire::clear_abandoned();
        let mut wire = Wire::new(patience)?;
        wire.begin(0, Act::Lose(Way::Both, 0.5))?;
        wire.end(0)?;
        wire.narrow(Way::Both, Some(8))?;
        wire.forget_connections(Host::Server)
    };
    TRIED.get_or_init(|| tried().err()).clone()
}

/// A step of the plan that is due at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Begin(usize),
    End(usize),
}

/// Performs a behaviour in two namespaces of its own; what its parts noted.
pub fn perform(behaviour: &Behaviour) -> Result<Account, String> {
    let wire = Wire::new(behaviour.patience)?;
    let (say, hear) = channel();
    let mut stage = Stage {
        behaviour,
        wire,
        say,
        start: Instant::now(),
        began: SystemTime::now(),
        players: Vec::new(),
        lives: [0; 2],
        account: Account::default(),
    };
    for host in Host::BOTH {
        stage.enter(host)?;
    }
    stage.wait_until_ready(&hear)?;
    stage.run(&hear)?;
    Ok(stage.account)
}

/// A performance under way.
struct Stage<'b> {
    behaviour: &'b Behaviour,
    wire: Wire,
    say: Sender<Said>,
    start: Instant,
    /// The same by a clock that all processes share.
    began: SystemTime,
    players: Vec<Player>,
    lives: [u32; 2],
    account: Account,
}

impl Stage<'_> {
    /// Starts the process of a host.
    fn enter(&mut self, host: Host) -> Result<(), String> {
        let life = self.lives[host as usize];
        self.lives[host as usize] += 1;
        let namespace = self.wire.namespace(host);
        let name = self.behaviour.name;
        let mut player = Player::start(namespace, name, host, life, self.say.clone())?;
        if life > 0 {
            player.go(self.began);
        }
        self.players.push(player);
        Ok(())
    }

    /// Both are told to begin when both are ready, so that they agree when that was.
    fn wait_until_ready(&mut self, hear: &Receiver<Said>) -> Result<(), String> {
        for _ in Host::BOTH {
            match hear.recv_timeout(Duration::from_secs(20)) {
                Ok(Said::Ready) => {}
                other => return Err(format!("a part did not get ready: {other:?}")),
            }
        }
        (self.start, self.began) = (Instant::now(), SystemTime::now());
        let began = self.began;
        self.players.iter_mut().for_each(|player| player.go(began));
        Ok(())
    }

    /// Tells all that everything before `due` is done.
    fn announce(&mut self, due: Option<Duration>) {
        let due = due.map_or(u64::MAX, |due| due.as_millis() as u64);
        for player in &mut self.players {
            player.tell_next_step(due);
        }
    }

    fn timeline(&self) -> Vec<(Duration, Step)> {
        let mut timeline = Vec::new();
        for (number, planned) in self.behaviour.plan.iter().enumerate() {
            timeline.push((planned.from, Step::Begin(number)));
            if let Some(lasting) = planned.lasting {
                timeline.push((planned.from + lasting, Step::End(number)));
            }
        }
        timeline.sort_by_key(|(at, _)| *at);
        timeline
    }

    /// Listens to what the parts note, and does what is due, until the client has finished.
    fn run(&mut self, hear: &Receiver<Said>) -> Result<(), String> {
        let mut timeline = self.timeline().into_iter().peekable();
        // A kernel is never quick to the millisecond.
        let deadline = self.behaviour.lasts + Duration::from_secs(2);
        self.announce(timeline.peek().map(|(at, _)| *at));
        loop {
            let due = timeline.peek().map_or(deadline, |(at, _)| *at);
            let wait = due.saturating_sub(self.start.elapsed());
            match hear.recv_timeout(wait) {
                Ok(said) => {
                    self.hear(said)?;
                    let client = self.player(Host::Client);
                    if client.over && !client.killed {
                        return self.finish(hear);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender"),
                Err(RecvTimeoutError::Timeout) => {
                    match timeline.next() {
                        Some((_, Step::Begin(number))) => self.begin(number)?,
                        Some((_, Step::End(number))) => self.end(number)?,
                        None => return Err(format!("not over by {deadline:?}:\n{}", self.account)),
                    }
                    self.announce(timeline.peek().map(|(at, _)| *at));
                }
            }
        }
    }

    /// The client has finished: the server is stopped, and what was noted till then is heard.
    fn finish(&mut self, hear: &Receiver<Said>) -> Result<(), String> {
        let server = self.player(Host::Server);
        if server.has_failed() {
            return Err(format!("the server's part failed:\n{}", self.account));
        }
        server.kill();
        while !self.player(Host::Server).over {
            match hear.recv_timeout(Duration::from_secs(10)) {
                Ok(said) => self.hear(said)?,
                Err(error) => return Err(format!("the server's notes: {error}")),
            }
        }
        Ok(())
    }

    fn hear(&mut self, said: Said) -> Result<(), String> {
        match said {
            Said::Ready => {}
            Said::Noted(by, at, what) => self.account.notes.push(Noted { by, at, what }),
            Said::Over(host, life) => {
                let mut players = self.players.iter_mut();
                let player = players.find(|player| player.host == host && player.life == life);
                let player = player.expect("it was started");
                player.over = true;
                if !player.killed && !player.ended_well() {
                    let name = host.name();
                    return Err(format!("the {name}'s part failed:\n{}", self.account));
                }
            }
        }
        Ok(())
    }

    fn player(&mut self, host: Host) -> &mut Player {
        let mut players = self.players.iter_mut().rev();
        players
            .find(|player| player.host == host)
            .expect("both were started")
    }

    fn begin(&mut self, number: usize) -> Result<(), String> {
        let act = self.behaviour.plan[number].act;
        match act {
            Act::Kill(host) => self.player(host).kill(),
            Act::Stop(host) => self.player(host).stop(),
            Act::PowerLoss(host) => {
                self.wire.begin(number, act)?;
                self.player(host).kill();
                self.wire.forget_connections(host)?;
            }
            Act::Narrow(way, mbit) => self.wire.narrow(way, Some(mbit))?,
            Act::Cut(_) | Act::Lose(..) | Act::LoseOne(_) => self.wire.begin(number, act)?,
        }
        Ok(())
    }

    fn end(&mut self, number: usize) -> Result<(), String> {
        match self.behaviour.plan[number].act {
            Act::Kill(host) => self.enter(host),
            Act::Stop(host) => {
                self.player(host).resume();
                Ok(())
            }
            Act::PowerLoss(host) => {
                self.wire.end(number)?;
                self.enter(host)
            }
            // It loses its one segment, however late that is.
            Act::LoseOne(_) => Ok(()),
            Act::Narrow(way, _) => self.wire.narrow(way, None),
            Act::Cut(_) | Act::Lose(..) => self.wire.end(number),
        }
    }
}
