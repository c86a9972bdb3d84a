//! How full a disk is, and from where on a log had better not be appended to.
//!
//! A log that runs into a full disk has refused what it was about to write, and so has everything else that
//! writes there. Stopping before that keeps room for what mends it: retention, and whoever logs in.

mod watch;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::statvfs;
use thiserror::Error;

use super::ServiceError;
use crate::telemetry::DiskFigures;
pub(super) use watch::Watching;

/// How much of a file system is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes that are in use.
    pub used_bytes: u64,
    /// Bytes that can be had by anyone. What only root can have is in neither.
    pub available_bytes: u64,
    /// Bytes in all, those for root included.
    pub size_bytes: u64,
}

impl DiskUse {
    /// The share in use, as `df` has it but rounded down.
    #[must_use]
    pub fn used_percent(&self) -> u8 {
        let total = (u128::from(self.used_bytes) + u128::from(self.available_bytes)).max(1);
        u8::try_from(u128::from(self.used_bytes) * 100 / total).unwrap_or(100)
    }

    /// Looks at the file system that holds a directory.
    ///
    /// # Errors
    /// A failed call.
    pub fn measure(dir: &Path) -> io::Result<DiskUse> {
        let stat = statvfs(dir)?;
        let bytes = |n_blocks: u64| n_blocks.saturating_mul(stat.f_frsize);
        Ok(DiskUse {
            used_bytes: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
            available_bytes: bytes(stat.f_bavail),
            size_bytes: bytes(stat.f_blocks),
        })
    }

    /// The same for metrics, with where appends stop.
    #[must_use]
    pub fn figures(&self, watermarks: Option<Watermarks>) -> DiskFigures {
        let total_bytes = self.used_bytes.saturating_add(self.available_bytes).max(1);
        DiskFigures {
            free_bytes: self.available_bytes,
            size_bytes: self.size_bytes,
            used_ratio: self.used_bytes as f64 / total_bytes as f64,
            high_ratio: watermarks.map(|watermarks| f64::from(watermarks.high) / 100.0),
        }
    }
}

/// Between which shares in use appends stop and go on. They aren't the same, so that it doesn't change its
/// mind with every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    high: u8,
    low: u8,
}

/// Watermarks between which nothing would ever be appended, or whose order is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "watermarks of {high} % and {low} % can't work: the low one has to be below the high one, which is at most 99 %"
)]
pub struct WatermarkError {
    high: u8,
    low: u8,
}

impl Watermarks {
    /// Appends stop from `high` percent on, and go on below `low` percent.
    ///
    /// # Errors
    /// `low` isn't below `high`, or `high` is over 99.
    pub fn new(high: u8, low: u8) -> Result<Watermarks, WatermarkError> {
        if low == 0 || low >= high || high > 99 {
            return Err(WatermarkError { high, low });
        }
        Ok(Watermarks { high, low })
    }

    fn is_over(self, was_over: bool, disk: DiskUse) -> bool {
        disk.used_percent() >= if was_over { self.low } else { self.high }
    }

    fn refusal(self, disk: DiskUse) -> ServiceError {
        ServiceError::DiskNearlyFull { used_percent: disk.used_percent(), low_percent: self.low }
    }
}

/// How a disk is watched.
pub struct DiskWatch {
    /// Tells how full it is.
    pub gauge: Box<dyn Fn() -> io::Result<DiskUse> + Send>,
    /// When appends stop and go on; `None` leaves that to the disk.
    pub watermarks: Option<Watermarks>,
    /// How often it is looked at.
    pub pause: Duration,
}

impl DiskWatch {
    /// Watches the file system that holds a directory, every second.
    #[must_use]
    pub fn of_dir(dir: PathBuf, watermarks: Option<Watermarks>) -> DiskWatch {
        let gauge = Box::new(move || DiskUse::measure(&dir));
        DiskWatch { gauge, watermarks, pause: Duration::from_secs(1) }
    }
}

impl fmt::Debug for DiskWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DiskWatch { gauge: _, watermarks, pause } = self;
        f.debug_struct("DiskWatch").field("watermarks", watermarks).field("pause", pause).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(used_bytes: u64, available_bytes: u64) -> DiskUse {
        DiskUse {
            used_bytes,
            available_bytes,
            size_bytes: used_bytes.saturating_add(available_bytes),
        }
    }

    #[test]
    fn metrics_are_told_what_the_watermarks_go_by() {
        let disk = DiskUse { size_bytes: 1000, ..disk(700, 200) };
        let figures = disk.figures(Watermarks::new(75, 50).ok());
        assert_eq!((figures.free_bytes, figures.size_bytes), (200, 1000));
        assert_eq!((figures.used_ratio * 900.0).round(), 700.0);
        assert_eq!((figures.high_ratio, disk.figures(None).high_ratio), (Some(0.75), None));
        let here = DiskUse::measure(Path::new("/")).expect("a file system");
        assert!(here.size_bytes >= here.available_bytes);
    }

    #[test]
    fn a_percent_counts_once_it_is_full() {
        for (used, available, percent) in [
            (0, 0, 0),
            (0, 10, 0),
            (10, 0, 100),
            (949, 51, 94),
            (950, 50, 95),
            (u64::MAX, u64::MAX, 50),
            (u64::MAX, 0, 100),
        ] {
            assert_eq!(disk(used, available).used_percent(), percent, "{used}, {available}");
        }
    }

    #[test]
    fn between_the_marks_it_stays_as_it_was() {
        let marks = Watermarks::new(95, 90).expect("good ones");
        for (percent, was_over, is_over) in [
            (89, false, false),
            (90, false, false),
            (94, false, false),
            (95, false, true),
            (100, false, true),
            (100, true, true),
            (94, true, true),
            (90, true, true),
            (89, true, false),
        ] {
            let disk = disk(percent, 100 - percent);
            assert_eq!(marks.is_over(was_over, disk), is_over, "{percent}, {was_over}");
        }
    }

    #[test]
    fn marks_that_can_not_work_are_refused() {
        for (high, low) in [(90, 90), (90, 91), (100, 90), (1, 0), (0, 0)] {
            let error = Watermarks::new(high, low).expect_err("refused");
            assert!(error.to_string().contains(&format!("{high} % and {low} %")), "{error}");
        }
        Watermarks::new(99, 1).expect("accepted");
    }

    #[test]
    fn a_real_disk_can_be_measured() {
        let dir = tempfile::tempdir().expect("a directory");
        let watch = DiskWatch::of_dir(dir.path().to_owned(), None);
        let disk = (watch.gauge)().expect("measured");
        assert!(disk.available_bytes > 0, "{disk:?}");
        let nowhere = DiskWatch::of_dir(dir.path().join("nowhere"), None);
        assert!((nowhere.gauge)().is_err());
    }
}
