//! How metrics are written down: OpenMetrics, or the text that was there before it, which is what
//! `promtool` and `curl` expect.

/// A format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpositionFormat {
    /// `application/openmetrics-text`.
    OpenMetrics,
    /// `text/plain; version=0.0.4`.
    Classic,
}

impl ExpositionFormat {
    /// OpenMetrics for those who ask for it; what they prefer doesn't matter, since both say the same.
    #[must_use]
    pub fn for_accept(accept: &str) -> ExpositionFormat {
        let media_types = accept.split(',').filter_map(|range| range.split(';').next());
        let is_open = |name: &str| name.trim().eq_ignore_ascii_case("application/openmetrics-text");
        if media_types.into_iter().any(is_open) {
            ExpositionFormat::OpenMetrics
        } else {
            ExpositionFormat::Classic
        }
    }

    /// The content type of a text in this format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            ExpositionFormat::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            ExpositionFormat::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The same without what only OpenMetrics has: there a counter is named without `_total`, and the text
/// has an end.
pub(super) fn to_classic(open_metrics: &str) -> String {
    let mut classic = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(behind) = line.strip_prefix("# HELP ") {
            help = behind.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|behind| behind.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            classic.push_str(&format!("# HELP {name}{suffix} {help}\n"));
            classic.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        assert_eq!(ExpositionFormat::for_accept(prometheus), ExpositionFormat::OpenMetrics);
        for accept in ["", "*/*", "text/plain", "text/html, application/openmetrics-textual"] {
            assert_eq!(ExpositionFormat::for_accept(accept), ExpositionFormat::Classic);
        }
    }

    #[test]
    fn counters_have_their_whole_name_in_the_classic_text() {
        let open = "# HELP a_b Help, all of it.\n# TYPE a_b counter\na_b_total{x=\"# y\"} 1\n\
            # HELP c_seconds C.\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\n\
            c_seconds_sum 0.0\n# EOF\n";
        let classic = "# HELP a_b_total Help, all of it.\n# TYPE a_b_total counter\n\
            a_b_total{x=\"# y\"} 1\n# HELP c_seconds C.\n# TYPE c_seconds histogram\n\
            c_seconds_sum 0.0\n";
        assert_eq!(to_classic(open), classic);
    }
}
