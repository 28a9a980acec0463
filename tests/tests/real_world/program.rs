//! The program under test: built once, started as a user would, read line by line, and asked over HTTP.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use windtunnel_models::http::{Client, ClientPolicy, Error};

/// Nothing in these tests takes longer, on a slow machine too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Builds the program with the settings of this test run.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let this = std::env::current_exe().expect("a test is a program");
        let profile = this.parent().and_then(Path::parent).expect("target/debug");
        let target = profile.parent().expect("the target directory");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = std::process::Command::new(cargo)
            .args([
                "build",
                "--package",
                "windtunnel-scenarios",
                "--bin",
                "windtunnel",
            ])
            .args([
                "--config",
                "target.'cfg(all())'.rustflags=['--cfg=real_world']",
            ])
            .arg("--target-dir")
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the program builds");
        target.join("debug").join("windtunnel")
    })
}

/// An empty directory of the test's own.
pub fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("windtunnel-real-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("it can be made");
    path
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub async fn run(arguments: &[&str]) -> Output {
    let run = timeout(PATIENCE, command(arguments).output()).await;
    run.expect("it ends").expect("the program runs")
}

/// What a program that ended said on standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
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
