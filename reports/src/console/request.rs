//! What happened for one request, for people: who asked, then event by event. And which request to look
//! at first.

use super::style::{Style, Tone, clean};
use crate::{
    numbers::{counted, latency},
    request::Request,
    words::Narrator,
};
use windtunnel_record::{Event, Operation, Outcome, RunRecord};

/// The log of a request; `operation` is what it was for, if a client asked for it.
pub fn request_log(
    request: &Request<'_>,
    operation: Option<&Operation>,
    narrator: &Narrator<'_>,
    style: Style,
) -> String {
    let mut text = String::new();
    if let Some(operation) = operation {
        text += &style.line(tone(operation), "Request", &headline(operation));
    }
    text += &style.line(Tone::Label, "Trace", &request.trace.to_string());
    for record in &request.events {
        let says = clean(&narrator.tell(&record.event));
        text += &style.more(&format!("{:<13} {says}", record.at.to_string()));
    }
    let count = |which: fn(&Event) -> bool| {
        let events = request.events.iter();
        events.filter(|record| which(&record.event)).count() as u64
    };
    let events = counted(request.events.len() as u64, "event");
    let sent = counted(
        count(|event| matches!(event, Event::RequestSent { .. })),
        "request",
    );
    let packets = counted(count(|event| event.is_packet()), "packet");
    text + &style.line(
        Tone::Label,
        "Summary",
        &format!("{events}: {sent} sent, {packets}"),
    )
}

/// The operation that took longest, and the line that shows what happened for it; `directory` is where
/// the run's log is. Nothing if no operation has come to its end.
pub fn slowest(run: &RunRecord, directory: &str, style: Style) -> String {
    let operations = run.history().operations;
    let ended = operations
        .iter()
        .filter(|operation| operation.latency().is_some());
    // Of several the first: what is printed must not depend on how they are gone through.
    let slowest = ended.rev().max_by_key(|operation| operation.latency());
    let Some((operation, trace)) = slowest.and_then(|found| Some((found, found.trace?))) else {
        return String::new();
    };
    style.line(Tone::Label, "Slowest", &headline(operation))
        + &style.more(&format!("windtunnel export {directory} --request {trace}"))
}

fn tone(operation: &Operation) -> Tone {
    match operation.outcome {
        Some(Outcome::Ok) => Tone::Good,
        Some(Outcome::Fail) => Tone::Bad,
        _ => Tone::Doubtful,
    }
}

/// The operation in a line: `checkout order-17 (operation 17): ok, 200, after 17.6 ms`.
fn headline(operation: &Operation) -> String {
    let outcome = match operation.outcome {
        Some(Outcome::Ok) => "ok",
        Some(Outcome::Fail) => "failed",
        Some(Outcome::Unknown) => "unknown",
        None => "pending",
    };
    let detail = match operation.detail.as_str() {
        "" => String::new(),
        detail => format!(", {}", clean(detail)),
    };
    let after = operation.latency().map(|latency_of| {
        let millis = latency_of.as_nanos() as f64 / 1e6;
        format!(", after {}", latency(millis))
    });
    format!(
        "{} {} (operation {}): {outcome}{detail}{}",
        clean(&operation.name),
        clean(&operation.key),
        operation.operation,
        after.unwrap_or_default()
    )
}
