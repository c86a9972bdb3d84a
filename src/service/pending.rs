//! An append that is under way: who waits for its answer, and who gives it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::ServiceError;
use crate::log::Appended;

/// A future of what became of a batch that was submitted. Dropping it does not undo the append.
#[derive(Debug)]
pub struct PendingAppend(oneshot::Receiver<Result<Appended, ServiceError>>);

/// Gives the answer. Dropping it tells that the answer was lost.
#[derive(Debug)]
pub struct AppendAnswer(oneshot::Sender<Result<Appended, ServiceError>>);

impl PendingAppend {
    /// Both ends.
    #[must_use]
    pub fn new() -> (AppendAnswer, PendingAppend) {
        let (answer, pending) = oneshot::channel();
        (AppendAnswer(answer), PendingAppend(pending))
    }
}

impl AppendAnswer {
    /// Tells what became of the batch. A caller that went away does not undo its append.
    pub fn give(self, answer: Result<Appended, ServiceError>) {
        let _ = self.0.send(answer);
    }
}

impl Future for PendingAppend {
    type Output = Result<Appended, ServiceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(answer.unwrap_or(Err(ServiceError::AnswerLost)))
    }
}
