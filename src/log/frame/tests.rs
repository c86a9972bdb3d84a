//! Frames: the documented bytes, what strict decoding refuses, and every flipped bit.

use proptest::prelude::*;

use super::*;
use crate::log::headers::Header;

fn stamp(offset: u64) -> Stamp {
    Stamp { offset: Offset(offset), term: 0, timestamp_us: 1_700_000_000_000_000, unsynced: 0 }
}

fn encoded(record: &NewRecord<'_>, stamp: &Stamp) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode(&mut buffer, record, stamp);
    buffer
}

/// A frame as the Go original writes it: fields 1 to 4, no checksum.
fn go_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u64).to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn a_frame_of_ours_has_the_documented_bytes() {
    let record = NewRecord { key: Some(b"k"), ..NewRecord::new(b"hi") };
    let frame = encoded(&record, &Stamp { timestamp_us: 0x0102, ..stamp(300) });
    let mut expected = vec![0, 0, 0, 0, 0, 0, 0, 24];
    expected.extend_from_slice(b"\x0A\x02hi\x10\xAC\x02\x29\x02\x01\0\0\0\0\0\0\x3A\x01k\x7D");
    let checksum = crc32c::crc32c(&expected);
    expected.extend_from_slice(&checksum.to_le_bytes());
    assert_eq!(frame, expected);
}

#[test]
fn frames_of_the_go_original_are_read() {
    let record = decode(&go_frame(b"\x0A\x03abc\x10\x07\x18\x02\x20\x05")).map(|r| r.to_record());
    let record = record.expect("a record");
    assert_eq!(record.value, b"abc");
    assert_eq!((record.offset, record.term, record.record_type), (Offset(7), 2, 5));
    assert_eq!(record.timestamp_us, None);
    assert!(decode(&go_frame(b"")).is_ok_and(|record| record.offset == Offset(0)));
}

#[test]
fn anything_not_canonical_is_refused() {
    let cases: [(&str, &[u8]); 12] = [
        ("unknown field", b"\x4A\x01a"),
        ("wrong wire type", b"\x08\x01"),
        ("field twice", b"\x10\x01\x10\x02"),
        ("out of order", b"\x10\x01\x0A\x01a"),
        ("zero written out", b"\x10\x00"),
        ("empty value written out", b"\x0A\x00"),
        ("overlong number", b"\x10\x81\x00"),
        ("number over 64 bits", b"\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"),
        ("type over 32 bits", b"\x20\xFF\xFF\xFF\xFF\x1F"),
        ("value past the end", b"\x0A\x05abc"),
        ("timestamp without checksum", b"\x29\0\0\0\0\0\0\0\0"),
        ("key without checksum", b"\x3A\x01k"),
    ];
    for (name, payload) in cases {
        assert!(decode(&go_frame(payload)).is_err(), "{name} was accepted");
    }
}

#[test]
fn a_value_that_swallows_its_checksum_is_not_taken_for_a_go_record() {
    // At offset 0 the value's length 0x10 with bit 5 set reaches exactly to the end.
    let key = vec![b'k'; 16];
    let record = NewRecord { key: Some(&key), ..NewRecord::new(b"0123456789abcdef") };
    let mut frame = encoded(&record, &stamp(0));
    assert!(decode(&frame).is_ok());
    assert_eq!(frame[9], 0x10);
    frame[9] = 0x30;
    assert!(parse(&frame[8..]).is_ok_and(|record| record.checksum.is_none()));
    assert_eq!(decode(&frame).err(), Some(CorruptReason::NoChecksum));
}

#[test]
fn a_go_record_may_end_like_a_checksum() {
    let frame = go_frame(b"\x0A\x06a}\r\n\r\n");
    assert!(decode(&frame).is_ok_and(|record| record.value == b"a}\r\n\r\n"));
}

#[test]
fn a_length_is_refused_before_anything_is_allocated() {
    assert_eq!(
        frame_len((1_u64 << 63).to_be_bytes()),
        Err(CorruptReason::BadLength { length: 1 << 63 })
    );
    assert_eq!(frame_len(12_u64.to_be_bytes()), Ok(20));
}

fn header() -> impl Strategy<Value = Header> {
    (".{0,8}", proptest::collection::vec(any::<u8>(), 0..8))
        .prop_map(|(name, value)| Header { name, value })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        value in proptest::collection::vec(any::<u8>(), 0..300),
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        headers in proptest::collection::vec(header(), 0..4),
        record_type in any::<u32>(),
        (offset, term, timestamp_us, unsynced) in any::<(u64, u64, u64, u32)>(),
    ) {
        let record = NewRecord {
            value: &value, key: key.as_deref(), headers: &headers, timestamp_us: None, record_type,
        };
        let stamp = Stamp { offset: Offset(offset), term, timestamp_us, unsynced };
        let frame = encoded(&record, &stamp);
        prop_assert_eq!(frame_len(*frame.first_chunk().expect("a prefix")), Ok(frame.len() as u64));
        let decoded = decode(&frame).expect("a record of ours");
        prop_assert_eq!(decoded.unsynced, unsynced);
        let decoded = decoded.to_record();
        prop_assert_eq!(decoded.value, value);
        prop_assert_eq!(decoded.key, key);
        prop_assert_eq!(decoded.headers, headers);
        prop_assert_eq!(decoded.timestamp_us, Some(timestamp_us));
        prop_assert_eq!((decoded.offset, decoded.term, decoded.record_type), (Offset(offset), term, record_type));
    }

    #[test]
    fn no_flipped_bit_is_overlooked(
        value in proptest::collection::vec(any::<u8>(), 0..80),
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        headers in proptest::collection::vec(header(), 0..3),
        offset in prop_oneof![Just(0_u64), any::<u64>()],
    ) {
        let record = NewRecord { key: key.as_deref(), headers: &headers, ..NewRecord::new(&value) };
        let mut frame = encoded(&record, &stamp(offset));
        for bit in 0..frame.len() * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&frame).is_err(), "bit {} of {:?}", bit, frame);
            frame[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = end_of_value(&bytes);
        let _ = is_unchecksummed_tail(&bytes);
    }
}
