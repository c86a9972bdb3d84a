//! `/livez` and `/readyz`.

use std::sync::Arc;

use proglog::log::{CorruptReason, Corruption, LogError, Position};
use proglog::service::{Offset, Record, ServiceError};

use crate::support::{Fake, Server, defaults, produce_body};

/// A log that can be read, but refuses appends for a reason.
fn read_only(reason: ServiceError) -> Fake {
    let read = |offset| {
        Ok(Record {
            offset,
            value: "kept".into(),
            key: None,
            headers: Vec::new(),
            timestamp_us: None,
            term: 0,
            record_type: 0,
        })
    };
    Fake { read, refusal: Some(reason.clone()), ..Fake::answering(Err(reason)) }
}

fn damaged() -> LogError {
    let first = Corruption {
        segment: Offset(0),
        offset: Offset(3),
        position: Position(99),
        reason: CorruptReason::Zeros,
        path: "0.store".into(),
    };
    LogError::Damaged { dir: "data".into(), n_findings: 1, first: Box::new(first) }
}

fn disk_full() -> LogError {
    let source = Arc::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
    LogError::DiskFull { action: "write to", path: "0.store".into(), source }
}

#[test]
fn a_log_that_takes_appends_is_ready() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::of_dir(dir.path());
    for path in ["/livez", "/readyz"] {
        let answer = server.send("GET", path, "");
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{path}");
        assert_eq!(server.send("HEAD", path, "").status, 200, "{path}");
        let refused = server.send("POST", path, "");
        refused.problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{path}");
    }
    server.stop();
}

#[test]
fn a_log_that_refuses_appends_is_alive_but_not_ready() {
    let failed = LogError::Failed { cause: Box::new(LogError::Closed) };
    let full = LogError::Failed { cause: Box::new(disk_full()) };
    let nearly_full = ServiceError::DiskNearlyFull { used_percent: 97, low_percent: 90 };
    for (refusal, status, code) in [
        (damaged().into(), 503, "damaged"),
        (failed.into(), 503, "failed"),
        (full.into(), 507, "disk_full"),
        (nearly_full, 507, "disk_nearly_full"),
    ] {
        let server = Server::over(read_only(refusal), defaults());
        assert_eq!(server.send("GET", "/livez", "").status, 200);
        server.send("GET", "/readyz", "").problem(503, code);
        server.send("POST", "/", produce_body("QQ==")).problem(status, code);
        assert_eq!(server.consume(0).status, 200, "reads go on");
        server.stop();
    }
}
