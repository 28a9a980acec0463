//! What the body of a part is given: its clock, its peer, and somewhere to note what it sees.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Duration, Instant, sleep_until},
};

/// The port of the server in every behaviour.
const PORT: u16 = 80;

/// Takes a note: milliseconds since the start, and what was seen.
pub type Sink = Arc<dyn Fn(u64, &str) + Send + Sync>;

/// One host's part in a behaviour.
#[derive(Clone)]
pub struct Part {
    /// The start of the behaviour, which a second life did not see.
    pub start: Instant,
    pub server: IpAddr,
    pub sink: Sink,
    /// When the next step of the plan is due, in milliseconds. Steps may be late in the real world.
    pub next_step: watch::Receiver<u64>,
}

impl Part {
    /// Milliseconds since the start.
    pub fn elapsed(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Notes `what` at the present instant.
    pub fn note(&self, what: impl AsRef<str>) {
        (self.sink)(self.elapsed(), what.as_ref());
    }

    /// Notes what a call gave: its value, or the kind of its error.
    pub fn told<T: Debug>(&self, call: &str, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.note(format!("{call}: {value:?}"));
                Some(value)
            }
            Err(error) => {
                self.note(format!("{call}: {:?}", error.kind()));
                None
            }
        }
    }

    /// Waits until so many milliseconds after the start, and until what was planned for earlier has
    /// been done.
    pub async fn at(&self, millis: u64) {
        sleep_until(self.start + Duration::from_millis(millis)).await;
        let mut next_step = self.next_step.clone();
        let done = next_step.wait_for(|due| *due >= millis).await;
        done.expect("the plan goes on");
    }

    /// Where the server listens.
    pub const fn server(&self) -> SocketAddr {
        SocketAddr::new(self.server, PORT)
    }

    /// An address on the link of the server at which there is no host.
    pub fn nowhere(&self) -> SocketAddr {
        let IpAddr::V4(server) = self.server else {
            panic!("hosts have addresses of version 4")
        };
        let [a, b, c, _] = server.octets();
        SocketAddr::new([a, b, c, 99].into(), PORT)
    }

    /// Listens at the server's port.
    pub async fn listen(&self) -> TcpListener {
        TcpListener::bind(("0.0.0.0", PORT))
            .await
            .expect("nobody else listens")
    }

    /// Accepts the first connection.
    pub async fn accept(&self) -> TcpStream {
        let listener = self.listen().await;
        listener.accept().await.expect("somebody comes").0
    }

    /// Connects at the instant 200 ms, when the server listens.
    ///
    /// # Panics
    /// If that fails.
    pub async fn connect(&self) -> TcpStream {
        self.at(200).await;
        TcpStream::connect(self.server())
            .await
            .expect("somebody listens")
    }
}

/// A server that does nothing.
pub async fn idle(_: Part) {
    std::future::pending().await
}

/// A server that sends back what comes, on each connection, until it ends.
pub async fn echo(part: Part) {
    let listener = part.listen().await;
    loop {
        let (mut stream, _) = listener.accept().await.expect("the process lives");
        tokio::spawn(async move {
            let mut room = [0; 16 << 10];
            while let Ok(count @ 1..) = stream.read(&mut room).await {
                if stream.write_all(&room[..count]).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// One round trip of four bytes.
pub async fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"ping").await?;
    stream.read_exact(&mut [0; 4]).await.map(drop)
}

/// Bytes that a position makes recognisable.
pub fn pattern(from: u64, length: usize) -> Vec<u8> {
    (from..from + length as u64)
        .map(|at| (at % 251) as u8)
        .collect()
}
