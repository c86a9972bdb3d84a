//! What a server says of its log.

use crate::service::{Checksums, Durability, Ends, Offset};
use crate::wire::v1;

/// What the log of a server holds, and whether it takes appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// The first offset still kept.
    pub lowest: Offset,
    /// The offset the next append will get.
    pub next: Offset,
    /// All records below it can never be undone.
    pub committed: Offset,
    /// What the oldest and the newest record say.
    pub ends: Ends,
    /// How many segments there are.
    pub n_segments: u64,
    /// Bytes of all frames and index entries.
    pub size_bytes: u64,
    /// What an acknowledged append survives.
    pub durability: Durability,
    /// The longest record that is accepted, in bytes: value, key and headers together.
    pub max_record_bytes: u64,
    /// Why appends are refused, if they are: a stable name, and a message.
    pub refusal: Option<(String, String)>,
    /// For each time asked about, the first offset at or after it; `next` if there is none.
    pub offsets_at: Vec<Offset>,
    /// In how many places the log was found damaged when it was opened.
    pub n_damaged: u64,
}

impl From<v1::GetLogResponse> for LogStatus {
    fn from(response: v1::GetLogResponse) -> LogStatus {
        let durability = response.durability();
        LogStatus {
            lowest: Offset(response.lowest_offset),
            next: Offset(response.next_offset),
            committed: Offset(response.committed_offset),
            ends: Ends {
                checksums: Option::<Checksums>::from(response.checksums()),
                first_timestamp_us: response.first_timestamp_us,
                last_timestamp_us: response.last_timestamp_us,
            },
            n_segments: response.n_segments,
            size_bytes: response.size_bytes,
            durability: durability.into(),
            max_record_bytes: response.max_record_bytes,
            refusal: response.refusal.map(|refusal| (refusal.code, refusal.message)),
            offsets_at: response.offsets_at.into_iter().map(Offset).collect(),
            n_damaged: response.n_damaged,
        }
    }
}
