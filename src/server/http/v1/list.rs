//! `GET /v1/records`: records from a place on, in the form that the client likes.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::HeaderMap;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use tokio::time::sleep;

use super::super::App;
use super::super::accept::{self, EVENTS, JSON, NDJSON};
use super::super::error::Problem;
use super::super::query::{Query, number, positive, truth};
use super::super::request_error::RequestError;
use super::cursor::Wanted;
use super::{events, lines, page, place};
use crate::server::peer::Peer;
use crate::service::{CommitLog, Offset, ServiceError};
use crate::text::offset_spec::OffsetSpec;
use crate::text::time::parse_duration;

const KNOWN: &[&str] = &["offset", "limit", "max_bytes", "wait", "skip_corrupt"];
const OFFERED: &[&str] = &[NDJSON, JSON, EVENTS];
const LAST_EVENT_ID: &str = "last-event-id";

/// The longest that a request waits for a record.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Read records
///
/// As NDJSON up to the end of the log, as a page of JSON that says where to go on, or as
/// server-sent events, which go on for ever.
#[utoipa::path(
    method(get, head),
    path = "/v1/records",
    tag = "records",
    params(
        ("offset" = Option<String>, Query, description = "start (the default), end, N, -N (the newest N), A:B (B not included), A:, :B, @TIME, @TIME:TIME; a TIME is RFC 3339, or how long ago, such as -1h"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "Most records; a page of JSON has 1,000 by default and 10,000 at most"),
        ("max_bytes" = Option<u64>, Query, minimum = 1, description = "Most bytes of values, keys and headers; a first record that is larger still comes. A page of JSON has 1 MiB by default and 4 MiB at most"),
        ("wait" = Option<String>, Query, description = "How long to wait if nothing is there yet, such as 30s; at most 5m"),
        ("skip_corrupt" = Option<bool>, Query, description = "Go on behind damaged records, and say which are missing"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Resumes an event stream behind this offset"),
    ),
    responses(
        (status = 200, description = "Records, if there are any", content(
            (crate::server::http::openapi::JsonRecord = "application/x-ndjson"),
            (crate::server::http::openapi::Page = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = 204, description = "An event stream has had all of its range"),
        (status = 400, description = "A parameter can't be understood"),
        (status = 406, description = "None of the three forms is acceptable"),
        (status = 410, description = "The offset is below the lowest"),
        (status = 416, description = "The offset is past the next"),
        (status = 500, description = "The first record, or one of a page, is corrupt"),
    ),
)]
pub(super) async fn list<L: CommitLog>(
    State(app): State<Arc<App<L>>>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Asked::of(&request)?;
    let range = place::find(&*app.log, asked.offset).await?;
    let mut wanted = Wanted {
        from: range.from,
        end: range.to,
        max_records: asked.limit.unwrap_or(u64::MAX),
        max_bytes: asked.max_bytes.unwrap_or(u64::MAX),
        skips_corrupt: asked.skips_corrupt,
    };
    if asked.form == EVENTS {
        return events::answer(&app, wanted).await;
    }
    if let Some(wait) = asked.wait {
        let peer = request.extensions().get::<Peer>();
        wait_for_a_record(&app, &wanted, wait, peer).await?;
    }
    // What is appended from now on is the next request's.
    let next = app.log.info().next.max(wanted.from);
    wanted.end = Some(wanted.end.map_or(next, |end| end.min(next)));
    if asked.form == JSON {
        (wanted.max_records, wanted.max_bytes) = page::bounded(asked.limit, asked.max_bytes);
        return page::answer(&app, wanted).await;
    }
    lines::answer(&app, wanted).await
}

/// What a request says.
struct Asked {
    form: &'static str,
    offset: OffsetSpec,
    limit: Option<u64>,
    max_bytes: Option<u64>,
    wait: Option<Duration>,
    skips_corrupt: bool,
}

impl Asked {
    fn of(request: &Request) -> Result<Asked, RequestError> {
        let query = Query::of(request, KNOWN)?;
        let form = accept::choose(request.headers(), OFFERED)?;
        let offset = query.get("offset", OffsetSpec::parse)?.unwrap_or(OffsetSpec::Start);
        let wait = query.get("wait", parse_wait)?;
        if form == EVENTS && wait.is_some() {
            let reason = "an event stream waits by itself".to_owned();
            return Err(RequestError::BadParameter { name: "wait", reason });
        }
        let resumed = if form == EVENTS { last_event(request.headers())? } else { None };
        Ok(Asked {
            form,
            offset: resumed.map_or(offset, |last| behind(last, offset)),
            limit: query.get("limit", positive)?,
            max_bytes: query.get("max_bytes", positive)?,
            wait,
            skips_corrupt: query.get("skip_corrupt", truth)?.unwrap_or(false),
        })
    }
}

fn parse_wait(text: &str) -> Result<Duration, String> {
    let wait = parse_duration(text)?;
    if wait > MAX_WAIT { Err("has to be at most 5m".to_owned()) } else { Ok(wait) }
}

fn last_event(headers: &HeaderMap) -> Result<Option<Offset>, RequestError> {
    let Some(id) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let offset = number(&String::from_utf8_lossy(id.as_bytes()))
        .map_err(|reason| RequestError::BadHeader { name: "Last-Event-ID".to_owned(), reason })?;
    Ok(Some(Offset(offset)))
}

/// The rest of a range behind the last record that was received.
const fn behind(last: Offset, spec: OffsetSpec) -> OffsetSpec {
    let from = Some(last.next().0);
    match spec {
        OffsetSpec::Range { to, .. } => OffsetSpec::Range { from, to },
        _ => OffsetSpec::From(last.next().0),
    }
}

/// Waits while there is nothing to answer with. Time that is up, a shutdown, and a client that is gone
/// end that without an error: the answer is an empty one.
async fn wait_for_a_record<L: CommitLog>(
    app: &App<L>,
    wanted: &Wanted,
    wait: Duration,
    peer: Option<&Peer>,
) -> Result<(), ServiceError> {
    let is_there = app.log.info().next > wanted.from;
    if is_there || wanted.end.is_some_and(|end| end <= wanted.from) {
        return Ok(());
    }
    let mut shutdown = app.shutdown.clone();
    let gone = async {
        match peer {
            Some(peer) => peer.gone().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        () = shutdown.requested() => Ok(()),
        () = gone => Ok(()),
        waited = app.log.wait_for(wanted.from) => waited,
        () = sleep(wait) => Ok(()),
    }
}

/// An answer with records. It would be another one a moment later, so nobody may keep it.
pub(super) fn response(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    response
}
