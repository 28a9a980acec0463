//! Asking one candidate after the other until one admits.

use std::sync::Arc;

use super::members::{Member, Memory};
use super::{Admits, Call, InFlight, NoEndpoint};

/// Draws candidates until one admits. `draw` is told who has refused so far and picks among the others;
/// it locks what it needs by itself, so nothing is locked while a candidate is asked. `undo` takes a draw
/// back whose endpoint refused.
pub(super) fn ask<D>(
    endpoints: usize,
    admits: &mut Admits<'_>,
    mut draw: impl FnMut(&[Arc<str>]) -> Option<(InFlight, D)>,
    mut undo: impl FnMut(D),
) -> Result<InFlight, NoEndpoint> {
    let mut refused = Vec::new();
    loop {
        let Some((drawn, draft)) = draw(&refused) else {
            return Err(NoEndpoint::after(endpoints, refused.len()));
        };
        if admits(drawn.endpoint()) {
            return Ok(drawn);
        }
        refused.push(drawn.endpoint().clone());
        undo(draft);
        drawn.refuse();
    }
}

/// Those that are eligible and have not refused yet, in the order of the set.
pub(super) fn willing<'a, M: Memory>(
    members: &'a [Member<M>],
    call: &Call<'_>,
    refused: &[Arc<str>],
) -> Vec<&'a Member<M>> {
    let willing = members.iter();
    willing
        .filter(|member| (call.eligible)(&member.name) && !refused.contains(&member.name))
        .collect()
}
