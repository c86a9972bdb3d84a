//! Certificates and policies are swapped while requests are under way: none fails, and the new ones are
//! in force at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proglog::security::Reload;
use proglog::security::tls::Reloaded;

use crate::callers::{Callers, write};
use crate::server::{Caller, Mode, Server};

const POLICY: &str = "p, root, *, produce\np, root, *, consume\n";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_files_are_swapped() {
    let callers = Callers::new();
    let mode = Mode { certificates: true, tokens: false };
    let server = Server::start(&callers, mode, POLICY).await;
    let (done, n_answers) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let root = callers.client("root");
    let call = async {
        let caller = Caller::new(&server, &callers, Some(root.clone()), None);
        while !done.load(Ordering::Acquire) {
            let (status, body) = caller.http("GET", "/v1/records/0").await.expect("an answer");
            assert_eq!(status, 200, "{body}");
            let (code, message) = caller.grpc("/log.v1.Log/Consume").await.expect("an answer");
            assert_eq!(code, tonic::Code::Ok, "{message}");
            n_answers.fetch_add(2, Ordering::AcqRel);
        }
    };
    let swap = async {
        let tls = server.protection.tls.clone().expect("TLS");
        let guard = server.protection.guard.clone().expect("a guard");
        for round in 0..10 {
            let before = n_answers.load(Ordering::Acquire);
            callers.server("server");
            assert_eq!(tls.reload_if_changed(), Reloaded::Changed);
            write(&callers.path("policy.csv"), &format!("{POLICY}p, new{round}, *, consume\n"));
            assert_eq!(guard.reload_if_changed()[1], Reload::Reloaded);
            // The one that the new policy speaks of gets in, and so does who was there before.
            let new =
                Caller::new(&server, &callers, Some(callers.client(&format!("new{round}"))), None);
            assert_eq!(new.http("GET", "/v1/records/0").await.expect("an answer").0, 200);
            while n_answers.load(Ordering::Acquire) < before + 4 {
                tokio::task::yield_now().await;
            }
        }
        done.store(true, Ordering::Release);
    };
    tokio::join!(call, swap);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_can_not_be_used_change_nothing() {
    let callers = Callers::new();
    let mode = Mode { certificates: true, tokens: false };
    let server = Server::start(&callers, mode, POLICY).await;
    let caller = Caller::new(&server, &callers, Some(callers.client("root")), None);
    write(&callers.path("server.pem"), "nonsense");
    write(&callers.path("policy.csv"), "p, root, *, fly\n");
    let tls = server.protection.tls.clone().expect("TLS");
    assert_eq!(tls.reload_if_changed(), Reloaded::Refused);
    let guard = server.protection.guard.clone().expect("a guard");
    assert!(matches!(guard.reload_if_changed()[1], Reload::Refused(_)));
    assert_eq!(caller.http("GET", "/v1/records/0").await.expect("an answer").0, 200);
}
