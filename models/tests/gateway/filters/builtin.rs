//! The filters that come with the gateway.

use super::*;

/// V-36c: what the Gateway API and the Fetch standard say of CORS.
#[tokio::test]
async fn a_preflight_is_answered_before_authentication_and_never_forwarded() {
    let endpoint = Endpoint::answering("hello").await;
    let settings = json!({
        "allow-origins": ["https://www.shop.example", "https://*.apps.example"],
        "allow-methods": ["GET", "PUT"], "allow-headers": ["x-one", "x-two"], "max-age": "1h",
    });
    let filters = json!({"it": {"kind": "cors", "settings": settings}});
    let mut config = with_filters(&endpoint, filters, &["it"]);
    config["keys"] = json!({"all": {"me": "secret"}});
    config["routes"][0]["keys"] = json!("all");
    let stage = Stage::new(config).await;
    let ask = |origin: &'static str| preflight(&stage, origin);
    for origin in ["https://www.shop.example", "https://a.apps.example"] {
        let answer = ask(origin).await;
        assert_eq!(answer.status(), 204);
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(headers["access-control-allow-methods"], "GET, PUT");
        assert_eq!(headers["access-control-allow-headers"], "x-one, x-two");
        assert_eq!(headers["access-control-max-age"], "3600");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        let asked = [
            "Access-Control-Request-Method",
            "Access-Control-Request-Headers",
        ];
        assert_eq!(vary, ["Origin", asked[0], asked[1]]);
    }
    for origin in [
        "https://evil.example",
        "https://apps.example",
        "http://www.shop.example",
        "null",
    ] {
        let answer = ask(origin).await;
        assert_eq!(answer.status(), 204, "{origin}");
        let permits = |name: &http::HeaderName| name.as_str().starts_with("access-control-");
        assert!(!answer.headers().keys().any(permits), "{origin}");
    }
    // Not a preflight: what is asked needs a key.
    let plain = Request::options(stage.url("/")).header("origin", "https://www.shop.example");
    assert_eq!(
        stage.send(plain.body(full("")).unwrap()).await.status(),
        401
    );
    assert_eq!(endpoint.count(), 0);
}

async fn preflight(stage: &Stage, origin: &str) -> Response<Bytes> {
    let request = Request::options(stage.url("/"))
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "x-one");
    stage.send(request.body(full("")).unwrap()).await
}

#[tokio::test]
async fn with_credentials_a_wildcard_is_never_sent() {
    let endpoint = Endpoint::answering("hello").await;
    for credentials in [false, true] {
        let settings = json!({
            "allow-origins": ["*"], "allow-methods": ["*"], "allow-headers": ["*"],
            "allow-credentials": credentials,
        });
        let stage = only(&endpoint, "cors", settings).await;
        let answer = preflight(&stage, "https://a.example").await;
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        let said = |text: &str| Some(text.to_owned());
        let (origin, method, headers, allowed) = match credentials {
            true => ("https://a.example", "PUT", "x-one", said("true")),
            false => ("*", "*", "*", None),
        };
        assert_eq!(header("access-control-allow-origin"), said(origin));
        assert_eq!(header("access-control-allow-methods"), said(method));
        assert_eq!(header("access-control-allow-headers"), said(headers));
        assert_eq!(header("access-control-allow-credentials"), allowed);
    }
}

#[tokio::test]
async fn an_answer_says_which_origin_may_read_it_and_the_endpoint_has_no_say() {
    let endpoint = Endpoint::start(|_, _| async {
        let answer = Response::builder().header("access-control-allow-origin", "*");
        answer.body(full("hello")).unwrap()
    })
    .await;
    let settings = json!({
        "allow-origins": ["https://a.example"], "allow-credentials": true, "expose-headers": ["x-sum"],
    });
    let stage = only(&endpoint, "cors", settings).await;
    for (origin, allowed) in [
        (Some("https://a.example"), true),
        (Some("https://b.example"), false),
        (None, false),
    ] {
        let mut request = Request::get(stage.url("/"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = stage.send(request.body(full("")).unwrap()).await;
        assert_eq!(answer.body(), "hello");
        let headers = answer.headers();
        assert_eq!(headers["vary"], "Origin", "{origin:?}");
        let said: Vec<_> = headers
            .get_all("access-control-allow-origin")
            .iter()
            .collect();
        assert_eq!(
            said,
            origin.filter(|_| allowed).into_iter().collect::<Vec<_>>()
        );
        assert_eq!(
            headers.contains_key("access-control-allow-credentials"),
            allowed
        );
        assert_eq!(
            headers.contains_key("access-control-expose-headers"),
            allowed
        );
    }
}

#[tokio::test]
async fn a_request_has_one_id_for_the_endpoint_and_the_client() {
    let endpoint = Endpoint::answering("hello").await;
    let mut ids = Vec::new();
    for (keep, sent, kept) in [
        (false, "mine", false),
        (true, "mine", true),
        (true, "two words", false),
    ] {
        let stage = only(&endpoint, "request-id", json!({"keep": keep})).await;
        let request = Request::get(stage.url("/")).header("x-request-id", sent);
        let answer = stage.send(request.body(full("")).unwrap()).await;
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(endpoint.asked().pop().unwrap().header("x-request-id"), id);
        assert_eq!(id == sent, kept, "{id}");
        if !kept {
            assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        let next = stage.get("/").await.headers()["x-request-id"].clone();
        assert_ne!(next, *id);
        ids.push(id);
    }
}

#[tokio::test]
async fn careful_headers_are_added_and_talkative_ones_removed() {
    let endpoint = Endpoint::start(|_, _| async {
        let answer = Response::builder()
            .header("server", "old/1.0")
            .header("x-frame-options", "SAMEORIGIN");
        answer.body(full("hello")).unwrap()
    })
    .await;
    let stage = only(&endpoint, "security-headers", json!({})).await;
    let answer = stage.get("/").await;
    let headers = answer.headers();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["x-frame-options"], "SAMEORIGIN",
        "the endpoint's word counts"
    );
    assert!(!headers.contains_key("server"));
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_read_it_and_otherwise_left_alone() {
    let text = "all work and no play ".repeat(400);
    let long: Bytes = text.clone().into();
    let endpoint = Endpoint::start(move |_, asked| {
        let long = long.clone();
        async move {
            let mut answer = Response::builder().header("etag", "\"one\"");
            let (name, value) = asked.target[1..]
                .split_once('=')
                .unwrap_or(("content-type", "text/plain"));
            if name != "content-type" {
                answer = answer.header("content-type", "text/plain");
            }
            let short = name == "x-short";
            let body = if short {
                Bytes::from_static(b"short")
            } else {
                long
            };
            answer.header(name, value).body(full(body)).unwrap()
        }
    })
    .await;
    let stage = only(&endpoint, "compression", json!({})).await;
    let ask = |target: &'static str, accept: &'static str| {
        let request = Request::get(stage.url(target)).header("accept-encoding", accept);
        stage.send(request.body(full("")).unwrap())
    };
    for accept in ["gzip", "br;q=1.0, gzip;q=0.5", "*", "deflate, X-GZIP"] {
        let answer = ask("/", accept).await;
        let headers = answer.headers();
        assert_eq!(headers["content-encoding"], "gzip", "{accept}");
        assert_eq!(headers["vary"], "Accept-Encoding");
        assert_eq!(headers["etag"], "W/\"one\"");
        let length: Option<usize> = headers
            .get("content-length")
            .map(|l| l.to_str().unwrap().parse().unwrap());
        assert!(length.is_none_or(|length| length == answer.body().len()));
        assert!(answer.body().len() < 1000, "{}", answer.body().len());
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&answer.body()[..])
            .read_to_string(&mut plain)
            .unwrap();
        assert_eq!(plain, text);
    }
    for (target, accept) in [
        ("/", "gzip;q=0, *"),
        ("/", "identity"),
        ("/", "*;q=0"),
        ("/content-encoding=br", "gzip"),
        ("/cache-control=public,no-transform", "gzip"),
        ("/content-type=image/png", "gzip"),
        ("/content-type=text/event-stream", "gzip"),
        ("/x-short=1", "gzip"),
    ] {
        let answer = ask(target, accept).await;
        let encoding = answer.headers().get("content-encoding");
        assert_ne!(
            encoding.map(|e| e.as_bytes()),
            Some(&b"gzip"[..]),
            "{target} {accept}"
        );
        assert_eq!(answer.headers()["etag"], "\"one\"", "{target} {accept}");
        assert!(target == "/x-short=1" || *answer.body() == text);
    }
}

#[tokio::test]
async fn a_compressed_stream_keeps_no_piece_back_and_its_trailers() {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Frame<Bytes>>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let endpoint = Endpoint::start(move |_, _| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        async move {
            let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
                let frame = receiver.recv().await?;
                Some((Ok::<_, BoxError>(frame), receiver))
            });
            let answer = Response::builder()
                .header("content-type", "text/plain")
                .header("trailer", "x-sum");
            answer.body(boxed(StreamBody::new(frames))).unwrap()
        }
    })
    .await;
    let stage = only(&endpoint, "compression", json!({})).await;
    let request = Request::get(stage.url("/"))
        .header("accept-encoding", "gzip")
        .header("te", "trailers");
    sender
        .send(Frame::data(Bytes::from_static(b"first")))
        .await
        .unwrap();
    let answer = stage
        .client
        .send(request.body(full("")).unwrap(), soon())
        .await
        .unwrap();
    let mut body: Body = boxed(answer.into_body());
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    // Nothing more was sent yet; what came decodes to the piece.
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    std::io::Write::write_all(&mut decoder, &first).unwrap();
    std::io::Write::flush(&mut decoder).unwrap();
    assert_eq!(decoder.get_ref(), b"first");
    sender
        .send(Frame::data(Bytes::from_static(b" last")))
        .await
        .unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    sender.send(Frame::trailers(trailers)).await.unwrap();
    drop(sender);
    let rest = body.collect().await.unwrap();
    assert_eq!(
        rest.trailers().map(|t| t["x-sum"].clone()),
        Some("7".parse().unwrap())
    );
    std::io::Write::write_all(&mut decoder, &rest.to_bytes()).unwrap();
    assert_eq!(decoder.finish().unwrap(), b"first last");
}

#[tokio::test]
async fn an_exact_share_of_the_requests_meets_the_fault() {
    let endpoint = Endpoint::answering("hello").await;
    let settings = json!({"abort": {"status": 418, "share": 0.25}, "headers": {"x-drill": "yes"}});
    let stage = only(&endpoint, "fault", settings).await;
    let mut aborted = 0;
    for _ in 0..400 {
        let request = Request::get(stage.url("/")).header("x-drill", "yes");
        let answer = stage.send(request.body(full("")).unwrap()).await;
        aborted += usize::from(answer.status() == 418);
        assert_eq!(stage.get("/").await.status(), 200);
    }
    assert!((99..=101).contains(&aborted), "{aborted}");
    let stage = only(&endpoint, "fault", json!({"delay": {"for": "300ms"}})).await;
    let began = Instant::now();
    assert_eq!(stage.get("/").await.status(), 200);
    assert!(began.elapsed().as_millis() >= 300);
}
