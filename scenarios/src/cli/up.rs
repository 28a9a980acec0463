//! `windtunnel up`: a scenario's services on this machine, a process for each replica.

use super::{
    arguments::Up,
    door,
    exit::{Exit, Failure},
    target,
};
use crate::{
    apps::{Place, place},
    world::deployment::{self, Replica},
};
use anyhow::Context;
use std::{
    env, fs,
    io::{self, Write},
    process::{self, Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, interval, timeout};

/// How long a replica that ended stays down.
const DOWN: Duration = Duration::from_secs(2);
/// How often is looked whether a replica ended.
const LOOK: Duration = Duration::from_millis(50);
/// How long a replica may take to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Starts the replicas, starts again those that end, and ends all on SIGTERM or ctrl-c.
pub fn up(arguments: &Up) -> Result<Exit, Failure> {
    door::real("up")?;
    let overrides = target::overrides(&arguments.overrides)?;
    let scenario = target::load(&arguments.target, &overrides)?;
    fs::create_dir_all(&arguments.data)
        .with_context(|| format!("failed to make {}", arguments.data.display()))?;
    let data = arguments.data.canonicalize()?;
    let replicas = deployment::replicas(scenario.data(), &data).map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format_args!("failed to get ports: {error}"),
        )
    })?;
    let supervised = replicas.into_iter().map(|replica| Supervised {
        replica,
        child: None,
        due: None,
    });
    let mut all: Vec<Supervised> = supervised.collect();
    door::on_this_thread(async {
        let supervision = supervise(arguments, &mut all).await;
        let ending = end(&mut all).await;
        supervision.and(ending)
    })??;
    Ok(Exit::Held)
}

/// A replica and its process.
struct Supervised {
    replica: Replica,
    child: Option<Child>,
    /// When it is started again; at once if it never ran.
    due: Option<Instant>,
}

async fn supervise(arguments: &Up, all: &mut [Supervised]) -> Result<(), Failure> {
    let mut stop = std::pin::pin!(place::asked_to_stop());
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            _ = look.tick() => {}
        }
        for supervised in &mut *all {
            supervised.look(arguments)?;
        }
    }
}

impl Supervised {
    /// Starts the replica if it is due, and notices its end.
    fn look(&mut self, arguments: &Up) -> Result<(), Failure> {
        let now = Instant::now();
        let name = &self.replica.place.name;
        let Some(child) = &mut self.child else {
            if self.due.is_none_or(|due| due <= now) {
                let child = start(arguments, &self.replica)
                    .with_context(|| format!("failed to start {name}"))?;
                let (pid, port) = (child.id(), self.replica.reserved.address().port());
                self.child = Some(child);
                say(&format!("started {name:<12} pid {pid:<8} port {port}"))?;
            }
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            let pid = child.id();
            self.child = None;
            self.due = Some(now + DOWN);
            let seconds = DOWN.as_secs();
            say(&format!(
                "ended   {name:<12} pid {pid:<8} {status}; again in {seconds} s"
            ))?;
        }
        Ok(())
    }
}

/// A line on standard output, at once.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Starts this program as the replica; its events and complaints go to `log` in its directory.
fn start(arguments: &Up, replica: &Replica) -> anyhow::Result<Child> {
    let place = Place {
        seed: deployment::entropy(),
        ..replica.place.clone()
    };
    fs::create_dir_all(&place.data)?;
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(place.data.join("log"))?;
    let overrides = arguments.overrides.iter();
    let child = Command::new(env::current_exe()?)
        .args(["up-replica", &arguments.target, &replica.service])
        .arg(serde_json::to_string(&place)?)
        .arg(process::id().to_string())
        .args(overrides.flat_map(|setting| ["--set", setting]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    Ok(child)
}

/// Asks all processes to end, waits, and kills those that do not.
async fn end(all: &mut [Supervised]) -> Result<(), Failure> {
    let mut children: Vec<Child> = all.iter_mut().filter_map(|s| s.child.take()).collect();
    for child in &children {
        // SAFETY: a signal to a child that was not waited for, whose id therefore is still its own.
        unsafe {
            libc::kill(child.id().cast_signed(), libc::SIGTERM);
        }
    }
    let mut look = interval(LOOK);
    let ended = timeout(GRACE, async {
        while !children.is_empty() {
            look.tick().await;
            // A child whose state cannot be asked for is no child any more.
            children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        }
    });
    // What is left after the grace period is killed.
    let _ = ended.await;
    for child in &mut children {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}
