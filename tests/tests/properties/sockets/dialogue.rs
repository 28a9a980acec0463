//! What two tasks on each side of a connection do with it.

use super::stage::HOSTS;
use proptest::{collection::vec, prelude::*, sample::select};

/// One connection: who opens it when, and what both sides do.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// The number of the host that connects.
    pub from: usize,
    /// The number of the host that accepts.
    pub to: usize,
    /// When, in milliseconds of the run.
    pub at: u64,
    /// After how many milliseconds it gives the connect up.
    pub patience: Option<u64>,
    /// The side that connects, and the side that accepts.
    pub sides: [Side; 2],
}

/// What one side does: a task writes, another one reads.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whether `TCP_NODELAY` is set.
    pub no_delay: bool,
    /// The size of both buffers, if they are small. Then the peer reads to the end.
    pub buffers: Option<u32>,
    /// Whether closing is a reset.
    pub aborts: bool,
    /// What is written, with pauses.
    pub writes: Vec<Write>,
    /// Whether the stream is shut down after that; otherwise its half is only dropped in the end.
    pub shuts_down: bool,
    /// How much is read at once.
    pub chunk: usize,
    /// How long the reader pauses before each read, in milliseconds.
    pub read_pause: u64,
    /// After how many bytes it stops reading.
    pub stops_after: Option<u64>,
    /// Whether both halves are in one task, so that reading begins when writing is done.
    pub one_task: bool,
}

impl Side {
    /// How many bytes it writes at most.
    fn bytes(&self) -> usize {
        let bytes = |write: &Write| match write {
            Write::Bytes(count) | Write::Try(count) => *count,
            Write::Pause(_) => 0,
        };
        self.writes.iter().map(bytes).sum()
    }
}

/// A step of the writer.
#[derive(Clone, Copy, Debug)]
pub enum Write {
    /// Writes so many bytes.
    Bytes(usize),
    /// Writes so many bytes without waiting, if there is room.
    Try(usize),
    /// Waits, in milliseconds.
    Pause(u64),
}

/// The most bytes of one step: with the most steps less than the buffers of both kernels hold, so that
/// nobody waits for ever for a reader who stopped.
const MOST: usize = 40_000;
const STEPS: usize = 6;

/// One to five conversations.
pub fn dialogues() -> impl Strategy<Value = Vec<Dialogue>> {
    vec(dialogue(), 1..=5)
}

fn dialogue() -> impl Strategy<Value = Dialogue> {
    let hosts = 0..HOSTS.len();
    let patience = prop_oneof![2 => Just(None), 1 => (0..3_000u64).prop_map(Some)];
    let opening = (hosts.clone(), hosts, 0..45_000u64, patience);
    (opening, side(), side()).prop_map(|((from, to, at, patience), mut one, mut other)| {
        if one.buffers.is_some() || other.buffers.is_some() {
            one.stops_after = None;
            other.stops_after = None;
            // Who writes first and reads later would wait for somebody who does the same.
            one.one_task = false;
            other.one_task = false;
        }
        // A slow reader of many small chunks would read for hours.
        let bytes = [one.bytes(), other.bytes()];
        for (reader, bytes) in [(&mut one, bytes[1]), (&mut other, bytes[0])] {
            if bytes / reader.chunk > 50 {
                reader.read_pause = 0;
            }
        }
        Dialogue {
            from,
            to,
            at,
            patience,
            sides: [one, other],
        }
    })
}

fn side() -> impl Strategy<Value = Side> {
    let options = (
        any::<bool>(),
        prop_oneof![3 => Just(None), 1 => select(vec![2_048, 5_000, 20_000]).prop_map(Some)],
        prop_oneof![8 => Just(false), 1 => Just(true)],
    );
    let reading = (
        prop_oneof![1..20usize, Just(1_000), Just(70_000)],
        prop_oneof![4 => Just(0), 1 => 0..400u64],
        prop_oneof![4 => Just(None), 1 => (0..100_000u64).prop_map(Some)],
        any::<bool>(),
    );
    (options, vec(write(), 0..=STEPS), any::<bool>(), reading).prop_map(
        |((no_delay, buffers, aborts), writes, shuts_down, reading)| {
            let (chunk, read_pause, stops_after, one_task) = reading;
            Side {
                no_delay,
                buffers,
                aborts,
                writes,
                shuts_down,
                chunk,
                read_pause,
                stops_after,
                one_task,
            }
        },
    )
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        (1..5usize).prop_map(Write::Bytes),
        (1..MOST).prop_map(Write::Bytes),
        (1..MOST).prop_map(Write::Try),
        (0..4_000u64).prop_map(Write::Pause),
    ]
}
