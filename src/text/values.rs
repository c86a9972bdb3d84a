//! Values of flags that need more than `FromStr`: sizes, sync policies, delimiters, headers.

use std::time::Duration;

use bytesize::ByteSize;

use crate::log::{Header, SyncPolicy};
use crate::text::time::parse_duration;

/// `65536`, `64KiB`, `1MiB`, `1.5GB`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let size: Result<ByteSize, _> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| {
        format!(
            "`{text}` is not a size: use bytes, or a number and a unit such as 64KiB, 1MiB, 1GB"
        )
    })
}

/// `always`, `interval:1s`, `never`.
pub(crate) fn parse_sync_policy(text: &str) -> Result<SyncPolicy, String> {
    match text {
        "always" => Ok(SyncPolicy::Always),
        "never" => Ok(SyncPolicy::Never),
        _ => match text.strip_prefix("interval:").map(parse_duration) {
            Some(Ok(Duration::ZERO)) => Err("an interval of nothing is `always`".into()),
            Some(interval) => interval.map(SyncPolicy::Interval),
            None => Err(format!("`{text}` is none of always, interval:DURATION, never")),
        },
    }
}

/// One byte: a character of ASCII, an escape (`\n`, `\r`, `\t`, `\0`, `\\`), or `0x` and two hex digits.
pub(crate) fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        [b'\\', b'n'] => Ok(b'\n'),
        [b'\\', b'r'] => Ok(b'\r'),
        [b'\\', b't'] => Ok(b'\t'),
        [b'\\', b'0'] => Ok(0),
        [b'\\', b'\\'] => Ok(b'\\'),
        [b'0', b'x', digits @ ..]
            if digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit) =>
        {
            u8::from_str_radix(&text[2..], 16).map_err(|error| error.to_string())
        }
        _ => Err(format!("`{text}` is not one byte: use a character, \\n, \\t, \\0 or 0x1F")),
    }
}

/// `name:value`. The value is everything behind the first colon, as it stands.
pub(crate) fn parse_header(text: &str) -> Result<Header, String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => {
            Ok(Header { name: name.into(), value: value.as_bytes().to_vec() })
        }
        _ => Err(format!("`{text}` is not a header: use name:value")),
    }
}

/// A count that can't be 0.
pub(crate) fn parse_positive(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("has to be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_or_are_bytes() {
        for (text, bytes) in
            [("0", 0), ("65536", 65536), ("64KiB", 65536), ("1 MiB", 1 << 20), ("1kB", 1000)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "KiB", "-1", "1 apple"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sync_policies() {
        assert_eq!(parse_sync_policy("always"), Ok(SyncPolicy::Always));
        assert_eq!(parse_sync_policy("never"), Ok(SyncPolicy::Never));
        let second = Duration::from_secs(1);
        assert_eq!(parse_sync_policy("interval:1s"), Ok(SyncPolicy::Interval(second)));
        for bad in ["", "interval", "interval:", "interval:0s", "interval:-1s", "sometimes"] {
            assert!(parse_sync_policy(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_delimiter_is_one_byte() {
        for (text, byte) in [
            (",", b','),
            ("\\n", b'\n'),
            ("\n", b'\n'),
            ("\\0", 0),
            ("\\\\", b'\\'),
            ("0xfF", 255),
            ("0", b'0'),
        ] {
            assert_eq!(parse_delimiter(text), Ok(byte), "{text}");
        }
        for bad in ["", "ab", "\\q", "0x", "0x1", "0x+1", "0x1FF", "é"] {
            assert!(parse_delimiter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_has_a_name() {
        let header = parse_header("a:b: c").expect("a header");
        assert_eq!((header.name.as_str(), header.value.as_slice()), ("a", b"b: c".as_slice()));
        assert_eq!(parse_header("a:").expect("a header").value, b"");
        assert!(parse_header("a").is_err());
        assert!(parse_header(":b").is_err());
    }

    #[test]
    fn zero_is_not_positive() {
        assert_eq!(parse_positive("3"), Ok(3));
        assert!(parse_positive("0").is_err());
        assert!(parse_positive("x").is_err());
    }
}
