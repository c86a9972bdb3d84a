//! What a trace tells of an append: that it waited, and whose commit it shared.

use tracing::Span;

use crate::telemetry::SPANS;

/// An append that waits for its turn. Both spans are none unless somebody traces.
#[derive(Debug)]
pub(super) struct Waiting {
    /// That of the request.
    request: Span,
    /// Closed when the wait is over.
    queue_wait: Span,
}

impl Waiting {
    /// Within the request's span.
    pub(super) fn begin() -> Waiting {
        let queue_wait = tracing::info_span!(target: SPANS, "queue_wait");
        let request = if queue_wait.is_disabled() { Span::none() } else { Span::current() };
        Waiting { request, queue_wait }
    }

    /// The wait of a whole group is over. The span of its commit belongs to the first request, and is
    /// linked to the others.
    pub(super) fn end<'a>(group: impl Iterator<Item = &'a mut Waiting>) -> Span {
        let mut commit = Span::none();
        for waiting in group {
            if waiting.queue_wait.is_disabled() {
                continue;
            }
            waiting.queue_wait = Span::none();
            if commit.is_disabled() {
                commit = tracing::info_span!(target: SPANS, parent: &waiting.request, "commit");
            } else {
                commit.follows_from(&waiting.request);
            }
        }
        commit
    }
}
