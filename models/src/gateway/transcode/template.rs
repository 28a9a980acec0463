//! Path templates of `google.api.http` rules: `/v1/{name=shelves/*/books/*}:verb`.

use std::ops::Range;

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// Exactly one segment.
    One,
    /// All segments that are left; only at the end.
    Many,
}

/// A parsed template.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
    verb: Option<String>,
    /// Which field takes which parts.
    variables: Vec<(String, Range<usize>)>,
}

impl Template {
    /// # Errors
    ///
    /// What is wrong, with the template.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the path `{text}` {why}");
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| wrong("must begin with `/`"))?;
        let (rest, verb) = split_verb(rest);
        let mut template = Self {
            parts: Vec::new(),
            verb,
            variables: Vec::new(),
        };
        for segment in outer_segments(rest) {
            let Some(variable) = segment.strip_prefix('{') else {
                template
                    .parts
                    .push(part(segment).ok_or_else(|| wrong("has a segment that is none"))?);
                continue;
            };
            let variable = variable
                .strip_suffix('}')
                .ok_or_else(|| wrong("has an open `{`"))?;
            let (field, inner) = variable.split_once('=').unwrap_or((variable, "*"));
            if field.is_empty() || field.split('.').any(str::is_empty) {
                return Err(wrong("has a variable without a field"));
            }
            let from = template.parts.len();
            for segment in inner.split('/') {
                template
                    .parts
                    .push(part(segment).ok_or_else(|| wrong("has a segment that is none"))?);
            }
            let taken = from..template.parts.len();
            template.variables.push((field.to_owned(), taken));
        }
        let many = template.parts.iter().position(|part| *part == Part::Many);
        if many.is_some_and(|at| at + 1 != template.parts.len()) {
            return Err(wrong("has `**` before its end"));
        }
        Ok(template)
    }

    /// Its place among others: those with a verb first, then those that say more, further in front.
    pub(super) fn rank(&self) -> (bool, Vec<(u8, &str)>, Option<&str>) {
        let parts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => (0, text.as_str()),
            Part::One => (1, ""),
            Part::Many => (2, ""),
        });
        (self.verb.is_none(), parts.collect(), self.verb.as_deref())
    }

    /// The fields that a path binds, each with its decoded text; none if it does not fit.
    pub(super) fn bind(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut path = path.strip_prefix('/')?;
        if let Some(verb) = &self.verb {
            path = path.strip_suffix(verb.as_str())?.strip_suffix(':')?;
        }
        let segments: Vec<&str> = path.split('/').collect();
        let open = self.parts.last() == Some(&Part::Many);
        let fixed = self.parts.len() - usize::from(open);
        if segments.len() < fixed || (!open && segments.len() > fixed) {
            return None;
        }
        let fits = |(part, segment): (&Part, &&str)| match part {
            Part::Literal(text) => decode(segment, false) == *text,
            Part::One => !segment.is_empty(),
            Part::Many => true,
        };
        if !self.parts.iter().zip(&segments).all(fits) {
            return None;
        }
        let bound = self.variables.iter().map(|(field, taken)| {
            let reaches_end = open && taken.end == self.parts.len();
            let end = if reaches_end {
                segments.len()
            } else {
                taken.end
            };
            let taken_segments = segments.get(taken.start..end).unwrap_or_default();
            // What one segment stands for is decoded whole; among several, an encoded slash must not
            // become one that separates.
            let several = taken.len() != 1 || reaches_end;
            let texts: Vec<_> = taken_segments
                .iter()
                .map(|text| decode(text, several))
                .collect();
            (field.clone(), texts.join("/"))
        });
        Some(bound.collect())
    }

    /// The fields that are bound.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(field, _)| field.as_str())
    }
}

fn part(text: &str) -> Option<Part> {
    match text {
        "*" => Some(Part::One),
        "**" => Some(Part::Many),
        "" => None,
        text if text.contains(['{', '}', '*', '=']) => None,
        text => Some(Part::Literal(text.to_owned())),
    }
}

/// The verb is behind the last colon, outside of braces.
fn split_verb(text: &str) -> (&str, Option<String>) {
    let after = text.rfind(['}', '/']).map_or(0, |at| at + 1);
    let Some(colon) = text.get(after..).and_then(|tail| tail.find(':')) else {
        return (text, None);
    };
    let (path, verb) = text.split_at(after + colon);
    (path, Some(verb.trim_start_matches(':').to_owned()))
}

/// Segments, of which a variable with all its inner ones is one.
fn outer_segments(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '/' && depth == 0
    })
}

/// Decodes percent signs; `keep_slash` leaves an encoded slash as it is.
pub(super) fn decode(text: &str, keep_slash: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3);
        let digits = digits.and_then(|two| std::str::from_utf8(two).ok());
        let value = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match value.filter(|value| *byte == b'%' && !(keep_slash && *value == b'/')) {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
