//! How calls end: statuses, details, streams, and what cannot be called at all.

use super::*;

/// GW-39.
#[tokio::test]
async fn an_error_without_messages_never_becomes_200() {
    for (code, status) in [
        (1, 499),
        (2, 500),
        (3, 400),
        (4, 504),
        (5, 404),
        (6, 409),
        (7, 403),
        (8, 429),
        (9, 400),
        (10, 409),
        (11, 400),
        (12, 501),
        (13, 500),
        (14, 503),
        (15, 500),
        (16, 401),
        (99, 500),
    ] {
        for trailers_only in [true, false] {
            let endpoint = Endpoint::start(move |_, _| async move {
                let code = code.to_string();
                if trailers_only {
                    let answer = Response::builder().header("content-type", "application/grpc");
                    let answer = answer
                        .header("grpc-status", code)
                        .header("grpc-message", "50%25 gone");
                    return answer.body(full("")).unwrap();
                }
                let book = framed(&message("Book", json!({"name": "half"})));
                reply(
                    vec![book],
                    &[("grpc-status", &code), ("grpc-message", "50%25 gone")],
                )
            })
            .await;
            let stage = stage(&endpoint, json!({})).await;
            let answer = ask(&stage, "GET", "/v1/books/1", "").await;
            assert_eq!(answer.status(), status, "{code} {trailers_only}");
            assert_eq!(
                parsed(&answer),
                json!({"code": code, "message": "50% gone", "details": []})
            );
        }
    }
}

#[tokio::test]
async fn an_answer_without_status_or_not_by_grpc_is_no_success() {
    type Script = fn() -> Response<Body>;
    let scripts: [(Script, u16); 5] = [
        (
            || reply(vec![framed(&message("Book", json!({})))], &[]),
            500,
        ),
        (|| ok(Vec::new()), 500),
        (|| Response::new(full("<html>")), 500),
        (
            || Response::builder().status(503).body(full("")).unwrap(),
            503,
        ),
        (|| ok(vec![Bytes::from_static(&[1, 0, 0, 0, 0])]), 500),
    ];
    for (position, (script, status)) in scripts.into_iter().enumerate() {
        let endpoint = Endpoint::start(move |_, _| async move { script() }).await;
        let stage = stage(&endpoint, json!({})).await;
        assert_eq!(
            ask(&stage, "GET", "/v1/books/1", "").await.status(),
            status,
            "{position}"
        );
    }
    let endpoint = library(json!({"name": "x".repeat(100)})).await;
    let stage = stage(&endpoint, json!({"max-message": 100})).await;
    assert_eq!(ask(&stage, "GET", "/v1/books/1", "").await.status(), 429);
}

#[tokio::test]
async fn details_of_an_error_are_json() {
    let endpoint = Endpoint::start(|_, _| async {
        let author = message("Author", json!({"name": "A"}));
        let any = |name: &str, value: Vec<u8>| {
            let mut any =
                DynamicMessage::new(pool().get_message_by_name("google.protobuf.Any").unwrap());
            any.set_field_by_name(
                "type_url",
                Field::String(format!("type.googleapis.com/{name}")),
            );
            any.set_field_by_name("value", Field::Bytes(value.into()));
            any.encode_to_vec()
        };
        // google.rpc.Status by hand: code, message, details.
        let mut status = vec![0x08, 5, 0x12, 1, b'm'];
        for any in [
            any("library.v1.Author", author.encode_to_vec()),
            any("some.Other", vec![1, 2]),
        ] {
            status.push(0x1a);
            status.push(any.len() as u8);
            status.extend(any);
        }
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(status);
        reply(
            Vec::new(),
            &[
                ("grpc-status", "5"),
                ("grpc-message", "m"),
                ("grpc-status-details-bin", &text),
            ],
        )
    })
    .await;
    let stage = stage(&endpoint, json!({})).await;
    let answer = ask(&stage, "GET", "/v1/books/1", "").await;
    assert_eq!(answer.status(), 404);
    let expected = json!([
        {"@type": "type.googleapis.com/library.v1.Author", "name": "A"},
        {"@type": "type.googleapis.com/some.Other", "value": "AQI="},
    ]);
    assert_eq!(parsed(&answer)["details"], expected);
}

#[tokio::test]
async fn a_stream_of_messages_is_an_array_or_lines() {
    for count in [0, 1, 3] {
        let endpoint = Endpoint::start(move |_, _| async move {
            let books =
                (0..count).map(|n| framed(&message("Book", json!({"copies": n.to_string()}))));
            ok(books.collect())
        })
        .await;
        let stage = stage(&endpoint, json!({})).await;
        let expected: Vec<_> = (0..count)
            .map(|n: u32| {
                if n == 0 {
                    json!({})
                } else {
                    json!({"copies": n.to_string()})
                }
            })
            .collect();
        let answer = ask(&stage, "GET", "/v1/stream/a/b", "").await;
        assert_eq!(parsed(&answer), json!(expected));
        let request =
            Request::get(stage.url("/v1/stream/a/b")).header("accept", "application/x-ndjson");
        let answer = stage.send(request.body(full("")).unwrap()).await;
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let lines = std::str::from_utf8(answer.body()).unwrap().lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn a_stream_that_fails_later_breaks_off_and_one_that_fails_at_once_has_its_status() {
    for (messages, at_once) in [(0, true), (1, false)] {
        let endpoint = Endpoint::start(move |_, _| async move {
            let book = framed(&message("Book", json!({"name": "a"})));
            reply(vec![book; messages], &[("grpc-status", "7")])
        })
        .await;
        let stage = stage(&endpoint, json!({})).await;
        let request = Request::get(stage.url("/v1/stream/a"))
            .body(full(""))
            .unwrap();
        let answer = stage.client.call(request, soon(), 1 << 20).await;
        match answer {
            Ok(answer) => assert_eq!((answer.status().as_u16(), at_once), (403, true)),
            Err(_) => assert!(!at_once),
        }
    }
}

#[tokio::test]
async fn an_array_becomes_a_stream_of_messages_and_grpc_goes_through_untouched() {
    let endpoint = library(json!({})).await;
    let stage = stage(&endpoint, json!({})).await;
    let answer = ask(
        &stage,
        "POST",
        "/v1/books:add",
        r#"[{"name":"a"},{"name":"b"}]"#,
    )
    .await;
    assert_eq!(answer.status(), 200);
    let got = received("Book", &endpoint.asked()[0].body);
    assert_eq!(got, [json!({"name": "a"}), json!({"name": "b"})]);
    assert_eq!(
        ask(&stage, "POST", "/v1/books:add", r#"{"name":"a"}"#)
            .await
            .status(),
        400
    );
    let request = Request::post(stage.url("/library.v1.Library/GetBook"));
    let request = request
        .header("content-type", "application/grpc+proto")
        .body(full("raw"))
        .unwrap();
    let answer = stage.send(request).await;
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    assert_eq!(endpoint.asked()[1].body, "raw");
}

#[test]
fn what_cannot_be_transcoded_is_said_when_a_gateway_is_built() {
    for (key, value, expected) in [
        (
            "descriptors",
            json!("other"),
            "`routes[0].transcode.descriptors` is not there",
        ),
        (
            "services",
            json!(["library.v1.Libary"]),
            "`routes[0].transcode.services` has `library.v1.Libary`, not one of library.v1.Library",
        ),
        (
            "services",
            json!([]),
            "`routes[0].transcode.services` is empty",
        ),
        (
            "max-message",
            json!(0),
            "`routes[0].transcode.max-message` must be at least 1",
        ),
    ] {
        let mut config = config(&["127.0.0.1:1".parse().unwrap()]);
        config["upstreams"]["main"]["protocol"] = json!("http2");
        config["routes"][0]["transcode"] = settings();
        config["routes"][0]["transcode"][key] = value;
        let problem = build(config);
        assert!(problem.contains(expected), "{problem}");
    }
    let mut config = config(&["127.0.0.1:1".parse().unwrap()]);
    config["routes"][0]["transcode"] = settings();
    assert!(build(config).contains("needs `protocol = \"http2\"` at upstream `main`"));
}

fn build(config: Value) -> String {
    use rand_core::SeedableRng;
    let config: Config = serde_json::from_value(config).unwrap();
    let rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let built = Gateway::with_vault(config, rng, Witness::default(), Files);
    built
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}
