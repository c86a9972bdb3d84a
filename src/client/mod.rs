//! The other end of the wire: appends to the log of a server and reads from it, over gRPC.
//!
//! ```no_run
//! use proglog::client::{Client, ClientConfig, RecordsOptions};
//! use proglog::service::{Batch, NewRecord, Offset};
//!
//! # async fn example() -> Result<(), proglog::client::ClientError> {
//! let client = Client::connect("localhost:8400", ClientConfig::default()).await?;
//! let appended = client.append(Batch::of(NewRecord::new("hello"))).await?;
//! assert_eq!(client.read(appended.first_offset).await?.value, "hello");
//!
//! let options = RecordsOptions { follow: true, ..RecordsOptions::default() };
//! let mut records = client.records(Offset(0), options);
//! while let Some(chunk) = records.next_chunk().await? {
//!     println!("{} records", chunk.records.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Invariants
//! - A read is tried again until its time is over. An append is tried again only if it surely was not
//!   taken, or if it names the offset it has to get: then a second attempt can't append twice.
//! - Where nobody can know whether an append was taken, [`ClientError::OutcomeUnknown`] says so. No
//!   other error is given for an append that may have been, but for a server whose disk failed.
//! - Whatever is waited for has a deadline, except for records that don't exist yet.

mod append;
mod appender;
mod attempt;
mod backoff;
mod config;
mod connection;
mod error;
mod records;
mod status;
mod token;

pub use appender::{Appender, AppenderConfig, PendingOffset};
pub use config::{ClientConfig, RetryConfig};
pub use connection::Client;
pub(crate) use connection::{authority, innermost};
pub use error::{ClientError, Refusal};
pub use records::{Records, RecordsOptions};
pub use status::LogStatus;
pub use token::{BadToken, Token};
