//! Where two runs part, for people: what both had before, then both courses, event by event.

use super::style::{Style, Tone, clean};
use crate::{
    json::{ToldDifference, ToldEvent},
    numbers::grouped,
};

/// The first difference between two runs, which are called `one` and `other`.
pub fn difference(told: &ToldDifference, one: &str, other: &str, style: Style) -> String {
    let place = match told.hosts.as_slice() {
        [] => String::new(),
        hosts => format!(" on {}", clean(&hosts.join(" and "))),
    };
    let headline = format!("event {} at {}{place}", grouped(told.position + 1), told.at);
    let mut text = style.line(Tone::Bad, "Differs", &headline);
    let first = told.position + 1 - told.before.len() as u64;
    for (number, event) in (first..).zip(&told.before) {
        text += &style.more(&format!("{:<7} {}", "  both", line(number, event)));
    }
    let from_there = told.one.len().max(told.other.len()).max(1);
    for index in 0..from_there {
        let number = told.position + 1 + index as u64;
        let (left, right) = (told.one.get(index), told.other.get(index));
        if left == right {
            text += &course("  both", number, left, style);
            continue;
        }
        text += &course("<  one", number, left, style);
        text += &course("> other", number, right, style);
    }
    text += &style.more(&format!("<  one is {}", clean(one)));
    text += &style.more(&format!("> other is {}", clean(other)));
    text
}

fn course(mark: &str, number: u64, event: Option<&ToldEvent>, style: Style) -> String {
    match event {
        Some(event) => style.more(&format!("{mark:<7} {}", line(number, event))),
        None => style.more(&format!("{mark:<7} nothing more: the run was over")),
    }
}

fn line(number: u64, event: &ToldEvent) -> String {
    format!(
        "{:>9}  {:<13} {}",
        grouped(number),
        event.at,
        clean(&event.says)
    )
}
