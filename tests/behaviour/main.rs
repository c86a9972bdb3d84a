//! One list of what a log does, asked through each of its doors: the library, HTTP, and gRPC. A door that
//! behaves differently fails by name.

mod doors;
mod rules;

use doors::{Door, Grpc, Http, Library};

/// Makes a test of each rule for each door.
macro_rules! through_each_door {
    ($($rule:ident),* $(,)?) => {
        mod library {
            $(#[tokio::test] async fn $rule() { crate::rules::$rule(&crate::Library::open().await).await; })*
        }
        mod http {
            $(#[tokio::test] async fn $rule() { crate::rules::$rule(&crate::Http::open().await).await; })*
        }
        mod grpc {
            $(#[tokio::test] async fn $rule() { crate::rules::$rule(&crate::Grpc::open().await).await; })*
        }
    };
}

through_each_door!(
    offsets_are_dense_from_0,
    a_batch_gets_offsets_in_a_row,
    a_value_comes_back_byte_for_byte,
    an_empty_value_is_a_record,
    an_expected_offset_that_holds_appends,
    an_expected_offset_that_does_not_hold_appends_nothing,
    a_batch_of_nothing_is_refused,
    a_record_over_the_limit_is_refused_with_its_batch,
    an_offset_past_the_end_is_out_of_range,
    a_range_is_read_in_order,
    the_end_of_the_log_is_an_empty_range,
    what_is_not_there_yet_is_waited_for,
    removed_records_are_out_of_range_and_the_rest_is_there,
);
