//! Which trace a request belongs to, and on which connection it goes.

use std::sync::Mutex;

use super::*;
use crate::trace;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn client_and_server_name_the_same_connection_and_the_service_knows_the_trace() {
    let (listener, address) = listener().await;
    let served = Arc::new(Mutex::new(Vec::new()));
    let log = served.clone();
    let server = Server::new(ServerPolicy::default(), move |event: &ServerEvent<'_>| {
        if let ServerEvent::Serving { local, peer, trace } = event {
            log.lock().unwrap().push((*peer, *local, *trace));
        }
    });
    let service = service_fn(|_: Request<Incoming>| async {
        let present = trace::present_text().unwrap_or_default();
        Ok::<_, Infallible>(Response::new(full(present)))
    });
    let _task = spawn(async move {
        let server = server.unwrap();
        server
            .serve(listener, service, std::future::pending())
            .await
    });
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = sent.clone();
    let client = client().observed(move |sending: &Sending| {
        let Sending { local, peer, trace } = *sending;
        log.lock().unwrap().push((local, peer, trace));
    });
    for _ in 0..2 {
        let mut request = request(Method::GET, address, "/", "");
        let headers = request.headers_mut();
        headers.insert("traceparent", PARENT.parse().unwrap());
        let answer = client.call(request, soon(), 100).await.unwrap();
        assert_eq!(answer.body(), trace::text(TRACE).as_bytes());
    }
    let untraced = request(Method::GET, address, "/", "");
    let answer = client.call(untraced, soon(), 100).await.unwrap();
    assert_eq!(answer.body(), "");
    let (sent, served) = (sent.lock().unwrap(), served.lock().unwrap());
    assert_eq!(*sent, *served);
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[0].1, sent[0].2), (address, TRACE));
    assert_eq!(sent[0], sent[1], "the connection was pooled");
}
