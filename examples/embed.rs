//! A log in this process: append, read back, go through all of it.
//!
//! `cargo run --example embed -- DIR`

use std::error::Error;
use std::path::PathBuf;

use proglog::log::{Append, Log, LogConfig, NewRecord};

fn main() -> Result<(), Box<dyn Error>> {
    let dir: PathBuf = std::env::args_os().nth(1).ok_or("name a directory")?.into();
    let log = Log::open(&dir, LogConfig::default())?;

    // Both records or none of them; both are on the device when this returns.
    let records = [NewRecord::new(b"hello"), NewRecord::new(b"world")];
    let appended = log.append(&Append { records: &records, ..Append::default() })?;
    println!("appended offsets {} to {}", appended.first_offset, appended.last_offset);

    let record = log.read(appended.first_offset)?;
    println!("offset {} holds {:?}", record.offset, String::from_utf8_lossy(&record.value));

    let mut scan = log.scan(log.lowest_offset())?;
    while let Some(record) = scan.next_record() {
        let record = record?;
        println!("{}: {} bytes", record.offset, record.value.len());
    }
    log.close()?;
    Ok(())
}
