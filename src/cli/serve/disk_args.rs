//! How full the disk may get before a server stops taking appends.

use clap::Args;

use crate::cli::failure::Failure;
use crate::service::Watermarks;

/// From this share on, there is no watermark.
const OFF: u8 = 100;

/// When appends stop and go on.
#[derive(Args, Clone, Debug)]
pub(super) struct DiskArgs {
    /// Refuse appends once the disk is this full; 100 turns that off
    ///
    /// In percent of the file system that holds the log, as df shows it. Reads, truncation and retention
    /// go on.
    #[arg(long, env = "PROGLOG_DISK_HIGH", value_name = "PERCENT", default_value = "95")]
    #[arg(value_parser = parse_percent)]
    disk_high: u8,

    /// Take appends again once the disk is less full than this
    #[arg(long, env = "PROGLOG_DISK_LOW", value_name = "PERCENT", default_value = "90")]
    #[arg(value_parser = parse_percent)]
    disk_low: u8,
}

impl DiskArgs {
    pub(super) fn to_watermarks(&self) -> Result<Option<Watermarks>, Failure> {
        if self.disk_high == OFF {
            return Ok(None);
        }
        Watermarks::new(self.disk_high, self.disk_low).map(Some).map_err(|_| {
            let (high, low) = (self.disk_high, self.disk_low);
            Failure::usage(format!("--disk-low {low} is not below --disk-high {high}"))
                .hint("appends stop at the high one and go on below the low one; --disk-high 100 turns both off")
        })
    }
}

/// `95` or `95%`.
fn parse_percent(text: &str) -> Result<u8, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    match digits.parse() {
        Ok(percent @ 1..=100) if !digits.starts_with('+') => Ok(percent),
        _ => Err(format!("`{text}` is not a share in percent: use 1 to 100")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_is_a_number_up_to_100() {
        for (text, percent) in [("1", 1), ("95", 95), ("95%", 95), ("100", 100)] {
            assert_eq!(parse_percent(text), Ok(percent), "{text}");
        }
        for bad in ["", "%", "0", "101", "256", "-1", "+5", "9.5", "95%%", "high"] {
            assert!(parse_percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_low_mark_is_below_the_high_one() {
        let marks = |disk_high, disk_low| DiskArgs { disk_high, disk_low }.to_watermarks();
        assert_eq!(marks(95, 90).expect("good"), Watermarks::new(95, 90).ok());
        assert_eq!(marks(100, 100).expect("turned off"), None);
        let failure = marks(80, 90).expect_err("the wrong way round");
        assert_eq!(failure.message, "--disk-low 90 is not below --disk-high 80");
    }
}
