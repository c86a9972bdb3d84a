//! What a log can say of itself.

use super::{DiskUse, ServiceError};
use crate::log::{Durability, Ends, Offset};

/// What a log holds at one moment, and what it takes; asking costs nothing.
#[derive(Clone, Debug)]
pub struct LogInfo {
    /// The first offset still kept.
    pub lowest: Offset,
    /// The offset the next append will get.
    pub next: Offset,
    /// All records below it can never be undone.
    pub committed: Offset,
    /// What an acknowledged append survives.
    pub durability: Durability,
    /// The longest record that is accepted, in bytes: value, key and headers together.
    pub max_record_bytes: u64,
    /// Why appends are refused, if they are.
    pub refusal: Option<ServiceError>,
    /// How full the disk was when it was last looked at, if somebody watches it.
    pub disk: Option<DiskUse>,
}

/// What has to be looked up: the ends of the log, and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogDetails {
    /// What the oldest and the newest record say.
    pub ends: Ends,
    /// How many segments there are.
    pub n_segments: u64,
    /// Bytes of all frames and index entries.
    pub size_bytes: u64,
    /// In how many places the log was found damaged when it was opened.
    pub n_damaged: u64,
}
