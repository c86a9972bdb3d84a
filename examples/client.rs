//! A client of `proglog serve`: append, read back, and follow what others append.
//!
//! `cargo run --example client -- localhost:8400`

use std::error::Error;

use proglog::client::{AppenderConfig, Client, ClientConfig, RecordsOptions};
use proglog::service::{Batch, NewRecord};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "localhost:8400".to_owned());
    let client = Client::connect(&address, ClientConfig::default()).await?;

    // A batch: readers see all of it or nothing.
    let records = vec![NewRecord::new("hello"), NewRecord::new("world")];
    let appended = client.append(Batch { records, expected_offset: None }).await?;
    let record = client.read(appended.first_offset).await?;
    println!("offset {} holds {:?}", record.offset, String::from_utf8_lossy(&record.value));

    // Many single records: they are gathered into batches, and stay in order.
    let appender = client.appender(AppenderConfig::default());
    for number in 0..1000 {
        appender.append(NewRecord::new(format!("record {number}"))).await?;
    }
    appender.close().await?;

    // Everything from there on, and what comes, also after the server was restarted.
    let options = RecordsOptions { follow: true, ..RecordsOptions::default() };
    let mut records = client.records(appended.first_offset, options);
    while let Some(chunk) = records.next_chunk().await? {
        for record in chunk.records {
            println!("{}: {}", record.offset, String::from_utf8_lossy(&record.value));
        }
    }
    Ok(())
}
