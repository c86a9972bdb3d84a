//! The rules. A refusal is known by its stable code, which all doors share.

use crate::Door;
use crate::doors::MAX_RECORD_BYTES;

pub(crate) async fn offsets_are_dense_from_0(log: &impl Door) {
    for offset in 0..5 {
        assert_eq!(log.append(&[b"x"], None).await, Ok((offset, offset)));
    }
    assert_eq!(log.bounds().await, (0, 5));
}

pub(crate) async fn a_batch_gets_offsets_in_a_row(log: &impl Door) {
    assert_eq!(log.append(&[b"a", b"b", b"c"], None).await, Ok((0, 2)));
    assert_eq!(log.append(&[b"d", b"e"], None).await, Ok((3, 4)));
    assert_eq!(log.read(3).await, Ok(b"d".to_vec()));
}

pub(crate) async fn a_value_comes_back_byte_for_byte(log: &impl Door) {
    let all: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    log.append(&[&all], None).await.expect("appended");
    assert_eq!(log.read(0).await, Ok(all));
}

pub(crate) async fn an_empty_value_is_a_record(log: &impl Door) {
    assert_eq!(log.append(&[b"", b""], None).await, Ok((0, 1)));
    assert_eq!(log.read(1).await, Ok(Vec::new()));
    assert_eq!(log.range(0, 2).await, Ok(vec![(0, Vec::new()), (1, Vec::new())]));
}

pub(crate) async fn an_expected_offset_that_holds_appends(log: &impl Door) {
    assert_eq!(log.append(&[b"a"], Some(0)).await, Ok((0, 0)));
    assert_eq!(log.append(&[b"b", b"c"], Some(1)).await, Ok((1, 2)));
}

pub(crate) async fn an_expected_offset_that_does_not_hold_appends_nothing(log: &impl Door) {
    log.append(&[b"a"], None).await.expect("appended");
    for expected in [0, 2, u64::MAX] {
        let refused = log.append(&[b"b"], Some(expected)).await;
        assert_eq!(refused, Err("offset_mismatch".to_owned()), "{expected}");
    }
    assert_eq!(log.bounds().await, (0, 1));
}

pub(crate) async fn a_batch_of_nothing_is_refused(log: &impl Door) {
    assert_eq!(log.append(&[], None).await, Err("empty_batch".to_owned()));
    assert_eq!(log.bounds().await, (0, 0));
}

pub(crate) async fn a_record_over_the_limit_is_refused_with_its_batch(log: &impl Door) {
    let (fits, too_large) = (vec![7; MAX_RECORD_BYTES], vec![7; MAX_RECORD_BYTES + 1]);
    let refused = log.append(&[b"a", &too_large], None).await;
    assert_eq!(refused, Err("record_too_large".to_owned()));
    assert_eq!(log.append(&[b"a", &fits], None).await, Ok((0, 1)));
}

pub(crate) async fn an_offset_past_the_end_is_out_of_range(log: &impl Door) {
    let out_of_range = Err("offset_out_of_range".to_owned());
    assert_eq!(log.read(0).await, out_of_range);
    log.append(&[b"a"], None).await.expect("appended");
    assert_eq!(log.read(1).await, out_of_range);
    assert_eq!(log.read(u64::MAX).await, out_of_range);
    assert_eq!(log.range(2, 3).await, Err("offset_out_of_range".to_owned()));
}

pub(crate) async fn a_range_is_read_in_order(log: &impl Door) {
    let values: Vec<Vec<u8>> = (0..300_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let borrowed: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    log.append(&borrowed, None).await.expect("appended");
    let wanted: Vec<_> = (0..).zip(values).collect();
    assert_eq!(log.range(0, 300).await.as_deref(), Ok(&wanted[..]));
    assert_eq!(log.range(17, 42).await.as_deref(), Ok(&wanted[17..42]));
}

pub(crate) async fn the_end_of_the_log_is_an_empty_range(log: &impl Door) {
    log.append(&[b"a"], None).await.expect("appended");
    assert_eq!(log.range(1, 9).await, Ok(Vec::new()));
    assert_eq!(log.range(0, 9).await, Ok(vec![(0, b"a".to_vec())]));
}

pub(crate) async fn what_is_not_there_yet_is_waited_for(log: &impl Door) {
    log.append(&[b"a"], None).await.expect("appended");
    let (waited, appended) = tokio::join!(log.wait_for(1), log.append(&[b"b"], None));
    appended.expect("appended");
    assert_eq!(waited, Ok(b"b".to_vec()));
}

pub(crate) async fn removed_records_are_out_of_range_and_the_rest_is_there(log: &impl Door) {
    for _ in 0..40 {
        log.append(&[&[7; 200]], None).await.expect("appended");
    }
    log.truncate_before(20).await;
    let (lowest, next) = log.bounds().await;
    assert!(lowest > 0 && lowest <= 20 && next == 40, "{lowest} up to {next}");
    let out_of_range = "offset_out_of_range".to_owned();
    assert_eq!(log.read(lowest - 1).await, Err(out_of_range.clone()));
    assert_eq!(log.range(0, 40).await, Err(out_of_range));
    assert_eq!(log.read(lowest).await, Ok(vec![7; 200]));
}
