//! Which origins are allowed: exact ones, subdomains of one, or all.

use http::HeaderValue;

pub(super) struct Origins {
    any: bool,
    exact: Vec<String>,
    /// What is before the `*`, and what is after it.
    subdomains: Vec<(String, String)>,
}

impl Origins {
    pub(super) fn new(list: &[String]) -> Result<Self, String> {
        if list.is_empty() {
            return Err("`allow-origins` is empty: nobody could be allowed anything".to_owned());
        }
        let mut origins = Self {
            any: false,
            exact: Vec::new(),
            subdomains: Vec::new(),
        };
        for origin in list {
            let text = origin.to_ascii_lowercase();
            if text == "*" {
                origins.any = true;
            } else if let Some((scheme, rest)) = text.split_once("://*.") {
                check(origin, scheme, rest)?;
                origins
                    .subdomains
                    .push((format!("{scheme}://"), format!(".{rest}")));
            } else {
                let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(origin))?;
                check(origin, scheme, rest)?;
                origins.exact.push(text);
            }
        }
        Ok(origins)
    }

    pub(super) const fn any(&self) -> bool {
        self.any
    }

    pub(super) fn allow(&self, origin: &HeaderValue) -> bool {
        if self.any {
            return true;
        }
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        // Browsers send lower case.
        let exact = self.exact.iter().any(|exact| exact == origin);
        exact || self.subdomains.iter().any(|parts| is_below(origin, parts))
    }
}

/// At least one label takes the place of the star, and nothing but labels.
fn is_below(origin: &str, (scheme, domain): &(String, String)) -> bool {
    let labels = origin.strip_prefix(scheme.as_str());
    let labels = labels.and_then(|rest| rest.strip_suffix(domain.as_str()));
    labels.is_some_and(|labels| !labels.is_empty() && labels.split('.').all(is_label))
}

fn is_label(label: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !label.is_empty() && label.chars().all(legal)
}

fn check(origin: &str, scheme: &str, rest: &str) -> Result<(), String> {
    let authority = rest.parse::<http::uri::Authority>();
    let host = authority.is_ok() && !rest.contains(['@', '*']);
    let scheme = scheme.parse::<http::uri::Scheme>();
    if host && scheme.is_ok() {
        Ok(())
    } else {
        Err(wrong(origin))
    }
}

fn wrong(origin: &str) -> String {
    format!(
        "`allow-origins` has `{origin}`, which is not `*`, `scheme://host` or `scheme://*.domain`, with \
         or without port"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &[&str], origin: &str) -> bool {
        let list: Vec<_> = list.iter().map(|text| (*text).to_owned()).collect();
        let origins = Origins::new(&list).expect("right");
        origins.allow(&HeaderValue::from_str(origin).expect("value"))
    }

    #[test]
    fn a_star_stands_for_whole_labels_and_for_at_least_one() {
        let list = ["https://*.shop.example", "http://a.example:81"];
        for allowed in [
            "https://x.shop.example",
            "https://x.y.shop.example",
            "http://a.example:81",
        ] {
            assert!(allows(&list, allowed), "{allowed}");
        }
        for refused in [
            "https://shop.example",
            "https://.shop.example",
            "https://evil/.shop.example",
            "https://evilshop.example",
            "https://x.shop.example.evil",
            "http://x.shop.example",
            "https://x.shop.example:8443",
            "http://a.example",
            "null",
        ] {
            assert!(!allows(&list, refused), "{refused}");
        }
        assert!(allows(&["*"], "null"));
    }

    #[test]
    fn what_is_no_origin_is_named() {
        for wrong in [
            "",
            "shop.example",
            "https://",
            "https://a.*.b",
            "https://u@h",
            "https://a/b",
        ] {
            let problem = Origins::new(&[wrong.to_owned()]).err();
            assert!(
                problem.is_some_and(|text| text.contains("allow-origins")),
                "{wrong}"
            );
        }
    }
}
