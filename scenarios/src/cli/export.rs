//! `windtunnel export`: what happened for one request.

use super::{
    arguments::{Export, Form},
    course::Course,
    exit::{Exit, Failure},
    log, store,
};
use std::io::{self, IsTerminal, Write};
use windtunnel_record::{History, TraceId};
use windtunnel_reports::{
    console::{Style, request_log},
    numbers::counted,
    request::{self, Request},
    words::Narrator,
};

/// So many digits of a trace id are enough to name it; fewer are an operation's number.
const SHORTEST: usize = 8;

/// Prints the log of the request that the arguments name.
pub fn export(arguments: &Export) -> Result<Exit, Failure> {
    windtunnel::process::without_address_randomisation();
    let course = Course::of(&arguments.target)?;
    let traces = request::traces(&course.events);
    let trace = find(&arguments.request, &traces)?;
    let request = Request::of(&course.events, &course.topology, trace)
        .ok_or_else(|| unknown(&arguments.request, &traces))?;
    if !course.trace.keeps_packets() {
        let lacks = log::too_little(&arguments.target, course.trace, "tells of no packets");
        eprintln!("note: {lacks}");
    }
    let is_terminal = arguments.out.is_none() && io::stdout().is_terminal();
    let bytes = match arguments.to {
        Form::Text => {
            let style = if is_terminal {
                Style::COLORED
            } else {
                Style::PLAIN
            };
            let history = History::from_events(&course.events);
            let operation = request.operation;
            let operation = operation.and_then(|number| history.operations.get(number as usize));
            let narrator = Narrator::of(&course.topology, &course.events);
            request_log(&request, operation, &narrator, style).into_bytes()
        }
        Form::Jsonl => lines(&request)?,
    };
    match &arguments.out {
        Some(path) => store::write_whole(path, &bytes)?,
        None => io::stdout().lock().write_all(&bytes)?,
    }
    Ok(Exit::Held)
}

/// The events, a JSON object a line.
fn lines(request: &Request<'_>) -> Result<Vec<u8>, Failure> {
    let mut lines = Vec::new();
    for record in &request.events {
        serde_json::to_writer(&mut lines, record).map_err(io::Error::from)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The trace that `named` means: an operation's number, a trace id or the beginning of one.
fn find(named: &str, traces: &[(TraceId, u64)]) -> Result<TraceId, Failure> {
    if let Ok(trace) = named.parse() {
        // Also one that belongs to no operation, such as a health check's.
        return Ok(trace);
    }
    if let Some(number) = named.parse().ok().filter(|_: &u64| named.len() < SHORTEST) {
        let found = traces.iter().find(|(_, operation)| *operation == number);
        let found = found.map(|(trace, _)| *trace);
        return found.ok_or_else(|| unknown(named, traces));
    }
    if named.len() < SHORTEST {
        let message = format!(
            "`{named}` is too short (give eight digits of a trace id or more, or the number of an \
             operation)"
        );
        return Err(Failure::new(Exit::Nothing, message));
    }
    let begins = |(trace, _): &&(TraceId, u64)| trace.to_string().starts_with(named);
    let mut fitting = traces.iter().filter(begins).map(|(trace, _)| *trace);
    let first = fitting.next().ok_or_else(|| unknown(named, traces))?;
    match fitting.next() {
        None => Ok(first),
        Some(second) => {
            let message =
                format!("`{named}` is the beginning of {first} and of {second} (give more digits)");
            Err(Failure::new(Exit::Nothing, message))
        }
    }
}

/// What is told when no request is called `named`.
fn unknown(named: &str, traces: &[(TraceId, u64)]) -> Failure {
    let known = match traces.first() {
        Some((trace, operation)) => format!(
            "the run has {}, such as operation {operation} with the trace {trace}; history.jsonl lists \
             them all",
            counted(traces.len() as u64, "request")
        ),
        None => "no operation of the run has a trace".into(),
    };
    let message = format!("no request is called `{named}` ({known})");
    Failure::new(Exit::Nothing, message)
}
