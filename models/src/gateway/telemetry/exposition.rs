//! Readings as text that Prometheus scrapes: its own format, or OpenMetrics 1.0.

use std::fmt::Write;
use std::sync::Arc;

use super::family::{Exemplar, Family, Kind, Reading, Sample, Value};

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Version 0.0.4.
    Prometheus,
    /// Version 1.0.0, with exemplars.
    OpenMetrics,
}

impl Format {
    /// What a scraper gets that accepts this: OpenMetrics if it says so.
    pub fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes readings.
pub fn exposition(families: &[Family], format: Format) -> String {
    let mut page = Page {
        text: String::new(),
        format,
    };
    for family in families {
        page.family(family);
    }
    if format == Format::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page {
    text: String,
    format: Format,
}

type Labels<'a> = &'a [(&'static str, Arc<str>)];

impl Page {
    fn family(&mut self, family: &Family) {
        let (kind, suffix) = match family.kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        // In OpenMetrics the family of a counter is named without what its samples end in.
        let named = match self.format {
            Format::Prometheus => suffix,
            Format::OpenMetrics => "",
        };
        let name = family.name;
        // Writing to a text does not fail, here and below.
        let _ = writeln!(self.text, "# TYPE {name}{named} {kind}");
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.text, "# HELP {name}{named} {help}");
        for Sample { labels, value } in &family.samples {
            match value {
                Value::Number(number) => {
                    self.head(name, suffix, labels, None);
                    let _ = writeln!(self.text, "{number}");
                }
                Value::Reading(reading) => self.reading(name, labels, reading),
            }
        }
    }

    fn reading(&mut self, name: &str, labels: Labels<'_>, reading: &Reading) {
        let mut below = 0;
        for (position, count) in reading.counts.iter().enumerate() {
            below += count;
            let bound = reading.bounds.get(position);
            let bound = bound.map_or("+Inf".to_owned(), |bound| format!("{bound:?}"));
            self.head(name, "_bucket", labels, Some(&bound));
            let _ = write!(self.text, "{below}");
            let exemplar = reading.exemplars.get(position).copied().flatten();
            if let (Format::OpenMetrics, Some(Exemplar { value, trace })) = (self.format, exemplar)
            {
                let _ = write!(self.text, " # {{trace_id=\"{trace:032x}\"}} {value:?}");
            }
            self.text.push('\n');
        }
        self.head(name, "_sum", labels, None);
        let _ = writeln!(self.text, "{:?}", reading.sum);
        self.head(name, "_count", labels, None);
        let _ = writeln!(self.text, "{below}");
    }

    fn head(&mut self, name: &str, suffix: &str, labels: Labels<'_>, bound: Option<&str>) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        let mut separator = '{';
        let labels = labels.iter().map(|(name, value)| (*name, &**value));
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            let value = value.replace('\\', "\\\\");
            let value = value.replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{separator}{name}=\"{value}\"");
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        self.text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let mut requests = Family::new("requests", Kind::Counter, "Requests\\answered.");
        requests.push(vec![("route", "a \"b\"\\\n".into())], 3);
        let mut took = Family::new("took_seconds", Kind::Histogram, "How long.");
        let exemplar = Exemplar {
            value: 0.3,
            trace: 0xab,
        };
        took.samples.push(Sample {
            labels: Vec::new(),
            value: Value::Reading(Reading {
                bounds: &[0.1, 1.0],
                counts: vec![2, 1, 4],
                sum: 1.5,
                exemplars: vec![None, Some(exemplar), None],
            }),
        });
        vec![requests, took]
    }

    #[test]
    fn prometheus_has_cumulative_buckets_and_escaped_labels() {
        let text = exposition(&families(), Format::Prometheus);
        let expected = "# TYPE requests_total counter\n\
                        # HELP requests_total Requests\\\\answered.\n\
                        requests_total{route=\"a \\\"b\\\"\\\\\\n\"} 3\n\
                        # TYPE took_seconds histogram\n\
                        # HELP took_seconds How long.\n\
                        took_seconds_bucket{le=\"0.1\"} 2\n\
                        took_seconds_bucket{le=\"1.0\"} 3\n\
                        took_seconds_bucket{le=\"+Inf\"} 7\n\
                        took_seconds_sum 1.5\n\
                        took_seconds_count 7\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn open_metrics_names_counters_without_their_ending_has_exemplars_and_ends() {
        let text = exposition(&families(), Format::OpenMetrics);
        assert!(text.starts_with("# TYPE requests counter\n"), "{text}");
        assert!(text.contains("\nrequests_total{route="), "{text}");
        let exemplar = format!("le=\"1.0\"}} 3 # {{trace_id=\"{:032x}\"}} 0.3\n", 0xab);
        assert!(text.contains(&exemplar), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }

    #[test]
    fn open_metrics_is_for_those_who_accept_it() {
        let new = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        assert_eq!(Format::accepted(Some(new)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("text/plain")), Format::Prometheus);
        assert_eq!(Format::accepted(None), Format::Prometheus);
    }
}
