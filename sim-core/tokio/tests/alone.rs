//! What `#[tokio::test]` runs on in the simulated world: one host alone. The same bodies pass on
//! real tokio.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Duration, Instant, sleep, timeout},
};
use windtunnel_tokio as tokio;

#[tokio::test]
async fn a_sleep_takes_its_time_and_a_timeout_cuts_it() {
    let start = Instant::now();
    sleep(Duration::from_millis(30)).await;
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(
        timeout(Duration::from_millis(10), sleep(Duration::from_secs(60)))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_panicking_task_gives_its_payload_to_whoever_joins_it() {
    let error = tokio::spawn(async { panic!("as planned") })
        .await
        .map(|_: ()| ())
        .unwrap_err();
    assert!(error.is_panic());
    assert_eq!(
        error.into_panic().downcast_ref::<&str>(),
        Some(&"as planned")
    );
}

#[tokio::test]
async fn an_aborted_task_is_cancelled() {
    let task = tokio::spawn(std::future::pending::<()>());
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_join_set_gives_tasks_in_the_order_in_which_they_end() {
    let mut set = JoinSet::new();
    for millis in [30, 10, 20] {
        set.spawn(async move {
            sleep(Duration::from_millis(millis)).await;
            millis
        });
    }
    let mut order = Vec::new();
    while let Some(ended) = set.join_next().await {
        order.push(ended.expect("no task panics"));
    }
    assert_eq!(order, [10, 20, 30]);
}

#[tokio::test]
async fn bytes_cross_a_connection_and_the_end_of_the_stream_follows_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.expect("read");
        stream.write_all(&got).await.expect("written");
    });
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(&[7; 100_000]).await.expect("written");
    stream.shutdown().await.expect("shut down");
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.expect("read");
    assert_eq!(back, vec![7; 100_000]);
    server.await.expect("the server ends");
}

#[tokio::test]
async fn nobody_listening_is_a_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let error = TcpStream::connect(address)
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
