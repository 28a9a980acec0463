//! Request smuggling: what a strict parser reads behind the gateway is what the gateway believes it sent.
//!
//! Inputs are bytes, written as they are. Behind the gateway stands a parser that knows RFC 9112 and
//! forgives nothing; whatever it cannot read, or reads as another number of requests than attempts were
//! made, is a hole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn};
use tokio::time::timeout;

use crate::world::*;

/// A request, as the strict parser reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    line: String,
    headers: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

/// Whether a whole request stands at the front of `bytes`: it and its length, or what is wrong.
fn parse(bytes: &[u8]) -> Result<Option<(Read, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..end];
    let text = std::str::from_utf8(head).map_err(|_| "a head that is no text")?;
    if text.bytes().any(|byte| byte == 0) {
        return Err("NUL in the head".into());
    }
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    if !line.ends_with(" HTTP/1.1") || line.split(' ').count() != 3 {
        return Err(format!("the request line {line:?}"));
    }
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        if line.contains(['\r', '\n']) {
            return Err(format!("a bare line end in {line:?}"));
        }
        let (name, value) = line
            .split_once(':')
            .ok_or(format!("no colon in {line:?}"))?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("the header name {name:?}"));
        }
        let value = value.trim_matches([' ', '\t']).to_owned();
        headers
            .entry(name.to_ascii_lowercase())
            .or_default()
            .push(value);
    }
    let host = headers.get("host").map(Vec::len);
    if host != Some(1) {
        return Err(format!("{host:?} hosts"));
    }
    let start = end + 4;
    let lengths = headers.get("content-length");
    let codings = headers.get("transfer-encoding");
    let (body, length) = match (lengths, codings) {
        (None, None) => (Vec::new(), 0),
        (Some(_), Some(_)) => return Err("both Content-Length and Transfer-Encoding".into()),
        (Some(lengths), None) => {
            let [only] = &lengths[..] else {
                return Err(format!("the lengths {lengths:?}"));
            };
            if only.is_empty() || !only.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("the length {only:?}"));
            }
            let length: usize = only.parse().map_err(|_| format!("the length {only:?}"))?;
            match bytes.get(start..start + length) {
                None => return Ok(None),
                Some(body) => (body.to_vec(), length),
            }
        }
        (None, Some(codings)) => {
            if codings[..] != ["chunked"] {
                return Err(format!("the codings {codings:?}"));
            }
            match chunks(&bytes[start..])? {
                None => return Ok(None),
                Some(body) => body,
            }
        }
    };
    let read = Read {
        line,
        headers,
        body,
    };
    Ok(Some((read, start + length)))
}

/// A chunked body and its length on the wire, if it is whole.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let Some(end) = rest.windows(2).position(|part| part == b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&rest[..end]).map_err(|_| "a chunk size that is no text")?;
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("the chunk size {size:?}"));
        }
        let size = usize::from_str_radix(size, 16).map_err(|error| error.to_string())?;
        at += end + 2;
        if size == 0 {
            // Trailers, up to the empty line.
            let rest = &bytes[at..];
            if rest.starts_with(b"\r\n") {
                return Ok(Some((body, at + 2)));
            }
            let end = rest.windows(4).position(|part| part == b"\r\n\r\n");
            return Ok(end.map(|end| (body, at + end + 4)));
        }
        let Some(data) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        if &data[size..] != b"\r\n" {
            return Err("no line end after a chunk".into());
        }
        body.extend(&data[..size]);
        at += size + 2;
    }
}

/// An endpoint that reads strictly and answers every request with 200.
struct Strict {
    address: SocketAddr,
    read: Arc<Mutex<Vec<Result<Read, String>>>>,
    task: JoinHandle<()>,
}

impl Strict {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let read = Arc::new(Mutex::new(Vec::new()));
        let log = read.clone();
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(spawn(serve(stream, log.clone())));
            }
        });
        Self {
            address,
            read,
            task,
        }
    }

    fn read(&self) -> Vec<Result<Read, String>> {
        self.read.lock().unwrap().clone()
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Result<Read, String>>>>) {
    let mut bytes = Vec::new();
    loop {
        match parse(&bytes) {
            Err(problem) => return log.lock().unwrap().push(Err(problem)),
            Ok(Some((read, length))) => {
                bytes.drain(..length);
                log.lock().unwrap().push(Ok(read));
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
            Ok(None) => {
                let mut part = [0; 4096];
                match stream.read(&mut part).await {
                    Ok(count @ 1..) => bytes.extend(&part[..count]),
                    // What is left is the beginning of a request that was given up: nobody acts on it.
                    _ => return,
                }
            }
        }
    }
}

/// How long an answer may be away before none is expected.
const QUIET: Duration = Duration::from_millis(200);

/// What the gateway answered to these bytes (all statuses), and what arrived behind it.
async fn through(input: &[u8]) -> (Vec<u16>, Vec<Result<Read, String>>) {
    let endpoint = Strict::start().await;
    let mut config = config(&[endpoint.address]);
    config["deadline"] = json!("2s");
    let stage = Stage::new(config).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    // The gateway may close in the middle of it.
    let _ = stream.write_all(input).await;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    // Once nothing comes any more, there is nothing to wait for but what the end of the input decides.
    while let Ok(Ok(count @ 1..)) = timeout(QUIET, stream.read(&mut part)).await {
        answer.extend(&part[..count]);
    }
    let _ = stream.shutdown().await;
    let reading = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    reading.expect("the gateway waits for ever").unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer);
    let statuses = answer.match_indices("HTTP/1.1 ").map(|(at, begin)| {
        let status = &answer[at + begin.len()..];
        status[..3].parse().expect("a status")
    });
    let statuses: Vec<u16> = statuses.collect();
    // Every request that was answered by the endpoint was one attempt, and the other way round.
    let forwarded = statuses.iter().filter(|status| **status == 200).count();
    let read = endpoint.read();
    let note = String::from_utf8_lossy(input);
    assert!(read.iter().all(Result::is_ok), "{note:?} became {read:?}");
    assert!(read.len() >= forwarded, "{note:?}: {statuses:?} {read:?}");
    (statuses, read)
}

/// A request with these lines after the first, and what comes after the head.
fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST /a HTTP/1.1\r\nHost: h\r\n{lines}\r\n{rest}").into_bytes()
}

/// Looks like the second request of a pipeline, if the first ends early.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn ambiguous_framing_reaches_no_endpoint() {
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked;a=b\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chu\tnked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5_0\r\n",
        "Content-Length: 5 0\r\n",
        "Content-Length: \r\n",
        "Content-Length: 5a\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length : 5\r\n",
    ] {
        let (statuses, read) = through(&post(lines, &format!("{chunked}{HIDDEN}"))).await;
        assert_eq!(read, [], "{lines:?}");
        assert!(
            statuses.iter().all(|status| *status >= 400),
            "{lines:?} {statuses:?}"
        );
    }
}

#[tokio::test]
async fn chunks_are_read_by_the_letter() {
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5_\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
    ] {
        let input = post("Transfer-Encoding: chunked\r\n", &format!("{body}{HIDDEN}"));
        let (statuses, read) = through(&input).await;
        assert_eq!(read, [], "{body:?}");
        assert!(
            statuses.iter().all(|status| *status >= 400),
            "{body:?} {statuses:?}"
        );
    }
}

#[tokio::test]
async fn heads_are_read_by_the_letter() {
    for input in [
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\rContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX Y: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h i\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h/admin\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        "GET / HTTP/11\r\nHost: h\r\n\r\n",
        "GET / http/1.1\r\nHost: h\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        "G ET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET ../admin HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let (statuses, read) = through(input.as_bytes()).await;
        assert_eq!(read, [], "{input:?}");
        assert!(
            statuses.iter().all(|status| *status >= 400),
            "{input:?} {statuses:?}"
        );
    }
}

#[tokio::test]
async fn what_is_sound_passes_and_means_the_same() {
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (input, bodies) in [
        (post("Content-Length: 5\r\n", "hello"), &["hello"][..]),
        (post("Content-Length: 0005\r\n", "hello"), &["hello"]),
        (
            post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
            &["hello"],
        ),
        (post("Transfer-Encoding: chunked\r\n", chunked), &["hello"]),
        (post("Transfer-Encoding: Chunked \r\n", chunked), &["hello"]),
        (
            post(
                "Transfer-Encoding: chunked\r\n",
                "5;a=b\r\nhello\r\n0\r\n\r\n",
            ),
            &["hello"],
        ),
        (
            post(
                "Transfer-Encoding: chunked\r\n",
                "05\r\nhello\r\n00\r\n\r\n",
            ),
            &["hello"],
        ),
        (post("", ""), &[""]),
        (
            post("Content-Length: 5\r\n", &format!("hello{HIDDEN}")),
            &["hello", ""],
        ),
        (
            post(
                "Transfer-Encoding: chunked\r\n",
                &format!("{chunked}{HIDDEN}"),
            ),
            &["hello", ""],
        ),
        (
            post(
                "Connection: content-length, host\r\nContent-Length: 5\r\n",
                "hello",
            ),
            &["hello"],
        ),
        (
            b"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
            &["hello"],
        ),
        (
            b"GET http://h/a HTTP/1.1\r\nHost: other\r\n\r\n".to_vec(),
            &[""],
        ),
    ] {
        let (statuses, read) = through(&input).await;
        let note = String::from_utf8_lossy(&input).into_owned();
        let got: Vec<_> = read.iter().flatten().map(|read| &*read.body).collect();
        let expected: Vec<_> = bodies.iter().map(|body| body.as_bytes()).collect();
        assert_eq!(got, expected, "{note:?} {statuses:?}");
        assert_eq!(statuses, vec![200; bodies.len()], "{note:?}");
    }
}

#[tokio::test]
async fn trailers_never_change_the_framing() {
    for trailers in [
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: evil\r\n",
    ] {
        let body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n");
        let input = post(
            "Transfer-Encoding: chunked\r\nTrailer: x\r\n",
            &format!("{body}{HIDDEN}"),
        );
        let (_, read) = through(&input).await;
        // Refused or forwarded, what arrives is at most the two requests that were sent.
        let lines: Vec<_> = read.iter().flatten().map(|read| &*read.line).collect();
        let sent = ["POST /a HTTP/1.1", "GET /hidden HTTP/1.1"];
        assert!(sent.starts_with(&lines), "{trailers:?}: {read:?}");
        assert!(
            read.iter()
                .flatten()
                .all(|read| read.headers["host"] == ["h"]),
            "{read:?}"
        );
    }
}

#[test]
fn the_strict_parser_finds_what_it_is_there_for() {
    for hole in [
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n",
    ] {
        assert!(parse(hole.as_bytes()).is_err(), "{hole:?}");
    }
}
