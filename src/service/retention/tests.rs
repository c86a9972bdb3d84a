//! What goes and what stays: by hand, and against a model that removes one segment after the other.

use proptest::prelude::*;

use super::*;

fn segments(sizes_and_times: &[(u64, Option<u64>)]) -> Vec<Kept> {
    let segment = |(number, (bytes, last_timestamp_us)): (usize, &(u64, Option<u64>))| Kept {
        next: Offset(10 * (number as u64 + 1)),
        bytes: *bytes,
        last_timestamp_us: *last_timestamp_us,
    };
    sizes_and_times.iter().enumerate().map(segment).collect()
}

fn by_age(age_us: u64) -> Retention {
    Retention { max_age: Some(Duration::from_micros(age_us)), max_bytes: None }
}

fn by_bytes(max_bytes: u64) -> Retention {
    Retention { max_age: None, max_bytes: Some(max_bytes) }
}

#[test]
fn everything_is_kept_unless_something_is_limited() {
    let segments = segments(&[(u64::MAX, Some(0)), (u64::MAX, Some(0)), (1, Some(0))]);
    assert_eq!(Retention::default().cut(&segments, Some(u64::MAX)), None);
    assert!(Retention::default().keeps_all());
    assert!(!by_age(0).keeps_all() && !by_bytes(0).keeps_all());
}

#[test]
fn a_segment_goes_when_its_newest_record_is_too_old() {
    let segments = segments(&[(1, Some(100)), (1, Some(200)), (1, Some(300))]);
    for (now, cut) in [
        (0, None),
        (150, None),
        (151, Some(10)),
        (250, Some(10)),
        (251, Some(20)),
        // The active one stays, however old.
        (u64::MAX, Some(20)),
    ] {
        assert_eq!(by_age(50).cut(&segments, Some(now)), cut.map(Offset), "{now}");
    }
    assert_eq!(by_age(50).cut(&segments, None), None, "nobody knows what time it is");
}

#[test]
fn a_segment_without_a_time_goes_with_one_behind_it() {
    let segments = segments(&[(1, None), (1, None), (1, Some(100)), (1, None), (1, None)]);
    assert_eq!(by_age(50).cut(&segments, Some(150)), None);
    assert_eq!(by_age(50).cut(&segments, Some(151)), Some(Offset(30)));
}

#[test]
fn the_newest_segments_that_fit_stay() {
    let segments = segments(&[(100, None), (50, None), (30, None), (20, None)]);
    for (max_bytes, cut) in [
        (u64::MAX, None),
        (200, None),
        (199, Some(10)),
        (100, Some(10)),
        (99, Some(20)),
        (50, Some(20)),
        (49, Some(30)),
        (0, Some(30)),
    ] {
        assert_eq!(by_bytes(max_bytes).cut(&segments, None), cut.map(Offset), "{max_bytes}");
    }
    // Not even what takes nothing stays if the active one is too large by itself.
    let segments = self::segments(&[(0, None), (5, None)]);
    assert_eq!(by_bytes(5).cut(&segments, None), None);
    assert_eq!(by_bytes(4).cut(&segments, None), Some(Offset(10)));
}

#[test]
fn a_log_of_one_segment_keeps_it() {
    let both = Retention { max_age: Some(Duration::ZERO), max_bytes: Some(0) };
    assert_eq!(both.cut(&segments(&[(1000, Some(0))]), Some(u64::MAX)), None);
    assert_eq!(both.cut(&[], Some(u64::MAX)), None);
}

#[test]
fn it_looks_more_often_for_a_short_age() {
    let age = |seconds| Retention { max_age: Some(Duration::from_secs(seconds)), max_bytes: None };
    for (retention, seconds) in [
        (age(0), 1),
        (age(5), 1),
        (age(100), 10),
        (age(86_400), 60),
        (by_bytes(1), 10),
        (Retention { max_bytes: Some(1), ..age(86_400) }, 10),
        (Retention { max_bytes: Some(1), ..age(20) }, 2),
    ] {
        assert_eq!(retention.pause(), Duration::from_secs(seconds), "{retention:?}");
    }
}

/// Removes the oldest segment as long as something is wrong.
fn model(retention: &Retention, segments: &[Kept], now_us: u64) -> Option<Offset> {
    let (mut rest, mut cut) = (segments, None);
    while let [oldest, behind @ ..] = rest
        && let Some((_active, sealed)) = rest.split_last()
        && !behind.is_empty()
    {
        let is_too_old = |segment: &Kept| {
            let age = retention.max_age.map(|age| age.as_micros());
            let time = segment.last_timestamp_us;
            time.zip(age).is_some_and(|(time, age)| u128::from(time) + age < u128::from(now_us))
        };
        let n_bytes: u64 = rest.iter().map(|segment| segment.bytes).sum();
        if !sealed.iter().any(is_too_old) && retention.max_bytes.is_none_or(|max| n_bytes <= max) {
            break;
        }
        (rest, cut) = (behind, Some(oldest.next));
    }
    cut
}

proptest! {
    #[test]
    fn what_goes_is_what_a_simple_model_removes(
        steps in prop::collection::vec((0_u64..50, prop::option::weighted(0.8, 0_u64..50)), 0..12),
        max_age in prop::option::of(0_u64..300),
        max_bytes in prop::option::of(0_u64..300),
        now_us in 0_u64..500,
    ) {
        let mut time = 0;
        let sizes_and_times: Vec<_> = steps
            .iter()
            .map(|(bytes, step)| (*bytes, step.map(|step| { time += step; time })))
            .collect();
        let segments = segments(&sizes_and_times);
        let max_age = max_age.map(Duration::from_micros);
        let retention = Retention { max_age, max_bytes };
        prop_assert_eq!(retention.cut(&segments, Some(now_us)), model(&retention, &segments, now_us));
    }
}
