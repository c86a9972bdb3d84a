//! How figures look to people. A dash is what isn't known.

use crate::cli::output::{binary_bytes, grouped};

pub(super) const UNKNOWN: &str = "-";

/// `12,345`, and a place behind the point where that says something.
pub(super) fn rate(a_second: Option<f64>) -> String {
    match a_second {
        None => UNKNOWN.to_owned(),
        Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => grouped(rate.round() as u64),
    }
}

/// `1.2 MiB`.
pub(super) fn bytes(bytes: Option<f64>) -> String {
    bytes.map_or_else(|| UNKNOWN.to_owned(), |bytes| binary_bytes(bytes.round() as u64))
}

/// `250 µs`, `1.2 ms`, `3.40 s`.
pub(super) fn seconds(seconds: Option<f64>) -> String {
    match seconds {
        None => UNKNOWN.to_owned(),
        Some(seconds) if seconds < 0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        Some(seconds) if seconds < 0.999_5 => format!("{:.1} ms", seconds * 1e3),
        Some(seconds) => format!("{seconds:.2} s"),
    }
}

/// `95 %`; rounded down, since a disk is full when it's full.
pub(super) fn percent(ratio: f64) -> String {
    // What came as 0.95 is to be 95.
    format!("{:.0} %", (ratio * 100.0 + 1e-9).floor())
}

/// A number, or a dash.
pub(super) fn number(number: Option<u64>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(rate(Some(12_345.6)), "12,346");
        assert_eq!((rate(Some(0.25)).as_str(), rate(Some(0.0)).as_str()), ("0.2", "0"));
        for (time, expected) in
            [(0.000_2, "200 µs"), (0.001, "1.0 ms"), (0.25, "250.0 ms"), (2.5, "2.50 s")]
        {
            assert_eq!(seconds(Some(time)), expected);
        }
        assert_eq!((percent(0.95).as_str(), percent(0.2999).as_str()), ("95 %", "29 %"));
        assert_eq!(bytes(Some(1_048_576.0)), "1.0 MiB");
        assert_eq!([rate(None), bytes(None), seconds(None), number(None)], [UNKNOWN; 4]);
    }
}
