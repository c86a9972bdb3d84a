//! Where a server listens, and saying so.

use std::io::{self, Write};

use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::print_json;
use crate::server::Listeners;

/// The addresses that were taken.
pub(super) struct Places {
    pub(super) http: String,
    pub(super) grpc: String,
}

impl Places {
    pub(super) fn of(listeners: &Listeners) -> Result<Places, Failure> {
        let address = |listener: &Option<TcpListener>| {
            let address = listener.as_ref().map(TcpListener::local_addr).transpose();
            address
                .map(|address| address.map_or_else(String::new, |address| address.to_string()))
                .map_err(|error| {
                    Failure::new(Exit::Failed, "io", format!("can't ask for the port: {error}"))
                })
        };
        Ok(Places { http: address(&listeners.http)?, grpc: address(&listeners.grpc)? })
    }

    /// Says that it is ready, and where. Whoever closed standard output doesn't want to know.
    pub(super) fn announce(&self, context: &Context, out: &mut impl Write) -> io::Result<()> {
        let Places { http, grpc } = self;
        let dir = context.dir.display();
        let printed = if context.is_json() {
            print_json(out, &json!({"dir": dir.to_string(), "http": http, "grpc": grpc}))
        } else {
            writeln!(out, "serving {dir}: http on {http}, grpc on {grpc}")
                .and_then(|()| out.flush())
        };
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed,
        }
    }
}
