//! Which web pages a browser may send requests for.
//!
//! A browser sends some requests to any address a page names, also to one of its own machine, and says of
//! which page they are in `Origin`. A page whose name was made to lead here since it was loaded (DNS
//! rebinding) passes for one of this server; but it can't choose the name that the browser calls in `Host`.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::http::uri::{Authority, Uri};

use super::request_error::RequestError;
use crate::server::ServerConfig;

/// The names that are this server's own.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    names: Vec<String>,
    /// Whether it has to be called by one of them: who can connect is let in, and only this machine can.
    needs_name: bool,
}

impl Origins {
    /// For a listener at `address`.
    pub(super) fn new(config: &ServerConfig, address: Option<SocketAddr>) -> Origins {
        let guard = config.protection.guard.as_ref();
        let is_open = !guard.is_some_and(|guard| guard.demands_identity());
        let is_private = address.is_some_and(|address| address.ip().to_canonical().is_loopback());
        Origins { names: config.http_names.clone(), needs_name: is_open && is_private }
    }

    /// Refuses what a page of somebody else's has a browser send.
    pub(super) fn check(&self, request: &Request) -> Result<(), RequestError> {
        let host = request.headers().get(HOST);
        let called = request.uri().authority().cloned().or_else(|| authority(host?));
        // Browsers always say what they call; who doesn't is none.
        if self.needs_name && (host.is_some() || called.is_some()) {
            let is_ours = |called: &Authority| is_of_this_machine(called) || self.names(called);
            if !called.as_ref().is_some_and(is_ours) {
                return Err(RequestError::ForeignHost { host: text(host) });
            }
        }
        for origin in request.headers().get_all(ORIGIN) {
            if !self.is_own(origin, called.as_ref()) {
                return Err(RequestError::ForeignOrigin { origin: text(Some(origin)) });
            }
        }
        Ok(())
    }

    /// Whether a page comes from where its request goes, or from one of the names: that of a proxy, say. Other
    /// servers of this machine are strangers.
    fn is_own(&self, origin: &HeaderValue, called: Option<&Authority>) -> bool {
        let uri = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        let Some((scheme, origin)) =
            uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.authority()))
        else {
            return false;
        };
        let default_port = if scheme == "https" { 443 } else { 80 };
        let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
        let is_called = called.is_some_and(|called| {
            called.host().eq_ignore_ascii_case(origin.host()) && port(called) == port(origin)
        });
        is_called || (origin.port().is_none() && !is_of_this_machine(origin) && self.names(origin))
    }

    fn names(&self, authority: &Authority) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(authority.host()))
    }
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok()?.parse().ok()
}

fn is_of_this_machine(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

fn text(value: Option<&HeaderValue>) -> String {
    String::from_utf8_lossy(value.map_or(b"", HeaderValue::as_bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn check(address: &str, host: &str, origin: Option<&str>) -> Result<(), RequestError> {
        let http_names = vec!["log.example".to_owned(), "localhost".to_owned()];
        let config = ServerConfig { http_names, ..ServerConfig::for_records_of(1) };
        let origins = Origins::new(&config, Some(address.parse().expect("an address")));
        let mut request = Request::builder().uri("/");
        if !host.is_empty() {
            request = request.header(HOST, host);
        }
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        origins.check(&request.body(Body::empty()).expect("a request"))
    }

    const LOOPBACK: &str = "127.0.0.1:8080";
    const PUBLIC: &str = "0.0.0.0:8080";

    #[test]
    fn on_this_machine_it_has_to_be_called_by_its_name() {
        for host in
            ["127.0.0.1:8080", "[::1]:8080", "localhost:8080", "LOCALHOST", "log.example:80", ""]
        {
            check(LOOPBACK, host, None).expect(host);
        }
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "?"] {
            let refused = check(LOOPBACK, host, None).expect_err(host);
            assert!(matches!(refused, RequestError::ForeignHost { .. }), "{refused}");
            check("[::1]:8080", host, None).expect_err(host);
            check(PUBLIC, host, None).expect(host);
        }
    }

    #[test]
    fn only_its_own_pages_may_send() {
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost:80"),
            ("log.other:443", "https://LOG.other"),
            ("10.0.0.1:8080", "https://log.example"),
        ] {
            check(PUBLIC, host, Some(origin)).expect(origin);
        }
        for (host, origin) in [
            ("127.0.0.1:8080", "http://evil.example"),
            ("127.0.0.1:8080", "http://127.0.0.1:3000"),
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("127.0.0.1:8080", "http://localhost"),
            ("127.0.0.1:8080", "http://log.example:3000"),
            ("127.0.0.1:8080", "null"),
            ("127.0.0.1:8080", ""),
            ("log.other:80", "https://log.other"),
            ("", "http://127.0.0.1:8080"),
        ] {
            let refused = check(PUBLIC, host, Some(origin)).expect_err(origin);
            assert!(matches!(refused, RequestError::ForeignOrigin { .. }), "{refused}");
        }
    }
}
