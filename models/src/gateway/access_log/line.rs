//! One line: the same fields in the same order for every request.

use std::fmt::Write;
use std::time::Duration;

use crate::gateway::{Access, End};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object.
    #[default]
    Json,
    /// `key=value` pairs; values that need it are JSON texts.
    Text,
}

/// The fields of a line. What is not known is absent in JSON, and `-` in text:
///
/// | Field | What |
/// |---|---|
/// | `time` | when the request ended, RFC 3339 in UTC, with milliseconds |
/// | `client` | who asked: an address, or a name |
/// | `method`, `host`, `path` | what was asked for, host and path in their normal form |
/// | `route`, `upstream`, `endpoint` | where it went; the endpoint is that of the last attempt |
/// | `status` | what was answered |
/// | `attempts` | how many were made |
/// | `latency_us` | from the request's head to the end, in microseconds |
/// | `refusal` | why the gateway refused |
/// | `end` | `complete`, `caller-left` or `broken-off` |
/// | `trace` | the trace id |
pub(super) fn line(access: &Access<'_>, now: Duration, format: LogFormat) -> String {
    let mut line = Line {
        text: String::with_capacity(320),
        format,
    };
    if format == LogFormat::Json {
        line.text.push('{');
    }
    let client = access.client.map(ToString::to_string);
    let time = rfc3339(now);
    line.word("time", Some(&time));
    line.text_of("client", client.as_deref());
    line.text_of("method", Some(access.method.as_str()));
    line.text_of("host", Some(access.host).filter(|host| !host.is_empty()));
    line.text_of("path", Some(access.path));
    line.text_of("route", access.route);
    line.text_of("upstream", access.upstream);
    line.text_of("endpoint", access.endpoint);
    line.number("status", access.status.map(|status| status.as_u16().into()));
    line.number("attempts", Some(access.attempts.into()));
    let latency = u64::try_from(access.latency.as_micros()).unwrap_or(u64::MAX);
    line.number("latency_us", Some(latency));
    line.word("refusal", access.refusal.map(|refusal| refusal.kind()));
    let end = match access.end {
        End::Complete => "complete",
        End::CallerLeft => "caller-left",
        End::BrokenOff => "broken-off",
    };
    line.word("end", Some(end));
    let trace = (access.trace != 0).then(|| format!("{:032x}", access.trace));
    line.word("trace", trace.as_deref());
    if format == LogFormat::Json {
        line.text.push('}');
    }
    line.text.push('\n');
    line.text
}

struct Line {
    text: String,
    format: LogFormat,
}

impl Line {
    /// A value that needs no escape.
    fn word(&mut self, key: &str, value: Option<&str>) {
        match (self.format, value) {
            (LogFormat::Json, Some(value)) => {
                self.key(key);
                self.text.push('"');
                self.text.push_str(value);
                self.text.push('"');
            }
            (LogFormat::Json, None) => {}
            (LogFormat::Text, value) => {
                self.key(key);
                self.text.push_str(value.unwrap_or("-"));
            }
        }
    }

    /// A value that anybody may have chosen: it cannot end its field, nor the line.
    fn text_of(&mut self, key: &str, value: Option<&str>) {
        let plain = |value: &str| {
            let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\' && c != '=';
            !value.is_empty() && value != "-" && value.chars().all(plain)
        };
        match value {
            Some(value) if self.format == LogFormat::Json || !plain(value) => {
                self.key(key);
                // A text is always valid JSON.
                self.text
                    .push_str(&serde_json::to_string(value).unwrap_or_default());
            }
            value => self.word(key, value),
        }
    }

    fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            // Writing to a text does not fail.
            let _ = write!(self.text, "{value}");
        } else {
            self.word(key, None);
        }
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Json => {
                if self.text.len() > 1 {
                    self.text.push(',');
                }
                let _ = write!(self.text, "\"{key}\":");
            }
            LogFormat::Text => {
                if !self.text.is_empty() {
                    self.text.push(' ');
                }
                let _ = write!(self.text, "{key}=");
            }
        }
    }
}

/// The time since 1970 as a date and a time in UTC. (Days to dates after Howard Hinnant's
/// `civil_from_days`: years begin in March, so that the day that is sometimes missing is the last.)
fn rfc3339(since: Duration) -> String {
    let seconds = since.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let day = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::*;
    use crate::gateway::{Client, Refusal};

    fn access<'a>(client: &'a Client, path: &'a str, refusal: Option<&'a Refusal>) -> Access<'a> {
        Access {
            client: Some(client),
            method: &Method::GET,
            host: "shop.example",
            path,
            route: None,
            upstream: None,
            endpoint: None,
            status: Some(StatusCode::NOT_FOUND),
            attempts: 0,
            latency: Duration::from_micros(1_500),
            refusal,
            end: End::Complete,
            trace: 0xab,
        }
    }

    #[test]
    fn a_date_is_right_around_leap_days_and_centuries() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1_764_266_400, "2025-11-27T18:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), date);
        }
        let last = Duration::from_millis(1_767_225_599_999);
        assert_eq!(rfc3339(last), "2025-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_line_of_json_has_what_is_known() {
        let client = Client::Key("acme".to_owned());
        let access = access(&client, "/a", Some(&Refusal::NoRoute));
        let line = line(&access, Duration::ZERO, LogFormat::Json);
        let expected = r#"{"time":"1970-01-01T00:00:00.000Z","client":"acme","method":"GET","#
            .to_owned()
            + r#""host":"shop.example","path":"/a","status":404,"attempts":0,"latency_us":1500,"#
            + r#""refusal":"no-route","end":"complete","trace":"000000000000000000000000000000ab"}"#
            + "\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn nobody_ends_a_field_or_a_line_with_what_he_asks_for() {
        let client = Client::Header("a b\nstatus=200".to_owned());
        let access = access(&client, "/\"x\" y\u{2028}", None);
        let text = line(&access, Duration::ZERO, LogFormat::Text);
        let expected = "time=1970-01-01T00:00:00.000Z client=\"a b\\nstatus=200\" method=GET \
            host=shop.example path=\"/\\\"x\\\" y\u{2028}\" route=- upstream=- endpoint=- status=404 \
            attempts=0 latency_us=1500 refusal=- end=complete trace=000000000000000000000000000000ab\n";
        assert_eq!(text, expected);
        let json = line(&access, Duration::ZERO, LogFormat::Json);
        assert_eq!(json.matches('\n').count(), 1, "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["client"], "a b\nstatus=200");
    }
}
