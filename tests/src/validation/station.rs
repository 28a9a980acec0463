//! A station: a host whose cores work off jobs, first come, first served, or all at once.
//!
//! A job is a task of the host that becomes ready at its arrival and calls `work`, as a thread of a pool
//! that picks a request up. It takes its times itself, with the clock that services read.

use super::{observation::Notes, tally::Tally};
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_local,
    time::Instant,
};
use windtunnel::Tunnel;
use windtunnel_models::balance::InFlight;
use windtunnel_record::{Scheduling, Span};

/// What is to be done, and for how long on a core.
#[derive(Debug)]
pub struct Job {
    /// When it came.
    pub arrived: Instant,
    /// How long it occupies a core.
    pub service: Duration,
    /// What a balancer gave out for it; given back when the job is done.
    pub ticket: Option<InFlight>,
}

/// Where jobs enter a station.
#[derive(Clone, Default)]
pub struct Door {
    pool: Rc<RefCell<Pool>>,
}

#[derive(Default)]
struct Pool {
    inboxes: Vec<UnboundedSender<Job>>,
    idle: Vec<usize>,
}

impl Door {
    /// Hands a job over: from this instant on it waits for a core.
    ///
    /// # Panics
    /// If the station has more jobs than tasks to hold them.
    pub fn enter(&self, job: Job) {
        let mut pool = self.pool.borrow_mut();
        let worker = pool
            .idle
            .pop()
            .expect("the pool is far larger than the queue");
        let handed = pool.inboxes[worker].send(job);
        handed.expect("the station lasts as long as the run");
    }
}

/// Puts a station on a host of its own: so many cores of this discipline, and room for `room` jobs.
pub fn station(
    tunnel: &mut Tunnel,
    name: &str,
    (cores, scheduling): (usize, Scheduling),
    room: usize,
    tally: Notes<Tally>,
) -> Door {
    let door = Door::default();
    let host = tunnel.host(name).cores(cores).scheduling(scheduling);
    let host = host.cpu(Span::ZERO, Span::ZERO);
    host.run({
        let door = door.clone();
        move || serve(door.clone(), room, tally.clone())
    });
    door
}

async fn serve(door: Door, room: usize, tally: Notes<Tally>) {
    for number in 0..room {
        let (inbox, mail) = unbounded_channel();
        door.pool.borrow_mut().inboxes.push(inbox);
        spawn_local(work_off(number, mail, door.clone(), tally.clone()));
    }
    std::future::pending::<()>().await;
}

async fn work_off(
    number: usize,
    mut mail: UnboundedReceiver<Job>,
    door: Door,
    tally: Notes<Tally>,
) {
    loop {
        door.pool.borrow_mut().idle.push(number);
        let Some(job) = mail.recv().await else { return };
        let begun = Instant::now();
        windtunnel::work(job.service).await;
        let done = Instant::now();
        drop(job.ticket);
        let mut tally = tally.lock().expect("nobody panics");
        tally.done(job.arrived, begun, done);
    }
}
