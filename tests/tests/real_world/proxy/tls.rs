//! TLS with clients: what is spoken, which certificate is shown, whose certificate is believed.

use super::{
    certificates::{Authority, provider},
    stage::{Stage, everything_to, service},
};
use crate::program::get;
use http::Version;
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion, version};
use std::{net::TcpStream, sync::Arc};
use windtunnel_models::{
    http::{Client, Protocol},
    tls::authorities,
};

const SHOP: &str = "tls = { certificates = [{ chain = \"shop.pem\", key = \"shop.key\" }] }\n";

async fn body(client: &Client, url: &str) -> (Version, String) {
    let answer = get(client, url).await.expect("an answer");
    let body = String::from_utf8(answer.body().to_vec()).expect("text");
    (answer.version(), body)
}

#[tokio::test]
async fn both_protocols_are_spoken_inside_as_the_client_chooses() {
    let (service, _) = service("one").await;
    let authority = Authority::new("ours");
    let shop = authority.certify("shop.test");
    let text = format!("{SHOP}{}", everything_to(service, ""));
    let stage = Stage::start("tls-protocols", |at| shop.write(at, "shop"), &text).await;
    for (protocol, version) in [
        (Protocol::Http1, Version::HTTP_11),
        (Protocol::Http2, Version::HTTP_2),
    ] {
        let client = authority.client("shop.test", protocol, None);
        let (spoken, told) = body(&client, &stage.secured("/told")).await;
        assert_eq!((spoken, &*told), (version, "one HTTP/1.1 https"));
    }
    let stranger = Authority::new("stranger").client("shop.test", Protocol::Http1, None);
    let url = stage.secured("/told");
    assert!(get(&stranger, &url).await.is_err(), "it does not believe");
    let plain = crate::program::client();
    let refused = get(&plain, &stage.url("/told")).await;
    assert!(refused.is_err(), "nothing is said in plain: {refused:?}");
}

#[tokio::test]
async fn the_certificate_is_that_of_the_name_asked_for() {
    let (service, _) = service("one").await;
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let tls = "tls = { certificates = [\
               { chain = \"a.pem\", key = \"a.key\", names = [\"a.test\"] }, \
               { chain = \"b.pem\", key = \"b.key\", names = [\"*.b.test\"] }] }\n";
    let before = |at: &std::path::Path| {
        first.certify("a.test").write(at, "a");
        second.certify("*.b.test").write(at, "b");
    };
    let text = format!("{tls}{}", everything_to(service, ""));
    let stage = Stage::start("tls-names", before, &text).await;
    let url = stage.secured("/told");
    for (authority, name, believed) in [
        (&first, "a.test", true),
        (&second, "x.b.test", true),
        (&second, "a.test", false),
        (&first, "x.b.test", false),
        (&first, "c.test", false),
    ] {
        let client = authority.client(name, Protocol::Http2, None);
        assert_eq!(get(&client, &url).await.is_ok(), believed, "{name}");
    }
    let (_, metrics) = stage.asked("/metrics").await;
    let failed = "gateway_tls_handshakes_failed_total 3\n";
    assert!(metrics.contains(failed), "{metrics}");
}

#[tokio::test]
async fn only_clients_that_our_authority_certified_come_in() {
    let (service, _) = service("one").await;
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let before = |at: &std::path::Path| {
        ours.certify("shop.test").write(at, "shop");
        ours.write(at, "ca");
    };
    let certificates = "[{ chain = \"shop.pem\", key = \"shop.key\" }]";
    let text = format!(
        "tls = {{ certificates = {certificates}, clients = {{ ca = \"ca.pem\" }} }}\n{}",
        everything_to(service, "")
    );
    let stage = Stage::start("tls-clients", before, &text).await;
    let url = stage.secured("/told");
    for (own, comes_in) in [
        (None, false),
        (Some(theirs.certify("client.test")), false),
        (Some(ours.certify("client.test")), true),
    ] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let client = ours.client("shop.test", protocol, own.as_ref());
            let answer = get(&client, &url).await;
            assert_eq!(answer.is_ok(), comes_in, "{answer:?}");
        }
    }
}

/// Whether a handshake with only this version succeeds.
fn shakes_hands(
    stage: &Stage,
    authority: &Authority,
    only: &'static SupportedProtocolVersion,
) -> bool {
    let roots = authorities(authority.pem()).expect("its own certificate");
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[only])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "shop.test".try_into().expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).expect("it works");
    let mut stream = TcpStream::connect(stage.address).expect("it listens");
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_version_is_the_one_that_the_file_says() {
    let (service, _) = service("one").await;
    let authority = Authority::new("ours");
    let before = |at: &std::path::Path| authority.certify("shop.test").write(at, "shop");
    let text = format!("{SHOP}{}", everything_to(service, ""));
    let usual = Stage::start("tls-usual", before, &text).await;
    assert!(shakes_hands(&usual, &authority, &version::TLS12));
    assert!(shakes_hands(&usual, &authority, &version::TLS13));
    let strict = text.replacen("tls = {", "tls = { oldest = \"1.3\",", 1);
    let strict = Stage::start("tls-strict", before, &strict).await;
    assert!(!shakes_hands(&strict, &authority, &version::TLS12));
    assert!(shakes_hands(&strict, &authority, &version::TLS13));
}
