//! TLS with upstreams: both ends prove who they are.

use super::{
    certificates::{Authority, provider},
    stage::{Stage, everything_to, secured_service},
};
use crate::program::{client, get};
use http::StatusCode;
use std::path::Path;
use windtunnel_models::{
    http::Protocols,
    tls::{Acceptor, ClientAuthority, ServerSettings, Version, authorities},
};

fn acceptor(authority: &Authority, name: &str) -> Acceptor {
    let settings = ServerSettings {
        identities: vec![authority.certify(name).identity()],
        clients: Some(ClientAuthority {
            roots: authorities(authority.pem()).expect("its own certificate"),
            required: true,
        }),
        oldest: Version::Tls12,
        protocols: Protocols::Both,
    };
    Acceptor::new(settings, provider()).expect("it works")
}

const OWN: &str = "client-certificate = \"own.pem\", client-key = \"own.key\"";

#[tokio::test]
async fn a_request_reaches_an_upstream_that_both_sides_prove_to_be() {
    let authority = Authority::new("ours");
    let service = secured_service("safe", acceptor(&authority, "shop.internal")).await;
    let before = |at: &Path| {
        authority.write(at, "ca");
        authority.certify("gateway.internal").write(at, "own");
    };
    for (protocol, told) in [("http1", "HTTP/1.1"), ("http2", "HTTP/2.0")] {
        let more = format!(
            "protocol = \"{protocol}\"\n\
             tls = {{ server-name = \"shop.internal\", ca = \"ca.pem\", {OWN} }}"
        );
        let test = format!("upstream-{protocol}");
        let stage = Stage::start(&test, before, &everything_to(service, &more)).await;
        let answer = get(&client(), &stage.url("/told")).await;
        let answer = answer.expect("an answer");
        let expected = format!("safe {told} http");
        assert_eq!(answer.body(), expected.as_bytes(), "{protocol}");
    }
}

#[tokio::test]
async fn an_upstream_that_cannot_prove_its_name_gets_nothing() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let service = secured_service("safe", acceptor(&ours, "shop.internal")).await;
    let before = |at: &Path| {
        ours.write(at, "ca");
        theirs.write(at, "others");
        ours.certify("gateway.internal").write(at, "own");
        theirs.certify("gateway.internal").write(at, "stranger");
    };
    let right = format!("server-name = \"shop.internal\", ca = \"ca.pem\", {OWN}");
    for (test, tls) in [
        ("name", right.replace("shop.internal", "bank.internal")),
        ("authority", right.replace("ca.pem", "others.pem")),
        (
            "host",
            right.replace("server-name = \"shop.internal\", ", ""),
        ),
        ("client", right.replace("own.", "stranger.")),
    ] {
        let more = format!("tls = {{ {tls} }}");
        let test = format!("upstream-wrong-{test}");
        let stage = Stage::start(&test, before, &everything_to(service, &more)).await;
        let answer = get(&client(), &stage.url("/told")).await;
        let status = answer.expect("an answer").status();
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{tls}");
    }
}
