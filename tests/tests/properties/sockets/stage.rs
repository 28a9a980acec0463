//! Three hosts that carry out dialogues, and what is asked of the outcome.

use super::{
    STORM, Trial,
    dialogue::{Dialogue, Side, Write},
    notes::{Direction, Notes, byte},
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream, lookup_host,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use windtunnel::{Network, Settings, Tunnel, execute};
use windtunnel_engine::census::{Census, census};
use windtunnel_record::{Inject, RunSpec, Seed, Span};

/// The hosts that talk.
pub const HOSTS: [&str; 3] = ["a", "b", "c"];

/// Nobody listens any more from then on, in seconds.
const CLOSED: u64 = 20_000;
/// What is left is counted then.
const COUNTED: u64 = 20_200;
/// A connect gives up after this long; a process may be paused on top.
const CONNECT: u64 = 135_000;
/// Where all hosts and their kernels stay up, everybody is done so long after the storm: the longest
/// gap between two retransmissions of a cut of this length, twice over, and the time to write and read.
const HEALED: u64 = 400_000;
/// Where they do not, keep-alive probes and the last retransmission end every wait.
const GIVEN_UP: u64 = 7_200_000 + 9 * 75_000 + 1_100_000 + HEALED;

type Shared = Arc<Mutex<Notes>>;

fn note<R>(notes: &Shared, f: impl FnOnce(&mut Notes) -> R) -> R {
    f(&mut notes.lock().expect("nothing panics while it is held"))
}

/// Carries a trial out; what is wrong with what came of it.
pub(super) fn run(trial: &Trial) -> Result<(), String> {
    let notes = Shared::default();
    let mut spec = RunSpec::new("sockets", Seed(trial.seed));
    spec.faults = Some(trial.faults.clone());
    let (dialogues, shared) = (Arc::new(trial.dialogues.clone()), notes.clone());
    let record = execute(&spec, Settings::default(), move |tunnel: &mut Tunnel| {
        describe(tunnel, &dialogues, &shared);
    });
    let record = record.map_err(|error| error.to_string())?;
    if let Some(rule) = record.rules.iter().find(|rule| rule.fails()) {
        return Err(format!("{}: {:?}", rule.id, rule.witness()));
    }
    let notes = notes.lock().expect("the run is over");
    notes.wrong_bytes()?;
    too_late(trial, &notes)?;
    let left = notes.left.ok_or("nothing was counted")?;
    let expected = Census {
        tasks: HOSTS.len() + 1,
        timers: HOSTS.len(),
        ..Census::default()
    };
    if left != expected {
        return Err(format!("{left:?} is left"));
    }
    Ok(())
}

/// Whether somebody waited longer than TCP lets him.
fn too_late(trial: &Trial, notes: &Notes) -> Result<(), String> {
    let storm = STORM.as_nanos() / 1_000_000;
    if let Some(took) = notes.connects.iter().find(|took| **took > CONNECT + storm) {
        return Err(format!("a connect took {took} ms"));
    }
    // A reset may be lost, and then a peer that only reads is told nothing, as after a loss of power.
    let silent = trial.faults.faults().iter().any(|fault| {
        matches!(
            fault.inject,
            Inject::Crash { .. }
                | Inject::PowerLoss { .. }
                | Inject::Restart { .. }
                | Inject::Reset { .. }
                | Inject::Cancel { .. }
        )
    });
    let sides = || trial.dialogues.iter().flat_map(|dialogue| &dialogue.sides);
    let reset = sides().any(|side| side.aborts || side.stops_after.is_some());
    let allowed = if silent || reset { GIVEN_UP } else { HEALED };
    if notes.last > storm + allowed {
        return Err(format!("the last task was over at {} ms", notes.last));
    }
    Ok(())
}

fn describe(tunnel: &mut Tunnel, dialogues: &Arc<Vec<Dialogue>>, notes: &Shared) {
    tunnel
        .load_for(Span::from_secs(COUNTED + 1))
        .settle_for(Span::ZERO)
        .network(Network::default());
    for (number, name) in HOSTS.iter().enumerate() {
        let (dialogues, notes) = (dialogues.clone(), notes.clone());
        tunnel.host(name).run(move || {
            let (dialogues, notes) = (dialogues.clone(), notes.clone());
            async move { host(number, &dialogues, &notes).await }
        });
    }
    let notes = notes.clone();
    tunnel.host("observer").run(move || {
        let notes = notes.clone();
        async move {
            windtunnel::pause_for(Duration::from_secs(COUNTED)).await;
            note(&notes, |notes| notes.left = Some(census()));
        }
    });
}

/// Since the start of the run, on every host and after every restart.
fn elapsed() -> u64 {
    windtunnel_engine::clock::now() / 1_000_000
}

async fn host(own: usize, dialogues: &[Dialogue], notes: &Shared) {
    let start = Instant::now() - Duration::from_nanos(windtunnel_engine::clock::now());
    for (number, dialogue) in dialogues.iter().enumerate() {
        if dialogue.to == own {
            let (side, notes) = (dialogue.sides[1].clone(), notes.clone());
            tokio::spawn(async move { accept(number, side, start, notes).await });
        }
        // Who comes back begins what has not begun.
        if dialogue.from == own && dialogue.at >= elapsed() {
            let (dialogue, notes) = (dialogue.clone(), notes.clone());
            tokio::spawn(async move { connect(number, dialogue, start, notes).await });
        }
    }
    sleep_until(start + Duration::from_secs(COUNTED + 10)).await;
}

fn port(number: usize) -> u16 {
    100 + number as u16
}

fn socket(side: &Side) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_keepalive(true)?;
    socket.set_nodelay(side.no_delay)?;
    if side.aborts {
        socket.set_zero_linger()?;
    }
    if let Some(size) = side.buffers {
        socket.set_send_buffer_size(size)?;
        socket.set_recv_buffer_size(size)?;
    }
    Ok(socket)
}

async fn accept(number: usize, side: Side, start: Instant, notes: Shared) {
    let socket = socket(&side).expect("the options exist");
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port(number)));
    socket.bind(any).expect("nobody else listens there");
    let listener = socket.listen(4).expect("nobody else listens there");
    let closed = start + Duration::from_secs(CLOSED);
    if let Ok(Ok((stream, _))) = timeout_at(closed, listener.accept()).await {
        talk(stream, (number, 1), &side, &notes).await;
    }
}

async fn connect(number: usize, dialogue: Dialogue, start: Instant, notes: Shared) {
    sleep_until(start + Duration::from_millis(dialogue.at)).await;
    let target = (HOSTS[dialogue.to], port(number));
    let mut found = lookup_host(target).await.expect("it has a name");
    let target = found.next().expect("it has an address");
    let socket = socket(&dialogue.sides[0]).expect("the options exist");
    let before = elapsed();
    let patience = dialogue
        .patience
        .map_or(Duration::MAX, Duration::from_millis);
    let connected = timeout(patience, socket.connect(target)).await;
    note(&notes, |notes| notes.connects.push(elapsed() - before));
    if let Ok(Ok(stream)) = connected {
        talk(stream, (number, 0), &dialogue.sides[0], &notes).await;
    }
    note(&notes, |notes| notes.last = notes.last.max(elapsed()));
}

/// Does what `side` says; `own` is the direction it writes in.
async fn talk(stream: TcpStream, own: Direction, side: &Side, notes: &Shared) {
    let other = (own.0, 1 - own.1);
    let (reading, writing) = stream.into_split();
    if side.one_task {
        let writing = write(writing, own, side, notes).await;
        read(reading, other, side, notes).await;
        drop(writing);
    } else {
        let (side_too, notes_too) = (side.clone(), notes.clone());
        let reads = tokio::spawn(async move { read(reading, other, &side_too, &notes_too).await });
        let writing = write(writing, own, side, notes).await;
        reads.await.expect("nothing panics");
        drop(writing);
    }
    note(notes, |notes| notes.last = notes.last.max(elapsed()));
}

/// Writes what there is to write. A half that does not shut down gives itself back, so that its stream
/// ends when reading has ended, unless the other side waits for that.
async fn write(
    mut half: OwnedWriteHalf,
    own: Direction,
    side: &Side,
    notes: &Shared,
) -> Option<OwnedWriteHalf> {
    let mut position = 0;
    for step in &side.writes {
        let mut left = match *step {
            Write::Pause(millis) => {
                sleep(Duration::from_millis(millis)).await;
                continue;
            }
            Write::Bytes(count) | Write::Try(count) => count,
        };
        while left > 0 {
            let bytes: Vec<u8> = (0..left as u64)
                .map(|at| byte(own, position + at))
                .collect();
            let result = match step {
                Write::Try(_) => half.try_write(&bytes),
                _ => half.write(&bytes).await,
            };
            match result {
                Ok(count) => {
                    note(notes, |notes| notes.wrote(own, count));
                    position += count as u64;
                    left -= count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return None,
            }
        }
    }
    if side.shuts_down {
        half.shutdown().await.ok();
        return Some(half);
    }
    // Dropping the half ends the stream as well.
    None
}

async fn read(mut half: OwnedReadHalf, other: Direction, side: &Side, notes: &Shared) {
    let mut room = vec![0; side.chunk];
    let mut total = 0;
    loop {
        if side.read_pause > 0 {
            sleep(Duration::from_millis(side.read_pause)).await;
        }
        match half.read(&mut room).await {
            Ok(0) => return note(notes, |notes| notes.read_end(other, Ok(()))),
            Ok(count) => {
                note(notes, |notes| notes.read(other, &room[..count]));
                total += count as u64;
            }
            Err(error) => return note(notes, |notes| notes.read_end(other, Err(error.kind()))),
        }
        if side.stops_after.is_some_and(|stop| total >= stop) {
            return;
        }
    }
}
