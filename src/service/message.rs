//! Records and what is said about them as the messages of gRPC, for both ends of the wire.

use bytes::Bytes;

use super::{Checksums, Durability, Header, Missing, NewRecord, Offset, Record};
use crate::wire::v1;

impl From<NewRecord> for v1::Record {
    fn from(record: NewRecord) -> v1::Record {
        v1::Record {
            value: record.value,
            key: record.key,
            headers: record.headers.into_iter().map(v1::Header::from).collect(),
            // 0 is "not said": the time of the append.
            timestamp_us: record.timestamp_us.unwrap_or(0),
            r#type: record.record_type,
            ..v1::Record::default()
        }
    }
}

impl From<v1::Record> for NewRecord {
    /// Offset, term and what is of the disk alone are passed over: the log gives them.
    fn from(record: v1::Record) -> NewRecord {
        NewRecord {
            value: record.value,
            key: record.key,
            headers: record.headers.into_iter().map(Header::from).collect(),
            timestamp_us: (record.timestamp_us != 0).then_some(record.timestamp_us),
            record_type: record.r#type,
        }
    }
}

impl From<Record> for v1::Record {
    fn from(record: Record) -> v1::Record {
        v1::Record {
            value: record.value,
            offset: record.offset.0,
            term: record.term,
            r#type: record.record_type,
            timestamp_us: record.timestamp_us.unwrap_or(0),
            key: record.key,
            headers: record.headers.into_iter().map(v1::Header::from).collect(),
            ..v1::Record::default()
        }
    }
}

impl From<v1::Record> for Record {
    fn from(record: v1::Record) -> Record {
        Record {
            offset: Offset(record.offset),
            value: record.value,
            key: record.key,
            headers: record.headers.into_iter().map(Header::from).collect(),
            timestamp_us: (record.timestamp_us != 0).then_some(record.timestamp_us),
            term: record.term,
            record_type: record.r#type,
        }
    }
}

impl From<Header> for v1::Header {
    fn from(header: Header) -> v1::Header {
        v1::Header { name: header.name, value: Bytes::from(header.value) }
    }
}

impl From<v1::Header> for Header {
    fn from(header: v1::Header) -> Header {
        Header { name: header.name, value: header.value.into() }
    }
}

impl From<Missing> for v1::Missing {
    fn from(missing: Missing) -> v1::Missing {
        v1::Missing {
            first_offset: missing.offsets.start.0,
            end_offset: missing.offsets.end.0,
            reason: missing.reason,
            lost: missing.is_lost,
        }
    }
}

impl From<v1::Missing> for Missing {
    fn from(missing: v1::Missing) -> Missing {
        Missing {
            offsets: Offset(missing.first_offset)..Offset(missing.end_offset),
            reason: missing.reason,
            is_lost: missing.lost,
        }
    }
}

impl From<Durability> for v1::Durability {
    fn from(durability: Durability) -> v1::Durability {
        match durability {
            Durability::Fsync => v1::Durability::Fsync,
            Durability::Os => v1::Durability::Os,
        }
    }
}

impl From<v1::Durability> for Durability {
    /// What isn't said is the least that there is.
    fn from(durability: v1::Durability) -> Durability {
        match durability {
            v1::Durability::Fsync => Durability::Fsync,
            v1::Durability::Os | v1::Durability::Unspecified => Durability::Os,
        }
    }
}

impl From<Option<Checksums>> for v1::Checksums {
    fn from(checksums: Option<Checksums>) -> v1::Checksums {
        match checksums {
            None => v1::Checksums::Unspecified,
            Some(Checksums::None) => v1::Checksums::None,
            Some(Checksums::Some) => v1::Checksums::Some,
            Some(Checksums::All) => v1::Checksums::All,
        }
    }
}

impl From<v1::Checksums> for Option<Checksums> {
    fn from(checksums: v1::Checksums) -> Option<Checksums> {
        match checksums {
            v1::Checksums::Unspecified => None,
            v1::Checksums::None => Some(Checksums::None),
            v1::Checksums::Some => Some(Checksums::Some),
            v1::Checksums::All => Some(Checksums::All),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_through_whole() {
        let header = Header { name: "name".to_owned(), value: b"\xFF".to_vec() };
        let record = Record {
            offset: Offset(7),
            value: Bytes::from_static(b"value"),
            key: Some(Bytes::new()),
            headers: vec![header.clone(), header],
            timestamp_us: Some(12),
            term: 3,
            record_type: 9,
        };
        let message = v1::Record::from(record.clone());
        assert_eq!(Record::from(message.clone()), record);
        let new = NewRecord::from(message);
        assert_eq!(NewRecord::from(v1::Record::from(new.clone())), new);
        assert_eq!((new.key, new.timestamp_us, new.record_type), (Some(Bytes::new()), Some(12), 9));
        assert_eq!(NewRecord::from(v1::Record::default()), NewRecord::default());
    }
}
