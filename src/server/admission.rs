//! Whether a request is let in, over HTTP as over gRPC: what it shows is handed to the guard, which
//! decides, and an answer that goes on is let go on only as long as that holds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Frame, SizeHint};
use hyper::header::{AUTHORIZATION, HeaderMap};

use crate::security::{Credentials, Guard, Refusal, Subject, bearer_token};

pub(super) use crate::security::Action;

/// How often it is asked whether an answer that goes on may.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Who may make a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody who can connect: probes.
    Open,
    /// Whoever is known.
    Known,
    /// Whoever may do this.
    Needs(Action),
}

impl Access {
    /// Whether the log itself is asked, which has to be open then.
    pub(super) const fn asks_the_log(self) -> bool {
        matches!(self, Access::Needs(Action::Produce | Action::Consume | Action::Admin))
    }
}

/// Whose certificate a connection's handshake has verified, and until when it is valid, in seconds since
/// 1970. An extension of each request.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) subject: Arc<str>,
    pub(super) expires_at_s: u64,
}

/// What lets requests in.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    /// Without one, or one that demands nothing, everybody is let in.
    guard: Option<Arc<Guard>>,
}

impl Admission {
    pub(super) fn by(guard: Option<Arc<Guard>>) -> Admission {
        Admission { guard: guard.filter(|guard| guard.demands_identity()) }
    }

    /// Whether callers have to say who they are.
    pub(super) const fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Decides by what a request shows.
    pub(super) fn admit<B>(
        &self,
        access: Access,
        request: &Request<B>,
    ) -> Result<Admitted, Refusal> {
        let Some(guard) = &self.guard else { return Ok(Admitted::default()) };
        let certificate = request.extensions().get::<Certificate>();
        let credentials = Credentials {
            certificate: certificate.map(|certificate| &*certificate.subject),
            certificate_expires_at_s: certificate.map(|certificate| certificate.expires_at_s),
            bearer: bearer(request.headers()),
        };
        let action = match access {
            Access::Open => return Ok(Admitted::default()),
            Access::Known => {
                let subject = guard.require_known(&credentials)?;
                return Ok(Admitted { subject: Some(subject), lease: None });
            }
            Access::Needs(action) => action,
        };
        let subject = guard.require(&credentials, action)?;
        let (named, guard) = (Some(subject.clone()), Arc::clone(guard));
        let lease = Some(Lease { guard, subject, action, checked: Instant::now() });
        Ok(Admitted { subject: named, lease })
    }
}

/// The token that a request shows. What can't be understood counts as one that is no good: nobody gets
/// in by an old certificate beside it.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let first = fields.next()?;
    let token = bearer_token(first.as_bytes()).filter(|_| fields.next().is_none());
    Some(token.unwrap_or_default())
}

/// A request that was let in.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// Whose it is, if that had to be known.
    subject: Option<Subject>,
    lease: Option<Lease>,
}

/// For how long that holds.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    guard: Arc<Guard>,
    subject: Subject,
    action: Action,
    checked: Instant,
}

impl Lease {
    /// Asks again, if it was long ago that it was asked.
    pub(super) fn renew(&mut self) -> Result<(), Refusal> {
        if self.checked.elapsed() < RECHECK_INTERVAL {
            return Ok(());
        }
        self.checked = Instant::now();
        self.guard.require_still(&self.subject, self.action)
    }
}

impl Admitted {
    /// What has to hold for as long as the caller sends.
    pub(super) fn lease(&self) -> Option<Lease> {
        self.lease.clone()
    }

    /// Says in the answer's extensions who is asking, and sees to it that one that is read ends once its caller may have no more of it: by what `end`
    /// makes of the refusal. Of what was done the caller is always told.
    pub(super) fn hold(self, mut response: Response, end: End) -> Response {
        if let Some(subject) = self.subject {
            response.extensions_mut().insert(subject);
        }
        let reads = |lease: &Lease| !matches!(lease.action, Action::Produce | Action::Admin);
        let Some(lease) = self.lease.filter(reads) else { return response };
        response.map(|body| Body::new(Held { body, lease, end, is_over: false }))
    }
}

/// Who asked for an answer, if that had to be known.
pub(super) fn subject_of(response: &Response) -> Option<&str> {
    response.extensions().get::<Subject>().and_then(Subject::name)
}

/// How an answer ends whose caller is refused meanwhile: by trailers, or by being cut off.
pub(super) type End = fn(&Refusal) -> Option<HeaderMap>;

/// An answer's body, as long as its caller may have it.
struct Held {
    body: Body,
    lease: Lease,
    end: End,
    is_over: bool,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let has_data = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        if has_data && let Err(refusal) = self.lease.renew() {
            self.is_over = true;
            // What the answer was made of ends with it.
            self.body = Body::empty();
            return Poll::Ready(Some(match (self.end)(&refusal) {
                Some(trailers) => Ok(Frame::trailers(trailers)),
                None => Err(refusal.into()),
            }));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_one_bearer_token_is_one() {
        assert_eq!(bearer(&headers(&[])), None);
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer abc"])), Some("abc"));
        for bad in [&["Basic abc"][..], &["abc"], &["Bearer a", "Bearer a"], &[""]] {
            assert_eq!(bearer(&headers(bad)), Some(""), "{bad:?}");
        }
    }
}
