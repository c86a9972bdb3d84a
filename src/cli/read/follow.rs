//! `read --follow`: waits for records that aren't there yet, until enough are printed, nobody
//! listens any more, or a signal says so.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::printer::{Printer, Progress};
use crate::cli::output::is_reader_gone;
use crate::cli::signals::stop_flag;
use crate::log::{LogReader, Scan};

/// How long to wait for a record before looking whether somebody still wants it.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Prints what is there and what comes, in bursts: each is flushed.
pub(crate) fn follow<W: Write>(
    log: &LogReader,
    scan: &mut Scan,
    printer: &mut Printer<'_, W>,
) -> anyhow::Result<()> {
    let stopping = stop_flag()?;
    while printer.print(scan)? == Progress::AtEnd {
        while !log.wait_for(scan.position(), CHECK_INTERVAL)? {
            if stopping.load(Ordering::SeqCst) || is_reader_gone() {
                return Ok(());
            }
        }
        if stopping.load(Ordering::SeqCst) {
            return Ok(());
        }
    }
    Ok(())
}
