//! What both sides of all connections did and saw.

use std::{collections::BTreeMap, io};

/// A direction of a dialogue: its number, and the side that writes.
pub type Direction = (usize, usize);

/// What is known of the bytes of one direction.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    /// How many the writer's kernel took.
    pub written: u64,
    /// How many were read.
    pub read: u64,
    /// The first position at which something else was read than was written.
    pub wrong: Option<u64>,
    /// What ended the reading: the end of the stream, or an error.
    pub end: Option<Result<(), io::ErrorKind>>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Notes {
    pub bytes: BTreeMap<Direction, Bytes>,
    /// How long connects took, in milliseconds.
    pub connects: Vec<u64>,
    /// When the last task of a dialogue was over, in milliseconds.
    pub last: u64,
    /// What was left when everything was over.
    pub left: Option<windtunnel_engine::census::Census>,
}

/// The byte at a position of a direction.
pub const fn byte(direction: Direction, position: u64) -> u8 {
    let (dialogue, side) = direction;
    let mixed = (position + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let salt = (dialogue * 2 + side) as u64;
    ((mixed >> 56) ^ salt) as u8
}

impl Notes {
    fn of(&mut self, direction: Direction) -> &mut Bytes {
        self.bytes.entry(direction).or_default()
    }

    /// The kernel took `count` bytes.
    pub fn wrote(&mut self, direction: Direction, count: usize) {
        self.of(direction).written += count as u64;
    }

    /// `bytes` were read.
    pub fn read(&mut self, direction: Direction, bytes: &[u8]) {
        let known = self.of(direction);
        for &found in bytes {
            if found != byte(direction, known.read) {
                known.wrong.get_or_insert(known.read);
            }
            known.read += 1;
        }
    }

    /// Reading came to its end. Only the first end counts: after a reset the stream just ends.
    pub fn read_end(&mut self, direction: Direction, end: Result<(), io::ErrorKind>) {
        self.of(direction).end.get_or_insert(end);
    }

    /// What is wrong with the bytes, if anything is.
    pub fn wrong_bytes(&self) -> Result<(), String> {
        for (direction, bytes) in &self.bytes {
            let complain = |what: &str| Err(format!("{direction:?} {what}: {bytes:?}"));
            if bytes.wrong.is_some() {
                return complain("is not what was written");
            }
            if bytes.read > bytes.written {
                return complain("has more read than written");
            }
            if bytes.end == Some(Ok(())) && bytes.read != bytes.written {
                return complain("ended before all was read");
            }
        }
        Ok(())
    }
}
