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
    /// The one under which it listens. Pages of that host are not its own: other ports are other servers.
    host: String,
    /// Whether the connection is encrypted. A page that isn't could be anybody's then.
    is_secure: bool,
    /// Whether it has to be called by one of them: who can connect is let in, and only this machine can.
    needs_name: bool,
}

impl Origins {
    /// For a listener at `address`.
    pub(super) fn new(config: &ServerConfig, address: Option<SocketAddr>) -> Origins {
        let guard = config.protection.guard.as_ref();
        let is_open = !guard.is_some_and(|guard| guard.demands_identity());
        let is_private = address.is_some_and(|address| address.ip().to_canonical().is_loopback());
        Origins {
            names: config.http_names.clone(),
            host: config.http_host.clone(),
            is_secure: config.protection.tls.is_some(),
            needs_name: is_open && is_private,
        }
    }

    /// Refuses what a page of somebody else's has a browser send.
    pub(super) fn check(&self, request: &Request) -> Result<(), RequestError> {
        let host = request.headers().get(HOST);
        let called = request.uri().authority().cloned().or_else(|| authority(host?));
        // Browsers always say what they call; who doesn't is none.
        if self.needs_name && (host.is_some() || called.is_some()) {
            let is_ours = |called: &Authority| {
                is_localhost_or_an_address(called)
                    || self.names(called)
                    || self.host.eq_ignore_ascii_case(called.host())
            };
            if !called.as_ref().is_some_and(is_ours) {
                let host = called.map_or_else(|| text(host), |called| called.to_string());
                return Err(RequestError::ForeignHost { host });
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
        if self.is_secure && scheme != "https" {
            return false;
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        let port = |authority: &Authority| authority.port_u16().unwrap_or(default_port);
        let is_called = called.is_some_and(|called| {
            called.host().eq_ignore_ascii_case(origin.host()) && port(called) == port(origin)
        });
        is_called
            || (origin.port().is_none()
                && !is_localhost_or_an_address(origin)
                && self.names(origin))
    }

    fn names(&self, authority: &Authority) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(authority.host()))
    }
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok()?.parse().ok()
}

fn is_localhost_or_an_address(authority: &Authority) -> bool {
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

    fn origins(address: &str) -> Origins {
        let http_names = vec!["log.example".to_owned(), "localhost".to_owned()];
        let http_host = "myhost".to_owned();
        let config = ServerConfig { http_names, http_host, ..ServerConfig::for_records_of(1) };
        Origins::new(&config, Some(address.parse().expect("an address")))
    }

    fn check(address: &str, host: &str, origin: Option<&str>) -> Result<(), RequestError> {
        check_by(&origins(address), host, origin)
    }

    fn check_by(origins: &Origins, host: &str, origin: Option<&str>) -> Result<(), RequestError> {
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
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost:8080",
            "LOCALHOST",
            "log.example:80",
            "MyHost:8080",
            "",
        ] {
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
            ("myhost:8080", "http://myhost"),
            ("", "http://127.0.0.1:8080"),
        ] {
            let refused = check(PUBLIC, host, Some(origin)).expect_err(origin);
            assert!(matches!(refused, RequestError::ForeignOrigin { .. }), "{refused}");
        }
    }

    #[test]
    fn a_page_without_encryption_is_nobodys_where_there_is_some() {
        let secure = Origins { is_secure: true, ..origins(PUBLIC) };
        check_by(&secure, "log.other", Some("https://log.other")).expect("its own");
        for (host, origin) in [
            ("log.other", "http://log.other"),
            ("log.other:8443", "http://log.other:8443"),
            ("10.0.0.1:8443", "http://log.example"),
        ] {
            check_by(&secure, host, Some(origin)).expect_err(origin);
        }
    }

    #[test]
    fn the_name_that_is_refused_is_the_one_that_was_called() {
        let request = Request::builder().uri("http://evil.example/").header(HOST, "127.0.0.1");
        let request = request.body(Body::empty()).expect("a request");
        let refused = origins(LOOPBACK).check(&request).expect_err("it calls another");
        assert!(matches!(&refused, RequestError::ForeignHost { host } if host == "evil.example"));
    }
}
