//! Peers that were not told: the reset or the end that would tell them was lost.

use crate::{
    sockets::kind,
    stage::{Notes, note, run},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep},
};
use windtunnel::{crash, host, partition, secs};

/// Writes once behind the cut that begins at 3 s, then reads until something happens.
async fn write_and_wait(mut stream: TcpStream, notes: Notes) {
    sleep(Duration::from_secs(5)).await;
    let start = Instant::now();
    stream.write_all(b"unheard").await.expect("taken");
    let seen = stream.read(&mut [0; 8]).await;
    note(&notes, start, kind(seen));
}

#[test]
fn behind_a_cut_both_who_write_give_up_each_on_its_own() {
    async fn server(notes: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let (stream, _) = listener.accept().await.expect("somebody comes");
        // A little later than the client, who has given up by then.
        sleep(Duration::from_secs(20)).await;
        write_and_wait(stream, notes).await;
        std::future::pending().await
    }
    async fn client(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let stream = TcpStream::connect("server:80").await.expect("it listens");
        write_and_wait(stream, notes).await;
        std::future::pending().await
    }
    let cut = partition(host("client"), host("server")).at(secs(3));
    let (noted, _) = run(3_000, vec![cut], server, client);
    assert_eq!(noted.len(), 2, "{noted:?}");
    for (at, what) in &noted {
        assert_eq!(what, "TimedOut");
        assert!((850_000..1_100_000).contains(at), "{noted:?}");
    }
}

#[test]
fn a_writer_before_a_closed_window_learns_by_its_probes_that_the_reader_is_gone() {
    async fn deaf(_: Notes) {
        let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
        let _held = listener.accept().await.expect("somebody comes");
        std::future::pending().await
    }
    async fn write_on(notes: Notes) {
        sleep(Duration::from_secs(1)).await;
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        let start = Instant::now();
        let wrote = stream.write_all(&[7; 1 << 20]).await;
        note(&notes, start, kind(wrote));
        std::future::pending().await
    }
    // The process dies behind a cut, so its reset is lost.
    let faults = vec![
        partition(host("client"), host("server"))
            .at(secs(5))
            .lasting(secs(10)),
        crash(host("server")).at(secs(7)).lasting(secs(1)),
    ];
    let (noted, _) = run(200, faults, deaf, write_on);
    assert_eq!(noted.len(), 1, "it waits for ever");
    assert_eq!(noted[0].1, "ConnectionReset");
    assert!((14_000..40_000).contains(&noted[0].0), "{noted:?}");
}
