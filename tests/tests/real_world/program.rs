//! The program under test in the real world: started, read line by line, and asked over HTTP.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use std::{
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use windtunnel_models::http::{Client, ClientPolicy, Error};
use windtunnel_tests::program;
pub use windtunnel_tests::program::{complaint, scratch};

/// Nothing in these tests takes longer, on a slow machine too.
pub const PATIENCE: Duration = Duration::from_secs(30);

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program::path());
    command.args(arguments).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub async fn run(arguments: &[&str]) -> Output {
    let run = timeout(PATIENCE, command(arguments).output()).await;
    run.expect("it ends").expect("the program runs")
}

/// A program that runs until it is asked to stop. Dropped, it is killed.
pub struct Running {
    child: Child,
    pub out: Reading,
    pub err: Reading,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let started = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.expect("the program starts");
        let out = Reading::of(child.stdout.take().expect("piped"));
        let err = Reading::of(child.stderr.take().expect("piped"));
        Self { child, out, err }
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        signal(self.child.id().expect("it still runs"), libc::SIGTERM);
    }

    /// Its number, while it runs.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("it is our child")
    }
}

/// A stream of lines.
pub struct Reading(Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>);

impl Reading {
    fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let stream: Box<dyn AsyncRead + Send + Unpin> = Box::new(stream);
        Self(BufReader::new(stream).lines())
    }

    /// The next line; none at the end.
    pub async fn next(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.0.next_line()).await;
        line.expect("a line or the end").expect("it is text")
    }

    /// The first line from here on that contains `text`.
    pub async fn find(&mut self, text: &str) -> String {
        while let Some(line) = self.next().await {
            if line.contains(text) {
                return line;
            }
        }
        panic!("no line contains `{text}`");
    }
}

/// Sends a signal; whether there was a process to send it to.
pub fn signal(pid: u32, signal: i32) -> bool {
    // SAFETY: the process is one that these tests started, or the signal is 0 and sends nothing.
    unsafe { libc::kill(pid.cast_signed(), signal) == 0 }
}

/// A client with a pool of its own.
pub fn client() -> Client {
    Client::new(&ClientPolicy::default()).expect("the default settings work")
}

/// Asks for a page.
pub async fn get(client: &Client, url: &str) -> Result<Response<Bytes>, Error> {
    let request = Request::get(url).body(Full::<Bytes>::default());
    let request = request.expect("a valid request");
    client
        .call(request, Some(Instant::now() + PATIENCE), 64 << 10)
        .await
}

/// Waits until a service says that it is well.
pub async fn healthy(client: &Client, port: u16) {
    let url = format!("http://127.0.0.1:{port}/health");
    for _ in 0..600 {
        if let Ok(answer) = get(client, &url).await
            && answer.status() == StatusCode::OK
        {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("port {port} is never well");
}
