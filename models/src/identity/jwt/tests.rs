//! Which tokens are believed, and which are not.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::*;

const SECRET: &[u8] = b"a secret that is as long as its hash is, or longer";
const NOW: Duration = Duration::from_secs(1_000_000);

fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of these texts, signed with the secret.
fn signed(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", encoded(header), encoded(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(text.as_bytes());
    format!(
        "{text}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

fn claiming(claims: serde_json::Value) -> String {
    signed(r#"{"alg":"HS256"}"#, &claims.to_string())
}

fn keys() -> KeySet {
    KeySet::new(vec![Key::secret(None, SECRET).unwrap()]).unwrap()
}

fn policy() -> Policy {
    Policy {
        algorithms: vec![Algorithm::HS256],
        leeway: Duration::from_secs(30),
        ..Policy::default()
    }
}

fn verify(policy: Policy, token: &str) -> Result<Claims, Rejection> {
    Verifier::new(policy).unwrap().verify(token, &keys(), NOW)
}

#[test]
fn a_token_is_valid_until_just_before_its_end_and_the_leeway() {
    for (exp, expected) in [
        (json!(1_000_001), Ok(())),
        (json!(999_971), Ok(())),
        (json!(999_970.5), Ok(())),
        (json!(999_970), Err(Rejection::Expired)),
        (json!(0), Err(Rejection::Expired)),
        (json!(-1e300), Err(Rejection::Expired)),
    ] {
        let verdict = verify(policy(), &claiming(json!({ "exp": exp })));
        assert_eq!(verdict.map(drop), expected, "{exp}");
    }
    for (nbf, expected) in [
        (json!(1_000_030), Ok(())),
        (json!(1_000_030.5), Err(Rejection::NotYet)),
        (json!(1_000_031), Err(Rejection::NotYet)),
    ] {
        let verdict = verify(policy(), &claiming(json!({ "exp": 2e6, "nbf": nbf })));
        assert_eq!(verdict.map(drop), expected, "{nbf}");
    }
}

#[test]
fn one_without_an_end_is_refused_unless_that_is_allowed() {
    let endless = claiming(json!({ "sub": "ada" }));
    assert_eq!(verify(policy(), &endless), Err(Rejection::Expired));
    let lenient = Policy {
        needs_end: false,
        ..policy()
    };
    let claims = verify(lenient, &endless).unwrap();
    assert_eq!(claims.subject.as_deref(), Some("ada"));
}

#[test]
fn issuer_and_audience_are_the_very_names() {
    let ours = Policy {
        issuer: Some("https://id.example".into()),
        audiences: vec!["shop".into(), "bank".into()],
        ..policy()
    };
    for (iss, aud, expected) in [
        (json!("https://id.example"), json!("shop"), Ok(())),
        (
            json!("https://id.example"),
            json!(["other", "bank"]),
            Ok(()),
        ),
        (
            json!("https://id.example/"),
            json!("shop"),
            Err(Rejection::Issuer),
        ),
        (
            json!("https://ID.example"),
            json!("shop"),
            Err(Rejection::Issuer),
        ),
        (json!(null), json!("shop"), Err(Rejection::Issuer)),
        (
            json!("https://id.example"),
            json!("Shop"),
            Err(Rejection::Audience),
        ),
        (
            json!("https://id.example"),
            json!("shop2"),
            Err(Rejection::Audience),
        ),
        (
            json!("https://id.example"),
            json!("sho"),
            Err(Rejection::Audience),
        ),
        (
            json!("https://id.example"),
            json!([]),
            Err(Rejection::Audience),
        ),
    ] {
        let token = claiming(json!({ "iss": iss, "aud": aud, "exp": 2e6 }));
        let verdict = verify(ours.clone(), &token);
        assert_eq!(verdict.map(drop), expected, "{iss} {aud}");
    }
    let nobody = claiming(json!({ "iss": "https://id.example", "exp": 2e6 }));
    assert_eq!(verify(ours, &nobody), Err(Rejection::Audience));
}

#[test]
fn what_is_no_token_is_refused_as_such() {
    let valid = claiming(json!({ "exp": 2e6 }));
    let [header, claims, signature] = valid.split('.').collect::<Vec<_>>()[..] else {
        panic!("it has three parts")
    };
    let long = format!("{valid}{}", "A".repeat(17_000));
    for token in [
        "",
        ".",
        "..",
        header,
        &format!("{header}.{claims}"),
        &format!("{valid}.x"),
        &format!("{header}.{claims}.{signature}.x.y"),
        &format!("{header}=.{claims}.{signature}"),
        &format!(" {valid}"),
        &format!("{}.{claims}.{signature}", encoded("no json")),
        &format!("{}.{claims}.{signature}", encoded("[]")),
        &format!("{}.{claims}.{signature}", encoded(r#"{"typ":"JWT"}"#)),
        &format!(
            "{}.{claims}.{signature}",
            encoded(r#"{"alg":"HS256","alg":"none"}"#)
        ),
        &long,
    ] {
        let verdict = verify(policy(), token);
        assert!(
            matches!(verdict, Err(Rejection::Malformed(_))),
            "{token}: {verdict:?}"
        );
    }
    for claims in [
        "no json",
        "[]",
        r#"{"exp":"2000000"}"#,
        r#"{"exp":2e6,"exp":3e6}"#,
    ] {
        let verdict = verify(policy(), &signed(r#"{"alg":"HS256"}"#, claims));
        assert!(matches!(verdict, Err(Rejection::Malformed(_))), "{claims}");
    }
}

#[test]
fn a_signature_is_of_these_very_bytes() {
    let valid = claiming(json!({ "exp": 2e6 }));
    assert!(verify(policy(), &valid).is_ok());
    let (signed, signature) = valid.rsplit_once('.').unwrap();
    let other = signed.replacen('e', "f", 1);
    assert!(verify(policy(), &format!("{other}.{signature}")).is_err());
    for broken in [
        "",
        "AAAA",
        &signature[..42],
        &format!("{signature}A"),
        &format!("{signature}="),
    ] {
        let verdict = verify(policy(), &format!("{signed}.{broken}"));
        assert_eq!(verdict, Err(Rejection::Signature), "{broken}");
    }
}

#[test]
fn a_kind_is_asked_for_without_regard_to_case_and_family() {
    let kind = Policy {
        kind: Some("at+jwt".into()),
        ..policy()
    };
    for (typ, expected) in [
        ("at+jwt", Ok(())),
        ("application/AT+JWT", Ok(())),
        ("JWT", Err(Rejection::Kind)),
    ] {
        let header = json!({ "alg": "HS256", "typ": typ }).to_string();
        let token = signed(&header, r#"{"exp":2e6}"#);
        assert_eq!(verify(kind.clone(), &token).map(drop), expected, "{typ}");
    }
    assert_eq!(
        verify(kind, &claiming(json!({ "exp": 2e6 }))),
        Err(Rejection::Kind)
    );
}

#[test]
fn keys_that_are_weak_broken_or_for_something_else_are_none() {
    let material = |json: serde_json::Value| {
        matches!(
            Key::from_jwk(&json.to_string()),
            Err(InvalidKey::Material(_))
        )
    };
    assert!(material(json!({ "kty": "oct", "k": encoded("short") })));
    assert!(material(json!({ "kty": "oct", "k": "not base64!" })));
    assert!(material(
        json!({ "kty": "RSA", "n": encoded(&"n".repeat(128)), "e": "AQAB" })
    ));
    assert!(material(
        json!({ "kty": "RSA", "n": encoded(&"n".repeat(256)) })
    ));
    assert!(material(
        json!({ "kty": "EC", "crv": "P-256", "x": encoded("x"), "y": encoded("y") })
    ));
    assert!(material(
        json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded("x") })
    ));
    let secret = encoded(std::str::from_utf8(SECRET).unwrap());
    assert!(material(json!({ "kty": "oct", "k": secret, "use": "enc" })));
    assert!(material(
        json!({ "kty": "oct", "k": secret, "key_ops": ["sign"] })
    ));
    let kind = Key::from_jwk(r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#);
    assert!(matches!(kind, Err(InvalidKey::Kind(_))));
    let other = json!({ "kty": "oct", "k": secret, "alg": "RS256" }).to_string();
    assert_eq!(
        Key::from_jwk(&other).unwrap_err(),
        InvalidKey::Algorithm("RS256".into())
    );
}

#[test]
fn a_set_passes_over_what_is_for_others_and_believes_nothing_of_a_broken_one() {
    let secret = encoded(std::str::from_utf8(SECRET).unwrap());
    let others = json!({ "keys": [
        { "kty": "oct", "k": secret, "kid": "ours" },
        { "kty": "oct", "k": secret, "kid": "theirs", "use": "enc" },
        { "kty": "EC", "crv": "P-521", "kid": "unknown" },
        { "kty": "oct", "k": secret, "kid": "new", "alg": "HS1024" },
    ]});
    assert_eq!(KeySet::from_json(&others.to_string()).unwrap().len(), 1);
    let twice = json!({ "keys": [
        { "kty": "oct", "k": secret, "kid": "a" },
        { "kty": "oct", "k": secret, "kid": "a" },
    ]});
    let twice = KeySet::from_json(&twice.to_string()).unwrap_err();
    assert_eq!(twice, InvalidKey::SameId("a".into()));
    for broken in ["", "{}", "[]", r#"{"keys":[{"kty":"oct","k":"AA"}]}"#] {
        assert!(KeySet::from_json(broken).is_err(), "{broken}");
    }
    let many = vec![json!({ "kty": "oct", "k": secret }); 101];
    let many = json!({ "keys": many }).to_string();
    assert_eq!(KeySet::from_json(&many).unwrap_err(), InvalidKey::TooMany);
}

#[test]
fn without_an_id_the_only_key_of_the_algorithm_is_meant_and_never_one_of_two() {
    let key = |id: &str| Key::secret(Some(id), SECRET).unwrap();
    let verifier = Verifier::new(policy()).unwrap();
    let plain = claiming(json!({ "exp": 2e6 }));
    let named = |id: &str| {
        let header = json!({ "alg": "HS256", "kid": id }).to_string();
        signed(&header, r#"{"exp":2e6}"#)
    };
    let one = KeySet::new(vec![key("a")]).unwrap();
    let two = KeySet::new(vec![key("a"), key("b")]).unwrap();
    assert!(verifier.verify(&plain, &one, NOW).is_ok());
    assert_eq!(
        verifier.verify(&plain, &two, NOW),
        Err(Rejection::UnknownKey)
    );
    assert!(verifier.verify(&named("b"), &two, NOW).is_ok());
    assert_eq!(
        verifier.verify(&named("c"), &two, NOW),
        Err(Rejection::UnknownKey)
    );
    assert_eq!(
        verifier.verify(&named("../b"), &two, NOW),
        Err(Rejection::UnknownKey)
    );
    assert!(Rejection::UnknownKey.may_be_a_new_key());
    assert!(!Rejection::Signature.may_be_a_new_key());
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused() {
    let nothing = Policy {
        algorithms: Vec::new(),
        ..policy()
    };
    assert!(Verifier::new(nothing).is_err());
    let patient = Policy {
        leeway: Duration::from_secs(601),
        ..policy()
    };
    assert!(Verifier::new(patient).is_err());
}
