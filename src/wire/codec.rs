//! How messages become bytes and back: by prost, which is given no request to append that holds many more
//! records or headers than are allowed.
//!
//! A record or a header of nothing takes 2 bytes of a message, and many times that once it is decoded. So
//! they are counted in the bytes: by decoding them as something that takes no memory.

use std::marker::PhantomData;

use bytes::Buf;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::{ProstDecoder, ProstEncoder};

use super::status::with_code;
use super::v1;
use crate::text::json_record::MAX_DOCUMENT_RECORDS as MAX_RECORDS;

/// The most headers of one request, those of all its records together.
const MAX_HEADERS: usize = 5 * MAX_RECORDS;

/// The fewest bytes that a record or a header takes: a tag and a length.
const MIN_FIELD_BYTES: usize = 2;

/// The codec of all methods of `log.v1.Log`.
#[derive(Debug)]
pub(crate) struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        BoundedCodec(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + 'static,
    U: Inspected + Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> BoundedDecoder<U> {
        BoundedDecoder(ProstDecoder::default())
    }
}

/// Decodes what [`Inspected`] lets through.
#[derive(Debug)]
pub(crate) struct BoundedDecoder<U>(ProstDecoder<U>);

impl<U: Inspected + Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = buffer.chunk();
        debug_assert_eq!(message.len(), buffer.remaining(), "a message comes in one piece");
        U::inspect(message)?;
        self.0.decode(buffer)
    }
}

/// A message that may be looked at before it is decoded.
pub(crate) trait Inspected {
    /// Refuses one that would take much more memory than its bytes.
    fn inspect(_message: &[u8]) -> Result<(), Status> {
        Ok(())
    }
}

impl Inspected for v1::ProduceRequest {
    fn inspect(message: &[u8]) -> Result<(), Status> {
        refuse_headers(message, "record_too_large", "put into its value what its headers say")
    }
}

impl Inspected for v1::ProduceBatchRequest {
    fn inspect(message: &[u8]) -> Result<(), Status> {
        const CODE: &str = "batch_too_large";
        const HINT: &str = "append them in parts";
        if message.len() / MIN_FIELD_BYTES > MAX_RECORDS {
            let n_records = Records::decode(message).map_err(malformed)?.records.len();
            if n_records > MAX_RECORDS {
                let text = format!("{n_records} records are more than {MAX_RECORDS}");
                return Err(with_code(Code::InvalidArgument, CODE, &text, HINT));
            }
        }
        refuse_headers(message, CODE, HINT)
    }
}

fn refuse_headers(message: &[u8], code: &str, hint: &str) -> Result<(), Status> {
    if message.len() / MIN_FIELD_BYTES <= MAX_HEADERS {
        return Ok(());
    }
    let headers = AnyRecord::decode(message).map_err(malformed)?;
    let n_headers = headers.record.map_or(0, |record| record.headers.len());
    if n_headers <= MAX_HEADERS {
        return Ok(());
    }
    let text = format!("{n_headers} headers are more than {MAX_HEADERS}");
    Err(with_code(Code::InvalidArgument, code, &text, hint))
}

/// What is malformed for these types is so for the messages themselves, which know more fields.
fn malformed(error: prost::DecodeError) -> Status {
    Status::internal(error.to_string())
}

/// A request to append as a number of records: a list of `()` is a count.
#[derive(Clone, PartialEq, Message)]
struct Records {
    #[prost(message, repeated, tag = "1")]
    records: Vec<()>,
}

/// A request to append as the headers of all its records: those of a field that comes again are added.
#[derive(Clone, PartialEq, Message)]
struct AnyRecord {
    #[prost(message, optional, tag = "1")]
    record: Option<Headers>,
}

#[derive(Clone, PartialEq, Message)]
struct Headers {
    #[prost(message, repeated, tag = "8")]
    headers: Vec<()>,
}

impl Inspected for v1::ProduceResponse {}
impl Inspected for v1::ProduceBatchResponse {}
impl Inspected for v1::ConsumeRequest {}
impl Inspected for v1::ConsumeResponse {}
impl Inspected for v1::ConsumeBatchRequest {}
impl Inspected for v1::ConsumeBatchResponse {}
impl Inspected for v1::GetServersRequest {}
impl Inspected for v1::GetServersResponse {}
impl Inspected for v1::GetLogRequest {}
impl Inspected for v1::GetLogResponse {}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(n_records: usize, n_headers: usize) -> Vec<u8> {
        let record = v1::Record {
            value: vec![0x0A; 10].into(),
            headers: vec![v1::Header::default(); n_headers],
            ..v1::Record::default()
        };
        let records = vec![record; n_records];
        v1::ProduceBatchRequest { records, expected_offset: Some(7) }.encode_to_vec()
    }

    #[test]
    fn records_and_headers_are_counted_without_memory_for_them() {
        for (n_records, n_headers) in [(0, 0), (1, 0), (7, 3), (300, 1)] {
            let message = batch(n_records, n_headers);
            let records = Records::decode(&*message).expect("records").records;
            assert_eq!((records.len(), records.capacity()), (n_records, usize::MAX));
            let headers = AnyRecord::decode(&*message).expect("records").record;
            assert_eq!(
                headers.map_or(0, |record| record.headers.len()),
                n_records * n_headers,
                "{n_records} records"
            );
        }
    }

    #[test]
    fn as_many_as_allowed_pass_and_no_more() {
        let check = v1::ProduceBatchRequest::inspect;
        for (most, more) in [
            (batch(MAX_RECORDS, 0), batch(MAX_RECORDS + 1, 0)),
            (batch(MAX_RECORDS, 5), batch(MAX_RECORDS, 6)),
            (batch(1, MAX_HEADERS), batch(1, MAX_HEADERS + 1)),
        ] {
            check(&most).expect("it may");
            assert_eq!(check(&more).expect_err("too many").code(), Code::InvalidArgument);
        }
        v1::ProduceRequest::inspect(&batch(1, MAX_HEADERS)).expect("it may");
        v1::ProduceRequest::inspect(&batch(1, MAX_HEADERS + 1)).expect_err("too many");
    }

    #[test]
    fn what_is_malformed_behind_too_many_is_not_decoded() {
        let mut message = batch(MAX_RECORDS + 1, 0);
        message.push(0x0A);
        let status = v1::ProduceBatchRequest::inspect(&message).expect_err("malformed");
        assert_eq!(status.code(), Code::Internal);
    }
}
