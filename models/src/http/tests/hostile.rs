//! Requests of HTTP/2 that would be something else once they are written as HTTP/1.

use super::frames::*;
use super::h2::{by_hand, counting, is_served, until_refused};
use super::*;

/// The pseudo-headers of a request, where one may be replaced, left out or said twice.
fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

const METHOD: (&[u8], &[u8]) = (b":method", b"GET");
const SCHEME: (&[u8], &[u8]) = (b":scheme", b"http");
const PATH: (&[u8], &[u8]) = (b":path", b"/");
const AUTHORITY: (&[u8], &[u8]) = (b":authority", b"h");

/// Whether a request with these fields came in; those that do not are refused within our patience.
async fn gets_in(fields: &[(&[u8], &[u8])]) -> bool {
    let (address, served) = counting().await;
    let mut stream = by_hand(address).await;
    let headers = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields));
    stream.write_all(&headers).await.unwrap();
    let waiting = async {
        tokio::select! {
            biased;
            () = is_served(&served, 1) => true,
            _ = until_refused(&mut stream) => false,
        }
    };
    timeout(PATIENCE, waiting).await.expect("neither")
}

#[tokio::test]
async fn no_request_with_a_bad_pseudo_header_gets_in() {
    assert!(gets_in(&[METHOD, SCHEME, PATH, AUTHORITY]).await);
    for bad in [
        &[METHOD, METHOD, SCHEME, PATH, AUTHORITY][..],
        &[METHOD, SCHEME, PATH, PATH, AUTHORITY],
        &[METHOD, SCHEME, SCHEME, PATH, AUTHORITY],
        &[METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY],
        &[SCHEME, PATH, AUTHORITY],
        &[METHOD, SCHEME, AUTHORITY],
        &[METHOD, SCHEME, PATH, (b"x", b"y"), AUTHORITY],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b":other", b"y")],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b":status", b"200")],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b"te", b"gzip")],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b"upgrade", b"h2c")],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b"keep-alive", b"5")],
        &[METHOD, SCHEME, PATH, AUTHORITY, (b"proxy-connection", b"x")],
        &[METHOD, SCHEME, (b":path", b""), AUTHORITY],
        &[METHOD, SCHEME, (b":path", b"/ HTTP/1.1\r\nX: y"), AUTHORITY],
        &[METHOD, SCHEME, (b":path", b"/a\nb"), AUTHORITY],
        &[METHOD, SCHEME, (b":path", b"/a\0b"), AUTHORITY],
        &[METHOD, SCHEME, (b":path", b"/a b"), AUTHORITY],
        &[METHOD, SCHEME, PATH, (b":authority", b"h\r\nX: y")],
        &[METHOD, SCHEME, PATH, (b":authority", b"h\0")],
        &[
            (b":method", b"GET / HTTP/1.1\r\nX: y"),
            SCHEME,
            PATH,
            AUTHORITY,
        ],
        &[(b":method", b"G T"), SCHEME, PATH, AUTHORITY],
    ] {
        assert!(
            !gets_in(bad).await,
            "{}",
            String::from_utf8_lossy(&block(bad))
        );
    }
}
