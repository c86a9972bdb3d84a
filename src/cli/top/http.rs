//! A server over HTTP: its metrics, and what it says of its log. One connection is kept, and made anew
//! when it breaks.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::codegen::http::uri::Authority;

use super::STARTING;
use super::sample::Sample;
use super::scrape::Scraped;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::remote::runtime;
use crate::client::{ClientConfig, Token, authority, innermost};
use crate::security::tls::{Alpn, TlsConnector};

/// One look takes no longer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// No answer that is asked for is nearly as long.
const MAX_ANSWER_BYTES: usize = 4 << 20;

type BoxError = Box<dyn Error + Send + Sync>;

/// A connection that is kept for the next request.
struct Kept {
    requests: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

/// A server, and what is shown to it.
pub(super) struct HttpSource {
    runtime: Runtime,
    server: Server,
    kept: Option<Kept>,
    /// Who may see the metrics may perhaps not see this, and is to ask, and be counted as denied, but
    /// once.
    may_ask_about: bool,
}

struct Server {
    authority: Authority,
    tls: Option<TlsConnector>,
    token: Option<Token>,
}

struct Answer {
    status: StatusCode,
    body: Bytes,
}

/// Why the server answers otherwise.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    hint: String,
}

impl HttpSource {
    pub(super) fn new(address: &str, config: &ClientConfig) -> Result<HttpSource, Failure> {
        let authority = authority(address, config).map_err(|error| Failure::from(&error))?;
        let connector = config.tls.as_ref().map(|tls| tls.connector(config.connect_timeout));
        let tls = connector.map(|connector| connector.speaking(Alpn::Http1));
        let server = Server { authority, tls, token: config.token.clone() };
        Ok(HttpSource { runtime: runtime()?, server, kept: None, may_ask_about: true })
    }

    pub(super) fn sample(&mut self) -> Result<Sample, Failure> {
        let HttpSource { runtime, server, kept, may_ask_about } = self;
        // A time limit can only be set within a runtime.
        let look = async { timeout(LOOK_TIMEOUT, look(server, kept, may_ask_about)).await };
        // A connection that is given up isn't kept: its answer would be taken for that of the next request.
        runtime.block_on(look).unwrap_or_else(|_| {
            Err(server.unreached(&format!("no answer within {LOOK_TIMEOUT:?}")))
        })
    }
}

async fn look(
    server: &Server,
    kept: &mut Option<Kept>,
    may_ask_about: &mut bool,
) -> Result<Sample, Failure> {
    let metrics = server.get(kept, "/metrics").await?;
    if metrics.status != StatusCode::OK {
        return Err(server.refused(&metrics));
    }
    let about = if *may_ask_about { Some(server.get(kept, "/v1/log").await?) } else { None };
    let is_denied = |about: &Answer| {
        about.status == StatusCode::FORBIDDEN || about.status == StatusCode::UNAUTHORIZED
    };
    *may_ask_about = *may_ask_about && !about.as_ref().is_some_and(is_denied);
    let told = about.as_ref().filter(|about| about.status == StatusCode::OK);
    let told = told.and_then(|about| serde_json::from_slice(&about.body).ok());
    let text = String::from_utf8_lossy(&metrics.body);
    let scraped = Scraped::parse(&text);
    scraped.sample(told).ok_or_else(|| match about.as_ref().and_then(Answer::problem) {
        _ if !scraped.is_of_proglog() => server.is_another(),
        Some(problem) if problem.code == STARTING => problem.into_failure(),
        _ => server.has_no_log(),
    })
}

impl Answer {
    fn problem(&self) -> Option<Problem> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Problem {
    fn into_failure(self) -> Failure {
        Failure::new(Exit::Failed, self.code, self.detail).hint(self.hint)
    }
}

impl Server {
    /// An answer, on the connection that is kept, if there is still one.
    async fn get(&self, kept: &mut Option<Kept>, path: &str) -> Result<Answer, Failure> {
        if let Some(mut old) = kept.take()
            && let Ok(answer) = self.send(&mut old.requests, path).await
        {
            *kept = Some(old);
            return Ok(answer);
        }
        let mut new = self.connect().await?;
        let answer = match self.send(&mut new.requests, path).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.unreached(&new.why(error).await)),
        };
        *kept = Some(new);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Kept, Failure> {
        let unreached = |error: &dyn Error| self.unreached(&innermost(error));
        if let Some(tls) = &self.tls {
            let uri: Result<Uri, _> = format!("https://{}", self.authority).parse();
            let uri = uri.map_err(|error| unreached(&error))?;
            let stream = tls.connect(&uri).await.map_err(|error| unreached(&error))?;
            return Kept::begin(stream).await.map_err(|error| unreached(&error));
        }
        let (host, port) = (self.authority.host(), self.authority.port_u16().unwrap_or(80));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await.map_err(|error| unreached(&error))?;
        stream.set_nodelay(true).map_err(|error| unreached(&error))?;
        Kept::begin(TokioIo::new(stream)).await.map_err(|error| unreached(&error))
    }

    async fn send(
        &self,
        requests: &mut SendRequest<Empty<Bytes>>,
        path: &str,
    ) -> Result<Answer, BoxError> {
        let mut request = Request::get(path).header(HOST, self.authority.as_str());
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_bytes(token.current().as_bytes())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        requests.ready().await?;
        let answer = requests.send_request(request.body(Empty::new())?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await?;
        Ok(Answer { status, body: body.to_bytes() })
    }

    fn unreached(&self, reason: &str) -> Failure {
        let message = format!("can't reach {}: {reason}", self.authority);
        Failure::new(Exit::Failed, "unavailable", message)
            .hint("see that the server runs and listens there for HTTP; gRPC is for --server")
    }

    /// The server says no: its own words, if they are a problem document.
    fn refused(&self, answer: &Answer) -> Failure {
        let Some(problem) = answer.problem() else { return self.is_another() };
        let hint = match problem.code.as_str() {
            "unauthenticated" => {
                "show a token with --token-file, or a certificate with --client-cert".to_owned()
            }
            "permission_denied" => {
                "ask who runs the server to allow you the action `metrics`".to_owned()
            }
            _ => problem.hint,
        };
        let detail = format!("{} shows no metrics: {}", self.authority, problem.detail);
        Problem { detail, hint, ..problem }.into_failure()
    }

    /// It is being opened, or closed; who may see the metrics alone isn't told which.
    fn has_no_log(&self) -> Failure {
        let message = format!("the log of {} isn't open now", self.authority);
        Failure::new(Exit::Failed, STARTING, message)
            .hint("it is being opened or closed; the server's log says more")
    }

    fn is_another(&self) -> Failure {
        let message = format!("{} shows no metrics of a log", self.authority);
        Failure::new(Exit::Failed, "protocol", message)
            .hint("see that the address is that of proglog's HTTP interface")
    }
}

impl Kept {
    async fn begin<S: Read + Write + Unpin + Send + 'static>(stream: S) -> hyper::Result<Kept> {
        let (requests, connection) = handshake(stream).await?;
        Ok(Kept { requests, connection: tokio::spawn(connection) })
    }

    /// What is behind a failed request. If its connection has ended, that one knows.
    async fn why(self, error: BoxError) -> String {
        let hyper_error = error.downcast_ref::<hyper::Error>();
        let is_over = hyper_error.is_some_and(|error| error.is_closed() || error.is_canceled());
        if is_over && let Ok(Err(cause)) = self.connection.await {
            return innermost(&cause);
        }
        innermost(&*error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::log::LogConfig;
    use crate::server::{Listeners, ServerConfig, run, shutdown};
    use crate::service::{LocalLog, ProgressNote, StartingLog};

    #[test]
    fn a_log_that_is_being_opened_is_told_from_no_log() {
        let (runtime, (trigger, shutdown)) = (runtime().expect("a runtime"), shutdown());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let log: StartingLog<LocalLog> =
            StartingLog::new(&LogConfig::default(), ProgressNote::default());
        let listeners = Listeners { http: Some(listener), grpc: None };
        let config = ServerConfig::for_records_of(1000);
        let served = runtime.spawn(run(listeners, Arc::new(log), config, shutdown));
        let mut source = HttpSource::new(&address, &ClientConfig::default()).expect("a source");
        let failure = source.sample().expect_err("there is nothing to see");
        assert_eq!(failure.code, STARTING);
        source.may_ask_about = false;
        let failure = source.sample().expect_err("there is nothing to see");
        assert_eq!((&*failure.code, failure.message.contains("isn't open now")), (STARTING, true));
        trigger.request();
        runtime.block_on(served).expect("it stops");
        assert_eq!(source.sample().expect_err("nobody is there").code, "unavailable");
    }
}
