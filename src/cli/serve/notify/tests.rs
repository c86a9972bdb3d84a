//! What is told, to whom, and that nothing waits.

use std::sync::atomic::AtomicU32;

use super::*;
use crate::service::observer;
use crate::telemetry::Metrics;

/// A notifier, and what it tells.
fn told() -> (Notifier, UnixDatagram) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("proglog-told-{}-{number}", process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("bound");
    manager.set_nonblocking(true).expect("set");
    let told = Manager::new(OsStr::new(&format!("@{name}")), None).expect("an address");
    (Notifier(Some(Arc::new(told))), manager)
}

/// What has come and wasn't taken yet.
fn taken(manager: &UnixDatagram) -> Vec<String> {
    let mut message = [0; 400];
    let mut next = || manager.recv(&mut message).ok().map(|n| message[..n].to_vec());
    let messages = std::iter::from_fn(&mut next);
    messages.map(|message| String::from_utf8(message).expect("text")).collect()
}

#[test]
fn a_message_goes_to_a_path_or_an_abstract_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let name = format!("proglog-notify-{}", process::id());
    let abstract_address = SocketAddr::from_abstract_name(&name).expect("a name");
    for (socket, address) in [
        (path.clone().into_os_string(), SocketAddr::from_pathname(&path).expect("a path")),
        (format!("@{name}").into(), abstract_address),
    ] {
        let manager = UnixDatagram::bind_addr(&address).expect("bound");
        let notifier = Notifier(Some(Arc::new(Manager::new(&socket, None).expect("an address"))));
        notifier.ready();
        let mut message = [0; 100];
        let n_bytes = manager.recv(&mut message).expect("a message");
        assert_eq!(&message[..n_bytes], b"READY=1");
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for name in ["", "notify", "vsock:2:1234"] {
        assert!(Manager::new(OsStr::new(name), None).is_err(), "{name:?}");
    }
}

#[test]
fn a_manager_that_does_not_listen_holds_nothing_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notify");
    let manager = Manager::new(path.as_os_str(), None).expect("an address");
    assert!(manager.send("READY=1").is_err(), "nobody is there");
    let _deaf = UnixDatagram::bind(&path).expect("bound");
    // Its queue gets full at some time, since nobody takes anything out.
    let full = (0..100_000).find_map(|_| manager.send("READY=1").err()).expect("no room");
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_reload_before_it_is_ready_does_not_say_that_it_is() {
    let (notifier, manager) = told();
    notifier.reloading();
    notifier.reloaded();
    assert_eq!(taken(&manager), Vec::<String>::new());
    notifier.ready();
    notifier.reloading();
    notifier.reloaded();
    assert_eq!(taken(&manager).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn more_time_is_asked_for_as_long_as_recovery_goes_on() {
    let (notifier, manager) = told();
    let progress = ProgressNote::default();
    let observer = observer(&Arc::new(Metrics::new()), progress.clone());
    let telling = tokio::spawn(async move { notifier.recovery(&progress).await });
    for n_examined in 1..3 {
        observer.recovering(&RecoveryProgress { n_examined, ..RecoveryProgress::default() });
        tokio::time::sleep(4 * RECOVERY_PERIOD).await;
        let messages = taken(&manager);
        let [.., status, more] = &messages[..] else { panic!("{messages:?}") };
        assert!(status.starts_with(&format!("STATUS=recovering the log: {n_examined} of ")));
        assert_eq!(more, "EXTEND_TIMEOUT_USEC=120000000");
    }
    tokio::time::sleep(100 * RECOVERY_PERIOD).await;
    assert_eq!(taken(&manager), Vec::<String>::new(), "it stands still");
    telling.abort();
}
