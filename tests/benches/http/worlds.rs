//! The networks that are compared: ours with the full model and the digest on, turmoil's, and a pipe
//! in memory, which is the limit because it is no network at all.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};
use windtunnel::Tunnel;
use windtunnel_record::{RunSpec, Seed, Span};

/// A task of a server or client.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream of bytes of any of them.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A network with names, connections and tasks.
pub trait World: Copy + Send + Sync + 'static {
    /// One end of a connection.
    type Stream: Stream;

    /// Connects to port 80 of a host.
    fn connect(host: String) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Accepts connections on port 80 for ever and hands each to `serve`.
    fn accept<F, Fut>(serve: F) -> impl Future<Output = io::Result<()>> + Send
    where
        F: Fn(Self::Stream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static;

    /// Spawns a task on the present host.
    fn spawn(task: Task);

    /// Runs hosts by name until all of `clients` have ended.
    fn run(servers: Vec<Host>, clients: Vec<Host>, at_most: Span);
}

/// A host's name and what it runs.
pub struct Host {
    /// Its name on the network.
    pub name: String,
    /// Makes its program.
    pub main: Box<dyn Fn() -> Task + Send + Sync>,
}

/// Our simulated TCP.
#[derive(Clone, Copy)]
pub struct Ours;

impl World for Ours {
    type Stream = tokio::net::TcpStream;

    async fn connect(host: String) -> io::Result<Self::Stream> {
        tokio::net::TcpStream::connect((host.as_str(), 80)).await
    }

    async fn accept<F, Fut>(serve: F) -> io::Result<()>
    where
        F: Fn(Self::Stream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream));
        }
    }

    fn spawn(task: Task) {
        drop(tokio::spawn(task));
    }

    fn run(servers: Vec<Host>, clients: Vec<Host>, at_most: Span) {
        let ended = Arc::new(AtomicU32::new(0));
        let (counted, expected) = (ended.clone(), clients.len() as u32);
        let spec = RunSpec::new("http", Seed(1));
        let run = windtunnel::execute(&spec, Default::default(), move |tunnel: &mut Tunnel| {
            tunnel.load_for(at_most).settle_for(Span::ZERO);
            for host in servers {
                tunnel.host(&host.name).run(move || (host.main)());
            }
            for host in clients {
                let counted = counted.clone();
                tunnel.host(&host.name).run(move || {
                    let (main, counted) = ((host.main)(), counted.clone());
                    async move {
                        main.await;
                        if counted.fetch_add(1, Ordering::Relaxed) + 1 == expected {
                            windtunnel_engine::run::finish();
                        }
                    }
                });
            }
        });
        let run = run.expect("the run can be made");
        assert_eq!(run.verdict(), "held", "{:?}", run.rules);
        assert_eq!(ended.load(Ordering::Relaxed), expected, "all have ended");
    }
}

/// Turmoil's TCP.
#[derive(Clone, Copy)]
pub struct Turmoil;

impl World for Turmoil {
    type Stream = turmoil::net::TcpStream;

    async fn connect(host: String) -> io::Result<Self::Stream> {
        turmoil::net::TcpStream::connect((host.as_str(), 80)).await
    }

    async fn accept<F, Fut>(serve: F) -> io::Result<()>
    where
        F: Fn(Self::Stream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = turmoil::net::TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio_real::spawn(serve(stream));
        }
    }

    fn spawn(task: Task) {
        drop(tokio_real::spawn(task));
    }

    fn run(servers: Vec<Host>, clients: Vec<Host>, at_most: Span) {
        let mut simulation = turmoil::Builder::new()
            .simulation_duration(Duration::from_nanos(at_most.as_nanos()))
            .min_message_latency(Duration::from_micros(200))
            .max_message_latency(Duration::from_millis(1))
            // As many as connect at once; with its default of 64 it panics.
            .tcp_capacity(4_096)
            .rng_seed(1)
            .build();
        for host in servers {
            let main = Arc::new(host.main);
            simulation.host(host.name, move || {
                let main = main.clone();
                async move {
                    main().await;
                    Ok(())
                }
            });
        }
        for host in clients {
            simulation.client(host.name, async move {
                (host.main)().await;
                Ok(())
            });
        }
        simulation.run().expect("it goes to its end");
    }
}

/// Runs `server` and `client` at the ends of a pipe in memory.
pub fn duplex<S, C>(
    server: impl FnOnce(tokio_real::io::DuplexStream) -> S,
    client: impl FnOnce(tokio_real::io::DuplexStream) -> C,
) where
    S: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()>,
{
    let runtime = tokio_real::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        let (ours, theirs) = tokio_real::io::duplex(64 << 10);
        tokio_real::spawn(server(theirs));
        client(ours).await;
    });
}
