//! A client: one connection that is made anew whenever it breaks, and calls with deadlines on it.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep_until, timeout};
use tonic::codec::CompressionEncoding;
use tonic::codegen::http::uri::Authority;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::attempt::Failed;
use super::backoff::Backoff;
use super::token::ShowToken;
use super::{
    Appender, AppenderConfig, ClientConfig, ClientError, LogStatus, Records, RecordsOptions,
};
use crate::service::{Offset, Record};
use crate::wire::v1;
use crate::wire::v1::log_client::LogClient;

/// What may come ahead of what is read, in bytes: of one stream, and on the connection.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// The calls of the service, each with the token and the caller's trace.
pub(super) type Calls = LogClient<InterceptedService<Channel, ShowToken>>;

/// A client of one server. Cheap to clone; all clones share the connection.
///
/// A connection carries many calls at once, as many as the server lets it (128 unless told otherwise);
/// who wants more makes another client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: String,
    pub(super) config: ClientConfig,
    calls: Calls,
}

impl Client {
    /// Connects to a server, at `host:port`. Once it is connected, a connection that breaks is made
    /// anew by the next call.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`]; [`ClientError::Unavailable`] if nobody is there now.
    pub async fn connect(address: &str, config: ClientConfig) -> Result<Client, ClientError> {
        let endpoint = endpoint(address, &config)?;
        let unavailable = |reason: String| Failed::Unreached(reason).into_error(address);
        let connecting = async {
            match &config.tls {
                None => endpoint.connect().await,
                Some(tls) => {
                    let connector = tls.connector(config.connect_timeout);
                    endpoint.connect_with_connector(connector).await
                }
            }
        };
        let connecting = timeout(config.connect_timeout, connecting);
        let connected = connecting
            .await
            .map_err(|_| unavailable(format!("no answer within {:?}", config.connect_timeout)))?;
        let channel = connected.map_err(|error| unavailable(innermost(&error)))?;
        Ok(Client::on(channel, address, config))
    }

    /// A client that connects with its first call. Has to be called within a runtime.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`].
    pub fn lazy(address: &str, config: ClientConfig) -> Result<Client, ClientError> {
        let endpoint = endpoint(address, &config)?;
        let channel = match &config.tls {
            None => endpoint.connect_lazy(),
            Some(tls) => {
                endpoint.connect_with_connector_lazy(tls.connector(config.connect_timeout))
            }
        };
        Ok(Client::on(channel, address, config))
    }

    fn on(channel: Channel, address: &str, config: ClientConfig) -> Client {
        let mut calls = LogClient::with_interceptor(channel, ShowToken(config.token.clone()))
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes);
        if config.gzip {
            calls = calls
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip);
        }
        Client { shared: Arc::new(Shared { address: address.to_owned(), config, calls }) }
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The record at `offset`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `offset_out_of_range`, `corrupt` or `lost`; or no answer in time.
    pub async fn read(&self, offset: Offset) -> Result<Record, ClientError> {
        let request = v1::ConsumeRequest { offset: offset.0 };
        let response = self.repeat(|mut calls| async move { calls.consume(request).await }).await?;
        let no_record = || self.error(Failed::Odd("it has no record".to_owned()));
        Ok(Record::from(response.record.ok_or_else(no_record)?))
    }

    /// What the log holds now, and for each of `timestamps_us` (Unix microseconds) the first offset at
    /// or after it.
    ///
    /// # Errors
    /// No answer in time, or a failed read at the server.
    pub async fn info(&self, timestamps_us: &[u64]) -> Result<LogStatus, ClientError> {
        let request = v1::GetLogRequest { timestamps_us: timestamps_us.to_vec() };
        let call = |mut calls: Calls| {
            let request = request.clone();
            async move { calls.get_log(request).await }
        };
        let response = self.repeat(call).await?;
        if response.offsets_at.len() != timestamps_us.len() {
            let reason = "it doesn't have an offset for each time".to_owned();
            return Err(self.error(Failed::Odd(reason)));
        }
        Ok(LogStatus::from(response))
    }

    /// The records from `from` on, chunk by chunk. Nothing is asked for before the first chunk is.
    #[must_use]
    pub fn records(&self, from: Offset, options: RecordsOptions) -> Records {
        Records::new(self.clone(), from, options)
    }

    /// Gathers single records into batches and appends them in order. Has to be called within a runtime.
    #[must_use]
    pub fn appender(&self, config: AppenderConfig) -> Appender {
        Appender::start(self.clone(), config)
    }

    /// Calls until it goes well, the server says no, or the time for attempts is over.
    async fn repeat<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        call: impl Fn(Calls) -> F,
    ) -> Result<T, ClientError> {
        let mut backoff = Backoff::new(&self.shared.config.retry);
        loop {
            let failed = match self.attempt(call(self.calls())).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            self.pause(&mut backoff, failed).await?;
        }
    }

    /// Waits for the next attempt, if there is to be one after such a failure.
    pub(super) async fn pause(
        &self,
        backoff: &mut Backoff,
        failed: Failed,
    ) -> Result<(), ClientError> {
        let next =
            if failed.may_pass() { backoff.next_attempt(failed.retry_after()) } else { None };
        let Some(next) = next else { return Err(self.error(failed)) };
        tracing::debug!(address = self.address(), ?failed, "trying again");
        sleep_until(next).await;
        Ok(())
    }

    /// One attempt, within the time that a call has.
    pub(super) async fn attempt<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Failed> {
        let after = self.call_timeout();
        match timeout(after, call).await {
            Ok(answered) => {
                answered.map(Response::into_inner).map_err(|status| Failed::of(&status))
            }
            Err(_) => Err(Failed::TimedOut(after)),
        }
    }

    pub(super) fn call_timeout(&self) -> Duration {
        self.shared.config.call_timeout
    }

    pub(super) fn calls(&self) -> Calls {
        self.shared.calls.clone()
    }

    pub(super) fn error(&self, failed: Failed) -> ClientError {
        failed.into_error(self.address())
    }
}

/// An address that can be connected to, with a token only if nobody can read it on the way.
pub(crate) fn authority(address: &str, config: &ClientConfig) -> Result<Authority, ClientError> {
    let bad = || ClientError::BadAddress { address: address.to_owned() };
    let authority: Authority = address.parse().map_err(|_| bad())?;
    // A name and a password would be sent to nobody's use.
    if authority.port_u16().is_none() || authority.host().is_empty() || address.contains('@') {
        return Err(bad());
    }
    if config.token.is_some() && config.tls.is_none() && !is_this_machine(authority.host()) {
        return Err(ClientError::InsecureToken { address: address.to_owned() });
    }
    Ok(authority)
}

fn endpoint(address: &str, config: &ClientConfig) -> Result<Endpoint, ClientError> {
    let bad = || ClientError::BadAddress { address: address.to_owned() };
    let authority = authority(address, config)?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{authority}")).map_err(|_| bad())?;
    Ok(endpoint
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(config.keep_alive_interval)
        .keep_alive_timeout(config.keep_alive_timeout))
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The cause at the bottom, which says most.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Token;

    #[test]
    fn a_token_is_not_sent_in_the_clear() {
        let token = Some(Token::fixed("a.b.c").expect("a token"));
        let config = ClientConfig { token, ..ClientConfig::default() };
        for address in ["localhost:8400", "127.0.0.1:1", "[::1]:8400"] {
            assert!(endpoint(address, &config).is_ok(), "{address}");
        }
        for address in ["log.example:8400", "192.0.2.1:1", "localhost.evil.example:1"] {
            let error = endpoint(address, &config).expect_err(address);
            assert_eq!(error.code(), "insecure_token", "{address}");
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let config = ClientConfig::default();
        for address in ["localhost:8400", "127.0.0.1:1", "[::1]:8400"] {
            assert!(endpoint(address, &config).is_ok(), "{address}");
        }
        for address in ["", "localhost", ":8400", "a:b", "http://localhost:1", "a@b:1", "a:70000"] {
            let error = endpoint(address, &config).expect_err(address);
            assert_eq!(error.code(), "bad_address", "{address}");
        }
    }
}
