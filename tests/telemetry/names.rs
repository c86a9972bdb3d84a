//! Names of metrics in texts.

use std::collections::BTreeSet;

/// The metrics that a scrape has samples of, each by its name in the classic text.
pub(crate) fn shown_in(scraped: &str) -> BTreeSet<String> {
    let typed = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = typed.filter_map(|line| line.split_once(' ')).map(|(name, _)| name);
    let has_sample = |name: &&str| {
        scraped.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| !rest.is_empty()))
    };
    names.filter(has_sample).map(str::to_owned).collect()
}

/// The metrics of proglog and of its process that a text speaks of. Those of a histogram's series are
/// its own.
pub(crate) fn mentioned_in(text: &str) -> BTreeSet<String> {
    let is_part = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    let words = text.split(|byte| !is_part(byte));
    let names = words.filter(|word| word.starts_with("proglog_") || word.starts_with("process_"));
    let series = ["_bucket", "_sum", "_count"];
    let whole = |name: &str| {
        series.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name).to_owned()
    };
    names.map(whole).collect()
}

#[test]
fn names_are_found_in_queries() {
    let mentioned = mentioned_in("rate(proglog_a_seconds_bucket[5m]) / proglog_b{x=\"y\"} proglog");
    assert_eq!(mentioned, ["proglog_a_seconds", "proglog_b"].map(str::to_owned).into());
    let shown = shown_in("# TYPE a counter\na 1\n# TYPE b histogram\nb_sum 0\n# TYPE c gauge\n");
    assert_eq!(shown, ["a", "b"].map(str::to_owned).into());
}
