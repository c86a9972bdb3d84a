//! Progress bars on standard error, only where a person sees them.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;

const BYTES: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const BYTES_WITHOUT_END: &str = "{msg} {bytes} {bytes_per_sec}";
const RECORDS: &str = "{msg} {bar:30} {human_pos}/{human_len} records {eta}";

/// A bar of bytes; one without an end if `total` isn't known. Hidden unless it would be seen.
pub(crate) fn of_bytes(context: &Context, what: &'static str, total: Option<u64>) -> ProgressBar {
    let template = if total.is_some() { BYTES } else { BYTES_WITHOUT_END };
    bar(context, what, total, template)
}

/// A bar of records.
pub(crate) fn of_records(context: &Context, what: &'static str, total: u64) -> ProgressBar {
    bar(context, what, Some(total), RECORDS)
}

fn bar(context: &Context, what: &'static str, total: Option<u64>, template: &str) -> ProgressBar {
    if !context.shows_progress() {
        return ProgressBar::hidden();
    }
    // The templates are constants that the tests parse.
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    let target = ProgressDrawTarget::stderr();
    ProgressBar::with_draw_target(total, target).with_style(style).with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in [BYTES, BYTES_WITHOUT_END, RECORDS] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
