//! tokio's own I/O traits and helpers, and standard streams that go to the run's log.

pub use tokio_real::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, BufStream, BufWriter, DuplexStream, Empty, Error, ErrorKind, Join,
    Lines, ReadBuf, ReadHalf, Repeat, Result, SeekFrom, SimplexStream, Sink, Split, Take,
    WriteHalf, copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty,
    join, repeat, simplex, sink, split,
};

pub use windtunnel_engine::network::{Interest, Ready};

pub use super::runtime::streams::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
