//! A connection that can be cut on the way, when the server has acted and its answer is still to come.

use std::net::SocketAddr;
use std::sync::Arc;

use proglog::client::{Client, ClientError};
use proglog::service::Offset;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fake::{Fake, Fate};
use crate::server::{batch, patient};

/// Passes bytes on to `server`; each notification cuts the connections that there are.
async fn proxy(server: SocketAddr, cut: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(server).await.expect("a server");
            let cut = Arc::clone(&cut);
            tokio::spawn(async move {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    () = cut.notified() => {}
                }
            });
        }
    });
    address
}

/// Appends through a proxy that cuts the connection once the server has appended.
async fn append(fake: &Fake, expected: Option<u64>) -> Result<Offset, ClientError> {
    let cut = Arc::new(Notify::new());
    let address = proxy(fake.serve().await, Arc::clone(&cut)).await.to_string();
    let client = Client::connect(&address, patient()).await.expect("a server");
    let appending = client.append(batch(&["a", "b"], expected));
    let cutting = async {
        fake.unheard.notified().await;
        cut.notify_waiters();
    };
    let (appended, ()) = tokio::join!(appending, cutting);
    appended.map(|appended| appended.first_offset)
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_leaves_the_outcome_unknown() {
    let fake = Fake::with([Fate::DoneSilently]);
    let error = append(&fake, None).await.expect_err("no answer");
    assert!(matches!(error, ClientError::OutcomeUnknown { n_records: 2, .. }), "{error}");
    assert_eq!(fake.values(), ["a", "b"]);
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_made_good_by_an_expected_offset() {
    let fake = Fake::with([Fate::DoneSilently]);
    assert_eq!(append(&fake, Some(0)).await.expect("appended"), Offset(0));
    assert_eq!(fake.values(), ["a", "b"]);
}
