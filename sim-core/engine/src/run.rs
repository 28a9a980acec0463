//! The wrapper around a run: one fresh thread, madsim's runtime, a silent tokio runtime around it,
//! and the driver that moves the clock.
//!
//! The order matters: madsim's runtime is created first, because it draws std's hash keys from the
//! seed when it is; then a real current-thread tokio runtime without drivers, whose seeded generator
//! serves `select!` and `watch`; and the simulation runs inside it without tokio's cooperative
//! budget, which would otherwise end after some 128 channel operations.

use crate::{
    agenda::Due,
    clock::{self, HostClock},
    guard,
    host::{CpuCost, DiskSpec, Host, HostSpec},
    log::Log,
    machine::{self, Machine, with},
    network::{Network, NetworkSpec},
    process,
    recorder::Recorder,
    task,
};
use std::{
    any::Any,
    future::Future,
    io, panic,
    pin::Pin,
    sync::{Arc, Mutex},
    thread,
};
use windtunnel_record::{
    Digest, Event, FaultPlan, HostInfo, Limits, Moment, PlannedFault, RunSpec, Scheduling, Seed,
    Span, Topology, event::Ending,
};

/// What a run consists of; made on the run's own thread.
pub struct Setup {
    /// The hosts; a host's position is its number.
    pub hosts: Vec<HostSpec>,
    /// The network between them.
    pub network: NetworkSpec,
    /// The faults.
    pub faults: FaultPlan,
    /// How long the load lasts.
    pub load: Span,
    /// How long the system has to recover after it.
    pub settle: Span,
    /// What `SystemTime` shows at the start: time since 1970.
    pub epoch: Span,
    /// How often gauges are read; never if zero.
    pub sample_every: Span,
    /// Whether packets and disk writes are kept, not only hashed.
    pub keep_packets: bool,
    /// Whether what services write to standard streams, and what their panics say, is shown on
    /// standard error.
    pub echo: bool,
    /// Whether the run has no purpose but the return of its first host's program, so that it is stuck
    /// when nothing can happen any more.
    pub must_return: bool,
    /// Dropped when the run ends: a tracing default, say.
    pub guard: Option<Box<dyn Any>>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// The fingerprint over all events.
    pub digest: Digest,
    /// How many events there were.
    pub event_count: u64,
    /// The kept ones.
    pub log: Log,
    /// The hosts.
    pub topology: Topology,
    /// How long the run was.
    pub simulated: Span,
    /// When the settle phase began.
    pub settled_from: Moment,
    /// When it would have ended had nothing stopped it.
    pub planned_end: Moment,
    /// The faults that were carried out.
    pub faults: FaultPlan,
    /// How many tasks were left when every process had ended: always zero, or the engine leaks.
    pub tasks_left: usize,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The clock is not wrapped.
    #[error(
        "the simulation's clock is not linked in (the package of this binary or test needs a build \
         script that prints `cargo::rustc-link-arg=-Wl,--wrap=clock_gettime`, and the same for \
         `gethostname`, `sched_getaffinity` and `sysconf`; see \"Your own service in a Rust test\" \
         in the README)"
    )]
    NotWrapped,
    /// The run's thread died of a bug in the engine or in the harness.
    #[error("the run ended by a panic outside of any service: {0}")]
    Panicked(String),
}

/// Carries out a run on a thread of its own and waits for it. `make` is called there, inside the
/// simulation, before time begins.
///
/// # Errors
/// If the program was linked without the wrapped clock, or the harness itself panicked.
pub fn run(
    spec: &RunSpec,
    make: impl FnOnce() -> Setup + Send + 'static,
) -> Result<Finished, RunError> {
    guard::install_panic_hook();
    let spec = spec.clone();
    let thread = thread::Builder::new()
        .name("run".into())
        .stack_size(16 << 20);
    let running = thread
        .spawn(move || on_thread(&spec, make))
        .expect("a thread can be started");
    running
        .join()
        .unwrap_or_else(|payload| Err(RunError::Panicked(text_of(payload.as_ref()))))
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| {
        payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
    })
    .unwrap_or_else(|| "a value that is no text".into())
}

fn on_thread(spec: &RunSpec, make: impl FnOnce() -> Setup) -> Result<Finished, RunError> {
    let schedule = spec.schedule();
    let inner = madsim::runtime::Runtime::with_seed_and_config(schedule, madsim::Config::default());
    let outer = tokio_real::runtime::Builder::new_current_thread()
        .rng_seed(tokio_real::runtime::RngSeed::from_bytes(
            &schedule.to_le_bytes(),
        ))
        .on_task_spawn(|meta| guard::stray_spawn(&meta.spawned_at().to_string()))
        .build()
        .expect("a runtime without drivers needs nothing of the system");
    let _stop = StopOnDrop;
    clock::start(0).map_err(|clock::NotWrapped| RunError::NotWrapped)?;
    guard::arm();
    let finished = outer.block_on(tokio_real::task::unconstrained(async {
        inner.block_on(async { drive(spec, make) })
    }));
    Ok(finished)
}

/// Ends the run on this thread, also when the harness panics.
struct StopOnDrop;

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        guard::release();
        // After a panic of the harness the run is still there. What it holds may panic as well.
        let _ = panic::catch_unwind(|| drop(machine::take()));
        task::stop();
        clock::stop();
    }
}

fn drive(spec: &RunSpec, make: impl FnOnce() -> Setup) -> Finished {
    let setup = make();
    clock::set_epoch(setup.epoch.as_nanos());
    let (load, faults) = (setup.load, setup.faults.clone());
    let planned_end = Moment::START + setup.load + setup.settle;
    task::start(spec.schedule());
    let _guard = begin(spec, setup);
    loop {
        task::run_until_idle();
        match with(Machine::advance).unwrap_or(Advance::Over) {
            Advance::Went => {}
            Advance::Untidy => tidy_up(),
            Advance::Over => break,
        }
    }
    let simulated = Span::from_nanos(clock::now());
    let settled_from = Moment::from_nanos(load.as_nanos().min(clock::now()));
    with(Machine::end_everything);
    tidy_up();
    let machine = machine::take().expect("the run is this thread's");
    task::stop();
    let topology = machine.topology.clone();
    let tasks_left = machine.tasks.iter().count();
    let (digest, event_count, log) = machine.recorder.finish();
    Finished {
        digest,
        event_count,
        log,
        topology,
        simulated,
        settled_from,
        planned_end,
        faults,
        tasks_left,
    }
}

/// What came of an advance of the clock.
enum Advance {
    /// Tasks may be ready.
    Went,
    /// There are dead to bury or processes to start first.
    Untidy,
    /// The run is over.
    Over,
}

/// Buries the dead and starts the new, with the door closed.
fn tidy_up() {
    process::bury_the_dead();
    process::boot_hosts();
}

/// Sets the machine up and starts its hosts.
fn begin(spec: &RunSpec, setup: Setup) -> Option<Box<dyn Any>> {
    let Limits {
        events,
        polls_at_one_instant,
    } = spec.limits;
    let infos = setup.hosts.iter().map(|host| host.info.clone()).collect();
    let topology = Topology { hosts: infos };
    let recorder = Recorder::new(setup.keep_packets, events);
    let network = Network::new(setup.network, &topology, spec.seed);
    let mut machine = Machine::new(spec.seed, topology, recorder, network);
    machine.polls_limit = polls_at_one_instant;
    machine.must_return = setup.must_return;
    machine.echo = setup.echo;
    guard::show_panics(setup.echo);
    machine.sample_every = setup.sample_every.as_nanos();
    process::forget_hosts();
    let clocks: Vec<_> = setup.hosts.iter().map(|host| host.clock).collect();
    let touches_clocks = |fault: &PlannedFault| fault.inject.is_of_clocks();
    let touched = setup.faults.faults().iter().any(touches_clocks);
    if touched || clocks.iter().any(|clock| !clock.is_true()) {
        clock::install(clocks);
    }
    for host in setup.hosts {
        let disk = crate::disk::Disk::new(host.disk, spec.seed, &host.info.name);
        let host = Host::new(host, disk);
        if host.memory.is_limited() {
            machine.memory_watched.insert(machine.hosts.len() as u32);
        }
        machine.hosts.push(host);
        machine.power.push(true);
    }
    machine.plan_faults(&setup.faults);
    let settle_at = setup.load.as_nanos();
    let end_at = (setup.load + setup.settle).as_nanos();
    machine.agenda.enter(settle_at, Due::Settle);
    let until = spec
        .until
        .map_or(end_at, |until| until.as_nanos().min(end_at));
    machine.agenda.enter(until, Due::End);
    if machine.sample_every > 0 {
        machine.agenda.enter(machine.sample_every, Due::Sample);
    }
    for host in 0..machine.hosts.len() {
        machine.start_process(host as u32);
    }
    // Started in the order of their numbers.
    machine.to_boot.reverse();
    machine::install(machine);
    process::boot_hosts();
    setup.guard
}

impl Machine {
    fn is_untidy(&self) -> bool {
        !self.to_bury.is_empty() || !self.to_boot.is_empty()
    }

    /// Moves the clock to the next instant at which something is due, and does what is due, unless
    /// there is something to tidy up at this one.
    fn advance(&mut self) -> Advance {
        if self.is_untidy() {
            return Advance::Untidy;
        }
        self.polls_here = 0;
        if self.recorder.is_over_limit() && !self.ended {
            let what = format!("more than {} events", self.recorder.limit());
            self.note(Event::Limit { what: what.into() });
            self.ended = true;
        }
        if self.ended {
            return Advance::Over;
        }
        self.recorder.make_room();
        let was_known = !self.agenda.soon().is_empty();
        let Some(next) = self.agenda.next_instant() else {
            return Advance::Over;
        };
        if !was_known {
            self.look_ahead_afresh();
        }
        let next = next.max(clock::now());
        clock::set(next);
        while let Some(due) = self.agenda.take_at(next) {
            self.look_ahead();
            self.carry_out(due);
        }
        if self.ended {
            return Advance::Over;
        }
        if self.is_untidy() {
            return Advance::Untidy;
        }
        Advance::Went
    }

    fn carry_out(&mut self, due: Due) {
        if due.is_passive() {
            self.check_progress();
        } else if !self.is_stale(due) {
            self.last_active = clock::now();
        }
        match due {
            Due::Timer(id) => self.timer_due(id),
            Due::CoreFree { host } => self.core_free(host),
            Due::ShareDone { host } => self.share_done(host),
            Due::Readable { connection, side } => self.readable_due(connection, side),
            Due::Writable { connection, side } => self.writable_due(connection, side),
            Due::Handshake { connection, step } => self.handshake_due(connection, step),
            Due::Retransmit {
                connection,
                side,
                epoch,
            } => {
                self.retransmit_due(connection, side, epoch);
            }
            Due::KeepAlive { connection, side } => self.keep_alive_due(connection, side),
            Due::SmallMayGo {
                connection,
                side,
                epoch,
            } => self.small_may_go(connection, side, epoch),
            Due::WindowOpen { connection, side } => self.transmit(connection, side, clock::now()),
            Due::Datagram(id) => self.datagram_arrives(id),
            Due::Acknowledged { connection, side } => self.acknowledged_due(connection, side),
            Due::ResetArrives {
                connection,
                side,
                sent,
            } => {
                self.reset_arrives(connection, side, sent);
            }
            Due::DiskDone(id) => self.disk_done(id),
            Due::FaultBegins { fault } => self.fault_begins(fault),
            Due::FaultGoesOn { fault, step } => self.fault_goes_on(fault, step),
            Due::FaultEnds { fault } => self.fault_ends(fault),
            Due::GraceOver { host, incarnation } => self.grace_over(host, incarnation),
            Due::StartAgain { host } => self.start_process(host),
            Due::Settle => self.note(Event::Settling {}),
            Due::Sample => {
                self.sample();
                self.agenda
                    .enter(clock::now() + self.sample_every, Due::Sample);
            }
            Due::End => self.ended = true,
        }
    }

    fn end_everything(&mut self) {
        for host in 0..self.hosts.len() {
            self.hosts[host].restart_after = None;
            self.end_process(host as u32, Ending::RunEnded);
        }
        self.to_boot.clear();
    }
}

/// Ends the run at this instant, as if its time were over. For harnesses whose work is done.
pub fn finish() {
    with(|machine| machine.agenda.enter(clock::now(), Due::End));
}

/// Runs `future` as the only process of the only host of a simulation with seed 0: what
/// `#[tokio::test]` does in the simulated world.
///
/// # Panics
/// If `future` panics or waits for ever, if there is a run on this thread already, or if the clock is
/// not linked in.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    assert!(
        !clock::is_running(),
        "block_on inside a simulated host would stop all hosts"
    );
    let slot: Arc<Mutex<Option<thread::Result<F::Output>>>> = Arc::default();
    let boxed: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin({
        let (slot, future) = (slot.clone(), Box::pin(future));
        async move {
            let output = task::catching(future).await;
            *slot.lock().expect("there is one writer") = Some(output);
        }
    });
    // SAFETY: the future moves to the run's thread and its output back while this thread waits in
    // `run`; at no time do two threads touch them. The lifetime is extended for the same reason: the
    // run has dropped every future of its processes when it returns.
    let future = Moved(unsafe {
        std::mem::transmute::<
            Pin<Box<dyn Future<Output = ()> + '_>>,
            Pin<Box<dyn Future<Output = ()> + 'static>>,
        >(boxed)
    });
    let spec = RunSpec::new("block-on", Seed(0));
    let finished = run(&spec, move || alone(future));
    let output = slot.lock().expect("the run is over").take();
    match (finished, output) {
        (Ok(_), Some(Ok(output))) => output,
        (Ok(_), Some(Err(payload))) => panic::resume_unwind(payload),
        (Ok(finished), None) => panic!("{}", why_stopped(finished)),
        (Err(error), _) => panic!("{error}"),
    }
}

/// Why a run ended before the program of its only host returned.
fn why_stopped(finished: Finished) -> String {
    let mut events = finished.log.into_events().into_iter();
    let what = events.find_map(|record| match record.event {
        Event::Limit { what } => Some(what.into()),
        _ => None,
    });
    what.unwrap_or_else(|| "the future was not at its end after a simulated year".into())
}

/// Something that is moved to another thread while its own waits.
struct Moved<T>(T);

// SAFETY: see `block_on`, which alone makes and sends it.
unsafe impl<T> Send for Moved<T> {}

/// One host that runs `future` and ends the run.
fn alone(future: Moved<Pin<Box<dyn Future<Output = ()>>>>) -> Setup {
    let mut future = Some(future.0);
    let main = move || -> Pin<Box<dyn Future<Output = io::Result<()>>>> {
        let future = future.take();
        Box::pin(async move {
            if let Some(future) = future {
                future.await;
            }
            finish();
            Ok(())
        })
    };
    let info = HostInfo {
        name: "localhost".into(),
        service: "localhost".into(),
        replica: 0,
        zone: String::new(),
        role: "service".into(),
    };
    const YEAR: Span = Span::from_secs(365 * 86_400);
    Setup {
        hosts: vec![HostSpec {
            info,
            cores: 1,
            scheduling: Scheduling::Fifo,
            speed: 1.0,
            cpu: CpuCost::FREE,
            disk: DiskSpec::default(),
            files: None,
            memory: None,
            main: Box::new(main),
            restart_after: None,
            clock: HostClock::default(),
        }],
        network: NetworkSpec::default(),
        faults: FaultPlan::default(),
        load: YEAR,
        settle: Span::ZERO,
        epoch: Span::from_secs(1_767_225_600),
        sample_every: Span::ZERO,
        keep_packets: false,
        echo: true,
        must_return: true,
        guard: None,
    }
}
