//! TLS 1.2 and 1.3 for both ends, by rustls: certificates from PEM files, made anew when the files
//! change, handshakes with a deadline, and who the client is by its certificate.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use proglog::security::tls::{Alpn, IdentityFiles, ServerTls, TlsFiles, peer_subject};
//!
//! # async fn example(stream: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//! let identity = IdentityFiles { cert: "server.pem".into(), key: "server-key.pem".into() };
//! let tls = Arc::new(ServerTls::load(TlsFiles { identity, client_ca: Some("ca.pem".into()) })?);
//! let reloading = Arc::clone(&tls).reload_every(Duration::from_secs(1));
//! tokio::spawn(reloading); // until it is aborted
//!
//! let acceptor = tls.acceptor(Alpn::Http1);
//! let stream = acceptor.accept(stream, Duration::from_secs(10)).await?;
//! let subject = peer_subject(&stream)?;
//! # Ok(())
//! # }
//! ```
//!
//! Invariants
//! - A handshake uses what is in force when it begins. Connections that are open stay as they are.
//! - Where client certificates are demanded, each connection's is verified against the authorities in
//!   force: sessions are never resumed. Else a client could go on by a session that it made when other
//!   authorities were trusted, or when its certificate hadn't expired.
//! - A subject is the exact text of the one common name of a verified certificate, or an error.

mod accept;
mod client;
mod connect;
mod error;
mod load;
mod pem;
mod reloading;
mod server;
mod subject;
#[cfg(test)]
mod tests;
mod validity;

pub use accept::{Alpn, TlsAcceptor};
pub use client::{ClientTls, ClientTlsOptions};
pub use connect::TlsConnector;
pub use error::{AcceptError, ConnectError, SubjectError, TlsError};
pub use load::IdentityFiles;
pub use reloading::Reloaded;
pub use server::{ServerTls, TlsFiles};
pub use subject::{CertificateSubject, peer_subject};
