//! What certificates may be for: hosts, and common names that are file names, too.

use std::net::IpAddr;

use rustls::pki_types::DnsName;

/// As long as X.520 lets a common name be.
const MAX_COMMON_NAME_CHARS: usize = 64;

/// A DNS name, `*.` before it or not, or an IP address.
pub(super) fn parse_host(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    if text.parse::<IpAddr>().is_ok() || DnsName::try_from(name).is_ok() {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is neither a DNS name nor an IP address; leave out ports and brackets"))
}

/// Text that has to be the same wherever it is read.
pub(super) fn parse_common_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a name can't be empty".into());
    }
    if text.chars().any(char::is_control) {
        return Err("a name can't have control characters".into());
    }
    if text.chars().count() > MAX_COMMON_NAME_CHARS {
        return Err(format!("a name has at most {MAX_COMMON_NAME_CHARS} characters"));
    }
    Ok(text.to_owned())
}

/// A common name that is also the beginning of file names, of no others but its own.
pub(super) fn parse_client_name(text: &str) -> Result<String, String> {
    let name = parse_common_name(text)?;
    if name.contains('/') || name.starts_with('.') {
        return Err(format!("`{name}` can't be a file's name: no slash, no dot at its beginning"));
    }
    // Without a difference of case, since some file systems know none.
    let lower = name.to_lowercase();
    if matches!(lower.as_str(), "ca" | "server") || lower.ends_with("-key") {
        return Err(format!("`{name}` would be mistaken for another file: not ca, server, *-key"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_dns_name_or_an_address() {
        for host in ["localhost", "log.example.com", "*.example.com", "10.0.0.7", "::1", "a_b"] {
            assert_eq!(parse_host(host).as_deref(), Ok(host));
        }
        for host in ["", "*", "*.", "a b", "localhost:8400", "[::1]", "https://a", "-", "a..b"] {
            assert!(parse_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn a_client_cannot_leave_the_directory_or_take_a_file_of_others() {
        for name in
            ["root", "Root", "a b", "a.b", "rööt", "key", "ca-1", "servers", &"x".repeat(64)]
        {
            assert_eq!(parse_client_name(name).as_deref(), Ok(name));
        }
        for name in [
            "",
            ".",
            "..",
            ".x",
            "/",
            "a/b",
            "../a",
            "a\nb",
            "a\0",
            "ca",
            "CA",
            "server",
            "ca-key",
            "server-key",
            "root-KEY",
            &"x".repeat(65),
        ] {
            assert!(parse_client_name(name).is_err(), "{name:?}");
        }
    }
}
