//! What transcoding promises: paths, messages to JSON and back, statuses.

use super::template::Template;
use prost::Message;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::chance::below;

const DESCRIPTORS: &[u8] = include_bytes!("../../../tests/gateway/transcoding/library.binpb");

fn bound(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    Template::parse(template).expect("right").bind(path)
}

#[test]
fn a_template_binds_what_its_variables_stand_for() {
    let one = |name: &str, text: &str| Some(vec![(name.to_owned(), text.to_owned())]);
    for (template, path, expected) in [
        ("/v1/{a=b/*}", "/v1/b/c", one("a", "b/c")),
        ("/v1/{a=b/*}", "/v1/c/c", None),
        ("/v1/{a}", "/v1/x%2Fy", one("a", "x/y")),
        ("/v1/{a=**}", "/v1/x%2Fy/z", one("a", "x%2Fy/z")),
        ("/v1/{a=**}", "/v1", one("a", "")),
        ("/v1/{a}:b", "/v1/x:b", one("a", "x")),
        ("/v1/{a}:b", "/v1/x", None),
        ("/v1/{a}", "/v1/x:b", one("a", "x:b")),
        ("/v1/{a}", "/v1/", None),
        ("/v1/{a}", "/v1/x/y", None),
        ("/v1/*/{a.b}", "/v1/x/y", one("a.b", "y")),
        ("/v1/x", "/v1/x", Some(Vec::new())),
    ] {
        assert_eq!(bound(template, path), expected, "{template} {path}");
    }
    for wrong in [
        "v1", "/v1//x", "/{a", "/{=x}", "/**/x", "/a*b", "/{a.}", "/{a=b=c}",
    ] {
        assert!(Template::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_rule_that_says_more_comes_first() {
    let mut templates = ["/v1/{a=**}", "/v1/{a}", "/v1/x", "/v1/{a}:b"];
    let rank = |text: &str| format!("{:?}", Template::parse(text).expect("right").rank());
    templates.sort_by_key(|text| rank(text));
    assert_eq!(templates, ["/v1/{a}:b", "/v1/x", "/v1/{a}", "/v1/{a=**}"]);
}

#[test]
fn what_is_left_has_at_most_eight_digits() {
    let text = |left: Duration| grpc_timeout(left).map(|v| v.to_str().expect("text").to_owned());
    assert_eq!(text(Duration::from_micros(999)), None);
    assert_eq!(text(Duration::from_micros(1999)).as_deref(), Some("1m"));
    assert_eq!(
        text(Duration::from_millis(99_999_999)).as_deref(),
        Some("99999999m")
    );
    assert_eq!(
        text(Duration::from_millis(100_000_999)).as_deref(),
        Some("100000S")
    );
    assert_eq!(text(Duration::MAX).as_deref(), Some("99999999S"));
}

/// A message whose fields are drawn: present or not, edges as often as anything else.
fn drawn(kind: &MessageDescriptor, rng: &mut ChaCha8Rng, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(kind.clone());
    for field in kind.fields() {
        let inner = field.kind();
        let foreign = inner
            .as_message()
            .is_some_and(|m| !m.full_name().starts_with("library."));
        if below(rng, 3) == 0 || depth > 3 || (foreign && !field.is_map()) {
            continue;
        }
        let value = if field.is_map() {
            let key = MapKey::String(below(rng, 9).to_string());
            Value::Map([(key, Value::I64(rng.next_u64() as i64))].into())
        } else if field.is_list() {
            Value::List(
                (0..below(rng, 3))
                    .map(|_| plain(&inner, rng, depth))
                    .collect(),
            )
        } else {
            plain(&inner, rng, depth)
        };
        message.set_field(&field, value);
    }
    message
}

fn plain(kind: &Kind, rng: &mut ChaCha8Rng, depth: u32) -> Value {
    let edge = below(rng, 4);
    match kind {
        Kind::Int64 => Value::I64([i64::MIN, i64::MAX, 0, rng.next_u64() as i64][edge as usize]),
        Kind::Uint64 => Value::U64([u64::MAX, 0, 1 << 53, rng.next_u64()][edge as usize]),
        Kind::Int32 => Value::I32([i32::MIN, i32::MAX, 0, rng.next_u32() as i32][edge as usize]),
        Kind::Double => {
            Value::F64([f64::NEG_INFINITY, -0.0, 0.1, rng.next_u64() as f64][edge as usize])
        }
        Kind::Bool => Value::Bool(edge > 1),
        Kind::Enum(_) => Value::EnumNumber([0, 1, 2, 77][edge as usize]),
        Kind::Bytes => Value::Bytes(
            rng.next_u64().to_le_bytes()[..edge as usize]
                .to_vec()
                .into(),
        ),
        Kind::Message(kind) => Value::Message(drawn(kind, rng, depth + 1)),
        _ => {
            Value::String(["", "ü\"\\\u{1}", "null", "18446744073709551616"][edge as usize].into())
        }
    }
}

/// GW-39, for any message.
#[test]
fn messages_survive_the_way_to_json_and_back() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
    let kind = pool
        .get_message_by_name("library.v1.SearchAnswer")
        .expect("there");
    let mut rng = ChaCha8Rng::seed_from_u64(39);
    let mut large = 0;
    for round in 0..2000 {
        let message = drawn(&kind, &mut rng, 0);
        let text = serde_json::to_string(&message).expect("JSON");
        large += usize::from(text.contains("9223372036854775807"));
        let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let back = DynamicMessage::deserialize(kind.clone(), parsed).expect("the same");
        // As bytes: a field that is set to its default is one that is not set.
        assert_eq!(
            back.encode_to_vec(),
            message.encode_to_vec(),
            "{round}: {text}"
        );
    }
    assert!(large > 10, "edges were drawn: {large}");
}
