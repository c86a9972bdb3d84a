//! Where a server listens, and whether anyone but this machine could reach it there.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// `HOST:PORT` as the user gave it; looked up only when the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress(String);

impl ListenAddress {
    pub(crate) fn parse(text: &str) -> Result<ListenAddress, String> {
        let is_address = match text.rsplit_once(':') {
            Some(("", _)) | None => false,
            // An IPv6 address has its colons in brackets.
            Some((host, port)) => {
                port.parse::<u16>().is_ok() && (!host.contains(':') || host.starts_with('['))
            }
        };
        if is_address {
            return Ok(ListenAddress(text.to_owned()));
        }
        Err(format!("`{text}` is not an address: use HOST:PORT such as 127.0.0.1:8080 or [::1]:0"))
    }

    /// The name or the address without the port.
    pub(crate) fn host(&self) -> &str {
        self.0.rsplit_once(':').map_or("", |(host, _)| host)
    }

    /// All addresses behind the name.
    pub(crate) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let addresses: Vec<SocketAddr> = self.0.to_socket_addrs()?.collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(addresses)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether only this machine can reach the address.
pub(crate) fn is_private(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for text in ["127.0.0.1:8080", "localhost:0", "[::1]:8080", "0.0.0.0:65535"] {
            let address = ListenAddress::parse(text).expect(text);
            assert_eq!(address.to_string(), text);
        }
        for bad in
            ["", "8080", ":8080", "localhost", "localhost:", "::1", "::1:80", "a:65536", "a:-1"]
        {
            assert!(ListenAddress::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_loopback_is_private() {
        for (text, expected) in [
            ("127.0.0.1:1", true),
            ("127.1.2.3:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.168.0.1:1", false),
        ] {
            let address =
                ListenAddress::parse(text).and_then(|a| a.resolve().map_err(|e| e.to_string()));
            let all_private = address.expect(text).iter().all(is_private);
            assert_eq!(all_private, expected, "{text}");
        }
    }
}
