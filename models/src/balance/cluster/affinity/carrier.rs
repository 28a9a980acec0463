//! Where a session's value travels: in a cookie (RFC 6265) or in a header of its own.

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::InvalidPolicy;

/// How a value comes with a request and goes with a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In a cookie.
    Cookie(Cookie),
    /// In a header.
    Header(HeaderName),
}

/// The cookie of a session; never seen by scripts, and not sent along from other sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// The paths it is sent to.
    pub path: String,
    /// How long the client keeps it, in whole seconds; none for as long as it runs.
    pub lifetime: Option<Duration>,
    /// Whether it is sent over TLS only.
    pub is_secure: bool,
}

impl Cookie {
    /// A cookie for all paths, over TLS only, that is gone when the client ends.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: "/".to_owned(),
            lifetime: None,
            is_secure: true,
        }
    }

    fn render(&self, value: &str) -> String {
        let Self { name, path, .. } = self;
        let mut text = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax");
        if let Some(lifetime) = self.lifetime {
            text.push_str(&format!("; Max-Age={}", lifetime.as_secs()));
        }
        if self.is_secure {
            text.push_str("; Secure");
        }
        text
    }
}

impl Carrier {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// A name or a path that would end the cookie, or a lifetime below a second.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        let Self::Cookie(cookie) = self else {
            return Ok(());
        };
        if cookie.name.is_empty() || !cookie.name.bytes().all(is_token) {
            return Err(InvalidPolicy::NoCookie("cookie.name"));
        }
        let is_path = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b';';
        if !cookie.path.starts_with('/') || !cookie.path.bytes().all(is_path) {
            return Err(InvalidPolicy::NoCookie("cookie.path"));
        }
        match cookie.lifetime {
            Some(lifetime) if lifetime.as_secs() == 0 => {
                Err(InvalidPolicy::Zero("cookie.lifetime"))
            }
            _ => Ok(()),
        }
    }

    /// The value a request carries; the first one, if there are several.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        match self {
            Self::Header(name) => headers.get(name)?.to_str().ok(),
            Self::Cookie(cookie) => {
                let lines = headers.get_all(COOKIE).iter();
                let lines = lines.filter_map(|line| line.to_str().ok());
                let mut pairs = lines.flat_map(|line| line.split(';'));
                pairs.find_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    (name.trim() == cookie.name).then(|| value.trim().trim_matches('"'))
                })
            }
        }
    }

    /// Has a response carry a value. One that no header can hold is left out: none of a
    /// [`Seal`](super::Seal)'s is.
    pub fn write(&self, value: &str, headers: &mut HeaderMap) {
        let (name, text) = match self {
            Self::Header(name) => (name.clone(), value.to_owned()),
            Self::Cookie(cookie) => (SET_COOKIE, cookie.render(value)),
        };
        let Ok(value) = HeaderValue::try_from(text) else {
            return;
        };
        match self {
            Self::Header(_) => drop(headers.insert(name, value)),
            // Others set cookies, too.
            Self::Cookie(_) => drop(headers.append(name, value)),
        }
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
