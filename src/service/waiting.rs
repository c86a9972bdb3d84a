//! What a trace tells of an append: that it waited, and whose commit it shared.

use tracing::Span;

use crate::telemetry::SPANS;

/// An append that waits for its turn; nothing unless somebody traces.
#[derive(Debug)]
pub(super) struct Waiting(Option<Box<Spans>>);

#[derive(Debug)]
struct Spans {
    request: Span,
    /// Open as long as it waits.
    _queue_wait: Span,
}

impl Waiting {
    /// Within the request's span.
    pub(super) fn begin() -> Waiting {
        let queue_wait = tracing::info_span!(target: SPANS, "queue_wait");
        if queue_wait.is_disabled() {
            return Waiting(None);
        }
        Waiting(Some(Box::new(Spans { request: Span::current(), _queue_wait: queue_wait })))
    }

    /// The wait of a whole group is over. The span of its commit belongs to the first request, and is
    /// linked to the others.
    pub(super) fn end<'a>(group: impl Iterator<Item = &'a mut Waiting>) -> Span {
        let mut commit = Span::none();
        for Spans { request, .. } in
            group.filter_map(|waiting| waiting.0.take()).map(|spans| *spans)
        {
            if commit.is_disabled() {
                commit = tracing::info_span!(target: SPANS, parent: &request, "commit");
            } else {
                commit.follows_from(&request);
            }
        }
        commit
    }
}
