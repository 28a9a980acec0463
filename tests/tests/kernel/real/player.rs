//! The process that plays one part: this test program again, inside the namespace of its host.

use crate::{behaviours, part::Part, plan::Host};
use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    sync::{Arc, mpsc::Sender},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{runtime, sync::watch, time::Instant};

/// The first argument of a process that plays a part.
const PART: &str = "part";

/// What the director hears of a process.
#[derive(Debug)]
pub enum Said {
    Ready,
    /// A host noted something so many milliseconds after the start.
    Noted(Host, u64, String),
    /// A life of a host is over.
    Over(Host, u32),
}

/// A process under way. Dropped, it is killed.
pub struct Player {
    pub host: Host,
    pub life: u32,
    /// Whether the plan killed it.
    pub killed: bool,
    /// Whether all it said was heard.
    pub over: bool,
    child: Child,
    /// Held open: when it ends, so does the process.
    stdin: ChildStdin,
}

impl Player {
    /// Starts one life of a host, which waits until it is told to go.
    pub fn start(
        namespace: &str,
        behaviour: &str,
        host: Host,
        life: u32,
        say: Sender<Said>,
    ) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(program)
            .args([PART, behaviour, host.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("a process for the {}: {error}", host.name()))?;
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let player = Self {
            host,
            life,
            killed: false,
            over: false,
            child,
            stdin,
        };
        thread::Builder::new()
            .spawn(move || pass_on(stdout, host, life, &say))
            .map_err(|error| error.to_string())?;
        Ok(player)
    }

    /// Tells it to begin, and when the behaviour began.
    pub fn go(&mut self, began: SystemTime) {
        let began = began.duration_since(UNIX_EPOCH).expect("it is later");
        self.tell(&began.as_nanos().to_string());
    }

    /// Tells it when the next step of the plan is due.
    pub fn tell_next_step(&mut self, millis: u64) {
        self.tell(&millis.to_string());
    }

    fn tell(&mut self, line: &str) {
        // One that is dead is none of our concern here: its end is heard of.
        let _ = writeln!(self.stdin, "{line}");
    }

    /// Whether it ended by itself, and well. Waits for its end.
    pub fn ended_well(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// Whether it has ended by itself, and not well.
    pub fn has_failed(&mut self) -> bool {
        let ended = self.child.try_wait().ok().flatten();
        !self.killed && ended.is_some_and(|status| !status.success())
    }

    /// Kills it, as it is, and waits until it is gone.
    pub fn kill(&mut self) {
        self.killed = true;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it.
    pub fn stop(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a child of ours that nobody has waited for; no memory is involved.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes on what a process says, and that it ended.
fn pass_on(stdout: ChildStdout, host: Host, life: u32, say: &Sender<Said>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let said = match line.split_once(' ') {
            Some((at, what)) => match at.parse() {
                Ok(at) => Said::Noted(host, at, what.into()),
                Err(_) => continue,
            },
            None if line == "ready" => Said::Ready,
            None => continue,
        };
        // Nobody listens once the behaviour is over.
        let _ = say.send(said);
    }
    let _ = say.send(Said::Over(host, life));
}

/// Plays a part if this process was started for that.
pub fn play_the_part_asked_for() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != PART {
        return None;
    }
    let mut next = || arguments.next().expect("the director names it");
    let (name, host) = (next(), next());
    let behaviour = behaviours::all()
        .into_iter()
        .find(|behaviour| behaviour.name == name);
    let behaviour = behaviour.expect("the director knows the names");
    let ago = wait_for_the_word();
    let next_step = listen_to_the_director();
    let body = if host == Host::Server.name() {
        behaviour.server
    } else {
        behaviour.client
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(body(Part {
        start: Instant::now().checked_sub(ago).expect("the machine was up"),
        server: super::wire::address(Host::Server),
        sink: Arc::new(|at, what| {
            let line = format!("{at} {what}\n");
            // Without a director nobody wants to know.
            let _ = io::stdout().lock().write_all(line.as_bytes());
        }),
        next_step,
    }));
    Some(ExitCode::SUCCESS)
}

/// Waits until told to go; how long ago the behaviour began.
fn wait_for_the_word() -> Duration {
    println!("ready");
    let mut word = String::new();
    let _ = io::stdin().lock().read_line(&mut word);
    let began = word.trim().parse().expect("the director says when");
    let began = UNIX_EPOCH + Duration::from_nanos(began);
    began.elapsed().unwrap_or_default()
}

/// When the next step of the plan is due, as the director says. Ends this process with the director.
fn listen_to_the_director() -> watch::Receiver<u64> {
    let (tell, told) = watch::channel(0);
    let listen = move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            tell.send_replace(line.parse().expect("an instant"));
        }
        std::process::exit(1);
    };
    thread::Builder::new().spawn(listen).expect("a thread");
    told
}
