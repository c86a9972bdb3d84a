//! The count of what was appended, and how it's told.

use serde::Serialize;

use crate::cli::output::{counted, grouped};
use crate::log::{Appended, Durability, Offset};

/// What was appended until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    pub(crate) first_offset: Option<Offset>,
    pub(crate) last_offset: Option<Offset>,
    pub(crate) durability: Option<Durability>,
}

impl Tally {
    pub(crate) fn add(&mut self, appended: &Appended) {
        self.records += appended.last_offset.next().since(appended.first_offset);
        self.first_offset.get_or_insert(appended.first_offset);
        self.last_offset = Some(appended.last_offset);
        self.durability = Some(appended.durability);
    }

    /// The end of a sentence about a failure.
    pub(crate) fn describe(&self) -> String {
        match self.last_offset {
            None => "nothing was appended".into(),
            Some(last) if self.records == 1 => {
                format!("1 record was appended before, at offset {}", grouped(last.0))
            }
            Some(last) => format!(
                "{} records were appended before, the last at offset {}",
                grouped(self.records),
                grouped(last.0)
            ),
        }
    }

    /// The line on standard output.
    pub(crate) fn sentence(&self) -> String {
        let records = counted(self.records, "record");
        let (Some(first), Some(last), Some(durability)) =
            (self.first_offset, self.last_offset, self.durability)
        else {
            return format!("appended {records}");
        };
        let (first, last, durability) = (grouped(first.0), grouped(last.0), durability.as_str());
        if self.records == 1 {
            format!("appended {records} at offset {first} ({durability})")
        } else {
            format!("appended {records} at offsets {first} to {last} ({durability})")
        }
    }

    /// The same for programs.
    pub(crate) fn document(&self) -> Document {
        Document {
            records: self.records,
            first_offset: self.first_offset.map(|offset| offset.0),
            last_offset: self.last_offset.map(|offset| offset.0),
            durability: self.durability.map(Durability::as_str),
        }
    }
}

/// What `--output json` prints of a [`Tally`].
#[derive(Serialize)]
pub(crate) struct Document {
    records: u64,
    first_offset: Option<u64>,
    last_offset: Option<u64>,
    durability: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(parts: &[(u64, u64)]) -> Tally {
        let mut tally = Tally::default();
        for &(first, last) in parts {
            let (first_offset, last_offset) = (Offset(first), Offset(last));
            tally.add(&Appended { first_offset, last_offset, durability: Durability::Fsync });
        }
        tally
    }

    #[test]
    fn sentences_for_none_one_and_many() {
        assert_eq!(tally(&[]).sentence(), "appended 0 records");
        assert_eq!(tally(&[(0, 0)]).sentence(), "appended 1 record at offset 0 (fsync)");
        assert_eq!(
            tally(&[(0, 999), (1000, 1999)]).sentence(),
            "appended 2,000 records at offsets 0 to 1,999 (fsync)"
        );
    }

    #[test]
    fn the_document_has_null_where_nothing_was_appended() {
        let text = |tally: Tally| serde_json::to_string(&tally.document()).expect("JSON");
        assert_eq!(
            text(tally(&[])),
            r#"{"records":0,"first_offset":null,"last_offset":null,"durability":null}"#
        );
        assert_eq!(
            text(tally(&[(5, 7)])),
            r#"{"records":3,"first_offset":5,"last_offset":7,"durability":"fsync"}"#
        );
    }
}
