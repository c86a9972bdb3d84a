//! One of the interfaces that a server has: where it is to listen, if that is allowed.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::address::{ListenAddress, is_private};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Where a server may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Only for this machine.
    Private,
    /// Anywhere: callers are encrypted and known.
    Protected,
    /// Anywhere, since the user says so.
    Insecure,
}

/// An address that was looked up and may be listened on.
pub(super) struct Interface<'a> {
    flag: &'static str,
    name: &'a ListenAddress,
    addresses: Vec<SocketAddr>,
}

impl<'a> Interface<'a> {
    pub(super) fn new(
        flag: &'static str,
        name: &'a ListenAddress,
        exposure: Exposure,
    ) -> Result<Interface<'a>, Failure> {
        let addresses = name.resolve().map_err(|error| {
            Failure::new(Exit::Failed, "io", format!("can't look up {name}: {error}"))
                .hint(format!("name an address of this machine with {flag}, such as 127.0.0.1:0"))
        })?;
        if !addresses.iter().all(is_private) {
            allow_public(name, exposure)?;
        }
        Ok(Interface { flag, name, addresses })
    }

    pub(super) async fn bind(&self) -> Result<TcpListener, Failure> {
        let Interface { flag, name, addresses } = self;
        TcpListener::bind(addresses.as_slice()).await.map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::AddrInUse {
                format!("stop what listens there, or choose another port with {flag}; port 0 takes any free one")
            } else {
                format!("choose another address with {flag}")
            };
            Failure::new(Exit::Failed, "io", format!("can't listen on {name}: {error}")).hint(hint)
        })
    }
}

/// An address that other machines can reach needs to be protected, or asked for.
fn allow_public(name: &ListenAddress, exposure: Exposure) -> Result<(), Failure> {
    match exposure {
        Exposure::Protected => {}
        Exposure::Insecure => tracing::warn!(
            "INSECURE: {name} can be reached from other machines; without encryption and a login \
             anyone there can read and append"
        ),
        Exposure::Private => {
            let message = format!(
                "{name} can be reached from other machines, and anyone there could read and \
                 append: encryption or a login is missing"
            );
            return Err(Failure::usage(message).hint(
                "add --tls-cert and --tls-key, and --tls-client-ca or --token-key; or listen on 127.0.0.1 behind a proxy that has both; or say --insecure if the network is trusted",
            ));
        }
    }
    Ok(())
}
