//! What a build for the real world does not do, and what it says about wrong files and taken ports.

use crate::program::{complaint, run, scratch};
use std::{fs, net::TcpListener};

#[tokio::test]
async fn verbs_that_simulate_refuse_in_the_real_world() {
    for arguments in [&["run", "shop-calm"][..], &["sweep", "shop-calm"]] {
        let refused = run(arguments).await;
        assert_eq!(refused.status.code(), Some(20), "{arguments:?}");
        let complaint = complaint(&refused);
        let says = "was built for the real world and cannot simulate";
        assert!(complaint.contains(says), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn every_mistake_of_a_gateways_file_is_told_with_its_place() {
    let at = scratch("mistakes");
    let file = at.join("gateway.toml");
    let path = file.to_str().expect("text");
    let text = "\
listen = \"127.0.0.1\"
nam    = \"front\"

[upstreams.hello]
endpoints = [\"127.0.0.1:1\"]

[[routes]]
name     = \"hello\"
upstream = \"hello\"
deadline = \"2 parsecs\"
";
    fs::write(&file, text).expect("written");
    let checked = run(&["gateway", "--check", "--config", path]).await;
    assert_eq!(checked.status.code(), Some(3));
    let complaint_of_all = complaint(&checked);
    for place in [":1:10: ", ":2:1: ", "did you mean `name`?", ":10:13: "] {
        assert!(
            complaint_of_all.contains(place),
            "{place}: {complaint_of_all}"
        );
    }

    let readable = text
        .replace("127.0.0.1\"\n", "127.0.0.1:0\"\n")
        .replace("nam ", "name")
        .replace("2 parsecs", "0s")
        .replace("upstream = \"hello\"", "upstream = \"helo\"");
    fs::write(&file, &readable).expect("written");
    let checked = run(&["gateway", "--check", "--config", path]).await;
    assert_eq!(checked.status.code(), Some(3));
    let complaint_of_all = complaint(&checked);
    for place in [
        ":9:12: `routes[0].upstream` names no upstream",
        ":10:12: `routes[0].deadline`",
    ] {
        assert!(
            complaint_of_all.contains(place),
            "{place}: {complaint_of_all}"
        );
    }

    let right = readable
        .replace("\"0s\"", "\"2s\"")
        .replace("\"helo\"", "\"hello\"");
    fs::write(&file, right).expect("written");
    let checked = run(&["gateway", "--check", "--config", path]).await;
    assert_eq!(checked.status.code(), Some(0), "{}", complaint(&checked));
}

#[tokio::test]
async fn a_taken_port_is_told_as_unavailable() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one");
    let at = scratch("taken");
    let file = at.join("gateway.toml");
    let text = format!(
        "listen = \"{address}\"\nupstreams.a.endpoints = [\"127.0.0.1:1\"]\n\
         routes = [{{ name = \"a\", upstream = \"a\" }}]\n"
    );
    fs::write(&file, text).expect("written");
    let refused = run(&["gateway", "--config", file.to_str().expect("text")]).await;
    assert_eq!(refused.status.code(), Some(20));
    assert!(complaint(&refused).contains(&format!("failed to listen on {address}")));
}

#[tokio::test]
async fn a_missing_file_is_an_invalid_configuration() {
    let refused = run(&["gateway", "--config", "no-such-file.toml"]).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(complaint(&refused).contains("failed to read no-such-file.toml"));
}
