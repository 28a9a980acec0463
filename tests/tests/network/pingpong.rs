//! How long an exchange of small messages takes when nobody asks for `TCP_NODELAY`.

use crate::stage::{Notes, echo, note, ping, run_on};
use tokio::{net::TcpStream, time::Instant};
use windtunnel::Network;

/// Forty questions, one after the other, over links of the usual, drawn latency: the answer may well be
/// there before an acknowledgement of its own would have been.
#[test]
fn an_answer_acknowledges_its_question_however_quick_it_is() {
    let asks = |notes: Notes| async move {
        let mut stream = TcpStream::connect("server:80").await.expect("it listens");
        for _ in 0..40 {
            let start = Instant::now();
            ping(&mut stream).await.expect("it answers");
            note(&notes, start, "answered");
        }
    };
    let (noted, _) = run_on(Network::default(), 60, Vec::new(), echo, asks);
    assert_eq!(noted.len(), 40);
    let slow = noted.iter().filter(|(millis, _)| *millis > 10).count();
    assert_eq!(
        slow, 0,
        "no question waits for an acknowledgement: {noted:?}"
    );
}
