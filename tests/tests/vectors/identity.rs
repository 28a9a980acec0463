//! Tokens against the examples of the standards, attacks on them, and the order of policies.

use std::time::Duration;

use http::{HeaderMap, Method};
use windtunnel_models::identity::jwt::{Algorithm, Key, KeySet, Policy, Rejection, Verifier};
use windtunnel_models::identity::rules::{self, Action, Custom, Facts, Rule, Rules};

use crate::row::Vector;

const HS256_KEY: &str = r#"{"kty":"oct",
 "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const RS256_KEY: &str = r#"{"kty":"RSA",
 "n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
 "e":"AQAB"}"#;
const ES256_KEY: &str = r#"{"kty":"EC","crv":"P-256",
 "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
 "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const EDDSA_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519",
 "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}` with line ends inside.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const BEFORE_END: Duration = Duration::from_secs(1_300_819_379);

fn keys(jwk: &str) -> KeySet {
    KeySet::new(vec![Key::from_jwk(jwk).unwrap()]).unwrap()
}

fn verifier() -> Verifier {
    let everything = Policy {
        algorithms: Algorithm::ALL.to_vec(),
        leeway: Duration::ZERO,
        ..Policy::default()
    };
    Verifier::new(everything).unwrap()
}

fn hs256() -> String {
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    format!("{header}.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
}

#[test]
fn v40_examples_of_signed_tokens() {
    let v = Vector::new("V-40", "RFC 7515 appendix A, RFC 8037 appendix A.4");
    let verifier = verifier();
    let rs256 = format!(
        "eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    let es256 = format!(
        "eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    for (what, token, key) in [
        ("A.1 HS256", hs256(), HS256_KEY),
        ("A.2 RS256", rs256, RS256_KEY),
        ("A.3 ES256", es256, ES256_KEY),
    ] {
        let verdict = verifier.verify(&token, &keys(key), BEFORE_END);
        v.exact(
            what,
            Ok(Some("joe".to_owned())),
            verdict.map(|claims| claims.issuer),
        );
        let later = verifier.verify(&token, &keys(key), BEFORE_END + Duration::from_secs(1));
        v.exact(
            "the same at its end",
            Err(Rejection::Expired),
            later.map(drop),
        );
    }
    let none = format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.");
    let verdict = verifier.verify(&none, &keys(HS256_KEY), BEFORE_END);
    v.exact("A.5 none", Err(Rejection::Algorithm), verdict.map(drop));
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let payload = verifier.signed(eddsa, &keys(EDDSA_KEY));
    v.exact(
        "RFC 8037 EdDSA",
        Ok(b"Example of Ed25519 signing".to_vec()),
        payload,
    );
}

mod forge {
    //! Tokens as an attacker, or an issuer, makes them.

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Signed by an HMAC with whatever is taken for the secret.
    pub fn token(header: &str, claims: &str, secret: &[u8]) -> String {
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", encoded(mac.finalize().into_bytes()))
    }
}

#[test]
fn v42_attacks_on_tokens() {
    let v = Vector::new("V-42", "RFC 8725");
    let verifier = verifier();
    let now = Duration::from_secs(1_000_000);
    let claims = r#"{"exp":2000000}"#;
    let secret = [7; 64];
    let ours = KeySet::new(vec![Key::secret(Some("k1"), &secret).unwrap()]).unwrap();
    let of_header = |header: &str| {
        let token = forge::token(header, claims, &secret);
        verifier.verify(&token, &ours, now).map(drop)
    };

    // A public key, which everybody has, taken for the secret of an HMAC.
    for public in [RS256_KEY.as_bytes(), b"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_w"] {
        let token = forge::token(r#"{"alg":"HS256"}"#, claims, public);
        let verdict = verifier.verify(&token, &keys(RS256_KEY), now).map(drop);
        v.exact(
            "HS256 against a key of RS256",
            Err(Rejection::UnknownKey),
            verdict,
        );
    }
    let named = RS256_KEY.replacen('{', r#"{"kid":"r","#, 1);
    let token = forge::token(r#"{"alg":"HS256","kid":"r"}"#, claims, named.as_bytes());
    let verdict = verifier.verify(&token, &keys(&named), now).map(drop);
    v.exact(
        "the same by the key's id",
        Err(Rejection::Algorithm),
        verdict,
    );
    let told = of_header(r#"{"alg":"RS256","kid":"k1"}"#);
    v.exact("RS256 against a secret", Err(Rejection::Algorithm), told);
    for none in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 "] {
        let told = of_header(&format!(r#"{{"alg":"{none}","kid":"k1"}}"#));
        v.exact(
            &format!("algorithm {none:?}"),
            Err(Rejection::Algorithm),
            told,
        );
    }

    for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", r#""x""#] {
        let told = of_header(&format!(
            r#"{{"alg":"HS256","kid":"k1","crit":{crit},"b64":false}}"#
        ));
        v.exact(&format!("crit {crit}"), Err(Rejection::Critical), told);
    }

    for kid in [
        "k1' OR '1'='1",
        "../../dev/null",
        "k1\\u0000",
        "K1",
        "k1 ",
        "",
    ] {
        let told = of_header(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#));
        v.exact(&format!("kid {kid:?}"), Err(Rejection::UnknownKey), told);
    }

    for (what, member) in [
        ("jku", r#""jku":"https://evil.example/keys""#),
        ("x5u", r#""x5u":"https://evil.example/chain""#),
        ("x5c", r#""x5c":["AAAA"]"#),
        (
            "jwk",
            &*format!(r#""jwk":{{"kty":"oct","k":"{}"}}"#, forge::encoded([1; 64])),
        ),
    ] {
        let header = format!(r#"{{"alg":"HS256","kid":"k1",{member}}}"#);
        v.exact(
            &format!("{what}, signed by us: ignored"),
            Ok(()),
            of_header(&header),
        );
        let token = forge::token(&header, claims, &[1; 64]);
        let verdict = verifier.verify(&token, &ours, now).map(drop);
        v.exact(
            &format!("{what}, signed by its key"),
            Err(Rejection::Signature),
            verdict,
        );
    }

    let skewed = Policy {
        algorithms: vec![Algorithm::HS256],
        leeway: Duration::from_secs(60),
        issuer: Some("https://id.example".to_owned()),
        audiences: vec!["shop".to_owned()],
        ..Policy::default()
    };
    let skewed = Verifier::new(skewed).unwrap();
    let of_claims = |exp: u64, nbf: u64, iss: &str, aud: &str| {
        let claims = format!(r#"{{"exp":{exp},"nbf":{nbf},"iss":"{iss}","aud":{aud}}}"#);
        let token = forge::token(r#"{"alg":"HS256"}"#, &claims, &secret);
        skewed.verify(&token, &ours, now).map(drop)
    };
    let (id, shop) = ("https://id.example", r#""shop""#);
    v.exact(
        "now = exp + skew - 1",
        Ok(()),
        of_claims(999_941, 0, id, shop),
    );
    v.exact(
        "now = exp + skew",
        Err(Rejection::Expired),
        of_claims(999_940, 0, id, shop),
    );
    v.exact(
        "now = nbf - skew",
        Ok(()),
        of_claims(2_000_000, 1_000_060, id, shop),
    );
    let early = of_claims(2_000_000, 1_000_061, id, shop);
    v.exact("now = nbf - skew - 1", Err(Rejection::NotYet), early);
    for near in [
        "https://id.example/",
        "https://id.example.evil",
        "http://id.example",
        "id.example",
    ] {
        let told = of_claims(2_000_000, 0, near, shop);
        v.exact(&format!("issuer {near}"), Err(Rejection::Issuer), told);
    }
    for near in [
        r#""shops""#,
        r#""Shop""#,
        r#"["shop2","sho"]"#,
        r#""""#,
        r#""shop ""#,
    ] {
        let told = of_claims(2_000_000, 0, id, near);
        v.exact(&format!("audience {near}"), Err(Rejection::Audience), told);
    }
    let several = of_claims(2_000_000, 0, id, r#"["other","shop"]"#);
    v.exact("our name among several", Ok(()), several);
}

#[test]
fn v43_the_order_of_policies() {
    let v = Vector::new("V-43", "Istio, authorisation policies");
    let (method, headers) = (Method::GET, HeaderMap::new());
    let facts = Facts {
        principal: None,
        request_principal: None,
        claims: None,
        address: "192.0.2.1".parse().unwrap(),
        host: "shop.example",
        path: "/",
        method: &method,
        headers: &headers,
    };
    let everything = || vec![Rule::default()];
    let policy = |action, rules: Vec<Rule>| rules::Policy {
        name: "policy".to_owned(),
        action,
        rules,
    };
    let passes = |policies: Vec<rules::Policy>, said: Custom| {
        Rules::new(1, policies).decide(&facts, &|_| said).passes
    };
    let custom = policy(Action::Custom, everything());
    let (deny, allow) = (
        policy(Action::Deny, everything()),
        policy(Action::Allow, everything()),
    );
    let other = policy(Action::Allow, vec![]);
    let denied = passes(vec![custom.clone(), allow.clone()], Custom::Refuses);
    v.exact("1: CUSTOM denies", false, denied);
    let both = passes(vec![deny, allow.clone()], Custom::Passes);
    v.exact("2: DENY and ALLOW match", false, both);
    v.exact("3: no ALLOW policy", true, passes(vec![], Custom::Passes));
    let one = passes(vec![other.clone(), allow.clone()], Custom::Passes);
    v.exact("4: one ALLOW matches", true, one);
    v.exact(
        "5: no ALLOW matches",
        false,
        passes(vec![other], Custom::Passes),
    );
    v.exact(
        "CUSTOM passes, ALLOW matches",
        true,
        passes(vec![custom, allow], Custom::Passes),
    );
}
