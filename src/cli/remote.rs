//! A server, as the subcommands see it: calls that block, on a runtime of their own.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use super::exit::Exit;
use super::failure::Failure;
use crate::client::{Client, ClientConfig, ClientError};

/// A client and what it runs on.
pub(crate) struct Remote {
    runtime: Runtime,
    pub(crate) client: Client,
}

impl Remote {
    /// Connects, so that a server that isn't there is told at once.
    pub(crate) fn connect(address: &str, config: ClientConfig) -> Result<Remote, Failure> {
        let runtime = runtime()?;
        let connected = runtime.block_on(Client::connect(address, config));
        let client = connected.map_err(|error| Failure::from(&error))?;
        Ok(Remote { runtime, client })
    }

    pub(crate) fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(call)
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// One worker, since the connection has to be kept up also while the program waits for its input.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|error| {
        Failure::new(Exit::Failed, "io", format!("can't start the runtime: {error}"))
    })
}
