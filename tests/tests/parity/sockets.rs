//! Sockets before they are connected, their options, and who may have which port.

use crate::tcp::{let_it_arrive, pair};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn bound(reuse_address: bool, reuse_port: bool, at: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(reuse_address)?;
    socket.set_reuseport(reuse_port)?;
    socket.bind(at)?;
    Ok(socket)
}

#[tokio::test]
async fn options_are_told_as_they_were_set() {
    let socket = TcpSocket::new_v4().expect("a socket");
    assert!(!socket.keepalive().expect("known") && !socket.nodelay().expect("known"));
    assert!(!socket.reuseaddr().expect("known") && !socket.reuseport().expect("known"));
    socket.set_keepalive(true).expect("set");
    socket.set_nodelay(true).expect("set");
    socket.set_reuseaddr(true).expect("set");
    socket.set_reuseport(true).expect("set");
    socket.set_zero_linger().expect("set");
    assert!(socket.keepalive().expect("known") && socket.nodelay().expect("known"));
    assert!(socket.reuseaddr().expect("known") && socket.reuseport().expect("known"));
    assert_eq!(socket.linger().expect("known"), Some(Duration::ZERO));
    assert!(socket.take_error().expect("known").is_none());
}

#[tokio::test]
async fn a_stream_tells_its_options() {
    let (one, _other) = pair().await;
    assert!(!one.nodelay().expect("known"));
    one.set_nodelay(true).expect("set");
    assert!(one.nodelay().expect("known"));
    assert_eq!(one.linger().expect("known"), None);
    one.set_zero_linger().expect("set");
    assert_eq!(one.linger().expect("known"), Some(Duration::ZERO));
    assert_eq!(one.ttl().expect("known"), 64);
    one.set_ttl(9).expect("set");
    assert_eq!(one.ttl().expect("known"), 9);
    assert_eq!(
        one.set_ttl(0).expect_err("none").kind(),
        ErrorKind::InvalidInput
    );
    assert!(one.take_error().expect("known").is_none());
}

#[tokio::test]
async fn buffers_are_told_as_twice_their_size_and_bounded() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(50_000).expect("set");
    socket.set_recv_buffer_size(30_000).expect("set");
    assert_eq!(socket.send_buffer_size().expect("known"), 100_000);
    assert_eq!(socket.recv_buffer_size().expect("known"), 60_000);
    socket.set_send_buffer_size(1).expect("set");
    socket.set_recv_buffer_size(1).expect("set");
    assert_eq!(socket.send_buffer_size().expect("known"), 4_608);
    assert_eq!(socket.recv_buffer_size().expect("known"), 2_304);
}

#[tokio::test]
async fn small_buffers_stop_a_writer_early() {
    let socket = bound(true, false, ANY_PORT).expect("free");
    socket.set_recv_buffer_size(8_192).expect("set");
    let listener = socket.listen(8).expect("it listens");
    let client = TcpSocket::new_v4().expect("a socket");
    client.set_send_buffer_size(8_192).expect("set");
    let address = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(client.connect(address), listener.accept());
    let (one, _other) = (one.expect("it listens"), other.expect("accepted"));
    let mut taken = 0;
    loop {
        match one.try_write(&[1; 1_024]) {
            Ok(count) => taken += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                let waits = tokio::time::timeout(Duration::from_millis(300), one.writable());
                if waits.await.is_err() {
                    break;
                }
            }
        }
    }
    assert!((4_096..100_000).contains(&taken), "{taken}");
}

#[tokio::test]
async fn what_is_accepted_inherits_the_options_of_what_listens() {
    let socket = bound(true, false, ANY_PORT).expect("free");
    socket.set_nodelay(true).expect("set");
    socket.set_zero_linger().expect("set");
    let listener = socket.listen(8).expect("it listens");
    listener.set_ttl(33).expect("set");
    assert_eq!(listener.ttl().expect("known"), 33);
    let address = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (_one, other) = (one.expect("it listens"), other.expect("accepted").0);
    assert!(other.nodelay().expect("known"));
    assert_eq!(other.linger().expect("known"), Some(Duration::ZERO));
    assert_eq!(other.ttl().expect("known"), 33);
}

#[tokio::test]
async fn closing_without_lingering_is_a_reset() {
    let (mut one, other) = pair().await;
    other.set_zero_linger().expect("set");
    drop(other);
    let_it_arrive().await;
    let error = one.read(&mut [0; 4]).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_error_that_was_taken_is_told_no_more() {
    let (mut one, other) = pair().await;
    other.set_zero_linger().expect("set");
    drop(other);
    let_it_arrive().await;
    let error = one.take_error().expect("known").expect("a reset came");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(one.take_error().expect("known").is_none());
    assert_eq!(one.read(&mut [0; 4]).await.expect("the end"), 0);
}

#[tokio::test]
async fn a_bound_socket_knows_its_address_and_connects_from_it() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let socket = TcpSocket::new_v4().expect("a socket");
    let before = socket.local_addr().expect("known");
    assert!(before.ip().is_unspecified() && before.port() == 0);
    socket.bind(ANY_PORT).expect("free");
    let own = socket.local_addr().expect("known");
    assert_ne!(own.port(), 0);
    let error = socket.bind(ANY_PORT).expect_err("it is bound");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let (one, other) = tokio::join!(socket.connect(address), listener.accept());
    assert_eq!(one.expect("it listens").local_addr().expect("known"), own);
    assert_eq!(other.expect("accepted").1, own);
}

#[tokio::test]
async fn a_port_that_is_only_bound_is_in_use() {
    let held = bound(false, false, ANY_PORT).expect("free");
    let at = held.local_addr().expect("known");
    let error = bound(false, false, at).expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let error = TcpListener::bind(at).await.expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(held);
    bound(false, false, at).expect("it is free again");
}

#[tokio::test]
async fn two_that_reuse_the_address_may_bind_one_port_but_only_one_may_listen() {
    let first = bound(true, false, ANY_PORT).expect("free");
    let at = first.local_addr().expect("known");
    let second = bound(true, false, at).expect("both reuse it");
    let _listener = first.listen(8).expect("it listens");
    let error = second.listen(8).expect_err("another listens");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let error = bound(true, false, at).expect_err("somebody listens");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn those_that_reuse_the_port_listen_together_and_share_the_connections() {
    let first = bound(false, true, ANY_PORT).expect("free");
    let at = first.local_addr().expect("known");
    let first = first.listen(64).expect("it listens");
    let second = bound(false, true, at).expect("both reuse it");
    let second = second.listen(64).expect("both listen");
    let mut streams = Vec::new();
    let (mut one, mut other) = (0, 0);
    for _ in 0..40 {
        streams.push(TcpStream::connect(at).await.expect("they listen"));
        tokio::select! {
            biased;
            accepted = first.accept() => one += accepted.map(|_| 1).expect("accepted"),
            accepted = second.accept() => other += accepted.map(|_| 1).expect("accepted"),
        }
    }
    assert!(one > 4 && other > 4, "{one} and {other}");
    let alone = bound(true, false, at).expect_err("it does not reuse the port");
    assert_eq!(alone.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn another_address_of_the_host_is_another_socket() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let port = listener.local_addr().expect("bound").port();
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], port));
    let error = TcpStream::connect(elsewhere)
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let second = TcpListener::bind(elsewhere).await.expect("it is free");
    let (one, other) = tokio::join!(TcpStream::connect(elsewhere), second.accept());
    assert_eq!(
        one.expect("it listens").peer_addr().expect("known"),
        elsewhere
    );
    other.expect("accepted");
    let everywhere = SocketAddr::from(([0, 0, 0, 0], port));
    let error = TcpListener::bind(everywhere)
        .await
        .expect_err("it overlaps");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn an_address_of_another_host_cannot_be_bound() {
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = TcpListener::bind(elsewhere).await.expect_err("not ours");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[tokio::test]
async fn connecting_to_any_address_is_connecting_to_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("free");
    let port = listener.local_addr().expect("bound").port();
    let any = SocketAddr::from(([0, 0, 0, 0], port));
    let (one, other) = tokio::join!(TcpStream::connect(any), listener.accept());
    let (one, (other, _)) = (one.expect("it listens"), other.expect("accepted"));
    let loopback = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(one.peer_addr().expect("known"), loopback);
    assert_eq!(other.local_addr().expect("known"), loopback);
    assert_eq!(listener.local_addr().expect("known").ip(), any.ip());
}

#[tokio::test]
async fn a_listener_without_an_address_gets_a_port() {
    let socket = TcpSocket::new_v4().expect("a socket");
    let listener = socket.listen(8).expect("it listens");
    let port = listener.local_addr().expect("bound").port();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let (one, other) = tokio::join!(TcpStream::connect(at), listener.accept());
    one.expect("it listens");
    other.expect("accepted");
}

#[tokio::test]
async fn a_connection_cannot_be_had_twice_from_the_same_port() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let first = bound(true, false, ANY_PORT).expect("free");
    let own = first.local_addr().expect("known");
    let second = bound(true, false, own).expect("both reuse it");
    let _one = first.connect(address).await.expect("it listens");
    let error = second.connect(address).await.expect_err("there is one");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[tokio::test]
async fn a_port_of_a_connection_is_not_to_be_listened_on() {
    let (one, _other) = pair().await;
    let own = one.local_addr().expect("known");
    let error = TcpListener::bind(own).await.expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn after_its_connections_closed_a_server_needs_to_reuse_its_port() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let at = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(TcpStream::connect(at), listener.accept());
    let (mut one, (other, _)) = (one.expect("it listens"), other.expect("accepted"));
    // The server closes first, so its end is the one in TIME_WAIT.
    drop(other);
    drop(listener);
    assert_eq!(one.read(&mut [0; 4]).await.expect("the end"), 0);
    drop(one);
    let_it_arrive().await;
    let error = bound(false, false, at).expect_err("a minute has not passed");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    bound(true, false, at)
        .expect("that is what it is for")
        .listen(8)
        .expect("it listens");
}

#[tokio::test]
async fn a_client_that_closed_first_leaves_the_servers_port_free() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let at = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(TcpStream::connect(at), listener.accept());
    let (one, (mut other, _)) = (one.expect("it listens"), other.expect("accepted"));
    drop(one);
    assert_eq!(other.read(&mut [0; 4]).await.expect("the end"), 0);
    drop(other);
    drop(listener);
    let_it_arrive().await;
    bound(false, false, at).expect("nothing is left there");
}

#[tokio::test]
async fn a_reset_leaves_no_port_behind() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("free");
    let at = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(TcpStream::connect(at), listener.accept());
    let (one, (other, _)) = (one.expect("it listens"), other.expect("accepted"));
    other.set_zero_linger().expect("set");
    drop((other, listener));
    let_it_arrive().await;
    drop(one);
    let_it_arrive().await;
    bound(false, false, at).expect("nothing is left there");
}

#[tokio::test]
async fn loopback_has_both_families() {
    let listener = match TcpListener::bind("[::1]:0").await {
        Ok(listener) => listener,
        Err(error) if cfg!(madsim) => panic!("the simulation has it: {error}"),
        // A machine without IPv6 has nothing to compare with.
        Err(_) => return,
    };
    let at = listener.local_addr().expect("bound");
    let (one, other) = tokio::join!(TcpStream::connect(at), listener.accept());
    let (mut one, (mut other, peer)) = (one.expect("it listens"), other.expect("accepted"));
    assert!(peer.ip().is_loopback() && peer.is_ipv6());
    one.write_all(b"six").await.expect("written");
    let mut six = [0; 3];
    other.read_exact(&mut six).await.expect("it comes");
    let four = SocketAddr::from(([127, 0, 0, 1], at.port()));
    let error = TcpStream::connect(four)
        .await
        .expect_err("the other family");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_listener_for_both_families_shows_the_older_as_mapped() {
    let listener = match TcpListener::bind("[::]:0").await {
        Ok(listener) => listener,
        Err(error) if cfg!(madsim) => panic!("the simulation has it: {error}"),
        // A machine without IPv6 has nothing to compare with.
        Err(_) => return,
    };
    let port = listener.local_addr().expect("bound").port();
    let four = SocketAddr::from(([127, 0, 0, 1], port));
    let (one, other) = tokio::join!(TcpStream::connect(four), listener.accept());
    let (one, (other, peer)) = (one.expect("it listens"), other.expect("accepted"));
    assert_eq!(one.peer_addr().expect("known"), four);
    assert!(peer.is_ipv6(), "{peer}");
    assert_eq!(peer.ip().to_canonical(), four.ip());
    assert_eq!(other.peer_addr().expect("known"), peer);
}
